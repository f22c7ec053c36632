"""API tokens of both environments: which there are, making one, revoking one; for administrators."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from kedai.errors import Invalid
from kedai.kit.ids import parse_id
from kedai.runtime import Runtime
from kedai.staff import queries
from kedai.staff.actors import TOKEN_PREFIX, show_api_token
from kedai.staff.roles import TokenScope
from kedai.staff.service import create_api_token, revoke_api_token
from kedai.values.environment import Environment
from kedai.values.wording import N_
from kedai.web.dashboard.access import FreshTokenManager, TokenManager
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.notice_words import find_notice
from kedai.web.dashboard.people import EVERYWHERE
from kedai.web.dashboard.render import known, render
from kedai.web.dashboard.routes_staff import parse_role
from kedai.web.dashboard.shell import read_shell, text_param
from kedai.web.deps import RuntimeDep
from kedai.web.security import Principal

router = APIRouter()


@router.get("/tokens")
def list_tokens(request: Request, runtime: RuntimeDep, caller: TokenManager) -> Response:
    """Every token, revoked ones too, newest first."""
    return _list(request, runtime, caller, status=200, name="", problem=None)


@router.post("/tokens")
def create(request: Request, runtime: RuntimeDep, caller: FreshTokenManager, form: Form) -> Response:
    """A token for one environment, whose text is shown this once."""
    name = form.get("name", "")
    try:
        role, environment = parse_role(form.get("role", "")), _environment(form.get("environment", ""))
        scopes = [scope for scope in TokenScope if f"scope_{scope.name.lower()}" in form]
        with runtime.web_db.write() as db:
            token, text = create_api_token(
                db,
                name,
                role=role,
                environment=environment,
                scopes=scopes,
                actor=caller.actor,
                now=runtime.clock.now(),
            )
    except Invalid as error:
        return _list(request, runtime, caller, status=422, name=name[:200], problem=known(error.message))
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed="all", section="tokens", caller=caller)
    return render(shell, "token_made.html", token=token, text=text.reveal(), **EVERYWHERE)


@router.post("/tokens/{token_id}/revoke")
def revoke(runtime: RuntimeDep, caller: FreshTokenManager, token_id: str) -> Response:
    """Make a token worthless, at once and for good."""
    with runtime.web_db.write() as db:
        token = queries.get_api_token(db, parse_id(TOKEN_PREFIX, token_id))
        revoke_api_token(db, token, actor=caller.actor, now=runtime.clock.now())
    return RedirectResponse("/tokens?status=token_revoked", 303)


def _environment(text: str) -> Environment:
    try:
        return Environment(text)
    except ValueError:
        raise Invalid(N_("Choose an environment: a token reaches one only."), field="environment") from None


def _list(
    request: Request, runtime: Runtime, caller: Principal, *, status: int, name: str, problem: str | None
) -> Response:
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed="all", section="tokens", caller=caller)
        tokens = queries.list_api_tokens(db)
    return render(
        shell,
        "tokens.html",
        status=status,
        rows=[{"token": one, "revoke": f"/tokens/{show_api_token(one)}/revoke"} for one in tokens],
        name=name,
        problem=problem,
        notice=find_notice(text_param(request, "status")),
        **EVERYWHERE,
    )
