"""What a marketplace can do, as protocols; each connector implements those that apply.

Connectors are pure towards Kedai: credentials and bytes are handed in, values come out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, runtime_checkable

from kedai.errors import KedaiError
from kedai.kit.clock import Clock
from kedai.values.app import (
    AuthorizedMerchant,
    AuthorizedShop,
    ConsentLink,
    LostPushes,
    MerchantProfile,
    PushConfig,
    PushConfigChange,
)
from kedai.values.cause import Cause
from kedai.values.console import ConsolePage, Place
from kedai.values.credentials import Credentials, Grant, PushKeys, ShopProfile, TokenSet
from kedai.values.environment import ConnectorName, Environment
from kedai.values.event import Announcement, ConnectionChange, Effect, InboundEvent, PackageNews, PushMatch
from kedai.values.listing import Listing
from kedai.values.order import OrderListEntry, OrderSnapshot, Page
from kedai.values.pace import BucketKey
from kedai.values.secret import Secret
from kedai.values.settlement import ReleasedOrder, Settlement


@dataclass(frozen=True, slots=True)
class Host:
    """A named place where a marketplace's API and sign-in page live, for one environment."""

    name: str
    api_url: str
    auth_url: str
    environment: Environment


@dataclass(frozen=True, slots=True)
class CredentialField:
    """One field of a marketplace's credentials form.

    ``connect`` and ``switch`` say for which act it is required. ``copyable`` is a setting that means the same in both
    environments; what names an app, a shop, a host or a key belongs to its environment and is never copied.
    ``found_at`` is where the marketplace's console shows it.
    """

    name: str
    label: str
    secret: bool = False
    connect: bool = False
    switch: bool = False
    copyable: bool = False
    help: str = ""
    found_at: Place | None = None


@dataclass(frozen=True, slots=True)
class SignedPush:
    """A push as the marketplace would send it: the headers that matter, and the exact bytes."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A marketplace's answer: status, headers with lower-case names, the whole body (bounded)."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Upload:
    """A body that is no JSON: its bytes, and the content type that tells how to take them apart."""

    body: bytes
    content_type: str


class Http(Protocol):
    """The one outgoing function every connector uses and every test replaces."""

    @property
    def clock(self) -> Clock:
        """What time calls are made at: signed into them, and noted on what they read."""
        ...

    async def send(
        self,
        credentials: Credentials,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]],
        *,
        json: bytes | None = None,
        upload: Upload | None = None,
        shop_id: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        """Send to ``credentials.api_url + path`` and read the whole answer within one deadline.

        Raises:
            RemoteUnavailable: no answer, and the call surely had no effect or is safe to repeat.
            OutcomeUnknown: the call may have taken effect (a POST whose answer was lost).
            RemoteUnreadable: the answer is larger than any real one.
        """
        ...

    async def close(self) -> None:
        """Give the connections back; call inside the loop that used them."""
        ...


CALL_SECONDS: Final = 10.0
"""What a call may take in all, from the connection to the last byte of its answer."""


@dataclass(frozen=True, slots=True)
class Lane:
    """What shares a pace (``bucket``) and a fate: the calls in one area of the API, its ``family``."""

    bucket: BucketKey
    family: str


class Pacing(Protocol):
    """Says when a call may go out, and learns from how each one ended."""

    async def enter(self, lane: Lane) -> None:
        """Wait for the call's turn.

        Raises:
            RateLimited, RemoteUnavailable, StorageUnavailable: not soon enough; nothing was sent.
        """
        ...

    async def leave(self, lane: Lane, error: KedaiError | None) -> None:
        """Note how a call that went out ended."""
        ...


class Unpaced:
    """Implements `Pacing`: every call goes out at once."""

    async def enter(self, lane: Lane) -> None:
        return

    async def leave(self, lane: Lane, error: KedaiError | None) -> None:
        return


UNPACED: Final = Unpaced()


class Client(Protocol):
    """Calls for one environment's app. Every method that names a shop needs that shop's access token."""

    def authorization_url(
        self, redirect_url: str, now: datetime, *, state: str = "", link: ConsentLink = ConsentLink.SIGNED
    ) -> str: ...

    async def exchange_code(self, code: str, shop_id: str) -> Grant: ...

    async def refresh(self, shop_id: str, refresh_token: Secret) -> TokenSet: ...

    async def get_shop(self, shop_id: str, access_token: Secret) -> ShopProfile: ...

    async def list_orders(
        self, shop_id: str, access_token: Secret, *, updated_from: datetime, updated_to: datetime, cursor: str | None
    ) -> Page[OrderListEntry]: ...

    async def get_orders(
        self, shop_id: str, access_token: Secret, order_sns: Sequence[str]
    ) -> tuple[OrderSnapshot, ...]: ...


@runtime_checkable
class MainAccounts(Protocol):
    """Can a client also connect accounts that hold several shops and merchants? Ask with `isinstance`."""

    async def exchange_main_account_code(self, code: str, main_account_id: str) -> Grant: ...

    async def refresh_merchant(self, merchant_id: str, refresh_token: Secret) -> TokenSet: ...

    async def get_merchant(self, merchant_id: str, access_token: Secret) -> MerchantProfile: ...


@runtime_checkable
class Resends(Protocol):
    """Can a client also exchange a code that the marketplace's console sends again? Ask with `isinstance`."""

    async def exchange_resend_code(self, code: str) -> Grant:
        """The newest pair, and whom it is for. Raises `Invalid` for what can be no code."""
        ...


@runtime_checkable
class ReadsListings(Protocol):
    """Can a client also list what a shop offers? Ask with `isinstance`."""

    async def list_listings(self, shop_id: str, access_token: Secret, *, cursor: str | None) -> Page[Listing]:
        """Some of a shop's listings, one for each variant; a page may be empty and yet not be the last one."""
        ...


@runtime_checkable
class Probes(Protocol):
    """Can a client also ask about the app itself, without any shop's token? Ask with `isinstance`."""

    async def get_ip_ranges(self) -> tuple[str, ...]:
        """The networks that pushes come from, as CIDR texts; also the cheapest call that proves a signature."""
        ...

    async def list_authorized_shops(self, *, cursor: str | None) -> Page[AuthorizedShop]: ...

    async def list_authorized_merchants(self, *, cursor: str | None) -> Page[AuthorizedMerchant]: ...

    async def get_push_config(self) -> PushConfig: ...

    async def set_push_config(self, change: PushConfigChange) -> None:
        """Change it. A new address is tried by the marketplace first, with a signed test push.

        Raises:
            RemoteRejected: the test push was not answered as it must be, or the address cannot be used.
        """
        ...


@runtime_checkable
class KeepsLostPushes(Protocol):
    """Can a client also hand out the pushes that nobody took? Ask with `isinstance`."""

    async def get_lost_pushes(self) -> LostPushes:
        """The oldest of them; the same ones again until they are confirmed."""
        ...

    async def confirm_lost_pushes(self, last_id: str) -> None:
        """Drop all up to this one: they must be stored before."""
        ...


@runtime_checkable
class Connector(Protocol):
    """A marketplace."""

    name: ConnectorName
    label: str
    credential_fields: tuple[CredentialField, ...]
    regions: tuple[str, ...]
    hosts: tuple[Host, ...]
    orders_per_call: int
    signature_header: bytes
    """Where a push carries its signature, in lower case. It is never stored, and given twice it is refused."""

    def default_host(self, environment: Environment) -> str: ...

    def validate_field(self, name: str, value: str) -> str:
        """The value as it is stored (trimmed). Raises `Invalid` with the field's name."""
        ...

    def verify_push(self, keys: PushKeys, headers: Mapping[bytes, bytes], path: str, body: bytes) -> PushMatch:
        """Which key and URL signed it. Raises `BadSignature`. URLs that end in ``path`` are tried first."""
        ...

    def parse_push(self, body: bytes) -> InboundEvent:
        """What the body says. Never raises: what cannot be understood is `Topic.MALFORMED`."""
        ...

    def name_push(self, code: int | None) -> str:
        """The human name of a push code."""
        ...

    def client(self, http: Http, credentials: Credentials, pacing: Pacing) -> Client:
        """Calls for one environment's app; each waits its turn by ``pacing``."""
        ...


@runtime_checkable
class ReadsConnectionPushes(Protocol):
    """Does a marketplace push how the connection stands? Ask with `isinstance`."""

    def parse_connection(self, body: bytes) -> ConnectionChange | None:
        """All that a push of `Topic.CONNECTION` says; None where it does not name whom it is about. Never raises."""
        ...


@runtime_checkable
class HasConsole(Protocol):
    """Does a marketplace have pages of its own where an app is looked after? Ask with `isinstance`."""

    def console_pages(self, environment: Environment) -> tuple[ConsolePage, ...]:
        """Those whose address is known for certain, at most one for each `Place`."""
        ...


@runtime_checkable
class RereadsOrders(Protocol):
    """Can a stored answer about an order be read anew, with nobody asked? Ask with `isinstance`."""

    def read_stored_order(self, answer: bytes, read_started_at: datetime) -> OrderSnapshot:
        """What today's code makes of the exact bytes that were kept.

        Raises:
            RemoteUnreadable: they hold no order, or one that lacks what every order holds.
        """
        ...


@runtime_checkable
class KeepsSignatures(Protocol):
    """Can a rejected delivery be verified again after a mistake of ours was mended? Ask with `isinstance`."""

    def is_signature(self, given: bytes) -> bool:
        """Whether a signature header has the shape of one; anything else is not kept (it may be somebody's secret)."""
        ...

    def is_probe(self, body: bytes) -> bool:
        """Whether an unverified body looks like the marketplace's own test of the address. Never raises."""
        ...


@runtime_checkable
class SortsPushes(Protocol):
    """Do a marketplace's pushes lead to different things, by code? Ask with `isinstance`. Nothing here raises."""

    def effect_of(self, code: int | None) -> Effect:
        """What a push of this code leads to; of codes that nobody knows it is `Effect.KEEP`."""
        ...

    def parse_package(self, body: bytes) -> PackageNews | None:
        """What a push of `Effect.READ_PACKAGE` says of a package, or None where it says nothing usable."""
        ...

    def parse_booking(self, body: bytes) -> str | None:
        """The booking that a push names, or None."""
        ...

    def parse_announcements(self, body: bytes) -> tuple[Announcement, ...]:
        """What a push of `Effect.NOTICE` tells, bounded; empty where it tells nothing."""
        ...


@runtime_checkable
class ExplainsCodes(Protocol):
    """Does a marketplace's connector say in words what its error codes mean? Ask with `isinstance`."""

    def explain_code(self, code: str) -> Cause | None: ...


@runtime_checkable
class Settles(Protocol):
    """Can a client ask what orders earned? Ask with `isinstance`."""

    async def list_released(
        self, shop_id: str, access_token: Secret, *, released_from: datetime, released_to: datetime, cursor: str | None
    ) -> Page[ReleasedOrder]:
        """One page of the orders that were paid out in a window of at most 15 days."""
        ...

    async def get_settlements(
        self, shop_id: str, access_token: Secret, order_sns: Sequence[str]
    ) -> tuple[Settlement, ...]:
        """What these orders earned; those that the marketplace does not know are missing."""
        ...


@runtime_checkable
class RetiresHosts(Protocol):
    """Did a marketplace give up hosts that old guides still name? Ask with `isinstance`."""

    retired_hosts: frozenset[str]
    """DNS names in lower case. Whoever calls one is refused, however right everything else is."""


@runtime_checkable
class PushesToUs(Protocol):
    """Does a marketplace push what can be chosen by code, to an address that is registered? Ask with `isinstance`."""

    needed_push_codes: frozenset[int]
    """Those without which orders or the connection would be missed."""

    def sign_probe(self, key: Secret, url: str, now: datetime) -> SignedPush:
        """The marketplace's own harmless test of a push address, signed as it would be."""
        ...
