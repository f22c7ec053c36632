"""The pages of runs: the schedule, what goes on, how far it is, and how to stop it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from kedai.audit.service import latest_entry
from kedai.kit.ids import parse_id
from kedai.runs import queries
from kedai.runs.progress import measure
from kedai.runs.service import pause_run, request_cancel, resume_run
from kedai.runs.timing import ScheduleState
from kedai.runtime import Runtime
from kedai.sync.schedule_view import read_schedules
from kedai.values.environment import Environment
from kedai.values.wording import N_, NP_
from kedai.vault.queries import get_cursor_key
from kedai.web.dashboard.access import Reader, Replayer
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.notice_words import find_notice
from kedai.web.dashboard.render import render, url
from kedai.web.dashboard.shell import ActedEnvironment, ViewedScope, parse_viewed, read_shell, text_param
from kedai.web.dashboard.words import RUN_KIND
from kedai.web.deps import RuntimeDep
from kedai.web.run_rights import demand_pause, demand_stop, may_stop
from kedai.web.security import Principal

router = APIRouter()

PER_PAGE = 50
_TABS: dict[str, tuple[str, tuple[str, ...]]] = {
    "all": (N_("All"), queries.STATES),
    "open": (N_("Going on"), queries.OPEN_STATES),
    "succeeded": (N_("Succeeded"), ("succeeded",)),
    "failed": (N_("Failed"), ("failed",)),
    "cancelled": (N_("Cancelled"), ("cancelled",)),
}
_WORST_FIRST = (ScheduleState.DOWN, ScheduleState.LATE)
_ORDER = {state: 0 if state in _WORST_FIRST else 2 if state is ScheduleState.RESTING else 1 for state in ScheduleState}


@router.get("/e/{scope}/runs")
def show_runs(request: Request, runtime: RuntimeDep, caller: Reader, scope: ViewedScope) -> Response:
    """How each kind of run stands, what waits, and the runs of the viewed environments, newest first."""
    wanted, kind = text_param(request, "state") or "all", text_param(request, "kind", at_most=40)
    key = wanted if wanted in _TABS else "all"
    cursor = text_param(request, "cursor", at_most=600)
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=scope, section="runs", caller=caller)
        page = queries.list_runs(
            db,
            environment=shell.environment,
            states=_TABS[key][1],
            kind=kind,
            cursor=cursor,
            cursor_key=get_cursor_key(db),
            limit=PER_PAGE,
        )
        viewed = frozenset(Environment) if shell.environment is None else {shell.environment}
        schedules = read_schedules(db, environments=viewed, now=shell.now)
        depth, oldest = queries.get_queue(db, environment=shell.environment)
    here, param = f"/e/{scope}/runs", None if key == "all" else key
    return render(
        shell,
        "runs.html",
        schedules=sorted(schedules, key=lambda one: (_ORDER[one.state], one.label, one.environment)),
        depth=depth,
        oldest=oldest,
        rows=page.rows,
        here=url(here, state=param, kind=kind),
        tabs=_tabs(here, key, kind),
        state=param,
        kind=kind,
        kinds=sorted(RUN_KIND.items(), key=lambda one: one[1]),
        may_stop=partial(may_stop, caller),
        any_open=any(run.state in queries.OPEN_STATES for run in page.rows),
        nothing_yet=key == "all" and kind is None,
        notice=find_notice(text_param(request, "status")),
        shown=NP_("%(num)s run on this page", "%(num)s runs on this page", len(page.rows)),
        first_href=url(here, state=param, kind=kind) if cursor else None,
        next_href=url(here, state=param, kind=kind, cursor=page.next_cursor) if page.next_cursor else None,
    )


@router.get("/e/{environment}/runs/{run_id}")
def show_run(
    request: Request, runtime: RuntimeDep, caller: Reader, environment: ActedEnvironment, run_id: str
) -> Response:
    """One run: how far it is, how fast it goes, when it will end, and what it says."""
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=environment.value, section="runs", caller=caller)
        run = queries.get_run(db, parse_id("run", run_id), environment=environment)
    return render(
        shell,
        "run.html",
        run=run,
        progress=measure(run, now=shell.now),
        is_open=run.state in queries.OPEN_STATES,
        may_stop=may_stop(caller, run.kind),
        notice=find_notice(text_param(request, "status")),
    )


@router.post("/e/{environment}/runs/{run_id}/cancel")
def cancel(runtime: RuntimeDep, caller: Replayer, environment: ActedEnvironment, run_id: str, form: Form) -> Response:
    """Ask a run to stop before its next step."""
    with runtime.web_db.write() as db:
        found, now = parse_id("run", run_id), runtime.clock.now()
        demand_stop(caller, queries.get_run(db, found, environment=environment).kind, now)
        request_cancel(db, found, environment=environment, actor=caller.actor, now=now)
    return _back(form, environment, run_id, "cancel_requested")


@router.post("/e/{environment}/runs/{run_id}/pause")
def pause(runtime: RuntimeDep, caller: Replayer, environment: ActedEnvironment, run_id: str, form: Form) -> Response:
    """Let a run rest before its next step."""
    undo = _rest(runtime, caller, environment, run_id, pause_run)
    return _back(form, environment, run_id, "run_paused", undo)


@router.post("/e/{environment}/runs/{run_id}/resume")
def resume(runtime: RuntimeDep, caller: Replayer, environment: ActedEnvironment, run_id: str, form: Form) -> Response:
    """Let a paused run go on where it was."""
    undo = _rest(runtime, caller, environment, run_id, resume_run)
    return _back(form, environment, run_id, "run_resumed", undo)


def _rest(
    runtime: Runtime, caller: Principal, environment: Environment, run_id: str, verb: Callable[..., object]
) -> str | None:
    with runtime.web_db.write() as db:
        found, now = parse_id("run", run_id), runtime.clock.now()
        demand_pause(caller, queries.get_run(db, found, environment=environment).kind)
        verb(db, found, environment=environment, actor=caller.actor, now=now)
        return latest_entry(db)


def _back(
    form: Mapping[str, str], environment: Environment, run_id: str, status: str, undo: str | None = None
) -> RedirectResponse:
    """To the list that it was asked from, or to the run's own page."""
    if form.get("page") == "run":
        return RedirectResponse(url(f"/e/{environment.value}/runs/{run_id}", status=status, undo=undo), 303)
    scope = parse_viewed(form.get("from") or environment.value)
    return RedirectResponse(url(f"/e/{scope}/runs", status=status, undo=undo), 303)


def _tabs(here: str, key: str, kind: str | None) -> list[dict[str, object]]:
    return [
        {
            "label": label,
            "href": url(here, state=None if name == "all" else name, kind=kind),
            "current": name == key,
            "count": None,
        }
        for name, (label, _states) in _TABS.items()
    ]
