"""Shopee as Kedai's connector: what it is called, what it needs to know, and its parts under one name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from kedai.connectors.base import UNPACED, Client, CredentialField, Host, Http, Pacing, SignedPush
from kedai.connectors.shopee import causes, console, push, tellings
from kedai.connectors.shopee import credentials as fields
from kedai.connectors.shopee.client import ORDERS_PER_CALL, ShopeeClient
from kedai.connectors.shopee.codes import NEEDED, effect_of, name_push
from kedai.connectors.shopee.connection import parse_connection
from kedai.connectors.shopee.mapping import read_stored_order
from kedai.values.cause import Cause
from kedai.values.console import ConsolePage
from kedai.values.credentials import Credentials, PushKeys
from kedai.values.environment import ConnectorName, Environment
from kedai.values.event import Announcement, ConnectionChange, Effect, InboundEvent, PackageNews, PushMatch
from kedai.values.order import OrderSnapshot
from kedai.values.secret import Secret


class ShopeeConnector:
    """Implements `Connector` of `kedai.connectors.base` and whatever may be asked of one there with `isinstance`.

    Stateless, so one serves all.
    """

    name: ConnectorName = ConnectorName("shopee")
    label: str = "Shopee"
    credential_fields: tuple[CredentialField, ...] = fields.FIELDS
    regions: tuple[str, ...] = fields.REGIONS
    hosts: tuple[Host, ...] = fields.HOSTS
    orders_per_call: int = ORDERS_PER_CALL
    signature_header: bytes = push.SIGNATURE_HEADER
    needed_push_codes: frozenset[int] = NEEDED
    retired_hosts: frozenset[str] = fields.RETIRED_HOSTS

    def default_host(self, environment: Environment) -> str:
        """The preset for servers in no particular place (contract §1)."""
        return fields.DEFAULT_HOSTS[environment]

    def validate_field(self, name: str, value: str) -> str:
        """The value as it is stored. Raises `Invalid`; see `credentials`."""
        return fields.validate_field(name, value)

    def console_pages(self, environment: Environment) -> tuple[ConsolePage, ...]:
        """Shopee's console and guides; see `console`."""
        return console.PAGES[environment]

    def verify_push(self, keys: PushKeys, headers: Mapping[bytes, bytes], path: str, body: bytes) -> PushMatch:
        """Which key and URL signed it. Raises `BadSignature`; see `push`."""
        return push.verify_push(keys, headers, path, body)

    def parse_push(self, body: bytes) -> InboundEvent:
        """What the body says. Never raises; see `push`."""
        return push.parse_push(body)

    def parse_connection(self, body: bytes) -> ConnectionChange | None:
        """All that a push about the connection says. Never raises; see `connection`."""
        return parse_connection(body)

    def read_stored_order(self, answer: bytes, read_started_at: datetime) -> OrderSnapshot:
        """What today's code makes of a kept answer. Raises `RemoteUnreadable`; see `mapping`."""
        return read_stored_order(answer, read_started_at)

    def effect_of(self, code: int | None) -> Effect:
        """What a push leads to (contract §4.4); see `codes`."""
        return effect_of(code)

    def parse_package(self, body: bytes) -> PackageNews | None:
        """What pushes 4 and 15 say of a package. Never raises; see `tellings`."""
        return tellings.parse_package(body)

    def parse_booking(self, body: bytes) -> str | None:
        """The booking that a push names. Never raises; see `tellings`."""
        return tellings.parse_booking(body)

    def parse_announcements(self, body: bytes) -> tuple[Announcement, ...]:
        """What push 5 tells the operator. Never raises; see `tellings`."""
        return tellings.parse_announcements(body)

    def sign_probe(self, key: Secret, url: str, now: datetime) -> SignedPush:
        """The console's "Verify and Save" probe (contract §4.4, code 0)."""
        return push.sign_probe(key, url, now)

    def is_signature(self, given: bytes) -> bool:
        """Whether it has the shape of Shopee's: 64 lower-case hexadecimal digits."""
        return push.is_signature(given)

    def is_probe(self, body: bytes) -> bool:
        """Whether it is the console's probe of the push address (contract §4.4, code 0)."""
        return push.is_probe(body)

    def explain_code(self, code: str) -> Cause | None:
        """What an error code means; see `causes`."""
        return causes.explain(code)

    def name_push(self, code: int | None) -> str:
        """The human name of a push code (contract §4.4)."""
        return name_push(code)

    def client(self, http: Http, credentials: Credentials, pacing: Pacing = UNPACED) -> Client:
        """Calls for one environment's app."""
        return ShopeeClient(http, credentials, pacing)


SHOPEE = ShopeeConnector()
