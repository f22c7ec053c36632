"""The schedule in JSON: how each kind of run stands, run it now, pause it and let it go on."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from kedai.kit.ids import show_id
from kedai.runs.schedules import pause_schedule, resume_schedule
from kedai.sync.schedule import run_now
from kedai.sync.schedule_view import get_schedule_view, read_schedules
from kedai.web.api.place import PREFIX, Place, Reader, Replayer
from kedai.web.api.shown import shown_run, shown_schedule
from kedai.web.deps import ReadSession, RuntimeDep, WriteSession

router = APIRouter(prefix=PREFIX)
_ONE = "/connectors/{connector}/schedules/{kind}"


class PauseBody(BaseModel):
    """Why; it is shown beside the schedule, and kept in the audit trail."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    reason: Annotated[str, Field(max_length=1_000)] = ""


@router.get("/schedules")
def list_all(place: Place, runtime: RuntimeDep, _caller: Reader, db: ReadSession) -> dict[str, Any]:
    """An environment's schedules, and how each stands."""
    views = read_schedules(db, environments={place}, now=runtime.clock.now())
    return {"schedules": [shown_schedule(one) for one in views]}


@router.get(_ONE)
def show(
    connector: str, kind: str, place: Place, runtime: RuntimeDep, _caller: Reader, db: ReadSession
) -> dict[str, Any]:
    """One schedule."""
    name = runtime.parts.connector(connector).name
    return shown_schedule(get_schedule_view(db, kind, name, environment=place, now=runtime.clock.now()))


@router.post(f"{_ONE}/runs")
def run(
    connector: str, kind: str, place: Place, runtime: RuntimeDep, caller: Replayer, db: WriteSession
) -> JSONResponse:
    """Run it now: 202 and the run's address; where one is open already, that one's."""
    name = runtime.parts.connector(connector).name
    runs = run_now(runtime.parts, db, kind, name, place, actor=caller.actor, now=runtime.clock.now())
    location = f"/api/v1/{place.value}/runs/{show_id('run', runs[0].id)}"
    return JSONResponse({"runs": [shown_run(one) for one in runs]}, 202, headers={"Location": location})


@router.post(f"{_ONE}/pause")
def pause(
    connector: str,
    kind: str,
    place: Place,
    runtime: RuntimeDep,
    caller: Replayer,
    db: WriteSession,
    body: Annotated[PauseBody | None, Body()] = None,
) -> dict[str, Any]:
    """Let it come round no more; a run that goes on is not touched."""
    name, now = runtime.parts.connector(connector).name, runtime.clock.now()
    pause_schedule(db, kind, name, place, reason=(body or PauseBody()).reason, actor=caller.actor, now=now)
    return shown_schedule(get_schedule_view(db, kind, name, environment=place, now=now))


@router.delete(f"{_ONE}/pause")
def resume(
    connector: str, kind: str, place: Place, runtime: RuntimeDep, caller: Replayer, db: WriteSession
) -> dict[str, Any]:
    """Let it come round again; of the ticks that were missed, the latest is made up for."""
    name, now = runtime.parts.connector(connector).name, runtime.clock.now()
    resume_schedule(db, kind, name, place, actor=caller.actor, now=now)
    return shown_schedule(get_schedule_view(db, kind, name, environment=place, now=now))
