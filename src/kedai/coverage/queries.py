"""Reading what was covered: intervals, the gaps between them, and how pushes go. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.coverage.models import CoveredInterval, PushHealth
from kedai.values.coverage import Source
from kedai.values.environment import ConnectorName, Environment, Scope

CLOSING = (Source.PUSH, Source.RECONCILE, Source.BACKFILL, Source.CATCH_UP)
"""What closes a gap. Lost pushes alone do not: while pushes are switched off none is made, and none can be lost."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A time that a source covered: from its beginning up to, and without, its end."""

    source: Source
    since: datetime
    until: datetime
    run_id: UUID | None


@dataclass(frozen=True, slots=True)
class Gap:
    """A time that nothing covered."""

    since: datetime
    until: datetime


def list_intervals(
    db: Session, scope: Scope, *, since: datetime, until: datetime, sources: Iterable[Source] = tuple(Source)
) -> Sequence[Interval]:
    """What touches a period, cut to it, the earliest first."""
    found = db.execute(
        sa.select(
            CoveredInterval.source, CoveredInterval.covered_from, CoveredInterval.covered_until, CoveredInterval.run_id
        )
        .where(
            *_of(scope),
            CoveredInterval.source.in_([source.value for source in sources]),
            CoveredInterval.covered_until > since,
            CoveredInterval.covered_from < until,
        )
        .order_by(CoveredInterval.covered_from, CoveredInterval.id)
    )
    return [Interval(Source(source), max(first, since), min(last, until), run) for source, first, last, run in found]


def find_gaps(intervals: Iterable[Interval], *, since: datetime, until: datetime) -> Sequence[Gap]:
    """The parts of a period that none of these intervals covers; see `CLOSING` for those that count."""
    gaps: list[Gap] = []
    covered = since
    for one in sorted((each for each in intervals if each.source in CLOSING), key=lambda each: each.since):
        if one.since > covered:
            gaps.append(Gap(covered, min(one.since, until)))
        covered = max(covered, one.until)
        if covered >= until:
            return gaps
    return [*gaps, Gap(covered, until)] if covered < until else gaps


def find_push_health(db: Session, connector: ConnectorName, environment: Environment) -> PushHealth | None:
    """How pushes went when the marketplace was last asked."""
    return db.get(PushHealth, (connector, environment))


def list_push_states(db: Session, *, environment: Environment) -> list[tuple[str, ...]]:
    """How pushes go with each marketplace."""
    statement = sa.select(PushHealth.connector, PushHealth.status).where(PushHealth.environment == environment)
    return [tuple(row) for row in db.execute(statement.order_by(PushHealth.connector))]


def _of(scope: Scope) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        CoveredInterval.connector == scope.connector,
        CoveredInterval.environment == scope.environment,
        CoveredInterval.shop_id == scope.shop_id,
    )


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a period one source covered, from 0 to 1, and up to when at last (None: not at all)."""

    source: Source
    share: float
    until: datetime | None


def shares(intervals: Sequence[Interval], *, since: datetime, until: datetime) -> list[Share]:
    """For every source, whether it covered anything or not."""
    told = []
    for source in Source:
        own = sorted((one for one in intervals if one.source is source), key=lambda one: one.since)
        seconds, covered = 0.0, since
        for one in own:
            seconds += max((one.until - max(one.since, covered)).total_seconds(), 0.0)
            covered = max(covered, one.until)
        told.append(Share(source, seconds / (until - since).total_seconds(), covered if own else None))
    return told
