"""How much of the inbox waits, and since when: counts that look at no more rows than they are told. Writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db.hop import MOST_VALUES, hop_along
from kedai.inbox.models import RawEvent
from kedai.values.environment import Environment
from kedai.values.event import EventState, ParkedReason


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits to be worked on: how many (capped), and when the oldest of them arrived."""

    waiting: int
    oldest_received_at: datetime | None


def count_events(
    db: Session, states: Sequence[EventState], *, environments: Collection[Environment], at_most: int
) -> dict[tuple[Environment, EventState], int]:
    """How many pushes are in each of these waiting states (received, parked, dead), ``at_most`` at most.

    One statement, whatever is asked for; the count stops for each marketplace apart.
    """
    places = [(environment, state) for environment in sorted(environments) for state in states]
    connector = hop_along(RawEvent.connector)
    counts = [_count(_some(connector, *place, at_most)).scalar_subquery() for place in places]
    rows = db.execute(_for_each(connector, *counts)).all()
    return {place: min(sum(row[number] for row in rows), at_most) for number, place in enumerate(places)}


def get_queue(db: Session, *, environments: Collection[Environment], at_most: int) -> Queue:
    """What waits in the queue, counted no further than ``at_most``."""
    connector = hop_along(RawEvent.connector)
    counts, oldest = [], []
    for environment in sorted(environments):
        some = _some(connector, environment, EventState.RECEIVED, at_most)
        counts.append(_count(some).scalar_subquery())
        oldest.append(sa.select(sa.func.min(some.c.received_at)).scalar_subquery())
    rows = db.execute(_for_each(connector, *counts, *oldest)).all()
    received = [one for row in rows for one in row[len(counts) :] if one is not None]
    return Queue(min(sum(sum(row[: len(counts)]) for row in rows), at_most), min(received, default=None))


def count_parked(db: Session, connector: str, *, environment: Environment, at_most: int) -> dict[ParkedReason, int]:
    """How many pushes are parked, by reason; ``at_most`` of them are looked at."""
    where = (is_in(EventState.PARKED), RawEvent.connector == connector, RawEvent.environment == environment)
    some = sa.select(RawEvent.parked_reason).where(*where).limit(at_most).subquery()
    statement = sa.select(some.c.parked_reason, sa.func.count()).group_by(some.c.parked_reason)
    return {ParkedReason(reason): count for reason, count in db.execute(statement)}


def count_waiting(db: Session, connector: str, *, environment: Environment, shop_id: str, at_most: int) -> Queue:
    """What of one shop waits in the queue, counted no further than ``at_most``."""
    where = (is_in(EventState.RECEIVED), RawEvent.connector == connector, RawEvent.environment == environment)
    some = sa.select(RawEvent.received_at).where(*where, RawEvent.shop_id == shop_id).limit(at_most).subquery()
    row = db.execute(sa.select(sa.func.count(), sa.func.min(some.c.received_at))).one()
    return Queue(row[0], row[1])


def count_overdue(
    db: Session, connector: str, *, environment: Environment, received_before: datetime, at_most: int
) -> Queue:
    """What of an environment waits in the queue since before an instant, counted no further than ``at_most``."""
    where = (is_in(EventState.RECEIVED), RawEvent.connector == connector, RawEvent.environment == environment)
    late = sa.select(RawEvent.received_at).where(*where, RawEvent.received_at < received_before)
    some = late.limit(at_most).subquery()
    row = db.execute(sa.select(sa.func.count(), sa.func.min(some.c.received_at))).one()
    return Queue(row[0], row[1])


def find_next_due(db: Session) -> datetime | None:
    """Since when (or from when) the first push of the whole queue may be worked on; long past means: nobody works."""
    waits = (is_in(EventState.RECEIVED), RawEvent.due_at.is_not(None))  # its index covers no others
    statement = sa.select(RawEvent.due_at).where(*waits).order_by(RawEvent.due_at, RawEvent.id)
    return db.execute(statement.limit(1)).scalar()


def is_in(state: EventState) -> sa.ColumnElement[bool]:
    """The state written into the statement: a bound one would not prove that a partial index applies."""
    return RawEvent.state == sa.literal(state.value, literal_execute=True)


def _some(connector: sa.CTE, environment: Environment, state: EventState, at_most: int) -> sa.Subquery:
    """So many rows of a marketplace, of one part of the state's index."""
    where = (is_in(state), RawEvent.connector == connector.c.value, RawEvent.environment == environment)
    return sa.select(RawEvent.received_at).where(*where).limit(at_most).correlate(connector).subquery()


def _count(some: sa.Subquery) -> sa.Select[int]:
    return sa.select(sa.func.count()).select_from(some)


def _for_each(connector: sa.CTE, *columns: sa.ScalarSelect[Any]) -> sa.Select[Any]:
    """One row for each marketplace that ever pushed."""
    return sa.select(*columns).select_from(connector).where(connector.c.value.is_not(None)).limit(MOST_VALUES)
