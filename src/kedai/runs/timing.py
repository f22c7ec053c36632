"""When a schedule is due, and what its last success says about it: pure, and no clock of its own."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from cronsim import CronSim

if TYPE_CHECKING:
    from kedai.runs.models import Schedule

_SECOND = timedelta(seconds=1)


class ScheduleState(StrEnum):
    """How a schedule stands, from its last success, its period and its grace."""

    NEW = "new"
    """Never succeeded yet, and not overdue."""

    UP = "up"
    RUNNING = "running"
    """Going on right now, and not overdue beyond its grace."""

    LATE = "late"
    """The next success is overdue, still within the grace."""

    DOWN = "down"
    """Overdue beyond the grace: somebody must look."""

    PAUSED = "paused"
    RESTING = "resting"
    """Nothing is expected here now: its environment is not the active one, is sealed, or lacks its credentials."""


def next_tick(schedule: Schedule, after: datetime) -> datetime:
    """The first instant after ``after`` at which it comes round; by seconds that is one period later."""
    if schedule.cron is not None:
        return next(CronSim(schedule.cron, after))
    return after + _every(schedule)


def latest_tick(schedule: Schedule, now: datetime) -> datetime:
    """Of all ticks from the one that is due until now, the last: those before it are let go.

    Every process finds the same one, whenever it looks.
    """
    if schedule.cron is None:
        return schedule.next_due_at + (now - schedule.next_due_at) // _every(schedule) * _every(schedule)
    return max(schedule.next_due_at, next(CronSim(schedule.cron, now.replace(microsecond=0) + _SECOND, reverse=True)))


def expected_at(schedule: Schedule) -> datetime | None:
    """When the next success is due; ``None`` while nothing is expected."""
    if schedule.active_since is None:
        return None
    success = schedule.last_success_at
    anchor = schedule.active_since if success is None else max(schedule.active_since, success)
    return next_tick(schedule, anchor) + timedelta(seconds=schedule.offset_seconds)


def judge(schedule: Schedule, *, is_running: bool, now: datetime) -> ScheduleState:
    """How it stands now."""
    if schedule.paused_at is not None:
        return ScheduleState.PAUSED
    expected = expected_at(schedule)
    if expected is None:
        return ScheduleState.RESTING
    if now > expected + timedelta(seconds=schedule.grace_seconds):
        return ScheduleState.DOWN
    if is_running:
        return ScheduleState.RUNNING
    if now > expected:
        return ScheduleState.LATE
    return ScheduleState.NEW if schedule.last_success_at is None else ScheduleState.UP


def _every(schedule: Schedule) -> timedelta:
    return timedelta(seconds=schedule.every_seconds or 1)
