"""The page of one shop: how it is doing, and what a person may do with it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from kedai.audit.service import latest_entry
from kedai.connectors.base import Connector
from kedai.errors import Conflict, Invalid, NotFound
from kedai.runtime import Runtime
from kedai.sync.accounts import disconnect, pause, resume
from kedai.sync.shops import get_shop_view, read_health
from kedai.values.environment import Environment, Scope
from kedai.values.wording import N_
from kedai.web.dashboard.access import Connecter, FreshConnecter, Reader
from kedai.web.dashboard.connection_page import frame, labels, read_connection, sign_in_origins
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.notice_words import Notice, find_notice
from kedai.web.dashboard.render import known, render, url
from kedai.web.dashboard.shell import env_param, text_param
from kedai.web.deps import RuntimeDep
from kedai.web.security import Principal, security_headers

router = APIRouter()


@router.get("/connectors/{name}/shops/{shop_id}")
def show(request: Request, runtime: RuntimeDep, caller: Reader, name: str, shop_id: str) -> Response:
    """One shop of the environment that `?env=` names."""
    notice = find_notice(text_param(request, "status"))
    return _show(request, runtime, caller, _scope(request, runtime, name, shop_id), status=200, notice=notice)


@router.post("/connectors/{name}/shops/{shop_id}/pause")
def rest(request: Request, runtime: RuntimeDep, caller: Connecter, name: str, shop_id: str, _form: Form) -> Response:
    """Let its events wait."""
    scope = _scope(request, runtime, name, shop_id)
    try:
        with runtime.web_db.write() as db:
            pause(runtime.parts, db, scope, actor=caller.actor, now=runtime.clock.now())
            undo = latest_entry(db)
    except Conflict as error:
        return _show(request, runtime, caller, scope, status=409, notice=Notice("warn", known(error.message)))
    return _to(scope, "shop_paused", undo)


@router.post("/connectors/{name}/shops/{shop_id}/resume")
def go_on(request: Request, runtime: RuntimeDep, caller: Connecter, name: str, shop_id: str, _form: Form) -> Response:
    """Work on its events again."""
    scope = _scope(request, runtime, name, shop_id)
    try:
        with runtime.web_db.write() as db:
            resume(runtime.parts, db, scope, actor=caller.actor, now=runtime.clock.now())
            undo = latest_entry(db)
    except Conflict as error:
        return _show(request, runtime, caller, scope, status=409, notice=Notice("warn", known(error.message)))
    return _to(scope, "shop_resumed", undo)


@router.post("/connectors/{name}/shops/{shop_id}/disconnect")
def part(
    request: Request, runtime: RuntimeDep, caller: FreshConnecter, name: str, shop_id: str, form: Form
) -> Response:
    """Forget its tokens; its id must be typed."""
    scope, typed = _scope(request, runtime, name, shop_id), form.get("typed", "")
    try:
        with runtime.web_db.write() as db:
            disconnect(runtime.parts, db, scope, typed=typed, actor=caller.actor, now=runtime.clock.now())
    except Invalid as error:
        return _show(request, runtime, caller, scope, status=422, notice=None, problem=known(error.message))
    except Conflict as error:
        return _show(request, runtime, caller, scope, status=409, notice=Notice("warn", known(error.message)))
    return _to(scope, "shop_disconnected")


def _show(
    request: Request,
    runtime: Runtime,
    caller: Principal,
    scope: Scope,
    *,
    status: int,
    notice: Notice | None,
    problem: str = "",
) -> Response:
    connector: Connector = runtime.parts.connector(scope.connector)
    environment: Environment = scope.environment
    with runtime.web_db.read() as db:
        shell, view = read_connection(request, runtime, db, caller, connector, environment)
        shop = get_shop_view(runtime.parts, db, scope)
        health = read_health(db, scope.connector, environment, now=shell.now)[scope.shop_id]
    return render(
        shell,
        "shop.html",
        status=status,
        policy=security_headers(form_action_extra=sign_in_origins(runtime, connector, view)),
        connector=connector,
        view=view,
        shop=shop,
        health=health,
        notice=notice,
        problem=problem,
        connect_missing=labels(connector, view.connect_missing),
        **frame(connector, environment),
    )


def _scope(request: Request, runtime: Runtime, name: str, shop_id: str) -> Scope:
    connector, environment = runtime.parts.connector(name), env_param(request, "env")
    if not shop_id.isprintable():
        raise NotFound(N_("There is no such shop here."))
    return Scope(connector.name, environment, shop_id)


def _to(scope: Scope, status: str, undo: str | None = None) -> Response:
    path = f"/connectors/{scope.connector}/shops/{scope.shop_id}"
    return RedirectResponse(url(path, env=scope.environment.value, status=status, undo=undo), 303)
