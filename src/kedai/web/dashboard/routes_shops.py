"""Connecting a shop through the marketplace's consent page, and confirming one that was not expected."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from kedai.errors import Conflict, Forbidden, Invalid, NotConfigured, NotFound
from kedai.sync import accounts
from kedai.sync.connect import ConnectStart, start
from kedai.values.environment import MerchantScope, Scope
from kedai.values.wording import N_
from kedai.vault.queries import find_shop
from kedai.web.dashboard.access import Connecter, FreshConnecter
from kedai.web.dashboard.connection_page import Attempt, show_connection
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.notice_words import Notice
from kedai.web.dashboard.render import known, url
from kedai.web.dashboard.routes_merchants import require_merchant
from kedai.web.dashboard.shell import env_param
from kedai.web.deps import RuntimeDep, is_secure
from kedai.web.oauth import set_oauth_cookie

router = APIRouter()


@router.post("/connectors/{name}/connect")
def connect(request: Request, runtime: RuntimeDep, caller: Connecter, name: str, form: Form) -> Response:
    """To the marketplace's consent page; ``shop_id`` or ``merchant_id`` names who is connected again."""
    connector, environment = runtime.parts.connector(name), env_param(request, "env")
    if caller.session_id is None:
        raise Forbidden(N_("A shop is connected in a browser that is signed in."))
    expected, merchant_id = form.get("shop_id") or None, form.get("merchant_id") or None
    try:
        with runtime.web_db.write() as db:
            if expected is not None:
                _require_shop(db, Scope(connector.name, environment, expected))
            if merchant_id is not None:
                require_merchant(db, MerchantScope(connector.name, environment, merchant_id))
            begun: ConnectStart = start(
                runtime.parts,
                db,
                connector.name,
                environment,
                staff_id=caller.actor.id,
                session_id=caller.session_id.hex,
                expected_shop_id=expected,
                expected_merchant_id=merchant_id,
                now=runtime.clock.now(),
            )
    except NotConfigured:
        return RedirectResponse(url(f"/connectors/{name}", tab=environment.value, status="not_configured"), 303)
    response = RedirectResponse(begun.authorization_url, 303)
    set_oauth_cookie(response, begun.cookie_value, secure=is_secure(runtime))
    return response


@router.post("/connectors/{name}/shops/{shop_id}/confirm")
def confirm(
    request: Request, runtime: RuntimeDep, caller: FreshConnecter, name: str, shop_id: str, form: Form
) -> Response:
    """Accept a pending shop whose id was typed."""
    connector, environment = runtime.parts.connector(name), env_param(request, "env")
    try:
        with runtime.web_db.write() as db:
            scope, typed = Scope(connector.name, environment, shop_id), form.get("typed", "")
            _require_shop(db, scope)
            accounts.confirm(runtime.parts, db, scope, typed=typed, actor=caller.actor, now=runtime.clock.now())
    except Invalid as error:
        attempt = Attempt(status=422, shop_errors={shop_id: known(error.message)})
        return show_connection(request, runtime, caller, connector, environment, attempt)
    except Conflict as error:
        attempt = Attempt(status=409, notice=Notice("warn", known(error.message)))
        return show_connection(request, runtime, caller, connector, environment, attempt)
    return RedirectResponse(url(f"/connectors/{name}", tab=environment.value, status="shop_confirmed"), 303)


def _require_shop(db: Session, scope: Scope) -> None:
    """A shop that an act names must be one of this environment's."""
    if not scope.shop_id.isprintable() or find_shop(db, scope) is None:
        raise NotFound(N_("There is no such shop here."))
