"""Merchants of main accounts, beside the shops: how their connection stands, and their token pairs.

The same rules as for shops, in a space of ids of their own: a merchant is never found by a shop's id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.db.upsert import insert_into
from kedai.kit.crypto import SecretPlace
from kedai.kit.ids import new_id
from kedai.values.actor import Actor
from kedai.values.app import MerchantProfile
from kedai.values.credentials import TokenSet
from kedai.values.environment import ConnectorName, Environment, MerchantScope
from kedai.vault.held import drop_held
from kedai.vault.models import Merchant, MerchantToken
from kedai.vault.queries import open_pair, seal_pair
from kedai.vault.ring import KeyRing

_PROBLEM_LENGTH = 500


def find_merchant(db: Session, scope: MerchantScope, *, lock: bool = False) -> Merchant | None:
    """The merchant, or None where this environment does not know it."""
    statement = sa.select(Merchant).where(*_row_of(Merchant, scope))
    if lock:
        statement = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
    return db.execute(statement).scalar_one_or_none()


def list_merchants(db: Session, connector: ConnectorName, *, environment: Environment) -> Sequence[Merchant]:
    """Every merchant of an environment, by id."""
    statement = sa.select(Merchant).where(Merchant.connector == connector, Merchant.environment == environment)
    return db.execute(statement.order_by(Merchant.merchant_id)).scalars().all()


def find_merchant_token(db: Session, scope: MerchantScope) -> MerchantToken | None:
    """A merchant's token row, or None."""
    return db.execute(sa.select(MerchantToken).where(*_row_of(MerchantToken, scope))).scalar_one_or_none()


def open_merchant_tokens(ring: KeyRing, row: MerchantToken) -> TokenSet:
    """Decrypt a token row.

    Raises:
        SecretUnreadable: it cannot be decrypted with the keys at hand.
    """
    scope = MerchantScope(ConnectorName(row.connector), row.environment, row.merchant_id)
    return open_pair(ring, partial(merchant_token_place, scope), row)


def merchant_token_place(scope: MerchantScope, column: str) -> SecretPlace:
    """Where a merchant's token is stored."""
    return SecretPlace(scope.connector, "merchant_token", column, scope.environment.value, scope.merchant_id)


def save_merchant(
    db: Session,
    scope: MerchantScope,
    *,
    main_account_id: str | None,
    state: str,
    reason: str,
    actor: Actor,
    now: datetime,
) -> None:
    """Store how the connection of a merchant stands after a grant; what it is called is asked later."""
    merchant = find_merchant(db, scope, lock=True)
    if merchant is None:
        key = {"connector": scope.connector, "environment": scope.environment, "merchant_id": scope.merchant_id}
        merchant = Merchant(**key, name="", region="", state=state, state_reason="", last_call_problem="")
        db.add(merchant)
    merchant.main_account_id, merchant.authorized_at, merchant.authorized_until = main_account_id, None, None
    merchant.state, merchant.state_reason, merchant.updated_at = state, reason, now
    if state == "connected":
        merchant.connected_at = now
    db.flush()
    _record(db, scope, state, {"reason": reason}, actor, now)


def describe_merchant(db: Session, scope: MerchantScope, profile: MerchantProfile, *, now: datetime) -> None:
    """Keep what the marketplace says of a merchant; how its connection stands is not changed by that."""
    merchant = find_merchant(db, scope, lock=True)
    if merchant is not None:
        merchant.name, merchant.region, merchant.updated_at = profile.name, profile.region, now
        merchant.authorized_at, merchant.authorized_until = profile.authorized_at, profile.authorized_until
        db.flush()


def set_merchant_state(
    db: Session, scope: MerchantScope, state: str, *, reason: str, actor: Actor, now: datetime
) -> bool:
    """Change how a merchant's connection stands; False when it stood so already."""
    merchant = find_merchant(db, scope, lock=True)
    if merchant is None or (merchant.state == state and merchant.state_reason == reason):
        return False
    merchant.state, merchant.state_reason, merchant.updated_at = state, reason, now
    if state == "connected":
        merchant.connected_at = now
    db.flush()
    _record(db, scope, state, {"reason": reason}, actor, now)
    return True


def lock_foreign_merchants(
    db: Session, connector: str, environment: Environment, *, partner_id: str
) -> Sequence[MerchantScope]:
    """Those whose tokens are of another app, by id, each locked: do this before anything that records."""
    statement = sa.select(MerchantToken.merchant_id).where(
        MerchantToken.connector == connector,
        MerchantToken.environment == environment,
        MerchantToken.partner_id != partner_id,
    )
    merchant_ids = db.execute(statement.order_by(MerchantToken.merchant_id)).scalars().all()
    scopes = [MerchantScope(ConnectorName(connector), environment, one) for one in merchant_ids]
    for scope in scopes:
        find_merchant(db, scope, lock=True)
    return scopes


def note_merchant_authorization(
    db: Session, scope: MerchantScope, *, at: datetime, actor: Actor, now: datetime
) -> None:
    """Keep when the seller authorised the app last."""
    merchant = find_merchant(db, scope, lock=True)
    if merchant is not None:
        merchant.authorized_at, merchant.updated_at = at, now
        db.flush()
        _record(db, scope, "authorized", {"at": at.isoformat()}, actor, now)


def note_merchant_authorization_end(
    db: Session, scope: MerchantScope, *, until: datetime, actor: Actor, now: datetime
) -> None:
    """Keep by when the seller's authorisation ends."""
    merchant = find_merchant(db, scope, lock=True)
    if merchant is not None:
        merchant.authorized_until, merchant.updated_at = until, now
        db.flush()
        _record(db, scope, "authorization_ending", {"until": until.isoformat()}, actor, now)


def disconnect_merchant(db: Session, scope: MerchantScope, *, reason: str, actor: Actor, now: datetime) -> bool:
    """Forget a merchant's tokens, a held pair too; False when it stood so. One rule with `disconnect_shop`."""
    db.execute(sa.delete(MerchantToken).where(*_row_of(MerchantToken, scope)))
    drop_held(db, scope)
    return set_merchant_state(db, scope, "disconnected", reason=reason, actor=actor, now=now)


def note_merchant_call(db: Session, scope: MerchantScope, *, problem: str, now: datetime) -> None:
    """How the last call for a merchant went; ``problem`` is empty where it went well."""
    values = {"last_call_at": now, "last_call_problem": problem[:_PROBLEM_LENGTH]}
    db.execute(sa.update(Merchant).where(*_row_of(Merchant, scope)).values(values))


def seal_merchant_tokens(db: Session, ring: KeyRing, scope: MerchantScope, tokens: TokenSet) -> dict[str, Any]:
    """A token pair as column values; do this before anything that records in the audit trail, as for shops."""
    return seal_pair(db, ring, partial(merchant_token_place, scope), tokens)


def store_merchant_tokens(
    db: Session, scope: MerchantScope, partner_id: str, sealed: Mapping[str, Any], *, shared: bool, now: datetime
) -> None:
    """Store a granted pair: it replaces any older one and frees the refresh lease; ``shared`` with a main account."""
    values = {**sealed, "partner_id": partner_id, "updated_at": now}
    key = {"connector": scope.connector, "environment": scope.environment, "merchant_id": scope.merchant_id}
    following = MerchantToken.generation + 1
    first = {"id": new_id(), "generation": 1, "shared_generation": 1 if shared else None}
    replaced = {**values, "generation": following, "shared_generation": following if shared else None}
    statement = insert_into(db, MerchantToken).values({**first, **key, **values})
    freed = {"lease_by": None, "lease_until": None}
    db.execute(statement.on_conflict_do_update(index_elements=list(key), set_=replaced | freed))


def _row_of(table: type[Merchant | MerchantToken], scope: MerchantScope) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        table.connector == scope.connector,
        table.environment == scope.environment,
        table.merchant_id == scope.merchant_id,
    )


def _record(
    db: Session, scope: MerchantScope, fact: str, details: Mapping[str, Any], actor: Actor, now: datetime
) -> None:
    record(
        db,
        actor=actor,
        action=f"merchant.{fact}",
        environment=scope.environment,
        subject=f"{scope.connector} merchant {scope.merchant_id}",
        details=details,
        now=now,
    )
