"""A main account's grant: one pair for several shops and merchants, kept for each of them before anything else is done.

The code was used up by the exchange, so the pair exists nowhere else: it is stored, sealed, for every shop and merchant
in one transaction, together with a run. The run then refreshes it once for each, for a pair of its own, and asks what
each is called. Killed anywhere, it goes on; whoever is not done yet holds the shared pair, which is good for it once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import structlog
from sqlalchemy.orm import Session

from kedai.connectors.base import Client, MainAccounts
from kedai.errors import KedaiError, NotFound, StorageUnavailable
from kedai.inbox.claims import wake_shop
from kedai.runs.service import create_run, end_run, move_on, postpone_run
from kedai.sync.guard import Status, judge_merchant, judge_shop, sum_up
from kedai.sync.outcome import Action, rule_for
from kedai.sync.parts import Parts
from kedai.sync.tokens import call_with_token, get_access_token
from kedai.sync.work import Step, Work
from kedai.values.actor import Actor
from kedai.values.app import MerchantProfile
from kedai.values.credentials import Grant, ShopProfile, TokenSet
from kedai.values.environment import Account, ConnectorName, Environment, MerchantScope, Scope
from kedai.values.secret import Secret
from kedai.vault.accounts import (
    describe_account,
    find_holder,
    find_pair,
    note_call,
    save_account,
    seal_tokens,
    store_tokens,
)
from kedai.vault.held import account_of, drop_held, hold, seal_held
from kedai.vault.oauth_states import ConsumedState
from kedai.vault.queries import find_shop, find_token, get_credentials

if TYPE_CHECKING:
    from kedai.runs.models import Run

KIND = "main_account"
MAX_ROUNDS = 8
_ROUND_PAUSE = timedelta(seconds=30)

log = structlog.get_logger("grants")


@dataclass(frozen=True, slots=True)
class Facts:
    """What an exchange gave, to which app, through which main account; what was expected, and who asked."""

    partner_id: str
    main_account_id: str
    grant: Grant
    state: ConsumedState
    actor: Actor


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What becomes of one shop or merchant."""

    owner: Account
    status: Status
    reason: str


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Whom the run still has to see to, whom it puts off until all others are done, and how often it went round."""

    todo: tuple[str, ...]
    later: tuple[str, ...] = ()
    rounds: int = 0


@dataclass(frozen=True, slots=True)
class _Seen:
    """How it went with one of them: what it is called, or what stood in the way."""

    owner: Account
    profile: ShopProfile | MerchantProfile | None = None
    problem: str | None = None
    again: bool = False


def keep(
    parts: Parts,
    db: Session,
    name: ConnectorName,
    environment: Environment,
    facts: Facts,
    *,
    now: datetime,
) -> Status | Literal["remote_error"]:
    """Store the shared pair for everybody it is for, as the guard says, and queue what is left to do.

    The status is `guard.sum_up` of them all, or ``remote_error`` where the app was changed meanwhile. Credentials,
    shops and merchants are locked in this order, by id.
    """
    credentials = get_credentials(db, name, environment, lock=True)
    if credentials.partner_id != facts.partner_id:  # changed meanwhile: a pair of the app before is of no use
        return "remote_error"
    configured = credentials.shop_id
    verdicts = [
        *(_judge_shop(db, Scope(name, environment, one), facts, configured) for one in _ids(facts.grant.shop_ids)),
        *(_judge_merchant(db, MerchantScope(name, environment, one), facts) for one in _ids(facts.grant.merchant_ids)),
    ]
    sealed = [_seal(parts, db, one, facts.grant.tokens) for one in verdicts]
    for one, values in zip(verdicts, sealed, strict=True):
        _store(db, one, values, facts, now)
    accounts = [account_of(one.owner) for one in verdicts if one.status != "already_connected"]
    if accounts:
        told = {"main_account_id": facts.main_account_id, "accounts": accounts}
        create_run(db, KIND, name, environment, scope=told, total=len(accounts), actor=facts.actor, now=now)
    return sum_up(one.status for one in verdicts)


def _ids(given: Sequence[str]) -> list[str]:
    return sorted(set(given))


def _judge_shop(db: Session, scope: Scope, facts: Facts, configured: str | None) -> _Verdict:
    shop = find_shop(db, scope, lock=True)
    existing = None if shop is None else shop.state
    return _Verdict(scope, *judge_shop(scope.shop_id, facts.state, configured=configured, existing=existing))


def _judge_merchant(db: Session, scope: MerchantScope, facts: Facts) -> _Verdict:
    merchant = find_holder(db, scope, lock=True)
    existing = None if merchant is None else merchant.state
    return _Verdict(scope, *judge_merchant(scope.merchant_id, facts.state, existing=existing))


def _seal(parts: Parts, db: Session, one: _Verdict, tokens: TokenSet) -> dict[str, Any]:
    """Before anything is recorded: see `seal_tokens`."""
    if one.status == "already_connected":
        return seal_held(db, parts.ring, one.owner, tokens)
    if isinstance(one.owner, Scope):
        return seal_tokens(db, parts.ring, one.owner, tokens)
    return seal_tokens(db, parts.ring, one.owner, tokens)


def _store(db: Session, one: _Verdict, sealed: dict[str, Any], facts: Facts, now: datetime) -> None:
    owner, by, actor = one.owner, facts.main_account_id, facts.actor
    if one.status == "already_connected":
        hold(db, owner, facts.partner_id, sealed, main_account_id=by, now=now)
        return
    drop_held(db, owner)
    stands = "connected" if one.status == "connected" else "pending"
    if isinstance(owner, MerchantScope):
        save_account(db, owner, None, main_account_id=by, state=stands, reason=one.reason, actor=actor, now=now)
        store_tokens(db, owner, facts.partner_id, sealed, shared=True, now=now)
        return
    save_account(db, owner, None, main_account_id=by, state=stands, reason=one.reason, actor=actor, now=now)
    store_tokens(db, owner, facts.partner_id, sealed, shared=True, now=now)
    if stands == "connected":
        wake_shop(db, owner.connector, owner.environment, owner.shop_id, now=now)


async def read(parts: Parts, work: Work) -> Sequence[Step]:
    """See to the next one, with no transaction open."""
    cursor = _cursor(work)
    if not cursor.todo:
        return [partial(_go_round, cursor)]
    owner = _owner(work, cursor.todo[0])
    try:
        seen = await (_see_shop(parts, owner) if isinstance(owner, Scope) else _see_merchant(parts, owner))
    except StorageUnavailable:
        raise
    except KedaiError as error:
        log.warning("a main account's shop or merchant was not seen to", account=str(owner), detail=str(error))
        again = rule_for(error).action is not Action.RECONNECT
        seen = _Seen(owner, problem=error.message, again=again)
    return [partial(_note, seen, cursor)]


async def _see_shop(parts: Parts, scope: Scope) -> _Seen:
    """A pair of its own first, then what it is called; nothing for one that was disconnected meanwhile."""
    shop, token = await parts.read(lambda db: (find_shop(db, scope), find_token(db, scope)))
    if shop is None or token is None or shop.state == "disconnected":
        return _Seen(scope)
    if token.generation == token.shared_generation:
        await get_access_token(parts, scope, rejected=token.generation)
    profile = await call_with_token(parts, scope, lambda client, access: client.get_shop(scope.shop_id, access))
    return _Seen(scope, profile, problem="")


async def _see_merchant(parts: Parts, scope: MerchantScope) -> _Seen:
    merchant, token = await parts.read(lambda db: (find_holder(db, scope), find_pair(db, scope)))
    if merchant is None or token is None or merchant.state == "disconnected":
        return _Seen(scope)
    if token.generation == token.shared_generation:
        await get_access_token(parts, scope, rejected=token.generation)
    return _Seen(scope, await call_with_token(parts, scope, partial(_describe_merchant, scope)), problem="")


async def _describe_merchant(scope: MerchantScope, client: Client, access_token: Secret) -> MerchantProfile:
    if not isinstance(client, MainAccounts):
        raise NotFound("This marketplace knows no merchants.")
    return await client.get_merchant(scope.merchant_id, access_token)


def _note(seen: _Seen, cursor: _Cursor, db: Session, run: Run, *, now: datetime) -> bool:
    """How it went with one of them, and on to the next."""
    owner = seen.owner
    if isinstance(owner, Scope):
        if isinstance(seen.profile, ShopProfile):
            describe_account(db, owner, seen.profile, now=now)
        if seen.problem is not None:
            note_call(db, owner, problem=seen.problem, now=now)
    else:
        if isinstance(seen.profile, MerchantProfile):
            describe_account(db, owner, seen.profile, now=now)
        if seen.problem is not None:
            note_call(db, owner, problem=seen.problem, now=now)
    later = (*cursor.later, cursor.todo[0]) if seen.again else cursor.later
    left = replace(cursor, todo=cursor.todo[1:], later=later)
    move_on(run, cursor=asdict(left), done=0 if seen.again else 1)
    return not left.todo and not left.later


def _go_round(cursor: _Cursor, _db: Session, run: Run, *, now: datetime) -> bool:
    """Those who were put off come again after a pause; in the end each gets its pair when it is used next."""
    names = ", ".join(name.replace(":", " ") for name in cursor.later)
    if cursor.rounds + 1 >= MAX_ROUNDS:
        end_run(run, "failed", note=f"not answered for: {names}"[:500], now=now)
        return False
    again = _Cursor(todo=cursor.later, rounds=cursor.rounds + 1)
    move_on(run, cursor=asdict(again), done=0)
    postpone_run(run, note=f"once more: {names}"[:500], due_in=_ROUND_PAUSE * 2**cursor.rounds, now=now)
    return False


def _cursor(work: Work) -> _Cursor:
    if work.cursor is None:
        return _Cursor(tuple(work.scope["accounts"]))
    return _Cursor(tuple(work.cursor["todo"]), tuple(work.cursor["later"]), work.cursor["rounds"])


def _owner(work: Work, account: str) -> Account:
    kind, _, number = account.partition(":")
    if kind == "shop":
        return Scope(work.connector, work.environment, number)
    return MerchantScope(work.connector, work.environment, number)
