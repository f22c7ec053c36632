"""Writing how a shop's connection stands: its state and its token pair."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.db.upsert import insert_into
from kedai.kit.ids import new_id
from kedai.values.actor import SYSTEM, Actor
from kedai.values.credentials import ShopProfile, TokenSet
from kedai.values.environment import Scope
from kedai.vault.models import AuthToken, Shop
from kedai.vault.queries import find_shop, get_credentials, token_place
from kedai.vault.ring import KeyRing

_NOTED_EVERY = timedelta(seconds=15)
_PROBLEM_LENGTH = 500


def save_shop(
    db: Session, scope: Scope, profile: ShopProfile, *, state: str, reason: str, actor: Actor, now: datetime
) -> Shop:
    """Store what the marketplace says of a shop and how its connection stands."""
    shop = find_shop(db, scope, lock=True)
    if shop is None:
        key = {"connector": scope.connector, "environment": scope.environment, "shop_id": scope.shop_id}
        shop = Shop(**key, name="", region="", state=state, state_reason="", updated_at=now)
        db.add(shop)
    shop.name, shop.region = profile.name, profile.region
    shop.authorized_at, shop.authorized_until = profile.authorized_at, profile.authorized_until
    shop.state, shop.state_reason, shop.updated_at = state, reason, now
    if state == "connected":
        shop.connected_at = now
    db.flush()
    _record_shop(db, scope, state, reason, actor, now)
    return shop


def set_shop_state(db: Session, scope: Scope, state: str, *, reason: str, actor: Actor, now: datetime) -> bool:
    """Change how a shop's connection stands; False when it stood so already."""
    shop = find_shop(db, scope, lock=True)
    if shop is None or (shop.state == state and shop.state_reason == reason):
        return False
    shop.state, shop.state_reason, shop.updated_at = state, reason, now
    db.flush()
    _record_shop(db, scope, state, reason, actor, now)
    return True


def lose_shop(db: Session, scope: Scope, *, reason: str, now: datetime) -> None:
    """The marketplace refuses the shop's token: a person must connect it again, if it was not disconnected before."""
    shop = find_shop(db, scope, lock=True)
    if shop is not None and shop.state != "disconnected":
        set_shop_state(db, scope, "needs_reauth", reason=reason, actor=SYSTEM, now=now)


def note_authorization(db: Session, scope: Scope, *, at: datetime, actor: Actor, now: datetime) -> None:
    """Keep when the seller authorised the app last; how the connection stands is not changed by that."""
    shop = find_shop(db, scope, lock=True)
    if shop is not None:
        shop.authorized_at, shop.updated_at = at, now
        db.flush()
        _record_fact(db, scope, "authorized", {"at": at.isoformat()}, actor, now)


def note_authorization_end(db: Session, scope: Scope, *, until: datetime, actor: Actor, now: datetime) -> None:
    """Keep by when the seller's authorisation ends."""
    shop = find_shop(db, scope, lock=True)
    if shop is not None:
        shop.authorized_until, shop.updated_at = until, now
        db.flush()
        _record_fact(db, scope, "authorization_ending", {"until": until.isoformat()}, actor, now)


def disconnect_shop(db: Session, scope: Scope, *, reason: str, actor: Actor, now: datetime) -> bool:
    """Forget a shop's tokens and make no call for it any more; its orders and events stay. False when it stood so.

    For a person's act and for the marketplace's word that access has ended; it does not ask who needs the shop.
    """
    db.execute(sa.delete(AuthToken).where(*_token_of(scope)))
    return set_shop_state(db, scope, "disconnected", reason=reason, actor=actor, now=now)


def note_call(db: Session, scope: Scope, *, problem: str, now: datetime) -> None:
    """How the last call for a shop went; ``problem`` is empty where it went well.

    Written every quarter minute unless something changed, so that no worker waits for another one's note.
    """
    stale = sa.or_(Shop.last_call_at.is_(None), Shop.last_call_at < now - _NOTED_EVERY)
    text = problem[:_PROBLEM_LENGTH]
    db.execute(
        sa.update(Shop)
        .where(Shop.connector == scope.connector, Shop.environment == scope.environment)
        .where(Shop.shop_id == scope.shop_id, sa.or_(stale, Shop.last_call_problem != text))
        .values(last_call_at=now, last_call_problem=text)
        .execution_options(synchronize_session=False)
    )


def seal_tokens(db: Session, ring: KeyRing, scope: Scope, tokens: TokenSet) -> dict[str, Any]:
    """A token pair as column values.

    Do this before anything that records in the audit trail: transactions that take the key ring's row and the audit
    lock in one order never deadlock.
    """

    def sealed(column: str, text: str) -> str:
        return ring.seal(db, token_place(scope, column), text)

    return {
        "access_token_encrypted": sealed("access_token_encrypted", tokens.access_token.reveal()),
        "refresh_token_encrypted": sealed("refresh_token_encrypted", tokens.refresh_token.reveal()),
        "access_expires_at": tokens.access_expires_at,
        "refresh_expires_at": tokens.refresh_expires_at,
    }


def store_tokens(db: Session, scope: Scope, partner_id: str, sealed: Mapping[str, Any], *, now: datetime) -> None:
    """Store a freshly granted pair: it replaces any older one and frees the refresh lease."""
    values = {**sealed, "partner_id": partner_id, "updated_at": now}
    key = {"connector": scope.connector, "environment": scope.environment, "shop_id": scope.shop_id}
    replaced = {**values, "generation": AuthToken.generation + 1, "lease_by": None, "lease_until": None}
    statement = insert_into(db, AuthToken).values({"id": new_id(), "generation": 1, **key, **values})
    db.execute(statement.on_conflict_do_update(index_elements=list(key), set_=replaced))


def swap_tokens(db: Session, ring: KeyRing, scope: Scope, *, generation: int, tokens: TokenSet, now: datetime) -> bool:
    """Compare-and-swap after a refresh: only if nobody stored a newer pair.

    A success clears `needs_reauth`, unless the app was changed meanwhile: then the pair is of no use.
    """
    values = seal_tokens(db, ring, scope, tokens)
    values |= {"generation": generation + 1, "updated_at": now, "lease_by": None, "lease_until": None}
    swapped = db.execute(
        sa.update(AuthToken).where(*_token_of(scope), AuthToken.generation == generation).values(values)
    )
    if swapped.rowcount != 1:  # type: ignore[attr-defined]
        return False
    shop = find_shop(db, scope, lock=True)
    if shop is not None and shop.state == "needs_reauth" and _is_of_our_app(db, scope):
        set_shop_state(db, scope, "connected", reason="", actor=SYSTEM, now=now)
    return True


def _is_of_our_app(db: Session, scope: Scope) -> bool:
    """Whether the token was issued to the app that the credentials name."""
    token = sa.select(AuthToken.partner_id).where(*_token_of(scope))
    return db.execute(token).scalar_one() == get_credentials(db, scope.connector, scope.environment).partner_id


def _token_of(scope: Scope) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        AuthToken.connector == scope.connector,
        AuthToken.environment == scope.environment,
        AuthToken.shop_id == scope.shop_id,
    )


def _record_shop(db: Session, scope: Scope, state: str, reason: str, actor: Actor, now: datetime) -> None:
    _record_fact(db, scope, state, {"reason": reason}, actor, now)


def _record_fact(db: Session, scope: Scope, fact: str, details: Mapping[str, Any], actor: Actor, now: datetime) -> None:
    record(
        db,
        actor=actor,
        action=f"shop.{fact}",
        environment=scope.environment,
        subject=f"{scope.connector} shop {scope.shop_id}",
        details=details,
        now=now,
    )
