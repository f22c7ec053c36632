"""How the schedules stand, in words and figures: what page, JSON, command line, health and metrics show."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy.orm import Session

from kedai.errors import NotFound
from kedai.runs.queries import find_going_on, list_last_of_schedules, list_schedules
from kedai.runs.timing import ScheduleState, expected_at, judge
from kedai.sync.runner import PLANS
from kedai.values.environment import Environment
from kedai.values.wording import N_, NP_

if TYPE_CHECKING:
    from kedai.runs.models import Run, Schedule

_DAILY_OR_HOURLY: Final = re.compile(r"(\d+) (\d+|\*) \* \* \*")


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """One schedule. ``next_at`` is ``None`` while nothing is expected; ``durations`` are seconds, the newest last."""

    kind: str
    label: str
    does: str
    connector: str
    environment: Environment
    period: str
    grace: timedelta
    state: ScheduleState
    next_at: datetime | None
    last_tick_at: datetime | None
    last_success_at: datetime | None
    expected_at: datetime | None
    durations: Sequence[float]
    paused_at: datetime | None
    paused_by: str | None
    pause_reason: str | None
    last_run: Run | None


def read_schedules(db: Session, *, environments: Collection[Environment], now: datetime) -> list[ScheduleView]:
    """The schedules of these environments; those of kinds that this version does not know are left out."""
    going_on, last = find_going_on(db), list_last_of_schedules(db)
    found = list_schedules(db, environment=None)
    rows = {_key(row): row for row in found if row.kind in PLANS and row.environment in environments}
    return [_view(row, last.get(key), key in going_on, now) for key, row in rows.items()]


def get_schedule_view(
    db: Session, kind: str, connector: str, *, environment: Environment, now: datetime
) -> ScheduleView:
    """One schedule.

    Raises:
        NotFound: there is none, perhaps not yet.
    """
    for one in read_schedules(db, environments={environment}, now=now):
        if (one.kind, one.connector) == (kind, connector):
            return one
    raise NotFound(N_("There is no such schedule here."))


def _key(row: Schedule) -> tuple[str, str, Environment]:
    return row.kind, row.connector, row.environment


def _view(row: Schedule, last_run: Run | None, is_running: bool, now: datetime) -> ScheduleView:
    plan = PLANS[row.kind]
    is_active = row.active_since is not None
    next_at = row.next_due_at + timedelta(seconds=row.offset_seconds) if is_active else None
    return ScheduleView(
        kind=row.kind,
        label=plan.label,
        does=plan.does,
        connector=row.connector,
        environment=row.environment,
        period=_period(row),
        grace=timedelta(seconds=row.grace_seconds),
        state=judge(row, is_running=is_running, now=now),
        next_at=next_at,
        last_tick_at=row.last_tick_at,
        last_success_at=row.last_success_at,
        expected_at=expected_at(row),
        durations=tuple(row.durations),
        paused_at=row.paused_at,
        paused_by=row.paused_by,
        pause_reason=row.pause_reason,
        last_run=last_run,
    )


def _period(row: Schedule) -> str:
    """``every 10 minutes``, or what the cron expression means."""
    return _of_seconds(row.every_seconds or 1) if row.cron is None else _of_cron(row.cron)


def _of_cron(cron: str) -> str:
    """Once an hour or once a day, as the plans have them; another expression stands for itself."""
    found = _DAILY_OR_HOURLY.fullmatch(cron)
    if found is None:
        return f"{cron} (UTC)"
    minute, hour = found.groups()
    if hour == "*":
        return N_("at minute %(minute)s of every hour (UTC)", minute=int(minute))
    return N_("at %(time)s every day (UTC)", time=f"{int(hour):02}:{int(minute):02}")


def _of_seconds(seconds: int) -> str:
    if seconds % 86_400 == 0:
        return NP_("every day", "every %(num)s days", seconds // 86_400)
    if seconds % 3_600 == 0:
        return NP_("every hour", "every %(num)s hours", seconds // 3_600)
    if seconds % 60 == 0:
        return NP_("every minute", "every %(num)s minutes", seconds // 60)
    return NP_("every second", "every %(num)s seconds", seconds)
