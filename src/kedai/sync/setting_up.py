"""What is left to do after a grant was kept: a pair of its own for whoever shares one, and what each is called.

Each is refreshed once where the pair is shared, then asked for its name. Killed anywhere, the run goes on; whoever is
not done yet holds the shared pair, which is good for it once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.orm import Session

from kedai.connectors.base import Client, MainAccounts
from kedai.errors import KedaiError, NotFound, StorageUnavailable
from kedai.runs.service import end_run, move_on, postpone_run
from kedai.sync.outcome import Action, rule_for
from kedai.sync.parts import Parts
from kedai.sync.tokens import call_with_token, get_access_token
from kedai.sync.work import Step, Work
from kedai.values.app import MerchantProfile
from kedai.values.credentials import ShopProfile
from kedai.values.environment import Account, MerchantScope, Scope
from kedai.values.secret import Secret
from kedai.values.wording import N_
from kedai.vault.accounts import describe_account, find_holder, find_pair, note_call

if TYPE_CHECKING:
    from kedai.runs.models import Run

MAX_ROUNDS = 8
_ROUND_PAUSE = timedelta(seconds=30)

log = structlog.get_logger("grants")


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


async def read(parts: Parts, work: Work) -> Sequence[Step]:
    """See to the next one, with no transaction open."""
    cursor = _cursor(work)
    if not cursor.todo:
        return [partial(_go_round, cursor)]
    owner = _owner(work, cursor.todo[0])
    try:
        seen = await _see(parts, owner)
    except StorageUnavailable:
        raise
    except KedaiError as error:
        log.warning("a granted shop or merchant was not seen to", account=str(owner), detail=str(error))
        again = rule_for(error).action is not Action.RECONNECT
        seen = _Seen(owner, problem=error.message, again=again)
    return [partial(_note, seen, cursor)]


async def _see(parts: Parts, owner: Account) -> _Seen:
    """A pair of its own first, then what it is called; nothing for one that was disconnected meanwhile."""
    account, token = await parts.read(lambda db: (find_holder(db, owner), find_pair(db, owner)))
    if account is None or token is None or account.state == "disconnected":
        return _Seen(owner)
    if token.generation == token.shared_generation:
        await get_access_token(parts, owner, rejected=token.generation)
    return _Seen(owner, await call_with_token(parts, owner, partial(_describe, owner)), problem="")


async def _describe(owner: Account, client: Client, access_token: Secret) -> ShopProfile | MerchantProfile:
    if isinstance(owner, Scope):
        return await client.get_shop(owner.shop_id, access_token)
    if not isinstance(client, MainAccounts):
        raise NotFound(N_("This marketplace knows no merchants."))
    return await client.get_merchant(owner.merchant_id, access_token)


def _note(seen: _Seen, cursor: _Cursor, db: Session, run: Run, *, now: datetime) -> bool:
    """How it went with one of them, and on to the next."""
    owner = seen.owner
    if seen.profile is not None:
        describe_account(db, owner, seen.profile)
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
        end_run(run, "failed", note=N_("not answered for: %(names)s", names=names)[:500], now=now)
        return False
    again = _Cursor(todo=cursor.later, rounds=cursor.rounds + 1)
    move_on(run, cursor=asdict(again), done=0)
    note = N_("once more: %(names)s", names=names)[:500]
    postpone_run(run, note=note, due_in=_ROUND_PAUSE * 2**cursor.rounds, now=now)
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
