"""Working on pushes: claim a batch, ask the marketplace once for all its orders, write answers and outcome together.

No transaction is open while we wait for the marketplace. A push is a pointer: what counts is what the marketplace
answers, so working on it twice changes nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from uuid import UUID

import structlog
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Session

from kedai.connector_exceptions.service import Trouble, raise_exception
from kedai.connectors.base import ReadsConnectionPushes
from kedai.errors import KedaiError, RateLimited, StorageUnavailable
from kedai.inbox import claims
from kedai.inbox.claims import Batch, ClaimedEvent, Outcome
from kedai.inbox.queries import read_bodies
from kedai.kit import crash
from kedai.orders import service as orders
from kedai.orders.service import PreparedOrder
from kedai.sync import authorizations
from kedai.sync.outcome import MAX_ATTEMPTS, Action, pause, rule_for, wait
from kedai.sync.parts import Parts
from kedai.sync.tokens import call_with_token
from kedai.values.environment import Scope
from kedai.values.event import ConnectionChange, EventState, ParkedReason, Topic
from kedai.values.order import OrderSnapshot
from kedai.vault.queries import find_shop
from kedai.vault.shops import lose_shop, note_call

MAX_STALLS = 3
_NOT_FOUND_ATTEMPTS = 5
_WRITTEN_AT_ONCE = 16  # orders in one transaction: it holds SQLite's one writer for a few milliseconds
_NOTED_AT_ONCE = 200  # where only the events' outcome is written
_BREATH_SECONDS = 0.002
_AWAY_SECONDS = 0.5
_REFUSED = (StatementError, UnicodeEncodeError, OverflowError)
_IDLE_SHOP_PAUSE = timedelta(seconds=60)
_RESTING_SHOP_PAUSE = timedelta(minutes=15)  # a person's act ends it, and wakes what waits

log = structlog.get_logger("worker")


@dataclass(slots=True)
class Verdict:
    """What is to be written when a batch is finished."""

    outcomes: dict[UUID, Outcome] = field(default_factory=dict)
    changes: dict[UUID, ConnectionChange] = field(default_factory=dict)
    orders: list[PreparedOrder] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    reconnect: str | None = None
    call_problem: str | None = None
    """How the last call went: empty where it went well, ``None`` where none was made."""
    connected_at: datetime | None = None
    """When the shop that was asked had been connected: a refusal says nothing of a newer connection."""


async def process_next(parts: Parts, *, orders_per_call: int) -> bool:
    """Work on the next batch; False where nothing is due."""
    seconds = parts.settings.lease_seconds
    batch = await parts.write(
        lambda db: claims.claim(db, orders=orders_per_call, lease_seconds=seconds, sealed=parts.quarantine.sealed(db))
    )
    if batch is None:
        return False
    if not batch.events:  # another worker was faster
        return True
    crash.point("worker.claimed")
    try:
        verdict = await _judge(parts, batch)
    except (asyncio.CancelledError, StorageUnavailable):
        await asyncio.shield(_write(parts, batch, lambda db: claims.release(db, [batch.holder])))
        raise
    await _write_all(parts, batch, verdict)
    return True


async def _write_all(parts: Parts, batch: Batch, verdict: Verdict) -> None:
    """In portions; one that the database refuses is written order by order, and the order at fault fails alone."""
    waiting = deque(_portions(batch.events, _WRITTEN_AT_ONCE if verdict.orders else _NOTED_AT_ONCE))
    first = True
    while waiting:
        portion = waiting.popleft()
        try:
            await _write(parts, batch, partial(_finish, parts, batch, portion, verdict, first))
        except _REFUSED as error:
            alone = _portions(portion, 1)
            if len(alone) == 1:
                _refuse(parts, batch, portion, verdict, error)
            waiting.extendleft(reversed(alone))
        else:
            first = False
            await asyncio.sleep(_BREATH_SECONDS)


def _refuse(parts: Parts, batch: Batch, events: Sequence[ClaimedEvent], verdict: Verdict, error: Exception) -> None:
    """The answer cannot be stored: it counts as a failed try of its events.

    Raises:
        Exception: there was no answer to leave out, so the outcome itself is refused; the lease ends by itself.
    """
    refused = {event.order_sn for event in events}
    kept = [one for one in verdict.orders if one.snapshot.order_sn not in refused]
    if len(kept) == len(verdict.orders) or batch.shop_id is None:
        raise error
    verdict.orders = kept
    for event in events:
        _settle(Scope(batch.connector, batch.environment, batch.shop_id), event, verdict, error, parts.clock.now())


async def _write(parts: Parts, batch: Batch, work: Callable[[Session], None]) -> None:
    """Write, and try again while the database is away and the lease is ours: nobody else may do it before its end."""
    while True:
        try:
            return await parts.write(work)
        except StorageUnavailable:
            if parts.clock.now() > batch.until:
                raise
        await asyncio.sleep(_AWAY_SECONDS)


async def _judge(parts: Parts, batch: Batch) -> Verdict:
    verdict = Verdict()
    workable, about_connection = [], []
    for event in batch.events:
        if event.stalls >= MAX_STALLS:
            _give_up(verdict, batch, event, "The worker died three times while it held this event.", code="stalled")
        elif event.topic == Topic.MALFORMED:
            _give_up(verdict, batch, event, "The push was signed correctly but cannot be understood.", code="malformed")
        elif event.topic == Topic.CONNECTION:
            about_connection.append(event)
        elif event.topic == Topic.ORDER and event.order_sn is not None and batch.shop_id is not None:
            workable.append(event)
        else:
            verdict.outcomes[event.id] = Outcome(EventState.SKIPPED, "nothing to do by itself")
    if about_connection:
        await _read_changes(parts, batch, about_connection, verdict)
    if workable and batch.shop_id is not None:
        await _judge_orders(parts, batch, Scope(batch.connector, batch.environment, batch.shop_id), workable, verdict)
    return verdict


async def _read_changes(parts: Parts, batch: Batch, events: Sequence[ClaimedEvent], verdict: Verdict) -> None:
    """What pushes about the connection say; it is written with their outcome, since nobody need be asked."""
    connector = parts.connector(batch.connector)
    ids = [event.id for event in events]
    bodies = await parts.read(lambda db: read_bodies(db, ids))
    for event in events:
        if not isinstance(connector, ReadsConnectionPushes):
            verdict.outcomes[event.id] = Outcome(EventState.SKIPPED, "nothing to do by itself")
            continue
        change = connector.parse_connection(bodies[event.id])
        if change is None:
            _give_up(verdict, batch, event, "The push does not say whom it is about.", code="malformed")
        else:
            verdict.changes[event.id] = change


async def _judge_orders(
    parts: Parts, batch: Batch, scope: Scope, events: Sequence[ClaimedEvent], verdict: Verdict
) -> None:
    shop = await parts.read(lambda db: find_shop(db, scope))
    if shop is None or shop.state == "pending":
        _park_unknown_shop(scope, events, verdict)
    elif shop.state != "connected":
        note = f"the shop is {shop.state.replace('_', ' ')}"
        due_in = _RESTING_SHOP_PAUSE if shop.state in {"paused", "disconnected"} else _IDLE_SHOP_PAUSE
        for event in events:
            verdict.outcomes[event.id] = Outcome(EventState.RECEIVED, note, due_in=due_in)
    else:
        verdict.connected_at = shop.connected_at
        await _ask(parts, batch, scope, events, verdict)


async def _ask(parts: Parts, batch: Batch, scope: Scope, events: Sequence[ClaimedEvent], verdict: Verdict) -> None:
    """One call for all; refused as a whole, it is split in half until the order at fault stands alone."""
    numbers = sorted({event.order_sn for event in events if event.order_sn is not None})
    try:
        snapshots = await fetch_orders(parts, scope, numbers)
    except Exception as error:  # noqa: BLE001  every failure becomes an outcome of its events
        await _ask_again_or_settle(parts, batch, scope, events, verdict, error)
        return
    verdict.call_problem = ""
    verdict.orders.extend(orders.prepare(snapshots))
    found = {snapshot.order_sn for snapshot in snapshots}
    for event in events:
        if event.order_sn in found:
            verdict.outcomes[event.id] = Outcome(EventState.APPLIED)
        else:
            _wait_or_park_missing(scope, event, verdict)


async def _ask_again_or_settle(
    parts: Parts, batch: Batch, scope: Scope, events: Sequence[ClaimedEvent], verdict: Verdict, error: Exception
) -> None:
    rule = rule_for(error)
    numbers = sorted({event.order_sn for event in events if event.order_sn is not None})
    log.warning("orders not read", shop=str(scope), orders=len(numbers), error=type(error).__name__, detail=str(error))
    if rule.action is Action.SPLIT and len(numbers) > 1:
        first = set(numbers[: len(numbers) // 2])
        await _ask(parts, batch, scope, [event for event in events if event.order_sn in first], verdict)
        await _ask(parts, batch, scope, [event for event in events if event.order_sn not in first], verdict)
        return
    verdict.call_problem = str(error) or type(error).__name__
    for event in events:
        _settle(scope, event, verdict, error, parts.clock.now())
    if rule.action is Action.RECONNECT:
        verdict.reconnect = str(error)
    if rule.title is not None and rule.action in {Action.WAIT, Action.RECONNECT}:
        verdict.troubles.append(Trouble(_code(error), rule.title, rule.next_step, scope.shop_id))


async def fetch_orders(parts: Parts, scope: Scope, order_sns: Sequence[str]) -> tuple[OrderSnapshot, ...]:
    """Read orders with the shop's token; a token that is refused is refreshed once.

    Raises:
        KedaiError: as the connector sorts the marketplace's answer.
    """
    return await call_with_token(parts, scope, lambda client, token: client.get_orders(scope.shop_id, token, order_sns))


def _park_unknown_shop(scope: Scope, events: Sequence[ClaimedEvent], verdict: Verdict) -> None:
    for event in events:
        verdict.outcomes[event.id] = Outcome(
            EventState.PARKED, "this shop is not connected here", parked_reason=ParkedReason.UNKNOWN_SHOP
        )
    verdict.troubles.append(
        Trouble(
            "unknown_shop",
            f"Pushes come for shop {scope.shop_id}, which is not connected in {scope.environment.value}",
            "Connect the shop, then replay its parked events; or remove the push address from that shop's app.",
            scope.shop_id,
            event_id=events[-1].id,
        )
    )


def _wait_or_park_missing(scope: Scope, event: ClaimedEvent, verdict: Verdict) -> None:
    """The marketplace pushes before it can be asked: wait a little, then park."""
    if event.attempts + 1 < _NOT_FOUND_ATTEMPTS:
        due_in = pause(None, event.attempts, rule_for(RateLimited()))
        verdict.outcomes[event.id] = Outcome(EventState.RECEIVED, "not found yet", due_in=due_in, counts=True)
        return
    note, reason = "the marketplace does not know this order", ParkedReason.ORDER_NOT_FOUND
    verdict.outcomes[event.id] = Outcome(EventState.PARKED, note, parked_reason=reason, counts=True)
    verdict.troubles.append(
        Trouble(
            "order_not_found",
            "Pushes name orders that the marketplace does not know",
            "Open the event, and replay it when the order exists.",
            scope.shop_id,
            order_sn=event.order_sn,
            event_id=event.id,
        )
    )


def _settle(scope: Scope, event: ClaimedEvent, verdict: Verdict, error: Exception, now: datetime) -> None:
    rule = rule_for(error)
    text = str(error) if isinstance(error, KedaiError) else f"{type(error).__name__} in the handler"
    if rule.action in {Action.WAIT, Action.RECONNECT}:
        due_in = wait(error, now - event.received_at, rule)
        verdict.outcomes[event.id] = Outcome(EventState.RECEIVED, text, due_in=due_in)
        return
    if event.attempts + 1 < MAX_ATTEMPTS:
        due_in = pause(error, event.attempts, rule)
        verdict.outcomes[event.id] = Outcome(EventState.RECEIVED, text, due_in=due_in, counts=True)
        return
    verdict.outcomes[event.id] = Outcome(EventState.DEAD, text, counts=True)
    verdict.troubles.append(
        Trouble(
            _code(error),
            rule.title or "An event could not be applied",
            rule.next_step,
            scope.shop_id,
            order_sn=event.order_sn,
            event_id=event.id,
        )
    )


def _give_up(verdict: Verdict, batch: Batch, event: ClaimedEvent, text: str, *, code: str) -> None:
    verdict.outcomes[event.id] = Outcome(EventState.DEAD, text)
    next_step = "Open the event, look at its body, and replay it once the cause is mended."
    verdict.troubles.append(Trouble(code, text, next_step, batch.shop_id, order_sn=event.order_sn, event_id=event.id))


def _code(error: Exception) -> str:
    return getattr(error, "remote_code", None) or getattr(error, "code", None) or type(error).__name__


def _portions(events: Sequence[ClaimedEvent], orders_at_once: int) -> list[list[ClaimedEvent]]:
    """The batch in pieces small enough to write in a few milliseconds; an order's events stay together."""
    by_order: dict[str, list[ClaimedEvent]] = {}
    for event in events:
        by_order.setdefault(event.order_sn or "", []).append(event)
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
    mine = {event.order_sn for event in events if event.id in held}
    answered = [one for one in verdict.orders if one.snapshot.order_sn in mine]
    if answered and batch.shop_id is not None:
        orders.upsert(db, Scope(batch.connector, batch.environment, batch.shop_id), answered, now=now)
    crash.point("worker.orders_written")
    applied = _apply_changes(db, batch, held, verdict, now)
    outcomes = verdict.outcomes | {event_id: one.outcome for event_id, one in applied.items()}
    claims.finish(db, held, outcomes, now=now)
    troubles = [one for one in verdict.troubles if one.event_id in held or (first and one.event_id is None)]
    troubles += chain.from_iterable(one.troubles for one in applied.values())
    for trouble in sorted(troubles, key=lambda one: one.fingerprint):
        raise_exception(db, batch.connector, batch.environment, trouble, now=now)
    if first and batch.shop_id is not None:
        _note_shop(db, Scope(batch.connector, batch.environment, batch.shop_id), verdict, now)


def _apply_changes(
    db: Session, batch: Batch, held: set[UUID], verdict: Verdict, now: datetime
) -> dict[UUID, authorizations.Applied]:
    """In order of arrival, so that what was said last about a shop is what stands."""
    return {
        event_id: authorizations.apply(
            db, batch.connector, batch.environment, verdict.changes[event_id], event_id=event_id, now=now
        )
        for event_id in sorted(held & verdict.changes.keys())
    }


def _note_shop(db: Session, scope: Scope, verdict: Verdict, now: datetime) -> None:
    """How the call went; a refusal of the token stops the shop, unless a person has changed how it stands meanwhile."""
    if verdict.call_problem is not None:
        note_call(db, scope, problem=verdict.call_problem, now=now)
    if verdict.reconnect is None:
        return
    shop = find_shop(db, scope, lock=True)
    if shop is not None and shop.state == "connected" and shop.connected_at == verdict.connected_at:
        lose_shop(db, scope, reason=verdict.reconnect, now=now)
