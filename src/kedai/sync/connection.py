"""How one environment of a marketplace stands: what the connector page and its JSON twin show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from kedai.connectors.base import Connector
from kedai.errors import Invalid, SecretUnreadable
from kedai.sync.keep_alive import EARLY
from kedai.sync.parts import Parts, find_host
from kedai.sync.urls import oauth_url, webhook_urls
from kedai.values.credentials import TokenSet
from kedai.values.environment import Account, ConnectorName, Environment, MerchantScope, Scope
from kedai.vault.accounts import KINDS, list_pairs, open_tokens
from kedai.vault.held import account_of, list_held
from kedai.vault.queries import (
    get_active_environment,
    get_credentials,
    list_merchants,
    list_shops,
    open_secret,
)
from kedai.vault.service import missing_fields

if TYPE_CHECKING:
    from kedai.vault.models import AuthToken, EnvironmentCredentials, HeldToken, Merchant, MerchantToken, Shop

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
    """``state``: valid, expired (refreshed on next use), dead (refresh no longer possible), foreign, or unreadable.

    ``shared``: it is a main account's pair still, which others hold too; the next refresh gives one of its own.
    ``renewed_at`` is when the pair came, ``renewal_due_at`` when it is renewed at the latest, whether used or not.
    """

    state: str
    access_expires_at: datetime
    refresh_expires_at: datetime
    shared: bool
    renewed_at: datetime
    renewal_due_at: datetime


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
    main_account_id: str | None
    held_at: datetime | None
    """Since when a newer pair is kept aside, for a person to take; ``None`` where none is."""


@dataclass(frozen=True, slots=True)
class MerchantView:
    """A merchant and how its connection stands; ``shop_ids`` are those that the same main account granted."""

    merchant_id: str
    name: str
    region: str
    state: str
    state_reason: str
    authorized_until: datetime | None
    token: TokenView | None
    main_account_id: str | None
    held_at: datetime | None
    last_call_at: datetime | None
    last_call_problem: str
    shop_ids: tuple[str, ...]


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
    merchants: tuple[MerchantView, ...]


def get_connection(parts: Parts, db: Session, name: ConnectorName, environment: Environment) -> ConnectionView:
    """Everything but the secrets."""
    connector = parts.connector(name)
    row = get_credentials(db, name, environment)
    missing = missing_fields(db, row, switch_fields(connector))
    held = list_held(db, name, environment=environment, now=parts.clock.now())
    look = _Look(parts, row, held, *(list_pairs(db, kind, name, environment=environment) for kind in KINDS))
    shops = list_shops(db, name, environment=environment)
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
        shops=tuple(_shop_view(look, shop) for shop in shops),
        merchants=tuple(_merchant_view(look, one, shops) for one in list_merchants(db, name, environment=environment)),
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


@dataclass(frozen=True, slots=True)
class _Look:
    """What every shop and merchant of an environment is looked at with."""

    parts: Parts
    credentials: EnvironmentCredentials
    held: Mapping[str, HeldToken]
    shop_tokens: Mapping[str, AuthToken]
    merchant_tokens: Mapping[str, MerchantToken]

    def held_at(self, owner: Account) -> datetime | None:
        held = self.held.get(account_of(owner))
        return None if held is None else held.held_at


def _shop_view(look: _Look, shop: Shop) -> ShopView:
    scope = Scope(ConnectorName(shop.connector), shop.environment, shop.shop_id)
    row = look.shop_tokens.get(shop.shop_id)
    return ShopView(
        shop_id=shop.shop_id,
        name=shop.name,
        region=shop.region,
        state=shop.state,
        state_reason=shop.state_reason,
        authorized_until=shop.authorized_until,
        token=None if row is None else _token_view(look, row, lambda: open_tokens(look.parts.ring, row)),
        main_account_id=shop.main_account_id,
        held_at=look.held_at(scope),
    )


def _merchant_view(look: _Look, merchant: Merchant, shops: Sequence[Shop]) -> MerchantView:
    scope = MerchantScope(ConnectorName(merchant.connector), merchant.environment, merchant.merchant_id)
    row, account = look.merchant_tokens.get(merchant.merchant_id), merchant.main_account_id
    return MerchantView(
        merchant_id=merchant.merchant_id,
        name=merchant.name,
        region=merchant.region,
        state=merchant.state,
        state_reason=merchant.state_reason,
        authorized_until=merchant.authorized_until,
        token=None if row is None else _token_view(look, row, lambda: open_tokens(look.parts.ring, row)),
        main_account_id=account,
        held_at=look.held_at(scope),
        last_call_at=merchant.last_call_at,
        last_call_problem=merchant.last_call_problem,
        shop_ids=tuple(shop.shop_id for shop in shops if account is not None and shop.main_account_id == account),
    )


def _token_view(look: _Look, row: AuthToken | MerchantToken, open_it: Callable[[], TokenSet]) -> TokenView:
    now = look.parts.clock.now()
    state = "valid" if row.access_expires_at > now else "expired"
    if row.refresh_expires_at <= now:
        state = "dead"
    if row.partner_id != look.credentials.partner_id:
        state = "foreign"
    try:
        open_it()
    except SecretUnreadable:
        state = "unreadable"
    shared = row.shared_generation == row.generation
    by = row.refresh_expires_at - EARLY
    return TokenView(state, row.access_expires_at, row.refresh_expires_at, shared, _renewed_at(row), by)


def _renewed_at(row: AuthToken | MerchantToken) -> datetime:
    """When the pair came: by a renewal that was stored, or by the seller's permission."""
    is_stored = row.refresh_intent_generation != row.generation
    begun = row.refresh_intent_at if is_stored else None
    return max(row.granted_at, begun or row.granted_at)
