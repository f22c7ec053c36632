"""Runs: create, claim by lease, move on step by step, cancel. The cursor moves in the work's own transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.audit.undo import changes_of, put_back
from kedai.db import lease
from kedai.errors import Conflict, NotFound
from kedai.kit.ids import new_id, parse_id, show_id
from kedai.runs.models import Run
from kedai.runs.queries import IS_OPEN
from kedai.values.actor import SYSTEM, Actor
from kedai.values.environment import ConnectorName, Environment
from kedai.values.states import state_word
from kedai.values.wording import N_

if TYPE_CHECKING:
    from kedai.audit.models import AuditEntry

MAX_ATTEMPTS = 10
_OPEN = ("queued", "running")


def create_run(
    db: Session,
    kind: str,
    connector: ConnectorName,
    environment: Environment,
    *,
    scope: dict[str, Any],
    total: int | None,
    actor: Actor,
    now: datetime,
    scheduled_at: datetime | None = None,
    due_at: datetime | None = None,
) -> Run:
    """Queue a piece of long work; what a tick made, and no person, is not recorded in the audit trail."""
    key = {"id": new_id(), "kind": kind, "connector": connector, "environment": environment, "scope": scope}
    run = Run(
        **key,
        shop_id=scope.get("shop_id") or "",
        scheduled_at=scheduled_at,
        state="queued",
        done=0,
        total=total,
        attempts=0,
        due_at=due_at or now,
        paused_seconds=0,
        created_at=now,
        created_by=actor.name,
        cancel_requested=False,
        note="",
    )
    db.add(run)
    db.flush()
    if actor is SYSTEM and scheduled_at is not None:
        return run
    subject = show_id("run", run.id)
    details = scope if total is None else {**scope, "total": total}
    record(db, actor=actor, action=f"run.{kind}", environment=environment, subject=subject, details=details, now=now)
    return run


def is_due(db: Session, *, sealed: frozenset[Environment] = frozenset(), everywhere: Sequence[str] = ()) -> bool:
    """Whether any run waits to be claimed, as `claim_run` would: a look that takes no lock."""
    instant = lease.now(db)
    due = sa.exists().where(IS_OPEN, Run.due_at <= instant, lease.free_at(Run, instant), _may_run(sealed, everywhere))
    return bool(db.execute(sa.select(due)).scalar_one())


def claim_run(
    db: Session,
    *,
    lease_seconds: int,
    sealed: frozenset[Environment] = frozenset(),
    everywhere: Sequence[str] = (),
    kind: str | None = None,
) -> Run | None:
    """Claim the next open run (of one kind, if named) outside the ``sealed`` environments, or None.

    Kinds named in ``everywhere`` ask nobody outside, and are taken in sealed environments too.
    """
    instant = lease.now(db)
    due = (
        sa.select(Run.id)
        .where(IS_OPEN, Run.due_at <= instant, lease.free_at(Run, instant))
        .where(_may_run(sealed, everywhere))
        .order_by(Run.due_at, Run.id)
        .limit(1)
    )
    if kind is not None:
        due = due.where(Run.kind == kind)
    until = instant + timedelta(seconds=lease_seconds)
    rows = lease.take(db, Run, due, holder=new_id().hex, until=until, also={"state": "running"})
    return rows[0] if rows else None


def _may_run(sealed: frozenset[Environment], everywhere: Sequence[str]) -> sa.ColumnElement[bool]:
    """Not sealed, and not paused; one that is to be cancelled is taken for that."""
    is_open = sa.or_(Run.environment.not_in(sorted(sealed)), Run.kind.in_(everywhere))
    return sa.and_(is_open, sa.or_(Run.paused_at.is_(None), Run.cancel_requested))


def hold_run(db: Session, run_id: UUID, holder: str, *, lease_seconds: int) -> Run | None:
    """Lock a run for one step and lengthen its lease; None where it was lost to another holder."""
    row = db.execute(
        sa.select(Run).where(Run.id == run_id, Run.lease_by == holder).with_for_update()
    ).scalar_one_or_none()
    if row is not None:
        row.lease_until = lease.now(db) + timedelta(seconds=lease_seconds)
    return row


def move_on(run: Run, *, cursor: Any, done: int) -> None:
    """Note a step's progress."""
    run.cursor, run.done, run.attempts = cursor, run.done + done, 0
    if run.total is not None and run.done > run.total:
        run.total = run.done


def release_run(run: Run, *, now: datetime) -> None:
    """Give a run back unfinished: whoever is free takes it on at once, after those that have waited longer."""
    run.due_at = now
    run.lease_by = run.lease_until = None


def postpone_run(run: Run, *, note: str, due_in: timedelta, now: datetime) -> None:
    """What the run needs is away: it waits for as long as it takes, and its attempts are not touched."""
    run.note, run.due_at = note, now + due_in
    run.lease_by = run.lease_until = None


def end_run(run: Run, state: str, *, note: str, now: datetime) -> None:
    """Close a run as succeeded, failed or cancelled."""
    run.state, run.note, run.finished_at = state, note, now
    run.lease_by = run.lease_until = None


def retry_run(run: Run, *, note: str, now: datetime) -> None:
    """A step failed: try again later, or give up after too many in a row."""
    run.attempts += 1
    if run.attempts >= MAX_ATTEMPTS:
        end_run(run, "failed", note=note, now=now)
        return
    run.note, run.due_at = note, now + timedelta(seconds=min(2**run.attempts, 300))
    run.lease_by = run.lease_until = None


def request_cancel(db: Session, run_id: UUID, *, environment: Environment, actor: Actor, now: datetime) -> Run:
    """Ask a run to stop before its next step.

    Raises:
        NotFound: no such run in that environment.
        Conflict: it has already ended.
    """
    run = _lock_open(db, run_id, environment)
    run.cancel_requested = True
    run.due_at = min(run.due_at, now)  # one that waits for another try is looked at now
    _note_deed(db, run, "run.cancel", actor, now)
    return run


def pause_run(db: Session, run_id: UUID, *, environment: Environment, actor: Actor, now: datetime) -> Run:
    """Let a run rest before its next step, until `resume_run`.

    Raises:
        NotFound: no such run in that environment.
        Conflict: it has already ended, or is paused.
    """
    run = _lock_open(db, run_id, environment)
    if run.paused_at is not None:
        raise Conflict(N_("This run is paused already."))
    run.paused_at, run.paused_by = now, actor.name
    _note_deed(db, run, "run.pause", actor, now, changes_of(run))
    return run


def resume_run(db: Session, run_id: UUID, *, environment: Environment, actor: Actor, now: datetime) -> Run:
    """Let a paused run go on where it was.

    Raises:
        NotFound: no such run in that environment.
        Conflict: it has ended, or is not paused.
    """
    run = _lock_open(db, run_id, environment)
    if run.paused_at is None:
        raise Conflict(N_("This run is not paused."))
    run.paused_seconds += max(0, int((now - run.paused_at).total_seconds()))
    run.paused_at = run.paused_by = None
    changes = changes_of(run)
    run.due_at = min(run.due_at, now)  # no part of what is undone: the next step sets it anew
    _note_deed(db, run, "run.resume", actor, now, changes)
    return run


def undo_pause_or_resume(db: Session, deed: AuditEntry, *, environment: Environment, now: datetime) -> None:
    """Take the pausing or resuming of a run back; what it did meanwhile stays done.

    Raises:
        NotFound: no such run in that environment. Conflict: it has ended. Stale: it is not as the deed left it.
    """
    run = _lock_open(db, parse_id("run", deed.subject), environment)
    put_back(db, run, deed)
    run.due_at = min(run.due_at, now)


def worked_seconds(run: Run, now: datetime) -> float:
    """How long a run has been going on since its first step; what it was paused does not count."""
    if run.started_at is None:
        return 0.0
    end = run.finished_at or run.paused_at or now
    return max(0.0, (end - run.started_at).total_seconds() - run.paused_seconds)


def _lock_open(db: Session, run_id: UUID, environment: Environment) -> Run:
    statement = sa.select(Run).where(Run.id == run_id, Run.environment == environment).with_for_update()
    run = db.execute(statement).scalar_one_or_none()
    if run is None:
        raise NotFound(N_("There is no such run."))
    if run.state not in _OPEN:
        raise Conflict(N_("This run has already %(state)s.", state=state_word(run.state)))
    return run


def _note_deed(
    db: Session, run: Run, action: str, actor: Actor, now: datetime, details: Mapping[str, Any] | None = None
) -> None:
    db.flush()
    subject, told = show_id("run", run.id), details or {}
    record(db, actor=actor, action=action, environment=run.environment, subject=subject, details=told, now=now)


def void_leases(db: Session) -> None:
    """After taking the lock file of an embedded installation: whoever held runs is gone."""
    db.execute(sa.update(Run).where(Run.lease_by.is_not(None)).values(lease_by=None, lease_until=None))


def set_leases_back(db: Session, by: timedelta) -> None:
    """The clock of an embedded installation was set back by so much."""
    lease.set_back(db, Run, by)
