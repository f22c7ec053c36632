"""What must hold when a storm is over, whatever happened in it; it knows nothing of the code.

Each check yields complaints in words: none where all is well. `tests/unit/test_verdict.py` proves that each can.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

ENDS = {("applied", None), ("skipped", None), ("parked", "inactive_environment")}
WHOLE_SECOND = 1
"""Instants of calls are whole seconds: a span may be one shorter than it looks."""


class Line(NamedTuple):
    """One line of an order."""

    item_id: str
    model_id: str
    sku: str
    quantity: int
    price: Decimal | None


class Order(NamedTuple):
    """What can be compared of an order as the marketplace states it and as Kedai believes it."""

    shop_id: str
    order_sn: str
    status: str
    currency: str
    total: Decimal | None
    created_at: int
    updated_at: int
    lines: tuple[Line, ...]


class Event(NamedTuple):
    """A stored push."""

    shop_id: str | None
    order_sn: str | None
    state: str
    parked_reason: str | None
    body: bytes


class Call(NamedTuple):
    """What the marketplace was asked, and when, in whole seconds of its own clock; in the order of arrival."""

    partner_id: str
    shop_id: str
    path: str
    at: int


class Named(NamedTuple):
    """A row of any table that names a shop or an order."""

    table: str
    shop_id: str
    order_sn: str | None


@dataclass(frozen=True)
class Market:
    """One environment as the marketplace tells it."""

    partner_id: str
    shop_ids: Collection[str]
    orders: Collection[Order]
    sent: Collection[bytes]
    """The bodies of all its pushes."""

    acknowledged: Collection[bytes]
    """Those that were answered as stored."""

    calls: Collection[Call]


@dataclass(frozen=True)
class Held:
    """One environment as Kedai holds it."""

    events: Collection[Event]
    orders: Collection[Order]
    named: Collection[Named]


@dataclass(frozen=True)
class Limit:
    """How fast one app may call for one shop; ``in_flight`` calls at most are on their way at once.

    Those can arrive in one moment, where the marketplace was slow to look.
    """

    rate: float
    burst: int
    in_flight: int


def lost(market: Market, held: Held) -> Iterator[str]:
    """Acknowledged is stored."""
    stored = {event.body for event in held.events}
    for body in sorted(set(market.acknowledged) - stored):
        yield f"a push was acknowledged and is not stored: {body[:200]!r}"


def unfinished(_market: Market, held: Held) -> Iterator[str]:
    """Every stored push came to its end."""
    for event in held.events:
        end = event.state, event.parked_reason
        if end not in ENDS:
            yield f"a push about {event.order_sn} of shop {event.shop_id} is {' '.join(filter(None, end))}"


def unequal(market: Market, held: Held) -> Iterator[str]:
    """What is believed is what the marketplace says, order by order, and nothing is missing or invented."""
    stated = {(one.shop_id, one.order_sn): one for one in market.orders}
    believed = {(one.shop_id, one.order_sn): one for one in held.orders}
    for key in sorted(stated.keys() | believed.keys()):
        if stated.get(key) != believed.get(key):
            yield f"the marketplace says {stated.get(key)}, and Kedai believes {believed.get(key)}"


def doubled(_market: Market, held: Held) -> Iterator[str]:
    """One row per order, and one per push."""
    rows: Counter[tuple[object, ...]] = Counter((one.shop_id, one.order_sn) for one in held.orders)
    rows.update((event.body,) for event in held.events)
    yield from (f"{count} rows of {key}" for key, count in rows.items() if count > 1)


def crossed(market: Market, held: Held) -> Iterator[str]:
    """Nothing that is held here, and nothing that was asked here, is the other environment's."""
    sent, shops = set(market.sent), set(market.shop_ids)
    numbers = {one.order_sn for one in market.orders}
    for event in held.events:
        if event.body not in sent:
            yield f"a push is stored that was not sent here: {event.body[:200]!r}"
    for row in held.named:
        if row.shop_id not in shops or row.order_sn not in {None, *numbers}:
            yield f"{row.table} names order {row.order_sn} of shop {row.shop_id}"
    for call in market.calls:
        if call.partner_id != market.partner_id or call.shop_id not in {"", *shops}:
            yield f"app {call.partner_id} called {call.path} for shop {call.shop_id}"


def too_fast(calls: Iterable[Call], limit: Limit) -> Iterator[str]:
    """In no span of time more calls of an app for a shop than burst and rate allow.

    A bucket that leaks at the rate: that it never overflows is the same as that for all spans.
    """
    lanes: dict[tuple[str, str], list[int]] = defaultdict(list)
    for call in calls:
        lanes[call.partner_id, call.shop_id].append(call.at)
    most = limit.burst + limit.in_flight + WHOLE_SECOND * limit.rate
    for (partner_id, shop_id), instants in lanes.items():
        peak = _peak(instants, limit.rate)
        if peak > most:
            yield f"app {partner_id} for shop {shop_id}: {peak:.0f} calls too many at once, {most:.0f} may be"


def _peak(instants: Iterable[int], rate: float) -> float:
    """The fullest that the bucket was. A clock that was put back lets no time go by, one put forward empties it."""
    level = peak = 0.0
    before: int | None = None
    for instant in instants:
        elapsed = 0 if before is None else max(instant - before, 0)
        level, before = max(level - elapsed * rate, 0.0) + 1, instant
        peak = max(peak, level)
    return peak


Check = Callable[[Market, Held], Iterator[str]]
CHECKS: tuple[Check, ...] = (lost, unfinished, unequal, doubled, crossed)


def judge(market: Market, held: Held, limit: Limit) -> list[str]:
    """All complaints about one environment."""
    complaints = [f"{check.__name__}: {one}" for check in CHECKS for one in check(market, held)]
    return complaints + [f"too_fast: {one}" for one in too_fast(market.calls, limit)]
