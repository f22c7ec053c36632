"""Judging a batch: what its events say, what the marketplace answers, and what is to be written of both.

No transaction is open while we wait for the marketplace.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from kedai.connector_exceptions.service import Trouble
from kedai.connectors.base import ReadsConnectionPushes
from kedai.errors import KedaiError, RateLimited, RemoteMisconfigured
from kedai.inbox.claims import Batch, ClaimedEvent, Outcome
from kedai.inbox.queries import read_bodies
from kedai.orders import service as orders
from kedai.orders.service import PreparedOrder
from kedai.sync import tellings
from kedai.sync.asking import tell_state
from kedai.sync.outcome import MAX_ATTEMPTS, Action, next_step, pause, rule_for, wait
from kedai.sync.parts import Parts
from kedai.sync.tokens import TokenCalls, call_with_token, open_calls
from kedai.values.environment import Scope
from kedai.values.event import Announcement, ConnectionChange, EventState, PackageNews, ParkedReason, Topic
from kedai.values.order import OrderSnapshot
from kedai.values.wording import N_
from kedai.vault.queries import find_shop

MAX_STALLS = 3
_NOT_FOUND_ATTEMPTS = 5
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
    news: dict[UUID, PackageNews] = field(default_factory=dict)
    announcements: dict[UUID, tuple[Announcement, ...]] = field(default_factory=dict)
    order_of: dict[UUID, str] = field(default_factory=dict)
    """The order of each event that is about one; a booking's event names it nowhere else."""
    reconnect: str | None = None
    call_problem: str | None = None
    """How the calls went: empty where all went well, ``None`` where none was made."""
    app_problem: str | None = None
    """What the calls said of the app: empty where all went well, ``None`` where they said nothing of it."""
    connected_at: datetime | None = None
    """When the shop that was asked had been connected: a refusal says nothing of a newer connection."""


async def judge(parts: Parts, batch: Batch) -> Verdict:
    """Decide what becomes of every event of a batch; nothing is written yet.

    Raises:
        StorageUnavailable: the database went away before the marketplace was asked.
    """
    verdict = Verdict()
    others, about_connection = [], []
    for event in batch.events:
        if event.stalls >= MAX_STALLS:
            _give_up(verdict, batch, event, N_("The worker died three times while it held this event."), code="stalled")
        elif event.topic == Topic.MALFORMED:
            _give_up(
                verdict, batch, event, N_("The push was signed correctly but cannot be understood."), code="malformed"
            )
        elif event.topic == Topic.CONNECTION:
            about_connection.append(event)
        else:
            others.append(event)
    if about_connection:
        await _read_changes(parts, batch, about_connection, verdict)
    if others:
        told = await tellings.sort(parts, batch, others)
        verdict.outcomes |= told.outcomes
        verdict.news, verdict.announcements = told.news, told.announcements
        verdict.order_of = {event.id: event.order_sn for event in told.about_orders if event.order_sn is not None}
        if told.about_orders and batch.shop_id is not None:
            scope = Scope(batch.connector, batch.environment, batch.shop_id)
            await _judge_orders(parts, scope, told.about_orders, verdict)
    return verdict


async def _read_changes(parts: Parts, batch: Batch, events: Sequence[ClaimedEvent], verdict: Verdict) -> None:
    """What pushes about the connection say; it is written with their outcome, since nobody need be asked."""
    connector = parts.connector(batch.connector)
    ids = [event.id for event in events]
    bodies = await parts.read(lambda db: read_bodies(db, ids))
    for event in events:
        if not isinstance(connector, ReadsConnectionPushes):
            verdict.outcomes[event.id] = Outcome(EventState.SKIPPED, tellings.NOTHING_TO_DO)
            continue
        change = connector.parse_connection(bodies[event.id])
        if change is None:
            _give_up(verdict, batch, event, N_("The push does not say whom it is about."), code="malformed")
        else:
            verdict.changes[event.id] = change


async def _judge_orders(parts: Parts, scope: Scope, events: Sequence[ClaimedEvent], verdict: Verdict) -> None:
    shop = await parts.read(lambda db: find_shop(db, scope))
    if shop is None or shop.state == "pending":
        _park_unknown_shop(scope, events, verdict)
    elif shop.state != "connected":
        note = tell_state(shop.state)
        due_in = _RESTING_SHOP_PAUSE if shop.state in {"paused", "disconnected"} else _IDLE_SHOP_PAUSE
        for event in events:
            verdict.outcomes[event.id] = Outcome(EventState.RECEIVED, note, due_in=due_in)
    else:
        verdict.connected_at = shop.connected_at
        await _ask_side_by_side(parts, scope, events, verdict)


async def _ask_side_by_side(parts: Parts, scope: Scope, events: Sequence[ClaimedEvent], verdict: Verdict) -> None:
    """As many calls as the orders need, with one look at what they all need."""
    try:
        calls = await open_calls(parts, scope)
    except Exception as error:  # noqa: BLE001  every failure becomes an outcome of its events
        _settle_all(parts, scope, events, verdict, error)
        return
    portions = _by_calls(events, parts.connector(scope.connector).orders_per_call)
    await asyncio.gather(*(_ask(calls, scope, some, verdict) for some in portions))


def _by_calls(events: Sequence[ClaimedEvent], orders_per_call: int) -> Iterable[list[ClaimedEvent]]:
    """The events that one call answers; an order's events stay together."""
    numbers = sorted({event.order_sn for event in events if event.order_sn is not None})
    for first in range(0, len(numbers), orders_per_call):
        some = set(numbers[first : first + orders_per_call])
        yield [event for event in events if event.order_sn in some]


async def _ask(calls: TokenCalls, scope: Scope, events: Sequence[ClaimedEvent], verdict: Verdict) -> None:
    """One call for all; refused as a whole, it is split in half until the order at fault stands alone."""
    numbers = sorted({event.order_sn for event in events if event.order_sn is not None})
    try:
        snapshots = await calls.make(lambda client, token: client.get_orders(scope.shop_id, token, numbers))
    except Exception as error:  # noqa: BLE001  every failure becomes an outcome of its events
        if rule_for(error).action is Action.SPLIT and len(numbers) > 1:
            await _ask_in_halves(calls, scope, events, numbers, verdict)
        else:
            _settle_all(calls.parts, scope, events, verdict, error)
        return
    verdict.call_problem, verdict.app_problem = verdict.call_problem or "", verdict.app_problem or ""
    verdict.orders.extend(orders.prepare(snapshots))
    found = {snapshot.order_sn for snapshot in snapshots}
    for event in events:
        if event.order_sn in found:
            verdict.outcomes[event.id] = Outcome(EventState.APPLIED)
        else:
            _wait_or_park_missing(scope, event, verdict)


async def _ask_in_halves(
    calls: TokenCalls, scope: Scope, events: Sequence[ClaimedEvent], numbers: Sequence[str], verdict: Verdict
) -> None:
    log.info("a call was refused as a whole and is split", shop=str(scope), orders=len(numbers))
    first = set(numbers[: len(numbers) // 2])
    await _ask(calls, scope, [event for event in events if event.order_sn in first], verdict)
    await _ask(calls, scope, [event for event in events if event.order_sn not in first], verdict)


def _settle_all(parts: Parts, scope: Scope, events: Sequence[ClaimedEvent], verdict: Verdict, error: Exception) -> None:
    """The same failure for all of them, and what a person is told of it."""
    rule = rule_for(error)
    log.warning("orders not read", shop=str(scope), events=len(events), error=type(error).__name__, detail=str(error))
    verdict.call_problem = _told(error)
    for event in events:
        settle(scope, event, verdict, error, parts.clock.now())
    if isinstance(error, RemoteMisconfigured):
        verdict.app_problem = N_(
            "%(problem)s To do: %(next_step)s", problem=error.message, next_step=next_step(error, rule)
        )
    if rule.action is Action.RECONNECT:
        verdict.reconnect = str(error)
    if rule.title is not None and rule.action in {Action.WAIT, Action.RECONNECT}:
        shop_id = None if isinstance(error, RemoteMisconfigured) else scope.shop_id  # it is about the app of all shops
        trouble = Trouble(_code(error), rule.title, next_step(error, rule), shop_id, message=_told(error))
        verdict.troubles.append(trouble)


async def fetch_orders(parts: Parts, scope: Scope, order_sns: Sequence[str]) -> tuple[OrderSnapshot, ...]:
    """Read orders with the shop's token; a token that is refused is refreshed once.

    Raises:
        KedaiError: as the connector sorts the marketplace's answer.
    """
    return await call_with_token(parts, scope, lambda client, token: client.get_orders(scope.shop_id, token, order_sns))


def _park_unknown_shop(scope: Scope, events: Sequence[ClaimedEvent], verdict: Verdict) -> None:
    for event in events:
        verdict.outcomes[event.id] = Outcome(
            EventState.PARKED, N_("this shop is not connected here"), parked_reason=ParkedReason.UNKNOWN_SHOP
        )
    verdict.troubles.append(
        Trouble(
            "unknown_shop",
            N_(
                "Pushes come for shop %(shop_id)s, which is not connected in %(environment)s",
                shop_id=scope.shop_id,
                environment=scope.environment.value,
            ),
            N_("Connect the shop, then replay its parked events; or remove the push address from that shop's app."),
            scope.shop_id,
            event_id=events[-1].id,
        )
    )


def _wait_or_park_missing(scope: Scope, event: ClaimedEvent, verdict: Verdict) -> None:
    """The marketplace pushes before it can be asked: wait a little, then park."""
    if event.attempts + 1 < _NOT_FOUND_ATTEMPTS:
        due_in = pause(None, event.attempts, rule_for(RateLimited()))
        verdict.outcomes[event.id] = Outcome(EventState.RECEIVED, N_("not found yet"), due_in=due_in, counts=True)
        return
    note, reason = N_("the marketplace does not know this order"), ParkedReason.ORDER_NOT_FOUND
    verdict.outcomes[event.id] = Outcome(EventState.PARKED, note, parked_reason=reason, counts=True)
    verdict.troubles.append(
        Trouble(
            "order_not_found",
            N_("Pushes name orders that the marketplace does not know"),
            N_("Open the event, and replay it when the order exists."),
            scope.shop_id,
            order_sn=event.order_sn,
            event_id=event.id,
        )
    )


def settle(scope: Scope, event: ClaimedEvent, verdict: Verdict, error: Exception, now: datetime) -> None:
    """What a failure means for one event: it waits, is tried again, or is dead after its tries."""
    rule = rule_for(error)
    text = _told(error)
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
            rule.title or N_("An event could not be applied"),
            rule.next_step,
            scope.shop_id,
            order_sn=event.order_sn,
            event_id=event.id,
            message=text,
        )
    )


def _give_up(verdict: Verdict, batch: Batch, event: ClaimedEvent, text: str, *, code: str) -> None:
    verdict.outcomes[event.id] = Outcome(EventState.DEAD, text)
    next_step = N_("Open the event, look at its body, and replay it once the cause is mended.")
    verdict.troubles.append(Trouble(code, text, next_step, batch.shop_id, order_sn=event.order_sn, event_id=event.id))


def _told(error: Exception) -> str:
    """What is stored and shown of a failure; an error that is not ours may quote an address with a token in it."""
    return str(error) if isinstance(error, KedaiError) else N_("%(fault)s in the handler", fault=type(error).__name__)


def _code(error: Exception) -> str:
    return getattr(error, "remote_code", None) or getattr(error, "code", None) or type(error).__name__
