"""Working on pushes: claim a batch, judge it with one question to the marketplace, write answers and outcome together.

A push is a pointer: what counts is what the marketplace answers, so working on it twice changes nothing.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from itertools import chain
from uuid import UUID

from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Session

from kedai.connector_exceptions.service import raise_exceptions
from kedai.errors import StorageUnavailable
from kedai.inbox import claims
from kedai.inbox.claims import Batch, ClaimedEvent
from kedai.inbox.notices import record_notices
from kedai.kit import crash
from kedai.kit.deadline import within
from kedai.orders import packages
from kedai.sync import authorizations
from kedai.sync.judge import Verdict, judge, settle
from kedai.sync.pacing import calling_seconds
from kedai.sync.parts import Parts
from kedai.sync.store import store_orders
from kedai.values.environment import Scope
from kedai.vault.accounts import lose_account, note_call
from kedai.vault.degraded import note_app
from kedai.vault.queries import find_shop

_CLAIMED_AT_ONCE = 200  # orders: a few calls go out side by side, and what a batch costs is shared by more
_PORTION = 10  # orders: what is written at once where the intake waits for it
_PORTIONS_AT_ONCE = 20
_PORTIONS_AT_ONCE_SQLITE = 10  # a push that comes just then waits for them, some fifty milliseconds
_BREATH_SECONDS = 0.002
_BREATH_BESIDE_INTAKE_SECONDS = 0.02  # the interpreter, too, is one
_AWAY_SECONDS = 0.5
_REFUSED = (StatementError, UnicodeEncodeError, OverflowError)


async def process_next(parts: Parts) -> bool:
    """Work on the next batch; False where nothing is due."""
    seconds = parts.settings.lease_seconds
    batch = await parts.write(
        lambda db: claims.claim(db, orders=_CLAIMED_AT_ONCE, lease_seconds=seconds, sealed=parts.quarantine.sealed(db))
    )
    if batch is None:
        return False
    if not batch.events:  # another worker was faster
        return True
    crash.point("worker.claimed")
    try:
        with within(calling_seconds(parts)):
            verdict = await judge(parts, batch)
    except (asyncio.CancelledError, StorageUnavailable):
        await asyncio.shield(_write(parts, batch, lambda db: claims.release(db, [batch.holder])))
        raise
    crash.point("worker.answered")
    await _write_all(parts, batch, verdict)
    return True


async def _write_all(parts: Parts, batch: Batch, verdict: Verdict) -> None:
    """In portions; what the database refuses is written order by order, and the order at fault fails alone."""
    waiting = deque(_portions(batch.events, verdict, _PORTION))
    first, refused = True, 0
    while waiting:
        count = 1 if refused else min(len(waiting), _portions_at_once(parts))
        events = list(chain.from_iterable(waiting.popleft() for _ in range(count)))
        try:
            await _write(parts, batch, partial(_finish, parts, batch, events, verdict, first))
        except _REFUSED as error:
            alone = _portions(events, verdict, 1)
            if len(alone) == 1:
                _refuse(parts, batch, events, verdict, error)
            waiting.extendleft(reversed(alone))
            refused = refused or len(alone)
        else:
            first, refused = False, max(refused - 1, 0)
            shared = parts.database.is_shared_with_intake()
            await asyncio.sleep(_BREATH_BESIDE_INTAKE_SECONDS if shared else _BREATH_SECONDS)


def _portions_at_once(parts: Parts) -> int:
    """One transaction for many is quicker by half, and keeps SQLite's one writer from the intake for as long."""
    if parts.database.is_shared_with_intake():
        return 1
    return _PORTIONS_AT_ONCE_SQLITE if parts.database.is_sqlite else _PORTIONS_AT_ONCE


def _refuse(parts: Parts, batch: Batch, events: Sequence[ClaimedEvent], verdict: Verdict, error: Exception) -> None:
    """The answer cannot be stored: it counts as a failed try of its events.

    Raises:
        Exception: there was no answer to leave out, so the outcome itself is refused; the lease ends by itself.
    """
    refused = {_order_of(event, verdict) for event in events}
    kept = [one for one in verdict.orders if one.snapshot.order_sn not in refused]
    if len(kept) == len(verdict.orders) or batch.shop_id is None:
        raise error
    verdict.orders = kept
    for event in events:
        settle(Scope(batch.connector, batch.environment, batch.shop_id), event, verdict, error, parts.clock.now())


async def _write(parts: Parts, batch: Batch, work: Callable[[Session], None]) -> None:
    """Write, and try again while the database is away and the lease is ours: nobody else may do it before its end."""
    while True:
        try:
            return await parts.write(work)
        except StorageUnavailable:
            if parts.clock.now() > batch.until:
                raise
        await asyncio.sleep(_AWAY_SECONDS)


def _order_of(event: ClaimedEvent, verdict: Verdict) -> str:
    return verdict.order_of.get(event.id) or event.order_sn or ""


def _portions(events: Sequence[ClaimedEvent], verdict: Verdict, orders_at_once: int) -> list[list[ClaimedEvent]]:
    """The batch in pieces small enough to write in a few milliseconds; an order's events stay together."""
    by_order: dict[str, list[ClaimedEvent]] = {}
    for event in events:
        by_order.setdefault(_order_of(event, verdict), []).append(event)
    groups = [by_order[number] for number in sorted(by_order)]
    return [
        list(chain.from_iterable(groups[first : first + orders_at_once]))
        for first in range(0, len(groups), orders_at_once)
    ]


def _finish(
    parts: Parts, batch: Batch, events: Sequence[ClaimedEvent], verdict: Verdict, first: bool, db: Session
) -> None:
    """Orders, their events' outcome and what a person must know of them, in one transaction: all of it or nothing.

    What concerns the whole batch goes with the ``first`` portion.
    """
    now = parts.clock.now()
    held = claims.lock_held(db, batch.holder, [event.id for event in events])
    _write_orders(db, batch, held, verdict, now)
    crash.point("worker.orders_written")
    said = {event_id: one for event_id, one in verdict.announcements.items() if event_id in held}
    record_notices(db, batch.connector, batch.environment, said, shop_id=batch.shop_id, now=now)
    applied = _apply_changes(db, batch, held, verdict, now)
    outcomes = verdict.outcomes | {event_id: one.outcome for event_id, one in applied.items()}
    claims.finish(db, held, outcomes, now=now)
    if first and batch.shop_id is not None:  # before its exceptions: whoever ends those has the shop locked
        _note_shop(db, Scope(batch.connector, batch.environment, batch.shop_id), verdict, now)
    troubles = [one for one in verdict.troubles if one.event_id in held or (first and one.event_id is None)]
    troubles += chain.from_iterable(one.troubles for one in applied.values())
    raise_exceptions(db, batch.connector, batch.environment, troubles, now=now)


def _write_orders(db: Session, batch: Batch, held: set[UUID], verdict: Verdict, now: datetime) -> None:
    """The answers about the orders of events that are still ours, and what those events tell of packages."""
    mine = {verdict.order_of[event_id] for event_id in held & verdict.order_of.keys()}
    answered = [one for one in verdict.orders if one.snapshot.order_sn in mine]
    if not answered or batch.shop_id is None:
        return
    scope = Scope(batch.connector, batch.environment, batch.shop_id)
    store_orders(db, scope, answered, now=now)
    found = {one.snapshot.order_sn for one in answered}
    news = [
        dataclasses.replace(verdict.news[event_id], order_sn=verdict.order_of[event_id])
        for event_id in sorted(held & verdict.news.keys() & verdict.order_of.keys())
        if verdict.order_of[event_id] in found
    ]
    if news:
        packages.learn(db, scope, news, now=now)


def _apply_changes(
    db: Session, batch: Batch, held: set[UUID], verdict: Verdict, now: datetime
) -> dict[UUID, authorizations.Applied]:
    """In order of arrival, so that what was said last about a shop is what stands."""
    changes = {event_id: verdict.changes[event_id] for event_id in sorted(held & verdict.changes.keys())}
    place = batch.connector, batch.environment
    authorizations.lock_named(db, *place, changes.values(), shop_id=batch.shop_id)
    return {
        event_id: authorizations.apply(db, *place, change, event_id=event_id, now=now)
        for event_id, change in changes.items()
    }


def _note_shop(db: Session, scope: Scope, verdict: Verdict, now: datetime) -> None:
    """How the call went; a refusal of the token stops the shop, unless a person has changed how it stands meanwhile."""
    if verdict.call_problem is not None:
        note_call(db, scope, problem=verdict.call_problem, now=now)
    if verdict.app_problem is not None:
        note_app(db, scope.connector, scope.environment, problem=verdict.app_problem)
    if verdict.reconnect is None:
        return
    shop = find_shop(db, scope, lock=True)
    if shop is not None and shop.state == "connected" and shop.connected_at == verdict.connected_at:
        lose_account(db, scope, reason=verdict.reconnect, now=now)
