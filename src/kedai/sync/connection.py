"""How one environment of a marketplace stands: what the connector page and its JSON twin show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from kedai.connectors.base import Connector
from kedai.errors import Invalid, SecretUnreadable
from kedai.sync.parts import Parts, find_host
from kedai.sync.urls import oauth_url, webhook_urls
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.vault.queries import (
    find_token,
    get_active_environment,
    get_credentials,
    list_shops,
    open_secret,
    open_tokens,
)
from kedai.vault.service import missing_fields

if TYPE_CHECKING:
    from kedai.vault.models import EnvironmentCredentials, Shop

_SHOWN = 4
_LEAST_SHOWN_LENGTH = 20


@dataclass(frozen=True, slots=True)
class SecretView:
    """What may be known of a stored secret."""

    set: bool
    fingerprint: str | None
    changed_at: datetime | None
    changed_by: str | None
    unreadable_kid: str | None = None
    previous_valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class TokenView:
    """``state``: valid, expired (refreshed on next use), dead (refresh no longer possible), foreign, or unreadable."""

    state: str
    access_expires_at: datetime
    refresh_expires_at: datetime


@dataclass(frozen=True, slots=True)
class ShopView:
    """A shop and how its connection stands."""

    shop_id: str
    name: str
    region: str
    state: str
    state_reason: str
    authorized_until: datetime | None
    token: TokenView | None


@dataclass(frozen=True, slots=True)
class CallbackUrls:
    """What to register at the marketplace."""

    webhook: tuple[str, ...]
    oauth: str


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """One environment of a marketplace; ``missing`` is what a switch lacks, ``connect_missing`` a connect."""

    connector: ConnectorName
    environment: Environment
    active_environment: Environment
    version: int
    complete: bool
    missing: tuple[str, ...]
    connect_missing: tuple[str, ...]
    partner_id: str | None
    shop_id: str | None
    region: str
    default_location_id: str | None
    default_shipping_option_id: str | None
    host: str | None
    effective_host: str | None
    partner_key: SecretView
    push_partner_key: SecretView
    callback_urls: CallbackUrls
    shops: tuple[ShopView, ...]


def get_connection(parts: Parts, db: Session, name: ConnectorName, environment: Environment) -> ConnectionView:
    """Everything but the secrets."""
    connector = parts.connector(name)
    row = get_credentials(db, name, environment)
    missing = missing_fields(db, row, switch_fields(connector))
    return ConnectionView(
        connector=name,
        environment=environment,
        active_environment=get_active_environment(db, name),
        version=row.version,
        complete=not missing,
        missing=tuple(missing),
        connect_missing=tuple(missing_fields(db, row, connect_fields(connector))),
        partner_id=row.partner_id,
        shop_id=row.shop_id,
        region=row.region,
        default_location_id=row.default_location_id,
        default_shipping_option_id=row.default_shipping_option_id,
        host=row.host,
        effective_host=_effective_host(parts, connector, row),
        partner_key=_secret_view(parts, row, "partner_key"),
        push_partner_key=_secret_view(parts, row, "push_partner_key"),
        callback_urls=CallbackUrls(
            webhook_urls(parts.settings, name, environment), oauth_url(parts.settings, name, environment)
        ),
        shops=tuple(_shop_view(parts, db, row, shop) for shop in list_shops(db, name, environment=environment)),
    )


def connect_fields(connector: Connector) -> tuple[str, ...]:
    """The fields without which no shop can be connected."""
    return tuple(field.name for field in connector.credential_fields if field.connect)


def switch_fields(connector: Connector) -> tuple[str, ...]:
    """The fields without which an environment cannot be the active one."""
    return tuple(field.name for field in connector.credential_fields if field.connect or field.switch)


def fingerprint(text: str) -> str | None:
    """First and last four characters and the length of a long secret; nothing of a short one."""
    if len(text) < _LEAST_SHOWN_LENGTH:
        return None
    return f"{text[:_SHOWN]}…{text[-_SHOWN:]}·len{len(text)}"


def _effective_host(parts: Parts, connector: Connector, row: EnvironmentCredentials) -> str | None:
    """Where calls go; None where the stored preset is gone (the page must open, so that it can be mended)."""
    try:
        return find_host(parts, connector, row.environment, row.host).api_url
    except Invalid:
        return None


def _secret_view(parts: Parts, row: EnvironmentCredentials, name: str) -> SecretView:
    shown, kid = None, None
    try:
        secret = open_secret(parts.ring, row, f"{name}_encrypted")
        shown = None if secret is None else fingerprint(secret.reveal())
    except SecretUnreadable as error:
        kid = error.kid or "?"
    return SecretView(
        set=getattr(row, f"{name}_encrypted") is not None,
        fingerprint=shown,
        changed_at=getattr(row, f"{name}_changed_at"),
        changed_by=getattr(row, f"{name}_changed_by"),
        unreadable_kid=kid,
        previous_valid_until=row.previous_push_partner_key_valid_until if name == "push_partner_key" else None,
    )


def _shop_view(parts: Parts, db: Session, credentials: EnvironmentCredentials, shop: Shop) -> ShopView:
    scope = Scope(ConnectorName(shop.connector), shop.environment, shop.shop_id)
    return ShopView(
        shop_id=shop.shop_id,
        name=shop.name,
        region=shop.region,
        state=shop.state,
        state_reason=shop.state_reason,
        authorized_until=shop.authorized_until,
        token=_token_view(parts, db, credentials, scope),
    )


def _token_view(parts: Parts, db: Session, credentials: EnvironmentCredentials, scope: Scope) -> TokenView | None:
    row = find_token(db, scope)
    if row is None:
        return None
    now = parts.clock.now()
    state = "valid" if row.access_expires_at > now else "expired"
    if row.refresh_expires_at <= now:
        state = "dead"
    if row.partner_id != credentials.partner_id:
        state = "foreign"
    try:
        open_tokens(parts.ring, row)
    except SecretUnreadable:
        state = "unreadable"
    return TokenView(state, row.access_expires_at, row.refresh_expires_at)
