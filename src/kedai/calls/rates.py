"""The buckets that all processes draw from: tokens are taken in blocks, by one statement that needs no earlier look.

Time is the database's on PostgreSQL; on SQLite it is the wall clock, which all processes of the one machine share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from kedai.calls.models import RateBucket
from kedai.db import lease
from kedai.db.database import dialect_of
from kedai.db.types import UtcDateTime
from kedai.db.upsert import insert_into
from kedai.kit.clock import SystemClock
from kedai.values.environment import ConnectorName, Environment
from kedai.values.pace import Block, BucketKey, Pace

_LONGEST_PAUSE = timedelta(days=1)
_LEAST_WAIT_SECONDS = 0.001
_SLOWER = 0.5


@dataclass(frozen=True, slots=True)
class PausedAccount:
    """Whose calls the marketplace refuses for the rest of its day; ``account`` is that of a `BucketKey`."""

    account: str
    until: datetime


def take(db: Connection | Session, key: BucketKey, wanted: int, pace: Pace, *, now: datetime | None = None) -> Block:
    """Take up to ``wanted`` tokens, in one statement; ``now`` is the database's own instant unless it is given.

    Where they are fewer than wanted, the wait is until there are a few more (`Pace.enough`).
    """
    if now is None and dialect_of(db) == "sqlite":
        now = SystemClock().now()
    first = min(wanted, int(pace.saved))
    given = {
        **_named(key),
        "now": now,
        "wanted": wanted,
        "first": first,
        "rest": pace.saved - first,
        "saved": pace.saved,
        "least": pace.least_rate,
        "most": pace.rate,
        "growth": pace.growth,
    }
    row = db.execute(_take(dialect_of(db)), given).one()
    if row.given == wanted:
        return Block(row.given, row.rate)
    if row.pause_seconds is not None and row.pause_seconds > 0:
        return Block(0, row.rate, row.pause_seconds, is_day_used_up=row.paused_by == "day")
    wait = (pace.enough(wanted) - row.tokens) / row.rate
    return Block(row.given, row.rate, max(wait, _LEAST_WAIT_SECONDS))


def slow_down(db: Session, key: BucketKey, seconds: float, pace: Pace, *, now: datetime | None = None) -> None:
    """Heed that calls came too fast: none for so long, then half as many, and what was saved up is gone.

    During a pause nothing more is learnt: those are the answers of calls that went out together with the first.
    """
    now = now or lease.now(db)
    row = _lock(db, key, pace, now)
    if row.paused_until is None or row.paused_until <= now:
        row.rate = max(_rate_at(row, pace, now) * _SLOWER, pace.least_rate)
    _pause(row, now + timedelta(seconds=seconds), "rate", now)


def rest_for_the_day(db: Session, key: BucketKey, seconds: float, pace: Pace, *, now: datetime | None = None) -> None:
    """Heed that the day's calls are used up, which says nothing of the pace; the pause ends on a whole second."""
    now = now or lease.now(db)
    half_a_second = timedelta(seconds=0.5)
    until = (now + timedelta(seconds=seconds) + half_a_second).replace(microsecond=0)
    _pause(_lock(db, key, pace, now), until, "day", now)


def list_paused_for_the_day(
    db: Session, name: ConnectorName, *, environment: Environment, partner_id: str, now: datetime
) -> Sequence[PausedAccount]:
    """Whose calls of the day an app has used up, by account."""
    statement = (
        sa.select(RateBucket.account, RateBucket.paused_until)
        .where(RateBucket.connector == name, RateBucket.environment == environment)
        .where(RateBucket.partner_id == partner_id)
        .where(RateBucket.paused_by == "day", RateBucket.paused_until > now)
        .order_by(RateBucket.account)
    )
    return [PausedAccount(account, until) for account, until in db.execute(statement) if until is not None]


def _lock(db: Session, key: BucketKey, pace: Pace, now: datetime) -> RateBucket:
    full = {"tokens": pace.saved, "rate": pace.rate, "given": 0, "filled_at": now, "paused_by": ""}
    db.execute(insert_into(db, RateBucket).values(**_named(key), **full).on_conflict_do_nothing())
    return db.get_one(RateBucket, tuple(key), with_for_update=True, populate_existing=True)


def _rate_at(row: RateBucket, pace: Pace, now: datetime) -> float:
    passed = now - max(row.filled_at, row.paused_until or row.filled_at)
    return min(row.rate + max(passed.total_seconds(), 0.0) * pace.growth, pace.rate)


def _pause(row: RateBucket, until: datetime, reason: str, now: datetime) -> None:
    """An earlier pause is never shortened."""
    row.tokens, row.given, row.filled_at = 0.0, 0, now
    until = min(until, now + _LONGEST_PAUSE)
    if row.paused_until is None or until > row.paused_until:
        row.paused_until, row.paused_by = until, reason


def _named(key: BucketKey) -> dict[str, object]:
    return {**key._asdict(), "environment": key.environment.value}


@dataclass(frozen=True, slots=True)
class _Dialect:
    """What the two databases call differently."""

    least: str
    greatest: str
    floor: str
    now: str
    minute: str
    seconds: str


_DIALECTS: Final = {
    "sqlite": _Dialect("min", "max", "CAST({} AS INTEGER)", ":now", "60000000", "(({} - {}) / 1000000.0)"),
    "postgresql": _Dialect(
        "least",
        "greatest",
        "floor({})",
        "COALESCE(CAST(:now AS timestamptz), statement_timestamp())",
        "interval '1 minute'",
        "CAST(EXTRACT(EPOCH FROM ({} - {})) AS double precision)",
    ),
}


@cache
def _take(dialect: str) -> sa.TextClause:
    """The row as it stood is read and changed by one statement, so that two processes never get the same token.

    While it is paused it is empty, and no time passes; a clock that was set back far gives nothing, and is followed.
    """
    d = _DIALECTS[dialect]
    begins_at = f"{d.greatest}(b.filled_at, COALESCE(b.paused_until, b.filled_at))"
    passed = f"{d.greatest}(0.0, {d.seconds.format(d.now, begins_at)})"
    filled = f"{d.least}(:saved, b.tokens + {passed} * b.rate)"
    given = f"{d.least}(:wanted, {d.floor.format(filled)})"
    is_set_back = f"{d.now} < b.filled_at - {d.minute}"
    return sa.text(
        f"""
        INSERT INTO rate_bucket AS b
            (connector, environment, partner_id, account, tokens, rate, given, filled_at, paused_by)
        VALUES (:connector, :environment, :partner_id, :account, :rest, :most, :first, {d.now}, '')
        ON CONFLICT (connector, environment, partner_id, account) DO UPDATE SET
            tokens = {filled} - {given},
            rate = {d.least}(:most, {d.greatest}(:least, b.rate + {passed} * :growth)),
            given = {given},
            filled_at = CASE WHEN {d.now} > b.filled_at OR {is_set_back} THEN {d.now} ELSE b.filled_at END
        RETURNING given, tokens, rate, paused_by, {d.seconds.format("paused_until", d.now)} AS pause_seconds
        """  # noqa: S608  every piece stands above; what is given comes as parameters
    ).bindparams(sa.bindparam("now", type_=UtcDateTime))
