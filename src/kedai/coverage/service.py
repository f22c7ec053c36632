"""Writing down what was covered, in the transaction of the work that covered it; and how pushes go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.coverage.models import CoveredInterval, PushHealth
from kedai.kit.ids import new_id
from kedai.values.coverage import Source
from kedai.values.environment import ConnectorName, Environment, Scope


def record(
    db: Session, scope: Scope, source: Source, since: datetime, until: datetime, *, run_id: UUID | None, now: datetime
) -> None:
    """A window was worked through to its end; an empty one says nothing."""
    if since >= until:
        return
    key = {"connector": scope.connector, "environment": scope.environment, "shop_id": scope.shop_id}
    row = CoveredInterval(
        id=new_id(), **key, source=source, covered_from=since, covered_until=until, run_id=run_id, recorded_at=now
    )
    db.add(row)
    db.flush()


def extend(
    db: Session, scope: Scope, source: Source, since: datetime, until: datetime, *, run_id: UUID | None, now: datetime
) -> None:
    """The same for what is looked at every few minutes: the last interval grows, where this one joins on to it."""
    last = db.execute(
        sa.select(CoveredInterval)
        .where(
            CoveredInterval.connector == scope.connector,
            CoveredInterval.environment == scope.environment,
            CoveredInterval.shop_id == scope.shop_id,
            CoveredInterval.source == source,
        )
        .order_by(CoveredInterval.covered_until.desc())
        .limit(1)
        .with_for_update()
    ).scalar_one_or_none()
    if last is None or not last.covered_from <= since <= last.covered_until:
        record(db, scope, source, since, until, run_id=run_id, now=now)
    elif until > last.covered_until:
        last.covered_until, last.run_id, last.recorded_at = until, run_id, now
        db.flush()


@dataclass(frozen=True, slots=True)
class Rating:
    """What the marketplace said when it was asked. ``since`` is when its rating came about, where it says that."""

    status: str
    since: datetime | None
    reaches_us: bool

    @property
    def is_sound(self) -> bool:
        return self.status == "normal"


@dataclass(frozen=True, slots=True)
class Noted:
    """What a rating changed. ``sound_until`` is the last instant at which all was well before this rating."""

    changed: bool
    was_sound: bool
    sound_until: datetime
    sound_since: datetime | None
    """Where all was well the last time too, and pushes came to us: when that was asked."""


def note_rating(
    db: Session, connector: ConnectorName, environment: Environment, rating: Rating, *, now: datetime
) -> Noted:
    """Keep the last word on how pushes go; returns what it changed."""
    before = db.execute(
        sa.select(PushHealth)
        .where(PushHealth.connector == connector, PushHealth.environment == environment)
        .with_for_update()
    ).scalar_one_or_none()
    if before is None:
        sound_until = now if rating.is_sound else rating.since or now
        row = PushHealth(
            connector=connector,
            environment=environment,
            status=rating.status,
            since=rating.since or now,
            sound_until=sound_until,
            reaches_us=rating.reaches_us,
            checked_at=now,
        )
        db.add(row)
        db.flush()
        return Noted(not rating.is_sound, was_sound=True, sound_until=sound_until, sound_since=None)
    was_sound = before.status == "normal"
    went_on = was_sound and before.reaches_us and rating.is_sound and rating.reaches_us
    noted = Noted(before.status != rating.status, was_sound, before.sound_until, before.checked_at if went_on else None)
    if noted.changed:
        before.status, before.since = rating.status, rating.since or now
    if rating.is_sound:
        before.sound_until = now
    before.reaches_us, before.checked_at = rating.reaches_us, now
    db.flush()
    return noted
