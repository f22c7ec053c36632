"""Pairs kept aside: granted for a shop or merchant that was connected already, whose connection must not be touched.

The marketplace may have ended the pair in use by granting this one, so that it is not thrown away either: a person
takes it by typing the id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db.upsert import insert_into
from kedai.kit.crypto import SecretPlace
from kedai.values.credentials import TokenSet
from kedai.values.environment import Account, ConnectorName, Environment, Scope
from kedai.vault.models import HeldToken
from kedai.vault.pairs import open_pair, seal_pair
from kedai.vault.ring import KeyRing


@dataclass(frozen=True, slots=True)
class HeldPair:
    """A pair taken out of where it was kept."""

    partner_id: str
    main_account_id: str | None
    tokens: TokenSet


def account_of(owner: Account) -> str:
    """A shop's or merchant's kind and id in one text: the two spaces of ids never meet."""
    return f"shop:{owner.shop_id}" if isinstance(owner, Scope) else f"merchant:{owner.merchant_id}"


def held_place(owner: Account, column: str) -> SecretPlace:
    """Where a pair that is kept aside is stored."""
    return SecretPlace(owner.connector, "held_token", column, owner.environment.value, account_of(owner))


def seal_held(db: Session, ring: KeyRing, owner: Account, tokens: TokenSet) -> dict[str, Any]:
    """A token pair as column values; do this before anything that records in the audit trail."""
    return seal_pair(db, ring, partial(held_place, owner), tokens)


def hold(
    db: Session,
    owner: Account,
    partner_id: str,
    sealed: Mapping[str, Any],
    *,
    main_account_id: str | None,
    now: datetime,
) -> None:
    """Keep a pair aside; a newer one replaces it."""
    key = {"connector": owner.connector, "environment": owner.environment, "account": account_of(owner)}
    values = {**sealed, "partner_id": partner_id, "main_account_id": main_account_id, "held_at": now}
    statement = insert_into(db, HeldToken).values({**key, **values})
    db.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))


def list_held(
    db: Session, connector: ConnectorName, *, environment: Environment, now: datetime
) -> Mapping[str, HeldToken]:
    """What is kept aside in an environment and could still be used, by account."""
    statement = sa.select(HeldToken).where(HeldToken.connector == connector, HeldToken.environment == environment)
    rows = db.execute(statement.where(HeldToken.refresh_expires_at > now)).scalars().all()
    return {row.account: row for row in rows}


def is_held(db: Session, owner: Account, *, now: datetime) -> bool:
    """Whether a pair is kept aside that could still be used."""
    found = sa.exists().where(*_row_of(owner), HeldToken.refresh_expires_at > now)
    return bool(db.execute(sa.select(found)).scalar_one())


def take_held(db: Session, ring: KeyRing, owner: Account, *, now: datetime) -> HeldPair | None:
    """Take a pair out; None where none is kept, or it is too old to be used.

    Raises:
        SecretUnreadable: it cannot be decrypted with the keys at hand.
    """
    row = db.execute(
        sa.select(HeldToken).where(*_row_of(owner), HeldToken.refresh_expires_at > now).with_for_update()
    ).scalar_one_or_none()
    if row is None:
        return None
    tokens = open_pair(ring, partial(held_place, owner), row)
    drop_held(db, owner)
    return HeldPair(row.partner_id, row.main_account_id, tokens)


def drop_held(db: Session, owner: Account) -> None:
    """Forget what is kept aside: a newer pair stands, or the connection has ended."""
    db.execute(sa.delete(HeldToken).where(*_row_of(owner)))


def _row_of(owner: Account) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        HeldToken.connector == owner.connector,
        HeldToken.environment == owner.environment,
        HeldToken.account == account_of(owner),
    )
