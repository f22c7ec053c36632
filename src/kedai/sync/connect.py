"""Connecting shops: a one-time state bound to one browser, the exchange, and what the guard makes of who came back."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

import structlog
from sqlalchemy.orm import Session

from kedai.connectors.base import Client, MainAccounts
from kedai.errors import Invalid, KedaiError, NotConfigured, RemoteUnreadable, StorageUnavailable, Unavailable
from kedai.sync.connection import connect_fields
from kedai.sync.exchange import Attempt, exchange
from kedai.sync.parts import Parts, open_client
from kedai.sync.urls import oauth_url
from kedai.values.actor import Actor, ActorKind
from kedai.values.credentials import Grant, ShopProfile
from kedai.values.environment import ConnectorName, Environment
from kedai.values.wording import N_
from kedai.vault import oauth_states
from kedai.vault.queries import get_credentials
from kedai.vault.service import missing_fields

STATE_LIFETIME = timedelta(minutes=10)
_CODE = re.compile(r"[!-~]{1,512}")
_SHOP_ID = re.compile(r"[0-9]{1,20}")
_BAD_CODES = frozenset({"invalid_code", "invalid_shop_id", "invalid_main_acount_id"})  # as the marketplace spells it
TOKEN_SESSION = "token:"  # noqa: S105  a prefix, no secret

log = structlog.get_logger("connect")


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
    by = callback.main_account_id or None
    attempt = Attempt(name, environment, _hash(callback.nonce), state.purpose, actor, by)
    return await _exchange(parts, callback, attempt)


async def _exchange(parts: Parts, callback: Callback, attempt: Attempt) -> str:
    async def ask(client: Client) -> Grant:
        if not callback.main_account_id:
            return await client.exchange_code(callback.code, callback.shop_id)
        if not isinstance(client, MainAccounts):
            raise Invalid(N_("This marketplace knows no main accounts."), field="main_account_id")
        grant = await client.exchange_main_account_code(callback.code, callback.main_account_id)
        if not grant.shop_ids and not grant.merchant_ids:
            raise RemoteUnreadable(N_("The marketplace granted nobody."))
        return grant

    async def describe(client: Client, grant: Grant) -> ShopProfile | None:
        if callback.main_account_id:  # they share the pair, and each needs one of its own first
            return None
        return await client.get_shop(callback.shop_id, grant.tokens.access_token)

    try:
        return await exchange(parts, attempt, ask, describe)
    except NotConfigured:
        return "not_configured"
    except Unavailable as error:
        log.warning("nobody can be connected here", detail=error.message)
        return "cannot_keep"
    except StorageUnavailable:
        raise
    except Invalid:
        return "code_invalid"
    except KedaiError as error:
        return "code_invalid" if _is_bad_code(error) else "remote_error"


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


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
