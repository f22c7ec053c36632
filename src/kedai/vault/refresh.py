"""The renewal of a token pair as rows: who may ask for it now, that it was begun, and what came of it.

Everybody locks in one order: the account, the key ring, the pair, the audit trail.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db import lease
from kedai.kit.ids import new_id
from kedai.values.actor import SYSTEM
from kedai.values.credentials import TokenSet
from kedai.values.environment import Account, Environment
from kedai.vault.accounts import KINDS, AccountKind, find_holder, kind_of, rows_of, scope_of, secret_place, set_state
from kedai.vault.pairs import seal_pair
from kedai.vault.queries import get_credentials
from kedai.vault.ring import KeyRing

_LEASE = timedelta(seconds=60)
_KEPT_STATES = ("connected", "paused")
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation of one account's pair.

    ``pair_id`` is the row's: the numbers begin anew where an account was disconnected and connected again.
    """

    scope: Account
    pair_id: UUID
    number: int


@dataclass(frozen=True, slots=True)
class Claim:
    """Who may ask for the next generation, for a minute."""

    generation: Generation
    holder: str


@dataclass(frozen=True, slots=True)
class DuePair:
    """A pair that should be renewed though nobody uses it."""

    scope: Account
    generation: int


def is_refresh_free(db: Session, scope: Account) -> bool:
    """Whether nobody renews the pair now: a look that takes nothing."""
    tokens = kind_of(scope).tokens
    chosen = sa.select(tokens.id).where(*rows_of(scope, tokens), lease.free_at(tokens, lease.now(db)))
    return db.execute(chosen).first() is not None


def begin_refresh(db: Session, generation: Generation, *, by: str) -> Claim | None:
    """Claim the renewal of this generation for 60 s, and note the intent; None where somebody was faster."""
    claim = Claim(generation, new_id().hex)
    tokens, instant = kind_of(generation.scope).tokens, lease.now(db)
    chosen = sa.select(tokens.id).where(*_is(generation), lease.free_at(tokens, instant))
    intent = {"refresh_intent_by": by, "refresh_intent_at": instant, "refresh_intent_generation": generation.number}
    taken = lease.take(db, tokens, chosen, holder=claim.holder, until=instant + _LEASE, also=intent)
    return claim if taken else None


def give_refresh_up(db: Session, claim: Claim) -> bool:
    """The call had no effect: the next one may ask at once. False where lease or generation are no longer ours."""
    return _change_own(db, claim, {"lease_by": None, "lease_until": None, "refresh_intent_generation": None})


def give_replay_up(db: Session, claim: Claim) -> bool:
    """The call had no effect, but an earlier one may have had: the next one may ask at once, and knows that."""
    return _change_own(db, claim, {"lease_by": None, "lease_until": None})


def leave_refresh_open(db: Session, claim: Claim) -> bool:
    """Nobody knows whether the call had an effect: the intent stays open, and the lease runs to its end.

    So nobody asks again before a minute has passed, in which whoever has the answer can still store it.
    """
    return _change_own(db, claim, {"lease_by": None})


def swap_tokens(db: Session, ring: KeyRing, asked: Generation, tokens: TokenSet, *, now: datetime) -> bool:
    """Compare-and-swap: store what was given for a generation, if it still stands. A success clears `needs_reauth`."""
    scope = asked.scope
    holder = find_holder(db, scope, lock=True)
    values = seal_pair(db, ring, partial(secret_place, scope), tokens)
    values |= {"generation": asked.number + 1, "updated_at": now, "lease_by": None, "lease_until": None}
    swapped = db.execute(sa.update(kind_of(scope).tokens).where(*_is(asked)).values(values))
    if swapped.rowcount != 1:  # type: ignore[attr-defined]
        return False
    if holder is not None and holder.state == "needs_reauth" and _is_of_our_app(db, scope):
        set_state(db, scope, "connected", reason="", actor=SYSTEM, now=now)
    return True


def lose_claimed(db: Session, claim: Claim, *, reason: str, now: datetime) -> bool:
    """The marketplace refuses the pair: a person must connect the account again.

    Only the lease's holder may say so, and only while nobody stored a newer pair; False where it may not.
    """
    scope = claim.generation.scope
    account = find_holder(db, scope, lock=True)
    if not give_refresh_up(db, claim):
        return False
    if account is not None and account.state != "disconnected":
        set_state(db, scope, "needs_reauth", reason=reason, actor=SYSTEM, now=now)
    return True


def list_due(db: Session, *, expires_before: datetime, sealed: frozenset[Environment] = frozenset()) -> list[DuePair]:
    """Pairs in either environment whose refresh token ends before that, or whose renewal was begun and never finished.

    Those that somebody renews right now are left out, and accounts that wait for a person.
    """
    return [one for kind in KINDS for one in _list_due(db, kind, expires_before, sealed)]


def void_refresh_leases(db: Session) -> None:
    """After taking the lock file of an embedded installation: whoever held one is gone, and left its intent open."""
    for kind in KINDS:
        held = sa.update(kind.tokens).where(kind.tokens.lease_until.is_not(None))
        db.execute(held.values(lease_by=None, lease_until=None))


def set_refresh_leases_back(db: Session, by: timedelta) -> None:
    """The clock of an embedded installation was set back by so much."""
    for kind in KINDS:
        lease.set_back(db, kind.tokens, by)


def find_open_since(db: Session, since: datetime) -> Account | None:
    """An account whose renewal was begun after that instant and never finished, or None."""
    for kind in KINDS:
        tokens = kind.tokens
        columns = (tokens.connector, tokens.environment, getattr(tokens, kind.key))
        chosen = sa.select(*columns).where(_is_open(tokens), tokens.refresh_intent_at > since)
        row = db.execute(chosen.limit(1)).first()
        if row is not None:
            return scope_of(kind, *row)
    return None


def has_open_intent(row: Any) -> bool:
    """Whether the pair's renewal was begun and never finished."""
    return row.refresh_intent_generation is not None and row.refresh_intent_generation == row.generation


def _is_open(tokens: type[Any]) -> sa.ColumnElement[bool]:
    named: sa.ColumnElement[bool] = tokens.refresh_intent_generation == tokens.generation
    return named


def _is(generation: Generation) -> tuple[sa.ColumnElement[bool], ...]:
    tokens = kind_of(generation.scope).tokens
    own = tokens.id == generation.pair_id, tokens.generation == generation.number
    return *rows_of(generation.scope, tokens), *own


def _change_own(db: Session, claim: Claim, values: dict[str, Any]) -> bool:
    tokens = kind_of(claim.generation.scope).tokens
    mine = sa.update(tokens).where(*_is(claim.generation), tokens.lease_by == claim.holder)
    return bool(db.execute(mine.values(values)).rowcount)  # type: ignore[attr-defined]


def _is_of_our_app(db: Session, scope: Account) -> bool:
    """A pair of another app is of no use, however fresh: its account still waits for a person."""
    tokens = kind_of(scope).tokens
    issued = db.execute(sa.select(tokens.partner_id).where(*rows_of(scope, tokens))).scalar_one_or_none()
    return bool(issued == get_credentials(db, scope.connector, scope.environment).partner_id)


def _list_due(
    db: Session, kind: AccountKind, expires_before: datetime, sealed: frozenset[Environment]
) -> Iterator[DuePair]:
    tokens, holder = kind.tokens, kind.holder
    key = getattr(tokens, kind.key)
    same = sa.and_(
        holder.connector == tokens.connector,
        holder.environment == tokens.environment,
        getattr(holder, kind.key) == key,
    )
    statement = (
        sa.select(tokens.connector, tokens.environment, key, tokens.generation)
        .join(holder, same)
        .where(holder.state.in_(_KEPT_STATES), tokens.environment.not_in(sealed))
        .where(sa.or_(tokens.refresh_expires_at < expires_before, _is_open(tokens)))
        .where(lease.free_at(tokens, lease.now(db)))
        .order_by(tokens.refresh_expires_at)
        .limit(_AT_ONCE)
    )
    for connector, environment, account_id, generation in db.execute(statement):
        yield DuePair(scope_of(kind, connector, environment, account_id), generation)
