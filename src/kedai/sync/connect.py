"""Connecting a shop: a one-time state bound to one browser, the exchange, and the guard over which shop came back."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from kedai.errors import Conflict, Invalid, KedaiError, NotConfigured, NotFound
from kedai.inbox.claims import wake_shop
from kedai.sync.connection import connect_fields
from kedai.sync.parts import Parts, open_client
from kedai.sync.urls import oauth_url
from kedai.values.actor import Actor, ActorKind
from kedai.values.credentials import Grant, ShopProfile
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.vault import oauth_states
from kedai.vault.oauth_states import ConsumedState
from kedai.vault.queries import find_shop, get_credentials
from kedai.vault.service import missing_fields
from kedai.vault.shops import save_shop, seal_tokens, set_shop_state, store_tokens

STATE_LIFETIME = timedelta(minutes=10)
_CODE = re.compile(r"[!-~]{1,512}")
_SHOP_ID = re.compile(r"[0-9]{1,20}")
TOKEN_SESSION = "token:"  # noqa: S105  a prefix, no secret


@dataclass(frozen=True, slots=True)
class ConnectStart:
    """Where to send the browser, and the value that binds the attempt to it."""

    authorization_url: str
    cookie_value: str


@dataclass(frozen=True, slots=True)
class Callback:
    """What the browser brought back, as untrusted text."""

    code: str
    shop_id: str
    nonce: str
    error: str


def start(
    parts: Parts,
    db: Session,
    name: ConnectorName,
    environment: Environment,
    *,
    staff_id: str,
    session_id: str,
    expected_shop_id: str | None,
    now: datetime,
) -> ConnectStart:
    """Mint a one-time state; only its hash is stored.

    Raises:
        NotConfigured: what connecting lacks.
    """
    missing = missing_fields(db, get_credentials(db, name, environment), connect_fields(parts.connector(name)))
    if missing:
        raise NotConfigured(environment, missing)
    token = secrets.token_urlsafe(32)
    oauth_states.create(
        db,
        name,
        environment,
        token_hash=_hash(token),
        staff_id=staff_id,
        session_id=session_id,
        intent="reconnect" if expected_shop_id else "add",
        expected_shop_id=expected_shop_id,
        expires_at=now + STATE_LIFETIME,
        now=now,
    )
    redirect = f"{oauth_url(parts.settings, name, environment)}?{urlencode({'nonce': token})}"
    client = open_client(parts, db, name, environment)
    url = client.authorization_url(redirect, now, state=token, link=parts.settings.consent_link)
    return ConnectStart(url, token)


async def finish(
    parts: Parts,
    name: ConnectorName,
    environment: Environment,
    callback: Callback,
    *,
    cookie_value: str | None,
    session_id: str | None,
    actor: Actor | None,
) -> str:
    """Deal with the browser's return; a status code (spec, environments §5). Refused means: no exchange."""
    if (
        not callback.nonce
        or not cookie_value
        or not secrets.compare_digest(callback.nonce.encode(), cookie_value.encode())
    ):
        return "state_invalid"
    now = parts.clock.now()
    state = await parts.write(
        lambda db: oauth_states.consume(db, name, environment, token_hash=_hash(callback.nonce), now=now)
    )
    if state is not None and state.session_id.startswith(TOKEN_SESSION):
        # minted by a program: the cookie alone binds it, since no browser session was there
        actor, session_id = Actor(ActorKind.TOKEN, state.staff_id, "API token"), state.session_id
    if state is None or actor is None or state.session_id != session_id:
        return "state_invalid"
    if state.expires_at <= now:
        return "state_expired"
    if callback.error:
        return "denied"
    if not _CODE.fullmatch(callback.code) or not _is_shop_id(parts, name, callback.shop_id):
        return "code_invalid"
    return await _exchange(parts, name, environment, callback, state, actor)


async def _exchange(
    parts: Parts,
    name: ConnectorName,
    environment: Environment,
    callback: Callback,
    state: ConsumedState,
    actor: Actor,
) -> str:
    try:
        client, partner_id = await parts.read(
            lambda db: (
                open_client(parts, db, name, environment),
                get_credentials(db, name, environment).partner_id or "",
            )
        )
        grant = await client.exchange_code(callback.code, callback.shop_id)
        scope = Scope(name, environment, callback.shop_id)
        profile = await client.get_shop(scope.shop_id, grant.tokens.access_token)
    except NotConfigured:
        return "not_configured"
    except KedaiError as error:
        return "code_invalid" if _is_bad_code(error) else "remote_error"
    now = parts.clock.now()
    return await parts.write(lambda db: _keep(parts, db, scope, partner_id, profile, grant, state, actor, now))


def _is_shop_id(parts: Parts, name: ConnectorName, text: str) -> bool:
    """Whether the marketplace could have a shop of that id at all."""
    try:
        return bool(_SHOP_ID.fullmatch(text)) and parts.connector(name).validate_field("shop_id", text) == text
    except Invalid:
        return False


def _is_bad_code(error: KedaiError) -> bool:
    """The documents' sample says `error_auth` with "Invalid code", the wire `invalid_code` (contract §3.3)."""
    remote_code = str(getattr(error, "remote_code", ""))
    return remote_code in {"invalid_code", "invalid_shop_id"} or "invalid code" in error.message.lower()


def _keep(
    parts: Parts,
    db: Session,
    scope: Scope,
    partner_id: str,
    profile: ShopProfile,
    grant: Grant,
    state: ConsumedState,
    actor: Actor,
    now: datetime,
) -> str:
    """The shop identity guard: what was not expected is held pending and never touches an existing connection."""
    configured = get_credentials(db, scope.connector, scope.environment, lock=True).shop_id
    existing = find_shop(db, scope, lock=True)
    status, reason = _verdict(scope, state, configured, None if existing is None else existing.state)
    if status == "already_connected":
        return status
    sealed = seal_tokens(db, parts.ring, scope, grant.tokens)
    shop_state = "connected" if status == "connected" else "pending"
    save_shop(db, scope, profile, state=shop_state, reason=reason, actor=actor, now=now)
    store_tokens(db, scope, partner_id, sealed, now=now)
    if shop_state == "connected":
        wake_shop(db, scope.connector, scope.environment, scope.shop_id, now=now)
    return status


def _verdict(scope: Scope, state: ConsumedState, configured: str | None, existing: str | None) -> tuple[str, str]:
    if state.intent == "reconnect":
        if state.expected_shop_id == scope.shop_id:
            return "connected", ""
        if existing in {"connected", "paused"}:
            return "already_connected", ""
        return "pending_confirmation", f"shop {state.expected_shop_id} was expected"
    if existing in {"connected", "paused"}:
        return "already_connected", ""
    if configured == scope.shop_id:
        return "connected", ""
    return "pending_confirmation", "this is not the configured shop"


def confirm_pending(
    parts: Parts,
    db: Session,
    name: ConnectorName,
    environment: Environment,
    shop_id: str,
    *,
    typed: str,
    actor: Actor,
    now: datetime,
) -> None:
    """Accept a pending shop: the operator types its id.

    Raises:
        NotFound: no such shop. Conflict: it is not pending. Invalid: another id was typed.
    """
    parts.connector(name)
    scope = Scope(name, environment, shop_id)
    shop = find_shop(db, scope, lock=True)
    if shop is None:
        raise NotFound("There is no such shop.")
    if shop.state != "pending":
        raise Conflict(f"This shop is {shop.state}, not pending.")
    if typed.strip() != shop_id:
        raise Invalid("Type the shop's id exactly as it is shown.", field="shop_id")
    set_shop_state(db, scope, "connected", reason="", actor=actor, now=now)
    wake_shop(db, name, environment, shop_id, now=now)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
