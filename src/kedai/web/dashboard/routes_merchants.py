"""What a person does with a merchant of a main account: confirm an unexpected one, pause, resume, disconnect."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from kedai.audit.service import latest_entry
from kedai.errors import Conflict, Invalid, NotFound
from kedai.runtime import Runtime
from kedai.sync import accounts
from kedai.values.environment import MerchantScope
from kedai.values.wording import N_
from kedai.vault.accounts import find_holder
from kedai.web.dashboard.access import Connecter, FreshConnecter
from kedai.web.dashboard.connection_page import Attempt, show_connection
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.notice_words import Notice
from kedai.web.dashboard.render import known, url
from kedai.web.dashboard.shell import env_param
from kedai.web.deps import RuntimeDep
from kedai.web.security import Principal

router = APIRouter()


@router.post("/connectors/{name}/merchants/{merchant_id}/confirm")
def confirm(
    request: Request, runtime: RuntimeDep, caller: FreshConnecter, name: str, merchant_id: str, form: Form
) -> Response:
    """Accept a pending merchant, or the newer pair that is kept aside for one, whose id was typed."""
    scope, typed = _scope(request, runtime, name, merchant_id), form.get("typed", "")
    try:
        with runtime.web_db.write() as db:
            require_merchant(db, scope)
            accounts.confirm(runtime.parts, db, scope, typed=typed, actor=caller.actor, now=runtime.clock.now())
    except (Invalid, Conflict) as error:
        return _refused(request, runtime, caller, scope, error)
    return _to(scope, "merchant_confirmed")


@router.post("/connectors/{name}/merchants/{merchant_id}/pause")
def rest(
    request: Request, runtime: RuntimeDep, caller: Connecter, name: str, merchant_id: str, _form: Form
) -> Response:
    """Set it aside, and keep its tokens."""
    scope = _scope(request, runtime, name, merchant_id)
    try:
        with runtime.web_db.write() as db:
            require_merchant(db, scope)
            accounts.pause(runtime.parts, db, scope, actor=caller.actor, now=runtime.clock.now())
            undo = latest_entry(db)
    except Conflict as error:
        return _refused(request, runtime, caller, scope, error)
    return _to(scope, "merchant_paused", undo)


@router.post("/connectors/{name}/merchants/{merchant_id}/resume")
def go_on(
    request: Request, runtime: RuntimeDep, caller: Connecter, name: str, merchant_id: str, _form: Form
) -> Response:
    """Go on with a paused merchant."""
    scope = _scope(request, runtime, name, merchant_id)
    try:
        with runtime.web_db.write() as db:
            require_merchant(db, scope)
            accounts.resume(runtime.parts, db, scope, actor=caller.actor, now=runtime.clock.now())
            undo = latest_entry(db)
    except Conflict as error:
        return _refused(request, runtime, caller, scope, error)
    return _to(scope, "merchant_resumed", undo)


@router.post("/connectors/{name}/merchants/{merchant_id}/disconnect")
def part(
    request: Request, runtime: RuntimeDep, caller: FreshConnecter, name: str, merchant_id: str, form: Form
) -> Response:
    """Forget its tokens; its id must be typed."""
    scope, typed = _scope(request, runtime, name, merchant_id), form.get("typed", "")
    try:
        with runtime.web_db.write() as db:
            require_merchant(db, scope)
            accounts.disconnect(runtime.parts, db, scope, typed=typed, actor=caller.actor, now=runtime.clock.now())
    except (Invalid, Conflict) as error:
        return _refused(request, runtime, caller, scope, error)
    return _to(scope, "merchant_disconnected")


def require_merchant(db: Session, scope: MerchantScope) -> None:
    """A merchant that an act names must be one of this environment's.

    Raises:
        NotFound: it is not.
    """
    if not scope.merchant_id.isprintable() or find_holder(db, scope) is None:
        raise NotFound(N_("There is no such merchant here."))


def _scope(request: Request, runtime: Runtime, name: str, merchant_id: str) -> MerchantScope:
    return MerchantScope(runtime.parts.connector(name).name, env_param(request, "env"), merchant_id)


def _to(scope: MerchantScope, status: str, undo: str | None = None) -> Response:
    path = f"/connectors/{scope.connector}"
    return RedirectResponse(url(path, tab=scope.environment.value, status=status, undo=undo), 303)


def _refused(
    request: Request, runtime: Runtime, caller: Principal, scope: MerchantScope, error: Invalid | Conflict
) -> Response:
    if isinstance(error, Invalid):
        attempt = Attempt(status=422, merchant_errors={scope.merchant_id: known(error.message)})
    else:
        attempt = Attempt(status=409, notice=Notice("warn", known(error.message)))
    connector = runtime.parts.connector(scope.connector)
    return show_connection(request, runtime, caller, connector, scope.environment, attempt)
