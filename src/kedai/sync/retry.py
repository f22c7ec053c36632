"""Trying again what a group of troubles stopped: its events go back in the queue; an order without any is read anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy.orm import Session

from kedai.connector_exceptions import acts
from kedai.connector_exceptions.queries import get_exception, list_affected_after
from kedai.errors import Conflict, KedaiError, NotFound
from kedai.inbox.retries import find_stopped, put_back
from kedai.kit.ids import parse_id, show_id
from kedai.orders import service as orders
from kedai.runs.queries import find_open_runs
from kedai.runs.service import create_run, end_run, move_on
from kedai.sync import skus
from kedai.sync.judge import fetch_orders
from kedai.sync.outcome import Action, rule_for
from kedai.sync.parts import Parts
from kedai.sync.store import store_orders
from kedai.sync.work import Step, Work
from kedai.values.actor import Actor
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.values.order import OrderSnapshot
from kedai.values.wording import N_
from kedai.vault.queries import find_shop, get_active_environment

if TYPE_CHECKING:
    from kedai.connector_exceptions.models import ConnectorException, ExceptionOrder
    from kedai.orders.service import PreparedOrder
    from kedai.runs.models import Run

KIND = "retry_exception"
_STEP = 40  # affected orders in one look: their events are put back in one short transaction
_WRITTEN_AT_ONCE = 16  # SQLite's one writer is held for a few milliseconds


@dataclass(frozen=True, slots=True)
class Retried:
    """What trying one again did: so many events are back in the queue, or a run reads the order anew."""

    events: int
    run: Run | None


def retry_order(
    db: Session, exception_id: UUID, subject: str, *, environment: Environment, actor: Actor, now: datetime
) -> Retried:
    """Try one affected order again: its events at once, or, where none is stopped, by a run that reads it anew.

    Raises:
        NotFound: no such group in that environment, or it does not list the order.
        Conflict: a run about this group is going on, or an event that names no order was dealt with.
    """
    row = acts.lock_exception(db, exception_id, environment=environment)
    affected = list_affected_after(db, exception_id, after=None, subject=subject, limit=1)
    if not affected:
        raise NotFound(N_("This exception does not list that order."))
    events = put_back(
        db, _find_stopped(db, ConnectorName(row.connector), environment, affected), environment=environment, now=now
    )
    if events:
        _look_again(db, row, affected)
        acts.note_retry(db, row, subject, events=events, actor=actor, now=now)
        return Retried(events, None)
    if affected[0].order_sn is None:
        raise Conflict(N_("Its event is not stopped any more: there is nothing to try again."))
    return Retried(0, _create(db, row, subject, 1, actor, now))


def retry_group(db: Session, exception_id: UUID, *, environment: Environment, actor: Actor, now: datetime) -> Run:
    """Queue a run that tries every listed order of a group again.

    Raises:
        NotFound: no such group in that environment.
        Conflict: it lists nothing to try, a run about it is going on, or its environment is not the active one.
    """
    row = acts.lock_exception(db, exception_id, environment=environment)
    if not row.listed:
        raise Conflict(N_("This exception stopped no order: mend its cause, and what waits goes on by itself."))
    if get_active_environment(db, ConnectorName(row.connector)) is not environment:
        raise Conflict(
            N_(
                "%(environment)s is not the active environment: retry its orders one by one.",
                environment=environment.value.title(),
            )
        )
    return _create(db, row, None, row.listed, actor, now)


async def read(parts: Parts, work: Work) -> Sequence[Step]:
    """The next affected orders of one shop; those that no stopped event is about are asked for at the marketplace."""
    found = await parts.read(lambda db: _look(db, work))
    if not found.affected:
        return [partial(_end, _cursor(work)["left"])]
    prepared: list[PreparedOrder] = []
    steps: list[Step] = []
    if found.scope is not None and found.unread:
        prepared = orders.prepare(await _fetch(parts, found.scope, found.unread))
        steps += [
            partial(_write, found.scope, prepared[at : at + _WRITTEN_AT_ONCE])
            for at in range(0, len(prepared), _WRITTEN_AT_ONCE)
        ]
    read_now = frozenset(one.snapshot.order_sn for one in prepared)
    again = [one for one in found.affected if one.order_sn in read_now]
    return [partial(_try_again, again), *steps, partial(_move, found, read_now)]


@dataclass(frozen=True, slots=True)
class _Found:
    """The next affected orders of one shop; ``unread`` are those to ask for, in ``scope``."""

    affected: Sequence[ExceptionOrder]
    unread: tuple[str, ...]
    scope: Scope | None


def _create(db: Session, row: ConnectorException, subject: str | None, total: int, actor: Actor, now: datetime) -> Run:
    name, shown = ConnectorName(row.connector), show_id("exc", row.id)
    if any(run.scope["exception"] == shown for run in find_open_runs(db, (KIND,), name, environment=row.environment)):
        raise Conflict(N_("A retry of this exception is going on: wait for its end, or stop it."))
    scope = {"exception": shown, "subject": subject, "shop_id": row.shop_id}
    return create_run(db, KIND, name, row.environment, scope=scope, total=total, actor=actor, now=now)


def _cursor(work: Work) -> dict[str, Any]:
    """Behind which subject to go on, and how many could not be tried."""
    return dict(work.cursor or {"after": None, "left": 0})


def _look(db: Session, work: Work) -> _Found:
    """A shop's orders stand together, since their subjects begin with its id."""
    exception_id, after = parse_id("exc", work.scope["exception"]), _cursor(work)["after"]
    found = list_affected_after(db, exception_id, after=after, subject=work.scope["subject"], limit=_STEP)
    if not found:
        return _Found((), (), None)
    shop_id = found[0].shop_id
    affected = list(takewhile(lambda one: one.shop_id == shop_id, found))
    stopped = set(_find_stopped(db, work.connector, work.environment, affected).values())
    unread = tuple(one.order_sn for one in affected if one.order_sn is not None and one.order_sn not in stopped)
    scope = None if shop_id is None else Scope(work.connector, work.environment, shop_id)
    shop = None if scope is None else find_shop(db, scope)
    can_ask = shop is not None and shop.state == "connected"
    return _Found(affected, unread if can_ask else (), scope)


def _find_stopped(
    db: Session, connector: ConnectorName, environment: Environment, affected: Sequence[ExceptionOrder]
) -> dict[UUID, str | None]:
    """The stopped events about these orders of one shop, and those that name no order."""
    numbers = {one.order_sn for one in affected if one.order_sn is not None}
    events = {one.event_id for one in affected if one.event_id is not None}
    shop_id = affected[0].shop_id
    return find_stopped(db, connector, environment=environment, shop_id=shop_id, order_sns=numbers, event_ids=events)


async def _fetch(parts: Parts, scope: Scope, numbers: Sequence[str]) -> list[OrderSnapshot]:
    """Read orders; refused as a whole they are halved, and the one at fault is left out."""
    try:
        return list(await fetch_orders(parts, scope, numbers))
    except KedaiError as error:
        if rule_for(error).action is not Action.SPLIT:
            raise
        if len(numbers) == 1:
            return []
    half = len(numbers) // 2
    return await _fetch(parts, scope, numbers[:half]) + await _fetch(parts, scope, numbers[half:])


def _try_again(affected: Sequence[ExceptionOrder], db: Session, run: Run, *, now: datetime) -> bool:
    """Note what is tried before it is written: what is raised by writing it has not been tried since."""
    if affected:
        exception_id = parse_id("exc", run.scope["exception"])
        _look_again(db, get_exception(db, exception_id, environment=run.environment), affected)
        acts.lock_exception(db, exception_id, environment=run.environment)
        acts.mark_retried(db, exception_id, [one.subject for one in affected], now=now)
    return False


def _look_again(db: Session, row: ConnectorException, affected: Sequence[ExceptionOrder]) -> None:
    """An order counts once for a listing that is not in the SKU map: one that is tried again may say so again."""
    if row.code != skus.CODE or affected[0].shop_id is None:
        return
    scope = Scope(ConnectorName(row.connector), row.environment, affected[0].shop_id)
    numbers = {one.order_sn for one in affected if one.order_sn is not None}
    skus.look_again(db, scope, numbers, fingerprint=row.fingerprint)


def _write(scope: Scope, portion: Sequence[PreparedOrder], db: Session, _run: Run, *, now: datetime) -> bool:
    store_orders(db, scope, portion, now=now)
    return False


def _move(found: _Found, read_now: frozenset[str], db: Session, run: Run, *, now: datetime) -> bool:
    """Put the events back, note what was tried, and go on behind it; what could not be read stays as it was."""
    name, exception_id = ConnectorName(run.connector), parse_id("exc", run.scope["exception"])
    stopped = _find_stopped(db, name, run.environment, found.affected)
    waits = [one for one in found.affected if one.order_sn in stopped.values() or one.event_id in stopped]
    if waits:
        _look_again(db, get_exception(db, exception_id, environment=run.environment), waits)
    acts.lock_exception(db, exception_id, environment=run.environment)
    put_back(db, stopped, environment=run.environment, now=now)
    acts.mark_retried(db, exception_id, [one.subject for one in waits], now=now)
    tried = {one.subject for one in waits} | {one.subject for one in found.affected if one.order_sn in read_now}
    left = (run.cursor or {"left": 0})["left"] + len(found.affected) - len(tried)
    if run.scope["subject"] is not None:
        move_on(run, cursor=run.cursor, done=len(tried))
        return _end(left, db, run, now=now)
    move_on(run, cursor={"after": found.affected[-1].subject, "left": left}, done=len(found.affected))
    return False


def _end(left: int, _db: Session, run: Run, *, now: datetime) -> bool:
    """What could not be tried is said: nothing about it waits here, and the marketplace did not answer for it."""
    if not left:
        return True
    note = N_("%(left)s could not be read again, and were left as they are", left=left)
    end_run(run, "succeeded", note=note, now=now)
    return False
