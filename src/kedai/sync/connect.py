"""Connecting shops: a one-time state bound to one browser, the exchange, and what the guard makes of who came back."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from kedai.connectors.base import Client, MainAccounts
from kedai.errors import Invalid, KedaiError, NotConfigured, StorageUnavailable
from kedai.inbox.claims import wake_shop
from kedai.kit.clock import monotonic
from kedai.sync import grants
from kedai.sync.connection import connect_fields
from kedai.sync.guard import judge_shop
from kedai.sync.parts import Parts, open_client
from kedai.sync.urls import oauth_url
from kedai.values.actor import Actor, ActorKind
from kedai.values.credentials import Grant, ShopProfile
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.vault import oauth_states
from kedai.vault.accounts import save_account, seal_tokens, store_tokens
from kedai.vault.held import drop_held, hold, seal_held
from kedai.vault.oauth_states import ConsumedState
from kedai.vault.queries import find_shop, get_credentials
from kedai.vault.service import missing_fields

STATE_LIFETIME = timedelta(minutes=10)
_CODE = re.compile(r"[!-~]{1,512}")
_SHOP_ID = re.compile(r"[0-9]{1,20}")
_BAD_CODES = frozenset({"invalid_code", "invalid_shop_id", "invalid_main_acount_id"})  # as the marketplace spells it
_KEEP_TRYING_SECONDS = 10.0
_AWAY_SECONDS = 0.5
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
    main_account_id: str = ""
    """In place of ``shop_id``, where a main account agreed (contract §3.2)."""


def start(
    parts: Parts,
    db: Session,
    name: ConnectorName,
    environment: Environment,
    *,
    staff_id: str,
    session_id: str,
    expected_shop_id: str | None,
    expected_merchant_id: str | None = None,
    now: datetime,
) -> ConnectStart:
    """Mint a one-time state; only its hash is stored. With an expected shop or merchant, that one is reconnected.

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
        intent="reconnect" if expected_shop_id or expected_merchant_id else "add",
        expected_shop_id=expected_shop_id,
        expected_merchant_id=expected_merchant_id,
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
    """Deal with the browser's return; a status code (spec, environments §5). Refused means: no exchange.

    A shop account's return names one shop; a main account's grant is for several, and its status is `guard.sum_up` of
    them: ``connected`` if the expected or configured shop is (or the expected merchant), whatever came along with it;
    else ``pending_confirmation`` if anything waits for a person; else ``already_connected``.
    """
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
    if not _CODE.fullmatch(callback.code) or not _names_one_account(parts, name, callback):
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
        if callback.main_account_id:
            return await _exchange_main_account(parts, name, environment, client, partner_id, callback, state, actor)
        grant = await client.exchange_code(callback.code, callback.shop_id)
        scope = Scope(name, environment, callback.shop_id)
        profile = await client.get_shop(scope.shop_id, grant.tokens.access_token)
    except NotConfigured:
        return "not_configured"
    except StorageUnavailable:
        raise
    except KedaiError as error:
        return "code_invalid" if _is_bad_code(error) else "remote_error"
    now = parts.clock.now()
    return await parts.write(lambda db: _keep(parts, db, scope, partner_id, profile, grant, state, actor, now))


async def _exchange_main_account(
    parts: Parts,
    name: ConnectorName,
    environment: Environment,
    client: Client,
    partner_id: str,
    callback: Callback,
    state: ConsumedState,
    actor: Actor,
) -> str:
    """The code is used up by the exchange: nothing else is asked before its pair is stored for all it is for.

    Neither a browser that goes away nor a database that is away for a moment loses it.
    """
    if not isinstance(client, MainAccounts):
        return "code_invalid"

    async def exchange_and_keep() -> str:
        grant = await client.exchange_main_account_code(callback.code, callback.main_account_id)
        if not grant.shop_ids and not grant.merchant_ids:
            return "remote_error"
        facts = grants.Facts(partner_id, callback.main_account_id, grant, state, actor)
        deadline = monotonic() + _KEEP_TRYING_SECONDS
        while True:
            try:
                return await parts.write(
                    lambda db: grants.keep(parts, db, name, environment, facts, now=parts.clock.now())
                )
            except StorageUnavailable:
                if monotonic() > deadline:
                    raise
            await asyncio.sleep(_AWAY_SECONDS)

    return await asyncio.shield(exchange_and_keep())


def _names_one_account(parts: Parts, name: ConnectorName, callback: Callback) -> bool:
    """Either a shop or a main account, never both, with an id that the marketplace could have given."""
    given = [one for one in (callback.shop_id, callback.main_account_id) if one]
    return len(given) == 1 and _is_id(parts, name, given[0])


def _is_id(parts: Parts, name: ConnectorName, text: str) -> bool:
    """All ids of a marketplace have the shape of a shop's."""
    try:
        return bool(_SHOP_ID.fullmatch(text)) and parts.connector(name).validate_field("shop_id", text) == text
    except Invalid:
        return False


def _is_bad_code(error: KedaiError) -> bool:
    """The documents' sample says `error_auth` with "Invalid code", the wire `invalid_code` (contract §3.3)."""
    remote_code = str(getattr(error, "remote_code", ""))
    return remote_code in _BAD_CODES or "invalid code" in error.message.lower()


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
    credentials = get_credentials(db, scope.connector, scope.environment, lock=True)
    if credentials.partner_id != partner_id:  # changed meanwhile: a pair of the app before is of no use
        return "remote_error"
    shop = find_shop(db, scope, lock=True)
    existing = None if shop is None else shop.state
    status, reason = judge_shop(scope.shop_id, state, configured=credentials.shop_id, existing=existing)
    if status == "already_connected":
        sealed = seal_held(db, parts.ring, scope, grant.tokens)
        hold(db, scope, partner_id, sealed, main_account_id=None, now=now)
        return status
    sealed = seal_tokens(db, parts.ring, scope, grant.tokens)
    shop_state = "connected" if status == "connected" else "pending"
    save_account(db, scope, profile, state=shop_state, reason=reason, actor=actor, now=now)
    store_tokens(db, scope, partner_id, sealed, now=now)
    drop_held(db, scope)
    if shop_state == "connected":
        wake_shop(db, scope.connector, scope.environment, scope.shop_id, now=now)
    return status


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
