"""Signing in to the other environment: what will change is said first, and going live asks for the word."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from kedai.errors import NotConfigured
from kedai.runtime import Runtime
from kedai.sync.switch import switch
from kedai.values.environment import Environment
from kedai.web.dashboard.access import Switcher
from kedai.web.dashboard.connection_page import frame, labels, read_connection
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.parked import read_parked
from kedai.web.dashboard.render import render, url
from kedai.web.dashboard.shell import env_param
from kedai.web.deps import RuntimeDep
from kedai.web.security import Principal, demand_fresh

router = APIRouter()

_WORD = Environment.LIVE.value


@router.get("/connectors/{name}/switch")
def ask(request: Request, runtime: RuntimeDep, caller: Switcher, name: str) -> Response:
    """Say what a switch will change, and ask; to live, whoever is not known to be here proves it first."""
    target = env_param(request, "to")
    _demand_fresh_for_live(runtime, caller, target)
    return _ask(request, runtime, caller, name, target, status=200, problem="")


@router.post("/connectors/{name}/switch")
def sign_in_to(request: Request, runtime: RuntimeDep, caller: Switcher, name: str, form: Form) -> Response:
    """Switch; to live only with the word typed."""
    connector, target = runtime.parts.connector(name), env_param(request, "to")
    _demand_fresh_for_live(runtime, caller, target)
    if target is Environment.LIVE and form.get("confirm", "").strip() != _WORD:
        problem = f"Type the word {_WORD} to go live."
        return _ask(request, runtime, caller, name, target, status=422, problem=problem)
    try:
        with runtime.web_db.write() as db:
            result = switch(runtime.parts, db, connector.name, target, actor=caller.actor, now=runtime.clock.now())
    except NotConfigured:
        return _ask(request, runtime, caller, name, target, status=409, problem="")
    status = "switched" if result.changed else "already_active"
    return RedirectResponse(url(f"/connectors/{name}", tab=target.value, status=status), 303)


def _demand_fresh_for_live(runtime: Runtime, caller: Principal, target: Environment) -> None:
    if target is Environment.LIVE:
        demand_fresh(caller, runtime.clock.now())


def _ask(
    request: Request, runtime: Runtime, caller: Principal, name: str, target: Environment, *, status: int, problem: str
) -> Response:
    connector = runtime.parts.connector(name)
    here = url(f"/connectors/{name}", tab=target.value)
    with runtime.web_db.read() as db:
        shell, view = read_connection(request, runtime, db, caller, connector, target)
        parked = read_parked(db, connector.name, target, back="connection", refresh_href=here)
    if view.active_environment is target:
        return RedirectResponse(url(f"/connectors/{name}", tab=target.value, status="already_active"), 303)
    return render(
        shell,
        "switch.html",
        status=status,
        connector=connector,
        view=view,
        target=target,
        leaving=target.other,
        parked=parked,
        missing=labels(connector, view.missing),
        problem=problem,
        word=_WORD,
        back=here,
        **frame(connector, target),
    )
