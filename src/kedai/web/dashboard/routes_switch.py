"""Signing in to the other environment: what will change is said first; going live asks for passed checks and a word."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from kedai.errors import CertificateRequired, Forbidden, Invalid, NotConfigured
from kedai.runtime import Runtime
from kedai.staff.roles import Capability
from kedai.sync.switch import switch
from kedai.values.environment import Environment
from kedai.values.wording import N_
from kedai.web.dashboard.access import Switcher
from kedai.web.dashboard.certification import Certification, read_certification
from kedai.web.dashboard.connection_page import frame, labels, read_connection
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.notice_words import find_notice
from kedai.web.dashboard.parked import read_parked
from kedai.web.dashboard.render import known, render, url
from kedai.web.dashboard.shell import env_param, text_param
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
    """Switch; to live only with the word typed, and with checks that count or an administrator's reason."""
    connector, target = runtime.parts.connector(name), env_param(request, "to")
    _demand_fresh_for_live(runtime, caller, target)
    if target is Environment.LIVE and form.get("confirm", "").strip() != _WORD:
        problem = N_("Type the word %(word)s to go live.", word=_WORD)
        return _ask(request, runtime, caller, name, target, status=422, problem=problem)
    reason = form.get("override_reason")
    if reason is not None and not caller.can(Capability.CERTIFICATE_OVERRIDE):
        raise Forbidden(N_("Only an administrator may go live without passed checks."))
    try:
        with runtime.web_db.write() as db:
            result = switch(
                runtime.parts,
                db,
                connector.name,
                target,
                override_reason=reason,
                actor=caller.actor,
                now=runtime.clock.now(),
            )
    except NotConfigured:
        return _ask(request, runtime, caller, name, target, status=409, problem="")
    except CertificateRequired as error:
        return _ask(request, runtime, caller, name, target, status=409, problem=known(error.message))
    except Invalid as error:
        return _ask(request, runtime, caller, name, target, status=422, problem=known(error.message))
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
        certification = Certification(None, "")
        if target is Environment.LIVE:
            certification = read_certification(db, connector.name, target, now=shell.now)
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
        certification=certification,
        notice=find_notice(text_param(request, "status")) if status == 200 else None,
        problem=problem,
        word=_WORD,
        back=here,
        **frame(connector, target),
    )
