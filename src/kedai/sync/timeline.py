"""An order's whole story from stored rows: pushes, readings, changes, earnings and what people did, in one list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from kedai.audit.queries import list_deeds
from kedai.inbox.queries import EventRow, list_order_events
from kedai.kit.ids import show_id
from kedai.orders import details, escrow

if TYPE_CHECKING:
    from kedai.orders.models import OrderPackageChange, OrderSync, OrderTimeline

MOST = 200
"""Entries of each source that are looked at, and of the whole that are shown."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened; ``kind`` tells which of the rest is set. ``at`` is when we learned of it.

    Kinds: ``push`` (``event``), ``read`` and ``settled`` (``answer``), ``status`` (``change``), ``package``
    (``package``), ``deed`` (``action``, ``who``). ``stated_at`` is the marketplace's own instant, where it has one.
    """

    at: datetime
    kind: str
    stated_at: datetime | None = None
    event: EventRow | None = None
    answer: str | None = None
    change: OrderTimeline | None = None
    package: OrderPackageChange | None = None
    action: str | None = None
    who: str | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """Latest first; ``cut`` where older entries are left out."""

    entries: tuple[Entry, ...]
    cut: bool


_RANK = {"push": 0, "deed": 1, "read": 2, "status": 3, "package": 4, "settled": 5}
"""What leads to what: the order of things that were learned at the same instant."""


def read_timeline(db: Session, order: OrderSync, *, most: int = MOST) -> Timeline:
    """Every source along its own index, a bounded number of rows each, merged here."""
    sources = [list(source) for source in _sources(db, order, most + 1)]
    entries = sorted(
        (one for source in sources for one in source), key=lambda one: (one.at, _RANK[one.kind]), reverse=True
    )
    return Timeline(tuple(entries[:most]), len(entries) > most or any(len(source) > most for source in sources))


def _sources(db: Session, order: OrderSync, limit: int) -> Iterator[Iterator[Entry]]:
    events = list_order_events(
        db,
        order.connector,
        environment=order.environment,
        shop_id=order.shop_id,
        order_sn=order.order_sn,
        limit=limit,
    )
    yield (Entry(one.received_at, "push", event=one) for one in events)
    yield (
        Entry(at, "settled" if kind == escrow.KIND else "read", answer=kind)
        for kind, at in details.list_readings(db, order, limit=limit)
    )
    changes = details.list_timeline(db, order, limit=limit)
    yield (Entry(one.recorded_at, "status", one.remote_updated_at, change=one) for one in changes)
    moved = details.list_package_changes(db, order, limit=limit)
    yield (Entry(one.recorded_at, "package", one.changed_at, package=one) for one in moved)
    deeds = list_deeds(db, subject=show_id("ord", order.id), environment=order.environment, limit=limit)
    yield (Entry(one.at, "deed", action=one.action, who=one.actor_name) for one in deeds)
