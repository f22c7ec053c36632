"""The checks of an environment: what they found and how to mend it, running them, and registering pushes."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response

from kedai.errors import (
    Conflict,
    KedaiError,
    NotConfigured,
    OutcomeUnknown,
    RateLimited,
    RemoteRejected,
    RemoteUnavailable,
    RemoteUnreadable,
    SecretUnreadable,
)
from kedai.kit.ids import parse_id
from kedai.runtime import Runtime
from kedai.sync.preflight.register import register_pushes
from kedai.sync.preflight.run import certify
from kedai.values.environment import Environment
from kedai.values.wording import N_, joined
from kedai.vault.certificates import PREFIX, get_certificate, list_certificates
from kedai.web.dashboard.access import Connecter, Reader
from kedai.web.dashboard.certification import has_failed, read_certification
from kedai.web.dashboard.connection_page import frame, read_connection
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.notice_words import Notice, find_notice
from kedai.web.dashboard.render import known, render, url
from kedai.web.dashboard.shell import env_param, text_param
from kedai.web.deps import RuntimeDep
from kedai.web.security import Principal

router = APIRouter()

_LISTED = 20
_NOT_REGISTERED = (
    Conflict,
    NotConfigured,
    SecretUnreadable,
    RemoteRejected,
    RemoteUnavailable,
    RemoteUnreadable,
    RateLimited,
    OutcomeUnknown,
)


@router.get("/connectors/{name}/certificates")
def show_latest(request: Request, runtime: RuntimeDep, caller: Reader, name: str) -> Response:
    """The latest checks of an environment in full, and those before."""
    return _show(request, runtime, caller, name, status=200, notice=find_notice(text_param(request, "status")))


@router.get("/connectors/{name}/certificates/{certificate_id}")
def show_one(request: Request, runtime: RuntimeDep, caller: Reader, name: str, certificate_id: str) -> Response:
    """An earlier one."""
    return _show(request, runtime, caller, name, status=200, notice=None, chosen=certificate_id)


@router.post("/connectors/{name}/certificates")
async def run(request: Request, runtime: RuntimeDep, caller: Connecter, name: str, form: Form) -> Response:
    """Run the checks now; back to the switch page, if they were asked for there."""
    connector, environment = runtime.parts.connector(name), env_param(request, "env")
    await certify(runtime.parts, connector.name, environment, actor=caller.actor)
    return _back(name, environment, form.get("back", ""), None)


@router.post("/connectors/{name}/push-registration")
async def register(request: Request, runtime: RuntimeDep, caller: Connecter, name: str, form: Form) -> Response:
    """Tell the marketplace our push address and the codes that are needed."""
    connector, environment = runtime.parts.connector(name), env_param(request, "env")
    try:
        await register_pushes(runtime.parts, connector.name, environment, actor=caller.actor)
    except _NOT_REGISTERED as error:
        notice = Notice("bad", N_("The pushes were not registered."), _explain(error))
        return await run_in_threadpool(_show, request, runtime, caller, name, status=409, notice=notice)
    return _back(name, environment, form.get("back", ""), "pushes_registered")


def _explain(error: KedaiError) -> str:
    """A refusal is most often about the test push that the marketplace sends first."""
    told: str = known(error.message)
    if not isinstance(error, RemoteRejected):
        return told
    hint = N_("It tries our address with a signed push first: is the push key right, and does the address lead to us?")
    return joined(" ", [told, hint])


def _back(name: str, environment: Environment, back: str, status: str | None) -> Response:
    if back == "switch":
        return RedirectResponse(url(f"/connectors/{name}/switch", to=environment.value, status=status), 303)
    return RedirectResponse(url(f"/connectors/{name}/certificates", env=environment.value, status=status), 303)


def _show(
    request: Request,
    runtime: Runtime,
    caller: Principal,
    name: str,
    *,
    status: int,
    notice: Notice | None,
    chosen: str | None = None,
) -> Response:
    connector, environment = runtime.parts.connector(name), env_param(request, "env")
    with runtime.web_db.read() as db:
        shell, view = read_connection(request, runtime, db, caller, connector, environment)
        certification = read_certification(db, connector.name, environment, now=shell.now)
        history = list_certificates(db, connector.name, environment, limit=_LISTED)
        shown = certification.latest
        if chosen is not None:
            shown = get_certificate(db, connector.name, environment, parse_id(PREFIX, chosen))
    return render(
        shell,
        "certificates.html",
        status=status,
        connector=connector,
        view=view,
        notice=notice,
        certification=certification,
        shown=shown,
        history=history,
        push_failed=has_failed(shown, "push_config", "push_status"),
        back=url(f"/connectors/{name}", tab=environment.value),
        here="certificates",
        **frame(connector, environment),
    )
