"""What a person does about the schedule: run a kind now, pause it, let it go on."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from kedai.audit.service import latest_entry
from kedai.kit.ids import show_id
from kedai.runs.schedules import pause_schedule, resume_schedule
from kedai.sync.schedule import run_now
from kedai.web.dashboard.access import Replayer
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.render import url
from kedai.web.dashboard.shell import ActedEnvironment, parse_viewed
from kedai.web.deps import RuntimeDep

router = APIRouter(prefix="/e/{environment}/schedules/{connector}/{kind}")


@router.post("/runs")
def run(
    runtime: RuntimeDep, caller: Replayer, environment: ActedEnvironment, connector: str, kind: str, _form: Form
) -> Response:
    """Run it now, and show how far it is; of several runs, the list."""
    name = runtime.parts.connector(connector).name
    with runtime.web_db.write() as db:
        runs = run_now(runtime.parts, db, kind, name, environment, actor=caller.actor, now=runtime.clock.now())
        place = show_id("run", runs[0].id) if len(runs) == 1 else ""
    here = f"/e/{environment.value}/runs"
    return RedirectResponse(url(f"{here}/{place}" if place else here, status="run_queued"), 303)


@router.post("/pause")
def pause(
    runtime: RuntimeDep, caller: Replayer, environment: ActedEnvironment, connector: str, kind: str, form: Form
) -> Response:
    """Let it come round no more."""
    scope = parse_viewed(form.get("from") or environment.value)
    reason = form.get("reason", "")
    name = runtime.parts.connector(connector).name
    with runtime.web_db.write() as db:
        now = runtime.clock.now()
        pause_schedule(db, kind, name, environment, reason=reason, actor=caller.actor, now=now)
        undo = latest_entry(db)
    return RedirectResponse(url(f"/e/{scope}/runs", status="schedule_paused", undo=undo), 303)


@router.post("/resume")
def resume(
    runtime: RuntimeDep, caller: Replayer, environment: ActedEnvironment, connector: str, kind: str, form: Form
) -> Response:
    """Let it come round again."""
    scope = parse_viewed(form.get("from") or environment.value)
    name = runtime.parts.connector(connector).name
    with runtime.web_db.write() as db:
        resume_schedule(db, kind, name, environment, actor=caller.actor, now=runtime.clock.now())
        undo = latest_entry(db)
    return RedirectResponse(url(f"/e/{scope}/runs", status="schedule_resumed", undo=undo), 303)
