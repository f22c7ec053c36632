"""What a person does with a merchant of a main account: accept it, or part from it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from kedai.errors import Conflict, Invalid, NotFound
from kedai.sync.parts import Parts
from kedai.values.actor import Actor
from kedai.values.environment import MerchantScope
from kedai.vault import merchants as vault
from kedai.vault.held import is_held, take_held
from kedai.vault.queries import get_credentials


def confirm_merchant(
    parts: Parts, db: Session, scope: MerchantScope, *, typed: str, actor: Actor, now: datetime
) -> None:
    """Accept a pending merchant, or the newer pair that is held for a connected one: its id must be typed.

    Raises:
        NotFound: no such merchant. Conflict: nothing of it waits. Invalid: another id was typed.
    """
    before = _lock(parts, db, scope)
    if before != "pending" and not is_held(db, scope, now=now):
        raise Conflict(f"This merchant is {before.replace('_', ' ')}, not pending.")
    _check_typed(scope, typed)
    held = None if before == "pending" else take_held(db, parts.ring, scope, now=now)
    if held is not None:
        sealed = vault.seal_merchant_tokens(db, parts.ring, scope, held.tokens)
        vault.store_merchant_tokens(db, scope, held.partner_id, sealed, shared=True, now=now)
    vault.set_merchant_state(db, scope, "connected", reason="", actor=actor, now=now)


def disconnect_merchant(
    parts: Parts, db: Session, scope: MerchantScope, *, typed: str, actor: Actor, now: datetime
) -> None:
    """Forget a merchant's tokens on purpose; it can be connected again.

    Raises:
        NotFound: no such merchant. Invalid: another id was typed. Conflict: it is disconnected.
    """
    if _lock(parts, db, scope) == "disconnected":
        raise Conflict("This merchant is disconnected: it cannot be disconnected now.")
    _check_typed(scope, typed)
    vault.disconnect_merchant(db, scope, reason=f"disconnected by {actor.name}", actor=actor, now=now)


def _lock(parts: Parts, db: Session, scope: MerchantScope) -> str:
    """The credentials first, then the merchant: the order in which everybody locks them. Returns how it stands."""
    parts.connector(scope.connector)
    get_credentials(db, scope.connector, scope.environment, lock=True)
    merchant = vault.find_merchant(db, scope, lock=True)
    if merchant is None:
        raise NotFound("There is no such merchant here.")
    return merchant.state


def _check_typed(scope: MerchantScope, typed: str) -> None:
    if typed.strip() != scope.merchant_id:
        raise Invalid("Type the merchant's id exactly as it is shown.", field="merchant_id")
