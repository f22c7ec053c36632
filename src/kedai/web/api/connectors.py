"""The fixed JSON routes of a connector's environments (spec, environments §5)."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr

from kedai.errors import Forbidden, Invalid, Stale, StepUpRequired
from kedai.staff.roles import Capability, TokenScope
from kedai.sync import credentials
from kedai.sync.connect import TOKEN_SESSION, start
from kedai.sync.connection import ConnectionView, get_connection
from kedai.sync.switch import switch
from kedai.values.environment import Environment
from kedai.vault.queries import get_active_environment
from kedai.web.api.shown import plain
from kedai.web.api.target import EnvQuery, find_environment, get_target
from kedai.web.deps import ReadSession, RuntimeDep, WriteSession, is_secure, reach, require
from kedai.web.oauth import set_oauth_cookie
from kedai.web.security import Principal
from kedai.web.sign_in import prove

router = APIRouter(prefix="/admin/dashboard/connectors/{connector}")
# in each route the caller stands before the session: who is not allowed never waits for the right to write

Reader = Annotated[Principal, Depends(require(Capability.READ))]
Editor = Annotated[Principal, Depends(require(Capability.CREDENTIALS_WRITE, fresh=True))]
Connecter = Annotated[Principal, Depends(require(Capability.SHOPS_CONNECT))]
Switcher = Annotated[Principal, Depends(require(Capability.ENVIRONMENT_SWITCH))]
_VERSION = re.compile(r"[0-9]{1,18}")
_Id = Annotated[str, Field(max_length=200)] | Annotated[int, Field(strict=True)] | None


class CredentialsPatch(BaseModel):
    """A partial edit: absent = keep, blank secret = keep, null = clear (not for secrets)."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    partner_id: _Id = None
    shop_id: _Id = None
    region: str | None = Field(default=None, max_length=200)
    host: str | None = Field(default=None, max_length=200)
    default_location_id: _Id = None
    default_shipping_option_id: _Id = None
    partner_key: SecretStr | None = Field(default=None, max_length=4096)
    push_partner_key: SecretStr | None = Field(default=None, max_length=4096)
    old_push_key_until: AwareDatetime | None = None

    def changes(self) -> dict[str, str | None]:
        """The fields that were sent, as text."""
        sent: dict[str, str | None] = {}
        for name in sorted(self.model_fields_set - {"old_push_key_until"}):
            value = getattr(self, name)
            if isinstance(value, SecretStr):
                sent[name] = value.get_secret_value()
            elif value is None and name in {"partner_key", "push_partner_key"}:
                raise Invalid("A secret is cleared by DELETE, not by null.", field=name)
            else:
                sent[name] = None if value is None else str(value)
        return sent


class ActiveEnvironmentBody(BaseModel):
    """Which environment to sign in to."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    environment: Environment
    confirm: str | None = Field(default=None, max_length=20)
    password: SecretStr | None = Field(default=None, max_length=1024)
    code: SecretStr | None = Field(default=None, max_length=100)
    override_reason: str | None = Field(default=None, max_length=500)


def confirmed_switcher(
    request: Request, body: ActiveEnvironmentBody, runtime: RuntimeDep, caller: Switcher
) -> Principal:
    """Who may switch: to live with the word, a program with the scope, a person with a proof lately or sent along.

    Stands before the transaction, since a password is never hashed inside one.
    """
    reach(caller, body.environment)
    if body.override_reason is not None and not caller.can(Capability.CERTIFICATE_OVERRIDE):
        raise Forbidden("Only an administrator may go live without a certificate, and no program may.")
    if body.environment is not Environment.LIVE:
        return caller
    if not caller.may_activate_live():
        raise Forbidden(f"This token lacks the scope {TokenScope.ACTIVATE_LIVE.value}.")
    if body.confirm != Environment.LIVE.value:
        raise Invalid("Going live must be confirmed with the word live.", field="confirm")
    if not caller.is_fresh(runtime.clock.now()):
        if body.password is None:
            raise StepUpRequired
        code = "" if body.code is None else body.code.get_secret_value()
        prove(runtime, request, caller, body.password.get_secret_value(), code)
    return caller


ConfirmedSwitcher = Annotated[Principal, Depends(confirmed_switcher)]


@router.get("")
def show(connector: str, env: EnvQuery, runtime: RuntimeDep, caller: Reader, db: ReadSession) -> Response:
    """One environment's state, the active one by default; both answer on a virgin database."""
    name = runtime.parts.connector(connector).name
    environment = find_environment(env) or get_active_environment(db, name)
    reach(caller, environment)
    return _shown(get_connection(runtime.parts, db, name, environment))


@router.patch("")
def edit(
    connector: str,
    env: EnvQuery,
    body: CredentialsPatch,
    runtime: RuntimeDep,
    caller: Editor,
    db: WriteSession,
    if_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Change some fields; a stale `If-Match` is 412."""
    name, environment = get_target(runtime, connector, env, caller)
    result = credentials.edit(
        runtime.parts,
        db,
        name,
        environment,
        body.changes(),
        expected_version=_version(if_match),
        old_push_key_until=body.old_push_key_until,
        actor=caller.actor,
        now=runtime.clock.now(),
    )
    view = get_connection(runtime.parts, db, name, environment)
    return _shown(view, changed=list(result.changed), notices=list(result.notices))


@router.delete("/secrets/{secret}")
def clear_secret(
    connector: str,
    secret: Literal["partner_key", "push_partner_key"],
    env: EnvQuery,
    runtime: RuntimeDep,
    caller: Editor,
    db: WriteSession,
    if_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Remove a secret on purpose; 409 where the active environment needs it."""
    name, environment = get_target(runtime, connector, env, caller)
    credentials.clear_secret(
        runtime.parts,
        db,
        name,
        environment,
        secret,
        expected_version=_version(if_match),
        actor=caller.actor,
        now=runtime.clock.now(),
    )
    return _shown(get_connection(runtime.parts, db, name, environment))


@router.get("/oauth/start")
def oauth_start(
    connector: str,
    env: EnvQuery,
    request: Request,
    runtime: RuntimeDep,
    caller: Connecter,
    db: WriteSession,
    shop_id: Annotated[str | None, Query(max_length=20, pattern=r"^[0-9]+$")] = None,
    merchant_id: Annotated[str | None, Query(max_length=20, pattern=r"^[0-9]+$")] = None,
) -> Response:
    """Mint a state bound to this browser and say where to go. The one GET that writes; never from another site."""
    if request.headers.get("sec-fetch-site") == "cross-site":
        raise Forbidden("This must be started from Kedai's own pages.")
    name, environment = get_target(runtime, connector, env, caller)
    session = f"{TOKEN_SESSION}{caller.actor.id}" if caller.session_id is None else caller.session_id.hex
    begun = start(
        runtime.parts,
        db,
        name,
        environment,
        staff_id=caller.actor.id,
        session_id=session,
        expected_shop_id=shop_id,
        expected_merchant_id=merchant_id,
        now=runtime.clock.now(),
    )
    response = JSONResponse({"authorization_url": begun.authorization_url, "environment": environment.value})
    set_oauth_cookie(response, begun.cookie_value, secure=is_secure(runtime))
    return response


@router.post("/active-environment")
def activate(
    connector: str, body: ActiveEnvironmentBody, runtime: RuntimeDep, caller: ConfirmedSwitcher, db: WriteSession
) -> dict[str, Any]:
    """Sign in to an environment; 409 with `missing` where it is not complete, or where live has no certificate."""
    name = runtime.parts.connector(connector).name
    result = switch(
        runtime.parts,
        db,
        name,
        body.environment,
        override_reason=body.override_reason,
        actor=caller.actor,
        now=runtime.clock.now(),
    )
    return {
        "connector": name,
        "active_environment": body.environment.value,
        "changed": result.changed,
        "parked_events": result.parked,
    }


def _version(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    digits = if_match.strip().strip('"').removeprefix("v")
    if if_match.strip().startswith("W/") or not _VERSION.fullmatch(digits):
        raise Stale("If-Match must be the ETag of the last answer.")
    return int(digits)


def _shown(view: ConnectionView, **more: Any) -> Response:
    body = asdict(view) | more
    for name in ("partner_key", "push_partner_key"):
        secret = body[name]
        secret["unreadable"] = secret.pop("unreadable_kid") is not None
    del body["partner_key"]["previous_valid_until"]
    return JSONResponse(plain(body), headers={"ETag": f'"v{view.version}"', "Cache-Control": "no-store"})
