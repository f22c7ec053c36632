"""Reading the inbox: what arrived, what waits. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db.hop import list_values
from kedai.errors import Invalid, NotFound
from kedai.inbox.models import RawEvent, RejectedDelivery
from kedai.inbox.waiting import is_in
from kedai.kit.paging import decode_cursor, encode_cursor
from kedai.values.environment import Environment
from kedai.values.event import EventState
from kedai.values.wording import N_

SCAN = 10_000
"""How many rows a filtered page looks at before it stops and offers to go on."""

RECENT = 5_000
"""Among how many of the newest pushes the last one of each shop is looked for."""

_OF_ONE_ORDER = 500
_INDEXED_STATES = frozenset({EventState.RECEIVED, EventState.PARKED, EventState.DEAD})


@dataclass(frozen=True, slots=True)
class EventRow:
    """One push as a list shows it: everything but its body and headers."""

    id: UUID
    connector: str
    environment: Environment
    code: int | None
    topic: str
    shop_id: str | None
    order_sn: str | None
    pushed_at: datetime | None
    received_at: datetime
    state: str
    parked_reason: str | None
    note: str
    matched_key: str
    matched_url: str
    attempts: int
    stalls: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class EventPage:
    """One page of pushes; short with a ``next_cursor`` means: looked at `SCAN` rows, there are older ones."""

    rows: tuple[EventRow, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a page of pushes is asked for; ``before`` is where the page before it ended."""

    environment: Environment | None
    state: EventState | None
    shop_id: str | None
    before: UUID | None

    def fits(self, row: EventRow) -> bool:
        """The whole wish, for rows that are in memory."""
        return (
            self.environment in {None, row.environment}
            and self.state in {None, row.state}
            and self.shop_id in {None, row.shop_id}
            and (self.before is None or row.id < self.before)
        )

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """Shop and position; how environment and state are asked for depends on the index."""
        conditions = []
        if self.shop_id is not None:
            conditions.append(RawEvent.shop_id == self.shop_id)
        if self.before is not None:
            conditions.append(RawEvent.id < self.before)
        return conditions


_COLUMNS = [getattr(RawEvent, name) for name in EventRow.__dataclass_fields__]


def list_events(
    db: Session,
    *,
    environment: Environment | None,
    state: EventState | None,
    shop_id: str | None,
    order_sn: str | None,
    cursor: str | None,
    cursor_key: bytes,
    limit: int,
    scan: int = SCAN,
) -> EventPage:
    """Pushes, newest first. A filter that no index serves looks at ``scan`` rows a page, however many there are.

    Raises:
        Invalid: the cursor belongs to another list.
    """
    wanted = (environment, state, shop_id, order_sn)
    bound_to = "\0".join(("events", *("*" if one is None else f"={one}" for one in wanted)))
    before = _position(cursor, cursor_key, bound_to)
    wish = _Wish(environment, state, shop_id, before)
    floor: UUID | None = None
    if order_sn is not None:
        found = _of_order(db, order_sn, wish)
    elif state in _INDEXED_STATES:
        found = _in_state(db, state, wish, limit + 1)
    else:
        floor = _scan_end(db, environment, before, offset=scan - 1)
        found = _in_range(db, wish, floor, limit + 1)
    rows = tuple(found[:limit])
    last = rows[-1].id if len(found) > limit else floor
    return EventPage(rows, None if last is None else encode_cursor(cursor_key, bound_to, (last.hex,)))


def count_listed(
    db: Session,
    *,
    environment: Environment | None,
    state: EventState | None,
    shop_id: str | None,
    order_sn: str | None,
    at_most: int,
) -> int:
    """How many pushes `list_events` would list on all its pages, counted no further than ``at_most``."""
    wish = _Wish(environment, state, shop_id, None)
    if order_sn is not None:
        return min(len(_of_order(db, order_sn, wish)), at_most)
    where = wish.conditions()
    if environment is not None:
        where.append(RawEvent.environment == environment)
    if state is not None:
        where.append(is_in(state))
    some = sa.select(RawEvent.id).where(*where).limit(at_most).subquery()
    return db.execute(sa.select(sa.func.count()).select_from(some)).scalar_one()


def list_order_events(
    db: Session, connector: str, *, environment: Environment, shop_id: str, order_sn: str, limit: int
) -> Sequence[EventRow]:
    """The pushes about one order, newest first."""
    where = (RawEvent.order_sn == order_sn, RawEvent.shop_id == shop_id, RawEvent.environment == environment)
    rows = _rows(db, sa.select(*_COLUMNS).where(*where, RawEvent.connector == connector).limit(_OF_ONE_ORDER))
    return sorted(rows, key=lambda row: row.id, reverse=True)[:limit]


def find_event_id(db: Session, connector: str, *, environment: Environment, event_id: bytes) -> UUID | None:
    """The row of a push by what makes it unique, or None."""
    where = (RawEvent.connector == connector, RawEvent.environment == environment, RawEvent.event_id == event_id)
    return db.execute(sa.select(RawEvent.id).where(*where)).scalar_one_or_none()


def get_event(db: Session, event_id: UUID, *, environment: Environment | None) -> RawEvent:
    """One push with its body and headers.

    Raises:
        NotFound: no such push, or it belongs to the other environment.
    """
    row = db.get(RawEvent, event_id)
    if row is None or environment not in {None, row.environment}:
        raise NotFound(N_("There is no such event here."))
    return row


def get_rejected(db: Session, rejected_id: UUID, *, environment: Environment | None) -> RejectedDelivery:
    """One rejected delivery with its body and headers.

    Raises:
        NotFound: no such delivery, or it belongs to the other environment.
    """
    row = db.get(RejectedDelivery, rejected_id)
    if row is None or environment not in {None, row.environment}:
        raise NotFound(N_("There is no such rejected delivery."))
    return row


def read_bodies(db: Session, ids: Sequence[UUID]) -> dict[UUID, bytes]:
    """The exact bytes of some events; for those few kinds whose body says more than the parsed columns."""
    rows = db.execute(sa.select(RawEvent.id, RawEvent.body).where(RawEvent.id.in_(ids)))
    return {row.id: row.body for row in rows}


def find_last_event(db: Session, connector: str, *, environment: Environment) -> EventRow | None:
    """The newest push of an environment, whatever became of it."""
    statement = sa.select(*_COLUMNS).where(RawEvent.environment == environment, RawEvent.connector == connector)
    return next(iter(_rows(db, statement.order_by(RawEvent.id.desc()).limit(1))), None)


def find_last_by_old_key(db: Session, connector: str, *, environment: Environment, since: datetime) -> datetime | None:
    """When the newest push since then came that was signed with the push key that was replaced; None for silence."""
    is_old = RawEvent.matched_key == sa.literal_column("'previous'")  # written out: the small index is for this word
    statement = sa.select(RawEvent.received_at).where(
        is_old, RawEvent.connector == connector, RawEvent.environment == environment
    )
    found = db.execute(statement.order_by(RawEvent.id.desc()).limit(1)).scalar_one_or_none()
    return found if found is not None and found >= since else None


def has_events(db: Session, *, environment: Environment | None) -> bool:
    """Whether anything ever arrived."""
    return _scan_end(db, environment, None, offset=0) is not None


def count_recent(db: Session, *, environment: Environment | None, since: datetime, at_most: int) -> dict[str, int]:
    """How many pushes arrived since then, by state; only the newest ``at_most`` are looked at."""
    newest = sa.select(RawEvent.state, RawEvent.received_at)
    if environment is not None:
        newest = newest.where(RawEvent.environment == environment)
    some = newest.order_by(RawEvent.id.desc()).limit(at_most).subquery()
    statement = sa.select(some.c.state, sa.func.count()).where(some.c.received_at >= since).group_by(some.c.state)
    return {row[0]: row[1] for row in db.execute(statement)}


def find_last_pushes(db: Session, connector: str, *, environment: Environment) -> dict[str, datetime]:
    """When the last push of each shop came, among the environment's newest `RECENT`."""
    newest = sa.select(RawEvent.connector, RawEvent.shop_id, RawEvent.received_at).where(
        RawEvent.environment == environment
    )
    some = newest.order_by(RawEvent.id.desc()).limit(RECENT).subquery()
    statement = sa.select(some.c.shop_id, sa.func.max(some.c.received_at)).where(
        some.c.connector == connector, some.c.shop_id.is_not(None)
    )
    return {row[0]: row[1] for row in db.execute(statement.group_by(some.c.shop_id))}


def _of_order(db: Session, order_sn: str, wish: _Wish) -> list[EventRow]:
    """One order's few pushes: found by its number alone, so that no planner prefers the long list's index."""
    rows = _rows(db, sa.select(*_COLUMNS).where(RawEvent.order_sn == order_sn).limit(_OF_ONE_ORDER))
    return sorted((row for row in rows if wish.fits(row)), key=lambda row: row.id, reverse=True)


def _in_state(db: Session, state: EventState, wish: _Wish, limit: int) -> list[EventRow]:
    rows: list[EventRow] = []
    for where in _partitions(db, state, wish.environment):
        conditions = (*where, *wish.conditions())
        statement = sa.select(*_COLUMNS).where(*conditions)
        if state is EventState.RECEIVED:  # its index is not in order of arrival: without this the long list's is taken
            some = sa.select(RawEvent.id).where(*conditions).limit(SCAN).subquery()
            statement = sa.select(*_COLUMNS).where(RawEvent.id.in_(sa.select(some.c.id)))
        rows += _rows(db, statement.order_by(RawEvent.id.desc()).limit(limit))
    return sorted(rows, key=lambda row: row.id, reverse=True)


def _in_range(db: Session, wish: _Wish, floor: UUID | None, limit: int) -> list[EventRow]:
    statement = sa.select(*_COLUMNS).where(*wish.conditions())
    if wish.environment is not None:
        statement = statement.where(RawEvent.environment == wish.environment)
    if wish.state is not None:
        statement = statement.where(RawEvent.state == wish.state.value)
    if floor is not None:
        statement = statement.where(RawEvent.id >= floor)
    return _rows(db, statement.order_by(RawEvent.id.desc()).limit(limit))


def _scan_end(db: Session, environment: Environment | None, before: UUID | None, *, offset: int) -> UUID | None:
    """The oldest row that a filtered page looks at, or None where there are fewer; read from the index alone."""
    statement = sa.select(RawEvent.id)
    if environment is not None:
        statement = statement.where(RawEvent.environment == environment)
    if before is not None:
        statement = statement.where(RawEvent.id < before)
    return db.execute(statement.order_by(RawEvent.id.desc()).limit(1).offset(offset)).scalar_one_or_none()


def _partitions(
    db: Session, state: EventState, environment: Environment | None
) -> Iterable[tuple[sa.ColumnElement[bool], ...]]:
    """A waiting state's conditions, one tuple for each part of its partial index."""
    environments = tuple(Environment) if environment is None else (environment,)
    return [
        (is_in(state), RawEvent.connector == connector, RawEvent.environment == one)
        for connector in list_values(db, RawEvent.connector)
        for one in environments
    ]


def _rows(db: Session, statement: sa.Select[Any]) -> list[EventRow]:
    return [EventRow(*row) for row in db.execute(statement)]


def _position(cursor: str | None, key: bytes, bound_to: str) -> UUID | None:
    if cursor is None:
        return None
    position = decode_cursor(key, bound_to, cursor)
    if len(position) != 1:
        raise Invalid(N_("The cursor is not valid."), field="cursor")
    return UUID(hex=str(position[0]))
