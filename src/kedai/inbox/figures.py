"""How pushes fared over time, a row per minute and per hour. Counted from the inbox itself, as often as one likes.

Whoever counts a minute anew finds at least what was found before, and each number keeps the greatest that anybody
found. So any number of processes may count the same minute, in any sequence, and again after a restart.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db.database import dialect_of
from kedai.db.types import Integer, UtcDateTime
from kedai.db.upsert import insert_into
from kedai.inbox.models import EventFigure, RawEvent
from kedai.kit.ids import first_id
from kedai.values.environment import ConnectorName, Environment
from kedai.values.event import EventState

MINUTE: Final = 60
HOUR: Final = 3600
"""Their seconds."""

GRAIN: Final = {MINUTE: "minute", HOUR: "hour"}
"""Their names in the table."""

MINUTES_KEPT_DAYS: Final = 2
BOUNDS_MS: Final = {
    "within_100ms": 100,
    "within_1s": 1_000,
    "within_5s": 5_000,
    "within_30s": 30_000,
    "within_5min": 300_000,
}
"""How many of the applied took no longer than that from receipt on."""

_COUNTS = ("received", "parked", "applied", "skipped", "failed", "latency_ms", *BOUNDS_MS)
_LATE = timedelta(minutes=2)  # so much later a row may be committed than it says it was received or finished
_OLDER_ID = timedelta(minutes=5)  # the id is made a little before or after the instant of receipt is taken
_KEY = ("connector", "environment", "grain", "starts_at")

Figures = dict[tuple[str, Environment, datetime], dict[str, int]]
"""Counts by marketplace, environment and beginning of the minute."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One minute or hour, of one marketplace's environment or of several together."""

    starts_at: datetime
    received: int
    parked: int
    applied: int
    skipped: int
    failed: int
    latency_ms: int
    within: tuple[int, ...]
    oldest_ms: int | None


def floor_to(at: datetime, seconds: int) -> datetime:
    """The beginning of the minute or hour."""
    return at - timedelta(seconds=at.timestamp() % seconds)


def find_beginning(db: Session, *, now: datetime) -> datetime:
    """From which minute on to count: a little before the last one that was counted, as far back as minutes are kept."""
    statement = sa.select(sa.func.max(EventFigure.starts_at, type_=UtcDateTime)).where(
        EventFigure.grain == GRAIN[MINUTE]
    )
    last = db.execute(statement).scalar()
    if last is None:
        return floor_to(now - _LATE, MINUTE)
    return max(min(last, floor_to(now, MINUTE)) - _LATE, floor_to(now - timedelta(days=MINUTES_KEPT_DAYS), MINUTE))


def count_minutes(db: Session, connectors: Iterable[ConnectorName], since: datetime, until: datetime) -> Figures:
    """What became of the pushes of each whole minute from ``since`` until before ``until``; a look that locks nothing.

    Minutes in which nothing happened are among them: a row says that somebody looked.
    """
    minutes = [since + timedelta(minutes=one) for one in range(int((until - since).total_seconds()) // MINUTE)]
    found: Figures = {(name, one, at): {} for name in connectors for one in Environment for at in minutes}
    for environment in Environment:
        rows = [*_count_received(db, environment, since, until), *_count_finished(db, environment, since, until)]
        for row in rows:
            found.setdefault((row["connector"], environment, row["starts_at"]), {}).update(
                {name: int(value or 0) for name, value in row.items() if name in _COUNTS}
            )
    return found


def note_oldest(db: Session, figures: Figures, *, now: datetime) -> None:
    """Add to the present minute how long the oldest push that waits has waited; zero where none does."""
    minute = floor_to(now, MINUTE)
    for (connector, environment, starts_at), counts in figures.items():
        if starts_at == minute:
            waiting = RawEvent.state == sa.literal(EventState.RECEIVED.value, literal_execute=True)
            mine = (waiting, RawEvent.connector == connector, RawEvent.environment == environment)
            oldest = db.execute(sa.select(sa.func.min(RawEvent.received_at, type_=UtcDateTime)).where(*mine)).scalar()
            counts["oldest_ms"] = 0 if oldest is None else max((now - oldest) // timedelta(milliseconds=1), 0)


def without_known(db: Session, figures: Figures) -> Figures:
    """Those that say more than what is stored: on a quiet day there is next to nothing to write."""
    if not figures:
        return {}
    first = min(starts_at for _name, _environment, starts_at in figures)
    columns = EventFigure.__table__.c
    statement = sa.select(EventFigure.__table__).where(columns.grain == GRAIN[MINUTE], columns.starts_at >= first)
    known = {(row["connector"], row["environment"], row["starts_at"]): row for row in db.execute(statement).mappings()}

    def says_more(key: tuple[str, Environment, datetime], counts: dict[str, int]) -> bool:
        row = known.get(key)
        return row is None or any(row[name] is None or value > row[name] for name, value in counts.items())

    return {key: counts for key, counts in figures.items() if says_more(key, counts)}


def store_figures(db: Session, figures: Figures) -> None:
    """Write minutes, and the hours that they belong to."""
    if not figures:
        return
    blank: dict[str, int | None] = {**dict.fromkeys(_COUNTS, 0), "oldest_ms": None}
    _raise_to(db, MINUTE, [(*key, {**blank, **counts}) for key, counts in sorted(figures.items())])
    hours = sorted({(name, environment, floor_to(at, HOUR)) for name, environment, at in figures})
    _raise_to(db, HOUR, [(*key, _sum_hour(db, *key)) for key in hours])


def list_figures(
    db: Session, *, environments: Collection[Environment], seconds: int, since: datetime, until: datetime
) -> list[Figure]:
    """What is known of each minute or hour in that time, oldest first; all marketplaces and environments together."""
    columns = EventFigure.__table__.c
    asked = (columns.grain == GRAIN[seconds], columns.starts_at >= since, columns.starts_at < until)
    statement = sa.select(columns.starts_at, *_summed(columns)).where(columns.environment.in_(environments), *asked)
    rows = db.execute(statement.group_by(columns.starts_at).order_by(columns.starts_at)).mappings()
    return [_figure(row) for row in rows]


def _count_received(db: Session, environment: Environment, since: datetime, until: datetime) -> list[dict[str, Any]]:
    parked = RawEvent.state == EventState.PARKED.value
    statement = (
        sa.select(
            RawEvent.connector,
            _minute(db, RawEvent.received_at).label("starts_at"),
            sa.func.count().label("received"),
            sa.func.count().filter(parked).label("parked"),
        )
        .where(RawEvent.environment == environment, RawEvent.id >= first_id(since - _OLDER_ID))
        .where(RawEvent.received_at >= since, RawEvent.received_at < until)
        .group_by("connector", "starts_at")
    )
    return [dict(row) for row in db.execute(statement).mappings()]


def _count_finished(db: Session, environment: Environment, since: datetime, until: datetime) -> list[dict[str, Any]]:
    took = _milliseconds(db, RawEvent.received_at, RawEvent.finished_at)
    applied = RawEvent.state == EventState.APPLIED.value
    statement = (
        sa.select(
            RawEvent.connector,
            _minute(db, RawEvent.finished_at).label("starts_at"),
            sa.func.count().filter(applied).label("applied"),
            sa.func.count().filter(RawEvent.state == EventState.SKIPPED.value).label("skipped"),
            sa.func.count().filter(RawEvent.state == EventState.DEAD.value).label("failed"),
            sa.func.sum(took).filter(applied).label("latency_ms"),
            *(sa.func.count().filter(applied, took <= most).label(name) for name, most in BOUNDS_MS.items()),
        )
        .where(RawEvent.environment == environment)
        .where(RawEvent.finished_at >= since, RawEvent.finished_at < until)
        .group_by("connector", "starts_at")
    )
    return [dict(row) for row in db.execute(statement).mappings()]


def _minute(db: Session, column: Any) -> sa.ColumnElement[datetime]:
    """The beginning of an instant's minute, in the words of the database at hand."""
    if dialect_of(db) == "postgresql":
        return sa.func.date_trunc("minute", column, type_=UtcDateTime)
    microseconds = sa.type_coerce(column, Integer)
    return sa.type_coerce(microseconds - microseconds % 60_000_000, UtcDateTime)


def _milliseconds(db: Session, begun: Any, ended: Any) -> sa.ColumnElement[int]:
    """The whole milliseconds between two instants; never less than none."""
    if dialect_of(db) == "postgresql":
        seconds = sa.extract("epoch", sa.type_coerce(ended, sa.DateTime) - sa.type_coerce(begun, sa.DateTime))
        return sa.func.greatest(sa.cast(sa.func.floor(seconds * 1000), Integer), 0)
    microseconds = sa.type_coerce(ended, Integer) - sa.type_coerce(begun, Integer)
    return sa.func.max(microseconds // 1000, 0, type_=Integer)


def _sum_hour(db: Session, connector: str, environment: Environment, hour: datetime) -> dict[str, int | None]:
    columns = EventFigure.__table__.c
    mine = (columns.connector == connector, columns.environment == environment, columns.grain == GRAIN[MINUTE])
    span = (columns.starts_at >= hour, columns.starts_at < hour + timedelta(seconds=HOUR))
    row = db.execute(sa.select(*_summed(columns)).where(*mine, *span)).mappings().one()
    return {name: None if value is None else int(value) for name, value in row.items()}


def _summed(columns: Any) -> list[sa.ColumnElement[Any]]:
    counts = [sa.func.sum(columns[name]).label(name) for name in _COUNTS]
    return [*counts, sa.func.max(columns.oldest_ms).label("oldest_ms")]


def _raise_to(
    db: Session, seconds: int, rows: Sequence[tuple[str, Environment, datetime, dict[str, int | None]]]
) -> None:
    """Insert what is missing; of what is there, each number is raised to what was found, and never lowered."""
    values = [dict(zip(_KEY, (name, one, GRAIN[seconds], at), strict=True)) | counts for name, one, at, counts in rows]
    statement = insert_into(db, EventFigure)
    greatest = sa.func.greatest if dialect_of(db) == "postgresql" else sa.func.max
    columns, given = EventFigure.__table__.c, statement.excluded
    raised = {name: greatest(columns[name], given[name]) for name in _COUNTS}
    # the greater of null and a number is null on one database, and the number on the other
    raised["oldest_ms"] = sa.func.coalesce(
        greatest(columns.oldest_ms, given.oldest_ms), columns.oldest_ms, given.oldest_ms
    )
    db.execute(statement.on_conflict_do_update(index_elements=_KEY, set_=raised), values)


def _figure(row: Any) -> Figure:
    within = tuple(int(row[name]) for name in BOUNDS_MS)
    counts = {name: int(row[name]) for name in _COUNTS if name not in BOUNDS_MS}
    oldest = row["oldest_ms"]
    return Figure(row["starts_at"], **counts, within=within, oldest_ms=None if oldest is None else int(oldest))
