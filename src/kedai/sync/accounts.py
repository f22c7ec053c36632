"""What a person does with a shop or a merchant: accept one that was not expected, pause, resume, part from it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from kedai.audit.undo import CHANGED, put_back
from kedai.errors import Conflict, Invalid, NotFound, Stale
from kedai.inbox.claims import wake_shop
from kedai.sync.connection import switch_fields
from kedai.sync.parts import Parts
from kedai.sync.reconnected import end_troubles
from kedai.values.actor import Actor
from kedai.values.environment import Account, Environment, Scope
from kedai.values.states import state_word
from kedai.values.wording import N_
from kedai.vault.accounts import (
    disconnect_account,
    find_holder,
    id_of,
    kind_of,
    scope_of_deed,
    seal_tokens,
    set_state,
    store_tokens,
)
from kedai.vault.held import is_held, take_held
from kedai.vault.queries import get_active_environment, get_credentials
from kedai.vault.service import missing_fields

if TYPE_CHECKING:
    from kedai.audit.models import AuditEntry


def confirm(parts: Parts, db: Session, scope: Account, *, typed: str, actor: Actor, now: datetime) -> None:
    """Accept a pending account, or the newer pair that is held for a connected one: the operator types its id.

    Raises:
        NotFound: no such account. Conflict: nothing of it waits. Invalid: another id was typed.
    """
    before = _lock(parts, db, scope)
    if before != "pending" and not is_held(db, scope, now=now):
        raise Conflict(
            N_("This %(kind)s is %(state)s, not pending.", kind=kind_of(scope).word, state=state_word(before))
        )
    _check_typed(scope, typed)
    held = None if before == "pending" else take_held(db, parts.ring, scope, now=now)
    if held is not None:
        sealed = seal_tokens(db, parts.ring, scope, held.tokens)
        is_shared = held.main_account_id is not None
        store_tokens(db, scope, held.partner_id, sealed, shared=is_shared, now=now)
    if before != "paused":
        set_state(db, scope, "connected", reason="", actor=actor, now=now)
        _wake(db, scope, now)
    end_troubles(db, scope, is_granted=True, now=now)


def pause(parts: Parts, db: Session, scope: Account, *, actor: Actor, now: datetime) -> None:
    """Let a shop's events wait until it is resumed, or set a merchant aside; the tokens stay, and are renewed.

    Raises:
        NotFound: no such account. Conflict: it is not connected, or the active environment would be without a shop.
    """
    before = _lock(parts, db, scope, allowed=("connected",), verb=N_("paused"))
    set_state(db, scope, "paused", reason=N_("paused by %(who)s", who=actor.name), actor=actor, now=now)
    _refuse_incomplete(parts, db, scope, before)


def resume(parts: Parts, db: Session, scope: Account, *, actor: Actor, now: datetime) -> None:
    """Go on with a paused account: what waited for a shop is worked on at once.

    Raises:
        NotFound: no such account. Conflict: it is not paused.
    """
    _lock(parts, db, scope, allowed=("paused",), verb=N_("resumed"))
    set_state(db, scope, "connected", reason="", actor=actor, now=now)
    _wake(db, scope, now)


def undo_pause_or_resume(
    parts: Parts, db: Session, deed: AuditEntry, *, environment: Environment, now: datetime
) -> None:
    """Take the pausing or resuming of an account back.

    Raises:
        NotFound: no such account. Stale: it is not as the deed left it, or the deed was another one.
        Conflict: the active environment would be without a shop.
    """
    scope = scope_of_deed(deed, environment=environment)
    before, row = _lock(parts, db, scope), find_holder(db, scope)
    if row is None or set(deed.details[CHANGED].get("state", ())) != {"connected", "paused"}:
        raise Stale
    put_back(db, row, deed)
    row.updated_at = now
    if row.state == "connected":
        _wake(db, scope, now)
    _refuse_incomplete(parts, db, scope, before)


def disconnect(parts: Parts, db: Session, scope: Account, *, typed: str, actor: Actor, now: datetime) -> None:
    """Forget an account's tokens on purpose; orders and events stay, and it can be connected again.

    Raises:
        NotFound: no such account. Invalid: another id was typed.
        Conflict: it is disconnected, or the active environment would be without a shop.
    """
    allowed = ("connected", "paused", "needs_reauth", "pending")
    before = _lock(parts, db, scope, allowed=allowed, verb=N_("disconnected"))
    _check_typed(scope, typed)
    disconnect_account(db, scope, reason=N_("disconnected by %(who)s", who=actor.name), actor=actor, now=now)
    _refuse_incomplete(parts, db, scope, before)


def _lock(parts: Parts, db: Session, scope: Account, *, allowed: tuple[str, ...] = (), verb: str = "") -> str:
    """The credentials first, then the account: the order in which everybody locks them. Returns how it stands."""
    kind = kind_of(scope).word
    parts.connector(scope.connector)
    get_credentials(db, scope.connector, scope.environment, lock=True)
    account = find_holder(db, scope, lock=True)
    if account is None:
        raise NotFound(N_("There is no such %(kind)s here.", kind=kind))
    if allowed and account.state not in allowed:
        state = state_word(account.state)
        raise Conflict(N_("This %(kind)s is %(state)s: it cannot be %(verb)s now.", kind=kind, state=state, verb=verb))
    return account.state


def _check_typed(scope: Account, typed: str) -> None:
    if typed.strip() != id_of(scope):
        kind = kind_of(scope)
        raise Invalid(N_("Type the %(kind)s's id exactly as it is shown.", kind=kind.word), field=kind.key)


def _wake(db: Session, scope: Account, now: datetime) -> None:
    if isinstance(scope, Scope):
        wake_shop(db, scope.connector, scope.environment, scope.shop_id, now=now)


def _refuse_incomplete(parts: Parts, db: Session, scope: Account, before: str) -> None:
    """A connected shop stands in for a missing shop id: the active environment must not lose its last one."""
    if before != "connected" or not isinstance(scope, Scope):
        return
    if get_active_environment(db, scope.connector) is not scope.environment:
        return
    row = get_credentials(db, scope.connector, scope.environment)
    missing = missing_fields(db, row, switch_fields(parts.connector(scope.connector)))
    if "shop_id" in missing:
        raise Conflict(
            N_(
                "It is the last connected shop of the active environment, and no shop id is entered: enter one, or"
                " connect"
                " another shop first."
            ),
            missing=missing,
        )
