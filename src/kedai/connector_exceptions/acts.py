"""What a person does about a group of troubles: resolve, snooze, reopen, assign, note; each is in the audit trail."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.audit.undo import changes_of, put_back
from kedai.connector_exceptions.models import ConnectorException, ExceptionOrder
from kedai.connector_exceptions.service import MAX_NOTE
from kedai.errors import Conflict, Invalid, NotFound
from kedai.kit.ids import parse_id, show_id
from kedai.values.actor import Actor
from kedai.values.environment import Environment
from kedai.values.wording import N_

if TYPE_CHECKING:
    from kedai.audit.models import AuditEntry

LONGEST_SNOOZE = timedelta(days=90)


def resolve(
    db: Session, exception_id: UUID, *, environment: Environment, actor: Actor, now: datetime
) -> ConnectorException:
    """Say that the cause is mended; should it happen again, it comes back as regressed.

    Raises:
        NotFound: no such group in that environment. Conflict: it is resolved already.
    """
    row = lock_exception(db, exception_id, environment=environment)
    if row.state == "resolved":
        raise Conflict(N_("This exception is resolved already."))
    row.state, row.snoozed_until, row.resolved_at, row.resolved_by = "resolved", None, now, actor.name
    _note_deed(db, row, "resolve", changes_of(row), actor, now)
    return row


def snooze(
    db: Session, exception_id: UUID, *, environment: Environment, until: datetime, actor: Actor, now: datetime
) -> ConnectorException:
    """Keep an open group out of sight until then; it goes on counting.

    Raises:
        NotFound: no such group in that environment. Conflict: it is resolved.
        Invalid: the time is over, or further away than `LONGEST_SNOOZE`.
    """
    if not now < until <= now + LONGEST_SNOOZE:
        raise Invalid(N_("Choose a time within the next 90 days."), field="until")
    row = lock_exception(db, exception_id, environment=environment)
    if row.state == "resolved":
        raise Conflict(N_("This exception is resolved: there is nothing to snooze."))
    row.state, row.snoozed_until = "snoozed", until
    _note_deed(db, row, "snooze", changes_of(row), actor, now)
    return row


def reopen(
    db: Session, exception_id: UUID, *, environment: Environment, actor: Actor, now: datetime
) -> ConnectorException:
    """Take back that it is resolved or snoozed.

    Raises:
        NotFound: no such group in that environment. Conflict: it is open.
    """
    row = lock_exception(db, exception_id, environment=environment)
    if row.state not in {"resolved", "snoozed"}:
        raise Conflict(N_("This exception is open already."))
    row.state, row.snoozed_until, row.resolved_at, row.resolved_by = "ongoing", None, None, None
    _note_deed(db, row, "reopen", changes_of(row), actor, now)
    return row


def set_assignee(
    db: Session, exception_id: UUID, *, environment: Environment, assignee: str | None, actor: Actor, now: datetime
) -> ConnectorException:
    """Say who looks after it, or nobody; whether there is such a person is the caller's to check.

    Raises:
        NotFound: no such group in that environment.
    """
    row = lock_exception(db, exception_id, environment=environment)
    if row.assignee != assignee:
        row.assignee = assignee
        _note_deed(db, row, "assign", changes_of(row), actor, now)
    return row


def set_note(
    db: Session, exception_id: UUID, *, environment: Environment, note: str, actor: Actor, now: datetime
) -> ConnectorException:
    """Write what the next person should know; what stood there before is kept in the audit trail.

    Raises:
        NotFound: no such group in that environment. Invalid: the text is too long, or cannot be stored.
    """
    if len(note) > MAX_NOTE:
        raise Invalid(N_("A note holds %(most)s characters at most.", most=MAX_NOTE), field="note")
    if "\0" in note or note.encode("utf-8", "replace").decode() != note:  # no text in either database holds these
        raise Invalid(N_("The note holds a character that cannot be stored."), field="note")
    row = lock_exception(db, exception_id, environment=environment)
    if row.note != note:
        row.note = note
        _note_deed(db, row, "note", changes_of(row), actor, now)
    return row


def undo(db: Session, deed: AuditEntry, *, environment: Environment) -> None:
    """Take one of the deeds above back.

    Raises:
        NotFound: no such group in that environment. Stale: it is not as the deed left it.
    """
    row = lock_exception(db, parse_id("exc", deed.subject), environment=environment)
    put_back(db, row, deed)


def note_retry(db: Session, row: ConnectorException, subject: str, *, events: int, actor: Actor, now: datetime) -> None:
    """Note that a person had one order of a (locked) group tried again at once."""
    mark_retried(db, row.id, [subject], now=now)
    _note_deed(db, row, "retry", {"order": subject, "events": events}, actor, now)


def mark_retried(db: Session, exception_id: UUID, subjects: list[str], *, now: datetime) -> None:
    """These were tried again; where the trouble is not over they are raised anew."""
    where = (ExceptionOrder.exception_id == exception_id, ExceptionOrder.subject.in_(subjects))
    statement = sa.update(ExceptionOrder).where(*where).values(retried_at=now)
    db.execute(statement, execution_options={"synchronize_session": False})


def lock_exception(db: Session, exception_id: UUID, *, environment: Environment) -> ConnectorException:
    """The group, locked until the commit.

    Raises:
        NotFound: no such group in that environment.
    """
    statement = sa.select(ConnectorException).where(
        ConnectorException.id == exception_id, ConnectorException.environment == environment
    )
    row = db.execute(statement.with_for_update()).scalar_one_or_none()
    if row is None:
        raise NotFound(N_("There is no such exception."))
    return row


def _note_deed(
    db: Session, row: ConnectorException, deed: str, details: dict[str, Any], actor: Actor, now: datetime
) -> None:
    db.flush()
    subject, action = show_id("exc", row.id), f"exception.{deed}"
    record(db, actor=actor, action=action, environment=row.environment, subject=subject, details=details, now=now)
