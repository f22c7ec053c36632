"""The browser's way out to a marketplace and back: the binding cookie, and the two callback addresses."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from kedai.errors import NotFound
from kedai.runtime import Runtime
from kedai.sync.connect import STATE_LIFETIME, Callback, finish
from kedai.values.environment import ConnectorName, Environment
from kedai.web.deps import RuntimeDep, find_caller, is_secure, parse_environment

router = APIRouter()
_Text = Annotated[str, Query(max_length=20_000)]


def oauth_cookie_name(*, secure: bool) -> str:
    """Lax, since a stricter cookie is not sent on the return from the marketplace."""
    return "__Host-kedai-oauth" if secure else "kedai-oauth"


def set_oauth_cookie(response: Response, value: str, *, secure: bool) -> None:
    """Bind an authorisation attempt to this browser."""
    response.set_cookie(
        oauth_cookie_name(secure=secure),
        value,
        max_age=int(STATE_LIFETIME.total_seconds()),
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )


@router.get("/connectors/{connector}/oauth/callback")
async def callback_alias(
    connector: str,
    request: Request,
    runtime: RuntimeDep,
    code: _Text = "",
    shop_id: _Text = "",
    main_account_id: _Text = "",
    nonce: _Text = "",
    state: _Text = "",
    error: _Text = "",
) -> Response:
    """Sandbox's older address."""
    back = Callback(code, shop_id, _nonce(nonce, state), error, main_account_id)
    return await _finish(runtime, request, connector, Environment.SANDBOX, back)


@router.get("/connectors/{connector}/oauth/callback/{environment}")
async def callback(
    connector: str,
    environment: str,
    request: Request,
    runtime: RuntimeDep,
    code: _Text = "",
    shop_id: _Text = "",
    main_account_id: _Text = "",
    nonce: _Text = "",
    state: _Text = "",
    error: _Text = "",
) -> Response:
    """Where the marketplace sends the browser: always ends in a 303 to a clean address."""
    back = Callback(code, shop_id, _nonce(nonce, state), error, main_account_id)
    return await _finish(runtime, request, connector, parse_environment(environment), back)


async def _finish(
    runtime: Runtime, request: Request, connector: str, environment: Environment, back: Callback
) -> Response:
    if connector not in runtime.connectors:
        raise NotFound
    caller = await run_in_threadpool(find_caller, request, runtime)
    secure = is_secure(runtime)
    status = await finish(
        runtime.parts,
        ConnectorName(connector),
        environment,
        back,
        cookie_value=request.cookies.get(oauth_cookie_name(secure=secure)),
        session_id=None if caller is None or caller.session_id is None else caller.session_id.hex,
        actor=None if caller is None else caller.actor,
    )
    query = urlencode({"tab": environment.value, "env": environment.value, "status": status})
    response = RedirectResponse(f"/connectors/{connector}?{query}", 303)
    response.delete_cookie(oauth_cookie_name(secure=secure), path="/", secure=secure, httponly=True, samesite="lax")
    return response


def _nonce(nonce: str, state: str) -> str:
    """Our value travels in the redirect address; where the marketplace echoes a state too, both must be equal."""
    return "" if state and nonce and state != nonce else nonce or state
