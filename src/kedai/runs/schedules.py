"""Schedules: made, paused, resumed, and told how their runs ended. Who asks for a tick, and when, is `sync`'s."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.audit.undo import changes_of, put_back
from kedai.db.upsert import insert_into
from kedai.errors import Conflict, Invalid
from kedai.runs.models import Run, Schedule
from kedai.runs.queries import OPEN_STATES, get_schedule
from kedai.runs.service import worked_seconds
from kedai.values.actor import Actor
from kedai.values.environment import ConnectorName, Environment
from kedai.values.wording import N_

if TYPE_CHECKING:
    from kedai.audit.models import AuditEntry

KEPT_DURATIONS = 20
_LONGEST_REASON = 200
_LONGEST_WORD = 30


def make_schedule(
    db: Session,
    kind: str,
    connector: ConnectorName,
    environment: Environment,
    *,
    every: timedelta | None,
    cron: str | None,
    grace: timedelta,
    offset: timedelta,
    next_due_at: datetime,
) -> Schedule:
    """The row of a kind in an environment, locked; made where it is missing, by whoever comes first."""
    values = {
        "kind": kind,
        "connector": connector,
        "environment": environment,
        **period_values(every, cron, grace),
        "offset_seconds": int(offset.total_seconds()),
        "next_due_at": next_due_at,
        "durations": [],
    }
    db.execute(insert_into(db, Schedule).values(values).on_conflict_do_nothing())
    return get_schedule(db, kind, connector, environment=environment, lock=True)


def period_values(every: timedelta | None, cron: str | None, grace: timedelta) -> dict[str, Any]:
    """Period and grace as their columns."""
    seconds = None if every is None else int(every.total_seconds())
    return {"every_seconds": seconds, "cron": cron, "grace_seconds": int(grace.total_seconds())}


def pause_schedule(
    db: Session,
    kind: str,
    connector: ConnectorName,
    environment: Environment,
    *,
    reason: str,
    actor: Actor,
    now: datetime,
) -> Schedule:
    """Let a kind of run come round no more, until `resume_schedule`; a run that goes on is not touched.

    Raises:
        Invalid: the reason is no line of words. NotFound: there is no such schedule. Conflict: it is paused already.
    """
    said = _checked_reason(reason)
    row = get_schedule(db, kind, connector, environment=environment, lock=True)
    if row.paused_at is not None:
        raise Conflict(N_("This schedule is paused already."))
    row.paused_at, row.paused_by, row.pause_reason, row.active_since = now, actor.name, said, None
    _note_deed(db, row, "schedule.pause", changes_of(row), actor, now)
    return row


def resume_schedule(
    db: Session, kind: str, connector: ConnectorName, environment: Environment, *, actor: Actor, now: datetime
) -> Schedule:
    """Let it come round again; of the ticks that were missed, the latest is made up for.

    Raises:
        NotFound: there is no such schedule. Conflict: it is not paused.
    """
    row = get_schedule(db, kind, connector, environment=environment, lock=True)
    if row.paused_at is None:
        raise Conflict(N_("This schedule is not paused."))
    row.paused_at = row.paused_by = row.pause_reason = None
    _note_deed(db, row, "schedule.resume", changes_of(row), actor, now)
    return row


def undo_pause_or_resume(db: Session, deed: AuditEntry, *, environment: Environment) -> None:
    """Take the pausing or resuming of a schedule back; a run that began meanwhile goes on.

    Raises:
        NotFound: there is no such schedule. Stale: it is not as the deed left it.
    """
    _, connector, kind = deed.subject.split("/")
    row = get_schedule(db, kind, ConnectorName(connector), environment=environment, lock=True)
    put_back(db, row, deed)
    if row.paused_at is not None:
        row.active_since = None


def note_end(db: Session, run: Run, *, now: datetime) -> None:
    """A run has ended. Its tick succeeded once all its runs have ended, none failed, and one of them succeeded."""
    if run.scheduled_at is None or run.state in OPEN_STATES:
        return
    db.flush()
    statement = sa.select(Schedule).where(
        Schedule.kind == run.kind, Schedule.connector == run.connector, Schedule.environment == run.environment
    )
    row = db.execute(statement.with_for_update().execution_options(populate_existing=True)).scalar_one_or_none()
    if row is None:
        return
    if run.state == "succeeded":
        row.durations = [*row.durations, round(worked_seconds(run, now), 1)][-KEPT_DURATIONS:]
    if _states_of_tick(db, run) <= {"succeeded", "cancelled"} and "succeeded" in _states_of_tick(db, run):
        row.last_success_at = now


def _checked_reason(text: str) -> str:
    """One line, in words: everybody reads it, so that what was pasted by mistake and may be a key is refused."""
    words = text.split()
    line = " ".join(words)
    if len(line) > _LONGEST_REASON or any(len(word) > _LONGEST_WORD or not word.isprintable() for word in words):
        limits = N_(
            "at most %(most)s characters, no word longer than %(longest)s", most=_LONGEST_REASON, longest=_LONGEST_WORD
        )
        raise Invalid(N_("Say why in one line of words: %(limits)s.", limits=limits), field="reason")
    return line


def _states_of_tick(db: Session, run: Run) -> set[str]:
    statement = sa.select(Run.state).distinct()
    same = (Run.kind == run.kind, Run.connector == run.connector, Run.environment == run.environment)
    return set(db.execute(statement.where(*same, Run.scheduled_at == run.scheduled_at)).scalars())


def _note_deed(db: Session, row: Schedule, action: str, details: dict[str, Any], actor: Actor, now: datetime) -> None:
    subject = f"schedule/{row.connector}/{row.kind}"
    record(db, actor=actor, action=action, environment=row.environment, subject=subject, details=details, now=now)
