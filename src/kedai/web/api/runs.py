"""Runs in JSON: the list, one of them, and how to stop or pause it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from kedai.errors import Invalid
from kedai.kit.ids import parse_id
from kedai.runs import queries
from kedai.runs.service import pause_run, request_cancel, resume_run
from kedai.vault.queries import get_cursor_key
from kedai.web.api.place import PREFIX, Place, Reader, Replayer
from kedai.web.api.shown import shown_progress, shown_run
from kedai.web.deps import ReadSession, RuntimeDep, WriteSession
from kedai.web.run_rights import demand_pause, demand_stop

router = APIRouter(prefix=f"{PREFIX}/runs")


@router.get("")
def list_all(
    place: Place,
    _caller: Reader,
    db: ReadSession,
    state: Annotated[str | None, Query(max_length=20)] = None,
    kind: Annotated[str | None, Query(max_length=40, pattern=r"^[a-z_]+$")] = None,
    cursor: Annotated[str | None, Query(max_length=600)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> dict[str, Any]:
    """An environment's runs, newest first."""
    if state is not None and state not in queries.STATES:
        raise Invalid("There is no such state of a run.", field="state")
    states = queries.STATES if state is None else (state,)
    page = queries.list_runs(
        db, environment=place, states=states, kind=kind, cursor=cursor, cursor_key=get_cursor_key(db), limit=limit
    )
    runs = [shown_run(run) for run in page.rows]
    return {"runs": runs, "next_cursor": page.next_cursor, "has_more": page.next_cursor is not None}


@router.get("/{run_id}")
def show(run_id: str, place: Place, runtime: RuntimeDep, _caller: Reader, db: ReadSession) -> dict[str, Any]:
    """One run, how far it is, how fast it goes, and when it will end at that rate."""
    run = queries.get_run(db, parse_id("run", run_id), environment=place)
    return {**shown_run(run), **shown_progress(run, runtime.clock.now())}


@router.delete("/{run_id}")
def cancel(run_id: str, place: Place, runtime: RuntimeDep, caller: Replayer, db: WriteSession) -> dict[str, Any]:
    """Ask a run to stop before its next step."""
    found, now = parse_id("run", run_id), runtime.clock.now()
    demand_stop(caller, queries.get_run(db, found, environment=place).kind, now)
    return shown_run(request_cancel(db, found, environment=place, actor=caller.actor, now=now))


@router.post("/{run_id}/pause")
def pause(run_id: str, place: Place, runtime: RuntimeDep, caller: Replayer, db: WriteSession) -> dict[str, Any]:
    """Let a run rest before its next step."""
    found, now = parse_id("run", run_id), runtime.clock.now()
    demand_pause(caller, queries.get_run(db, found, environment=place).kind)
    return shown_run(pause_run(db, found, environment=place, actor=caller.actor, now=now))


@router.delete("/{run_id}/pause")
def resume(run_id: str, place: Place, runtime: RuntimeDep, caller: Replayer, db: WriteSession) -> dict[str, Any]:
    """Let a paused run go on where it was."""
    found, now = parse_id("run", run_id), runtime.clock.now()
    demand_pause(caller, queries.get_run(db, found, environment=place).kind)
    return shown_run(resume_run(db, found, environment=place, actor=caller.actor, now=now))
