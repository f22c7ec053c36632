"""Claiming waiting pushes by lease, and finishing them fenced. The hot statements are static text, in both dialects."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db import lease
from kedai.db.database import dialect_of
from kedai.db.types import Id, Integer, KeyText, UtcDateTime
from kedai.inbox.choosing import Order, Waiting, find_head, goes_by_rows, orders_like, rows_like
from kedai.inbox.models import RawEvent
from kedai.inbox.tries import Try, line_of, with_line
from kedai.kit.ids import new_id
from kedai.values.environment import ConnectorName, Environment
from kedai.values.event import EventState, ParkedReason

_NOT_WELL = (EventState.PARKED, EventState.DEAD)

WINDOW = 500  # rows: as many orders as a batch may hold, where a few events tell of each


class ClaimedEvent(NamedTuple):
    """One push in our hands."""

    id: UUID
    topic: str
    code: int | None
    order_sn: str | None
    attempts: int
    stalls: int
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Batch:
    """Waiting pushes of one shop, held until ``until``: all of each order's, for a limited number of orders."""

    holder: str
    connector: ConnectorName
    environment: Environment
    shop_id: str | None
    until: datetime
    events: tuple[ClaimedEvent, ...]

    @property
    def order_sns(self) -> list[str]:
        """Distinct order numbers, sorted."""
        return sorted({event.order_sn for event in self.events if event.order_sn is not None})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a push. ``due_in`` is set where it waits for another try."""

    state: EventState
    note: str = ""
    parked_reason: ParkedReason | None = None
    due_in: timedelta | None = None
    counts: bool = False


def is_due(db: Session, *, sealed: frozenset[Environment] = frozenset()) -> bool:
    """Whether anything waits to be claimed, sealed environments left out: a look that takes no lock."""
    return db.execute(_first_due(sealed), {"instant": lease.now(db)}).first() is not None


def claim(
    db: Session, *, orders: int, lease_seconds: int, sealed: frozenset[Environment] = frozenset()
) -> Batch | None:
    """Claim the next due work outside the ``sealed`` environments, or None where nothing is due.

    Looks at a window of the oldest due rows, takes the first row's shop, and claims all waiting rows of up to
    ``orders`` of that shop's orders in it. An order somebody holds is passed over. Rows that stalled once go with a few
    like them, and one that stalled again goes alone.
    """
    _keep_planner_from_sorting(db)
    instant = lease.now(db)
    until = instant + timedelta(seconds=lease_seconds)
    window = [Waiting(*row) for row in db.execute(_window(sealed), {"instant": instant})]
    if not window:
        return None
    _lock_shop(db, window[0])
    batch = _take(db, window, orders, instant, until)
    if batch.events:
        return batch
    window = _without_held(db, window, instant)  # whoever holds the oldest must not keep the others waiting
    if not window:
        return None
    return _take(db, window, orders, instant, until) if _lock_shop_at_once(db, window[0]) else batch


def _take(db: Session, window: Sequence[Waiting], orders: int, instant: datetime, until: datetime) -> Batch:
    """Claim what goes together with the window's first row; the batch is empty where others hold all of it."""
    head = find_head(window)
    holder = new_id().hex
    lease_values = {"holder": holder, "until": until, "instant": instant}
    if goes_by_rows(head):
        rows = db.execute(_CLAIM_ROWS, lease_values | {"ids": rows_like(head, window, orders)})
    else:
        place = {"connector": head.connector, "environment": head.environment, "shop_id": head.shop_id}
        numbers = orders_like(head, window, orders)
        statement = _CLAIM_ORDERS[dialect_of(db)]
        given = numbers if dialect_of(db) == "postgresql" else msgspec.json.encode(numbers).decode()
        rows = db.execute(statement, lease_values | place | {"numbers": given})
    events = tuple(sorted(ClaimedEvent(*row) for row in rows))
    environment = Environment(head.environment)
    return Batch(holder, ConnectorName(head.connector), environment, head.shop_id, until, events)


def finish(db: Session, held: set[UUID], outcomes: dict[UUID, Outcome], *, now: datetime) -> None:
    """Write what became of rows that `lock_held` said are still ours; rows lost to another holder are left alone."""
    alike: dict[Outcome, list[UUID]] = {}
    for event_id in sorted(held & outcomes.keys()):
        alike.setdefault(outcomes[event_id], []).append(event_id)
    for outcome, ids in alike.items():
        db.execute(_FINISH, _written(outcome, now) | {"ids": ids})
        if outcome.counts or outcome.state in _NOT_WELL:
            line = line_of(Try(now, outcome.state.value, str(outcome.note)))
            db.execute(sa.update(RawEvent).where(RawEvent.id.in_(ids)).values(tries=with_line(line)))


def lock_held(db: Session, holder: str, ids: Sequence[UUID]) -> set[UUID]:
    """Those of a batch's rows that are still ours, locked."""
    return set(db.execute(_HELD[dialect_of(db)], {"ids": list(ids), "holder": holder}).scalars())


def release(db: Session, holders: Sequence[str]) -> None:
    """Give claimed rows back untouched (an orderly stop is no stall)."""
    db.execute(sa.update(RawEvent).where(RawEvent.lease_by.in_(holders)).values(lease_by=None, lease_until=None))


def void_leases(db: Session) -> None:
    """After taking the lock file of an embedded installation: whoever held rows is gone, and that was a stall."""
    db.execute(
        sa.update(RawEvent)
        .where(RawEvent.state == EventState.RECEIVED, RawEvent.lease_by.is_not(None))
        .values(lease_by=None, lease_until=None, stalls=RawEvent.stalls + 1)
    )


def set_leases_back(db: Session, by: timedelta) -> None:
    """The clock of an embedded installation was set back by so much."""
    lease.set_back(db, RawEvent, by)


def wake_shop(db: Session, connector: ConnectorName, environment: Environment, shop_id: str, *, now: datetime) -> None:
    """Make a shop's waiting pushes due: it was connected again."""
    db.execute(
        sa.update(RawEvent)
        .where(RawEvent.state == EventState.RECEIVED, RawEvent.due_at > now)
        .where(RawEvent.connector == connector, RawEvent.environment == environment, RawEvent.shop_id == shop_id)
        .values(due_at=now)
    )


_FREE = "state = 'received' AND (lease_until IS NULL OR lease_until < :instant)"


@cache
def _window(sealed: frozenset[Environment]) -> sa.TextClause:
    return sa.text(
        "SELECT id, connector, environment, shop_id, order_sn, topic, stalls, lease_by FROM raw_event"
        f" WHERE {_FREE} AND due_at <= :instant{_except(sealed)} ORDER BY due_at, id LIMIT {WINDOW}"
    ).bindparams(sa.bindparam("instant", type_=UtcDateTime))


@cache
def _first_due(sealed: frozenset[Environment]) -> sa.TextClause:
    return sa.text(f"SELECT 1 FROM raw_event WHERE {_FREE} AND due_at <= :instant{_except(sealed)} LIMIT 1").bindparams(
        sa.bindparam("instant", type_=UtcDateTime)
    )


def _except(sealed: frozenset[Environment]) -> str:
    """A condition only where something is sealed: the usual statements stay as they were measured."""
    return "".join(f" AND environment <> '{one.value}'" for one in sorted(sealed))


_TAKE = (
    "UPDATE raw_event SET lease_by = :holder, lease_until = :until,"
    " stalls = stalls + CASE WHEN lease_by IS NULL THEN 0 ELSE 1 END"
)
_TAKEN = "RETURNING id, topic, code, order_sn, attempts, stalls, received_at"


def _claiming(statement: str) -> sa.TextualSelect:
    """A static claim with the types of its parameters and rows."""
    bound = (sa.bindparam("instant", type_=UtcDateTime), sa.bindparam("until", type_=UtcDateTime))
    ids: list[sa.BindParameter[Any]] = [sa.bindparam("ids", expanding=True)] if ":ids" in statement else []
    return (
        sa.text(statement)
        .bindparams(*bound, *ids)
        .columns(
            id=Id,
            topic=KeyText,
            code=Integer,
            order_sn=KeyText,
            attempts=Integer,
            stalls=Integer,
            received_at=UtcDateTime,
        )
    )


_OURS = "state = 'received' AND connector = :connector AND environment = :environment AND shop_id = :shop_id"


def _claiming_orders_postgresql() -> sa.TextualSelect:
    """All waiting rows of the given orders of one shop, except orders that somebody holds.

    Order by order: a planner that believes that next to nothing waits would read all that waits each time.
    """
    held = f"SELECT 1 FROM raw_event WHERE {_OURS} AND order_sn = wanted.order_sn AND lease_until >= :instant"
    free = f"SELECT id FROM raw_event WHERE {_FREE} AND {_OURS} AND order_sn = wanted.order_sn AND NOT EXISTS ({held})"
    wanted = "unnest(CAST(:numbers AS text[])) AS wanted(order_sn)"
    chosen = f"SELECT free.id FROM {wanted} CROSS JOIN LATERAL ({free} FOR UPDATE SKIP LOCKED) AS free"
    return _claiming(f"WITH chosen AS MATERIALIZED ({chosen}) {_TAKE} WHERE id IN (SELECT id FROM chosen) {_TAKEN}")


def _claiming_orders_sqlite() -> sa.TextualSelect:
    """The same; here nobody else writes meanwhile."""
    ours = f"{_OURS} AND order_sn IN (SELECT value FROM json_each(:numbers))"
    held = f"SELECT order_sn FROM raw_event WHERE {ours} AND lease_until >= :instant"
    free = f"SELECT id FROM raw_event WHERE {_FREE} AND {ours} AND order_sn NOT IN ({held})"
    return _claiming(f"{_TAKE} WHERE id IN ({free}) {_TAKEN}")


_CLAIM_ORDERS = {"postgresql": _claiming_orders_postgresql(), "sqlite": _claiming_orders_sqlite()}
_HELD_TWIN = (
    "SELECT 1 FROM raw_event twin WHERE twin.order_sn = raw_event.order_sn AND twin.shop_id = raw_event.shop_id"
    " AND twin.environment = raw_event.environment AND twin.connector = raw_event.connector"
    " AND twin.state = 'received' AND twin.lease_until >= :instant"
)
_CLAIM_ROWS = _claiming(f"{_TAKE} WHERE {_FREE} AND id IN :ids AND NOT EXISTS ({_HELD_TWIN}) {_TAKEN}")


def _held_orders_postgresql() -> sa.TextClause:
    """Order by order, for the same reason as the claim."""
    arrays = ", ".join(f"CAST(:{name}s AS text[])" for name in Order._fields)
    same = " AND ".join(f"{name} = wanted.{name}" for name in Order._fields)
    held = f"SELECT 1 FROM raw_event WHERE {same} AND state = 'received' AND lease_until >= :instant LIMIT 1"
    wanted = f"unnest({arrays}) AS wanted({', '.join(Order._fields)})"
    return sa.text(f"SELECT wanted.* FROM {wanted} CROSS JOIN LATERAL ({held}) AS held")


def _held_orders_sqlite() -> sa.TextClause:
    chosen = "order_sn IN (SELECT value FROM json_each(:order_sns)) AND state = 'received' AND lease_until >= :instant"
    return sa.text(f"SELECT {', '.join(Order._fields)} FROM raw_event WHERE {chosen}")


_HELD_ORDERS = {
    "postgresql": _held_orders_postgresql().bindparams(sa.bindparam("instant", type_=UtcDateTime)),
    "sqlite": _held_orders_sqlite().bindparams(sa.bindparam("instant", type_=UtcDateTime)),
}


def _keep_planner_from_sorting(db: Session) -> None:
    """PostgreSQL believes that next to nothing waits, as it mostly does: it would sort all to find the oldest."""
    if dialect_of(db) == "postgresql":
        db.execute(sa.text("SELECT set_config('enable_sort', 'off', true)"))


def _lock_shop(db: Session, head: Waiting) -> None:
    """On PostgreSQL two claims of one shop come one after the other (SQLite has one writer anyway)."""
    if dialect_of(db) == "postgresql":
        db.execute(sa.text("SELECT pg_advisory_xact_lock(:number)"), {"number": _lock_number(head)})


def _lock_shop_at_once(db: Session, head: Waiting) -> bool:
    """The lock of a second shop, without waiting: two claims that wait crosswise would be a deadlock."""
    if dialect_of(db) != "postgresql":
        return True
    statement = sa.text("SELECT pg_try_advisory_xact_lock(:number)")
    return bool(db.execute(statement, {"number": _lock_number(head)}).scalar_one())


def _lock_number(head: Waiting) -> int:
    text = f"claim|{head.connector}|{head.environment}|{head.shop_id}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)


def _without_held(db: Session, window: Sequence[Waiting], instant: datetime) -> list[Waiting]:
    orders = sorted({row.order for row in window if row.order is not None})
    if dialect_of(db) == "postgresql":
        given: dict[str, Any] = {f"{name}s": [getattr(one, name) for one in orders] for name in Order._fields}
    else:
        given = {"order_sns": msgspec.json.encode([one.order_sn for one in orders]).decode()}
    rows = db.execute(_HELD_ORDERS[dialect_of(db)], given | {"instant": instant})
    held = {Order(*row) for row in rows}
    return [row for row in window if row.order not in held]


def _holding(lock: str) -> sa.TextualSelect:
    statement = f"SELECT id FROM raw_event WHERE id IN :ids AND lease_by = :holder ORDER BY id {lock}"
    return sa.text(statement).bindparams(sa.bindparam("ids", type_=Id, expanding=True)).columns(id=Id)


_HELD = {"postgresql": _holding("FOR UPDATE"), "sqlite": _holding("")}
_FINISH = sa.text(
    "UPDATE raw_event SET state = :state, parked_reason = :parked_reason, note = :note, lease_by = NULL,"
    " lease_until = NULL, finished_at = :finished_at, attempts = attempts + :counted,"
    " due_at = COALESCE(:due_at, due_at) WHERE id IN :ids"
).bindparams(
    sa.bindparam("ids", type_=Id, expanding=True),
    sa.bindparam("finished_at", type_=UtcDateTime),
    sa.bindparam("due_at", type_=UtcDateTime),
)


def _written(outcome: Outcome, now: datetime) -> dict[str, Any]:
    return {
        "state": outcome.state.value,
        "parked_reason": outcome.parked_reason,
        "note": outcome.note,
        "finished_at": None if outcome.state is EventState.RECEIVED else now,
        "counted": int(outcome.counts),
        "due_at": None if outcome.due_in is None else now + outcome.due_in,
    }
