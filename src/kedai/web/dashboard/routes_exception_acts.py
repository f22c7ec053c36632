"""What a person does about a group of troubles, each by a form on its page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from kedai.audit.service import latest_entry
from kedai.connector_exceptions import acts
from kedai.errors import Invalid
from kedai.kit.ids import parse_id, show_id
from kedai.runtime import Runtime
from kedai.sync.exceptions import assign
from kedai.sync.retry import retry_group, retry_order
from kedai.values.environment import Environment
from kedai.values.wording import N_
from kedai.web.dashboard.access import Replayer
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.render import url
from kedai.web.dashboard.shell import ActedEnvironment, parse_viewed
from kedai.web.dashboard.words import SNOOZES
from kedai.web.deps import RuntimeDep

router = APIRouter()

_BASE = "/e/{environment}/exceptions/{exception_id}"


@router.post(f"{_BASE}/resolutions")
def resolve(
    runtime: RuntimeDep, caller: Replayer, environment: ActedEnvironment, exception_id: str, form: Form
) -> Response:
    """Say that the cause is mended."""

    def work(db: Session, found: UUID, now: datetime) -> None:
        acts.resolve(db, found, environment=environment, actor=caller.actor, now=now)

    return _do(runtime, environment, exception_id, form, work, "exception_resolved")


@router.post(f"{_BASE}/reopenings")
def reopen(
    runtime: RuntimeDep, caller: Replayer, environment: ActedEnvironment, exception_id: str, form: Form
) -> Response:
    """Take back that it is resolved or snoozed."""

    def work(db: Session, found: UUID, now: datetime) -> None:
        acts.reopen(db, found, environment=environment, actor=caller.actor, now=now)

    return _do(runtime, environment, exception_id, form, work, "exception_reopened")


@router.post(f"{_BASE}/snoozes")
def snooze(
    runtime: RuntimeDep, caller: Replayer, environment: ActedEnvironment, exception_id: str, form: Form
) -> Response:
    """Keep it out of sight for one of a few spans."""
    wanted = form.get("for", "")
    if wanted not in SNOOZES:
        raise Invalid(N_("Choose how long to snooze."), field="for")

    def work(db: Session, found: UUID, now: datetime) -> None:
        until = now + SNOOZES[wanted][1]
        acts.snooze(db, found, environment=environment, until=until, actor=caller.actor, now=now)

    return _do(runtime, environment, exception_id, form, work, "exception_snoozed")


@router.post(f"{_BASE}/assignments")
def change_assignee(
    runtime: RuntimeDep, caller: Replayer, environment: ActedEnvironment, exception_id: str, form: Form
) -> Response:
    """Say who looks after it; an empty choice is nobody."""
    assignee = form.get("assignee", "").strip() or None

    def work(db: Session, found: UUID, now: datetime) -> None:
        assign(db, found, environment=environment, assignee=assignee, actor=caller.actor, now=now)

    return _do(runtime, environment, exception_id, form, work, "exception_assigned")


@router.post(f"{_BASE}/notes")
def change_note(
    runtime: RuntimeDep, caller: Replayer, environment: ActedEnvironment, exception_id: str, form: Form
) -> Response:
    """Write what the next person should know."""
    note = form.get("note", "").replace("\r\n", "\n").strip()

    def work(db: Session, found: UUID, now: datetime) -> None:
        acts.set_note(db, found, environment=environment, note=note, actor=caller.actor, now=now)

    return _do(runtime, environment, exception_id, form, work, "exception_noted")


@router.post(f"{_BASE}/retries")
def retry(
    runtime: RuntimeDep, caller: Replayer, environment: ActedEnvironment, exception_id: str, form: Form
) -> Response:
    """Try one affected order again, or all of them as a run."""
    subject = form.get("subject") or None

    def work(db: Session, found: UUID, now: datetime) -> None:
        if subject is None:
            retry_group(db, found, environment=environment, actor=caller.actor, now=now)
        else:
            retry_order(db, found, subject, environment=environment, actor=caller.actor, now=now)

    return _do(runtime, environment, exception_id, form, work, "exception_retried")


def _do(
    runtime: Runtime,
    environment: Environment,
    exception_id: str,
    form: Mapping[str, str],
    work: Callable[[Session, UUID, datetime], None],
    status: str,
) -> Response:
    """One act in one transaction, and back to the page of the group."""
    scope = parse_viewed(form.get("from") or environment.value)
    found = parse_id("exc", exception_id)
    with runtime.web_db.write() as db:
        work(db, found, runtime.clock.now())
        undo = latest_entry(db)
    return RedirectResponse(url(f"/e/{scope}/exceptions/{show_id('exc', found)}", status=status, undo=undo), 303)
