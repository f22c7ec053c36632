"""The page of runs: what goes on, how far it is, and how to stop it."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from kedai.kit.ids import parse_id
from kedai.runs import queries
from kedai.runs.service import request_cancel
from kedai.vault.queries import get_cursor_key
from kedai.web.dashboard.access import Reader, Replayer
from kedai.web.dashboard.formats import plural
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.render import render, url
from kedai.web.dashboard.shell import ActedEnvironment, ViewedScope, parse_viewed, read_shell, text_param
from kedai.web.dashboard.words import find_notice
from kedai.web.deps import RuntimeDep
from kedai.web.run_rights import demand_stop, may_stop

router = APIRouter()

PER_PAGE = 50
_TABS: dict[str, tuple[str, tuple[str, ...]]] = {
    "all": ("All", queries.STATES),
    "open": ("Going on", queries.OPEN_STATES),
    "succeeded": ("Succeeded", ("succeeded",)),
    "failed": ("Failed", ("failed",)),
    "cancelled": ("Cancelled", ("cancelled",)),
}


@router.get("/e/{scope}/runs")
def show_runs(request: Request, runtime: RuntimeDep, caller: Reader, scope: ViewedScope) -> Response:
    """Runs of the viewed environments, newest first."""
    wanted = text_param(request, "state") or "all"
    key = wanted if wanted in _TABS else "all"
    cursor = text_param(request, "cursor", at_most=600)
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=scope, section="runs", caller=caller)
        page = queries.list_runs(
            db,
            environment=shell.environment,
            states=_TABS[key][1],
            cursor=cursor,
            cursor_key=get_cursor_key(db),
            limit=PER_PAGE,
        )
    here = f"/e/{scope}/runs"
    param = None if key == "all" else key
    return render(
        shell,
        "runs.html",
        rows=page.rows,
        here=url(here, state=param),
        tabs=[
            {
                "label": label,
                "href": url(here, state=None if name == "all" else name),
                "current": name == key,
                "count": None,
            }
            for name, (label, _states) in _TABS.items()
        ],
        may_stop=partial(may_stop, caller),
        any_open=any(run.state in queries.OPEN_STATES for run in page.rows),
        nothing_yet=key == "all",
        notice=find_notice(text_param(request, "status")),
        shown=plural(len(page.rows), "run", "runs") + " on this page",
        first_href=url(here, state=param) if cursor else None,
        next_href=url(here, state=param, cursor=page.next_cursor) if page.next_cursor else None,
    )


@router.post("/e/{environment}/runs/{run_id}/cancel")
def cancel(runtime: RuntimeDep, caller: Replayer, environment: ActedEnvironment, run_id: str, form: Form) -> Response:
    """Ask a run to stop before its next step."""
    scope = parse_viewed(form.get("from") or environment.value)
    with runtime.web_db.write() as db:
        found, now = parse_id("run", run_id), runtime.clock.now()
        demand_stop(caller, queries.get_run(db, found, environment=environment).kind, now)
        request_cancel(db, found, environment=environment, actor=caller.actor, now=now)
    return RedirectResponse(url(f"/e/{scope}/runs", status="cancel_requested"), 303)
