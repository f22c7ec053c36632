"""A marketplace of the tests' own behind the real protocols, an open installation around it, and rows to fill it with.

The marketplace is plain data that a test changes; nothing here waits, and no network is touched.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import itertools
import re
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from msgspec import structs
from sqlalchemy.orm import Session

from kedai.connector_exceptions.models import ConnectorException
from kedai.connectors.base import Connector, CredentialField, Host, Http, HttpAnswer
from kedai.db import engine
from kedai.db.database import Database
from kedai.errors import (
    AuthExpired,
    BadSignature,
    CertificateRequired,
    Invalid,
    NeedsReconnect,
    NotConfigured,
    RemoteUnreadable,
)
from kedai.inbox.flush import IncomingPush, insert_pushes
from kedai.inbox.models import RawEvent
from kedai.kit.clock import ManualClock
from kedai.kit.ids import new_id
from kedai.orders.models import OrderSync
from kedai.runtime import Runtime, open_runtime
from kedai.settings import Settings
from kedai.sync import credentials
from kedai.sync.parts import Parts
from kedai.sync.process import process_next
from kedai.sync.switch import SwitchResult, switch
from kedai.values.actor import Actor, ActorKind
from kedai.values.app import ConsentLink, MerchantProfile
from kedai.values.console import ConsolePage, Place
from kedai.values.credentials import Credentials, Grant, PushKeys, ShopProfile, TokenSet
from kedai.values.environment import ConnectorName, Environment, MerchantScope, Scope
from kedai.values.event import ConnectionChange, EventState, InboundEvent, ParkedReason, PushMatch, Topic
from kedai.values.order import OrderLine, OrderListEntry, OrderSnapshot, Page
from kedai.values.secret import Secret
from kedai.values.wording import N_
from kedai.vault import accounts
from kedai.vault.accounts import find_pair, save_account, seal_tokens, store_tokens
from kedai.vault.models import Shop
from kedai.vault.queries import find_shop, get_credentials
from kedai.vault.refresh import Generation
from tests.support.certificates import store_certificate

FAKE = ConnectorName("fake")
SANDBOX, LIVE = Environment.SANDBOX, Environment.LIVE
SHOP = "7001"
START = datetime(2020, 1, 1, 12, tzinfo=UTC)
"""Long past: what a test's clock calls "in a minute" is due for a database at once, so that no retry is waited for."""

ANNA = Actor(ActorKind.STAFF, "staff_1", "anna@example.com")
CODES = {"connection": 1, "order": 3, "other": 99}
KEY = hashlib.sha256(b"a key for tests, of no use anywhere").digest()
MASTER_KEYS = f"k1:{base64.b64encode(KEY).decode()}"
PUBLIC_URL = "https://kedai.example"

COMPLETE: Mapping[str, str] = {
    "partner_id": "1001",
    "partner_key": "partner-key-of-the-tests-0001",
    "push_partner_key": "push-key-of-the-tests-000001",
    "shop_id": SHOP,
    "region": "SG",
}
"""Everything a sandbox app needs."""

COMPLETE_LIVE: Mapping[str, str] = {
    **COMPLETE,
    "partner_id": "2002",
    "partner_key": "partner-key-of-the-tests-0002",
    "push_partner_key": "push-key-of-the-tests-000002",
}


on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
"""For what only one of the two databases can do."""


class NoHttp:
    """Stands where the network would be; a fake client never uses it."""

    async def send(self, *_args: Any, **_kwargs: Any) -> HttpAnswer:
        raise AssertionError("a test called out")

    async def close(self) -> None:
        return


@dataclass(frozen=True)
class Call:
    """One call the marketplace received."""

    method: str
    environment: Environment
    shop_id: str
    order_sns: tuple[str, ...] = ()
    token: str = ""
    window: tuple[datetime, datetime] | None = None


Answering = Callable[[Call], Awaitable[None]]


async def _at_once(_call: Call) -> None:
    return


class Market:
    """What the other side knows and does: orders, tokens, a log of calls, and a hook before each answer."""

    def __init__(self) -> None:
        self.orders: dict[tuple[Environment, str], dict[str, OrderSnapshot]] = {}
        self.calls: list[Call] = []
        self.before: Answering = _at_once
        self.after: Answering = _at_once
        self.expires_in = timedelta(hours=4)
        self.orders_per_page = 100
        self.rotates = True
        self.main_accounts: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
        """The shops and merchants of each main account."""
        self.rereadings: dict[bytes, OrderSnapshot] = {}
        """What today's code makes of each stored answer."""

        self.resends: dict[str, tuple[str, ...]] = {}
        """The shops of each code that is sent again."""

        self._refresh_tokens: dict[tuple[Environment, str], str] = {}
        self._access_tokens: dict[tuple[Environment, str], str] = {}
        self._numbers = itertools.count(1)
        self._guard = threading.Lock()

    def put(self, environment: Environment, *snapshots: OrderSnapshot, shop_id: str = SHOP) -> None:
        """Let the marketplace know these orders."""
        book = self.orders.setdefault((environment, shop_id), {})
        book.update({one.order_sn: one for one in snapshots})

    def count(self, method: str) -> int:
        """How many calls of one kind came."""
        return sum(call.method == method for call in self.calls)

    def asked(self) -> list[tuple[str, ...]]:
        """The order numbers of each `get_orders` call."""
        return [call.order_sns for call in self.calls if call.method == "get_orders"]

    def issue(self, environment: Environment, shop_id: str, now: datetime) -> TokenSet:
        """A fresh pair; older ones are void."""
        with self._guard:
            number = next(self._numbers)
            place = environment, shop_id
            self._access_tokens[place] = f"access-token-number-{number:04}"
            self._refresh_tokens[place] = f"refresh-token-number-{number:04}"
            return self._pair(place, now)

    def issue_shared(self, environment: Environment, main_account_id: str, now: datetime) -> Grant:
        """One pair for all of a main account; each refreshes it once, for a pair of its own."""
        shop_ids, merchant_ids = self.main_accounts[main_account_id]
        with self._guard:
            number = next(self._numbers)
            own = f"main account {main_account_id}"
            for account in (own, *shop_ids, *map(merchant, merchant_ids)):
                self._access_tokens[environment, account] = f"access-token-number-{number:04}"
                self._refresh_tokens[environment, account] = f"refresh-token-number-{number:04}"
            return Grant(self._pair((environment, own), now), shop_ids, merchant_ids)

    def refresh(self, environment: Environment, shop_id: str, token: str, now: datetime) -> TokenSet:
        """A new pair for the current refresh token; an older one is refused, as a marketplace does after its grace."""
        if token != self._refresh_tokens.get((environment, shop_id)):
            raise NeedsReconnect("The refresh token was used already.")
        if not self.rotates:
            return self._pair((environment, shop_id), now)
        return self.issue(environment, shop_id, now)

    def revoke(self, environment: Environment, shop_id: str) -> None:
        """Accept no refresh token of this shop any more."""
        self._refresh_tokens.pop((environment, shop_id), None)

    def expire_access(self, environment: Environment, shop_id: str) -> None:
        """Accept no access token of this shop until it is refreshed."""
        self._access_tokens.pop((environment, shop_id), None)

    def accepts(self, environment: Environment, shop_id: str, token: str) -> bool:
        return token == self._access_tokens.get((environment, shop_id))

    def access_token(self, environment: Environment, shop_id: str) -> str | None:
        return self._access_tokens.get((environment, shop_id))

    def _pair(self, place: tuple[Environment, str], now: datetime) -> TokenSet:
        return TokenSet(
            Secret(self._access_tokens[place]),
            Secret(self._refresh_tokens[place]),
            now + self.expires_in,
            now + timedelta(days=30),
        )


def merchant(merchant_id: str) -> str:
    """The name under which the market keeps a merchant: one with a shop's number is still another."""
    return f"merchant {merchant_id}"


class FakeClient:
    """Calls of one environment's app, answered from a `Market`."""

    def __init__(self, market: Market, credentials: Credentials, now: Callable[[], datetime]) -> None:
        self._market = market
        self._credentials = credentials
        self._environment = credentials.environment
        self._now = now

    def authorization_url(
        self, redirect_url: str, now: datetime, *, state: str = "", link: ConsentLink = ConsentLink.SIGNED
    ) -> str:
        return f"{self._credentials.auth_url}?redirect={redirect_url}"

    async def exchange_code(self, code: str, shop_id: str) -> Grant:
        await self._note(Call("exchange_code", self._environment, shop_id, token=code))
        return Grant(self._market.issue(self._environment, shop_id, self._now()), (shop_id,))

    async def refresh(self, shop_id: str, refresh_token: Secret) -> TokenSet:
        call = Call("refresh", self._environment, shop_id, token=refresh_token.reveal())
        await self._note(call)
        pair = self._market.refresh(self._environment, shop_id, refresh_token.reveal(), self._now())
        await self._market.after(call)
        return pair

    async def exchange_main_account_code(self, code: str, main_account_id: str) -> Grant:
        await self._note(Call("exchange_main_account_code", self._environment, main_account_id, token=code))
        return self._market.issue_shared(self._environment, main_account_id, self._now())

    async def exchange_resend_code(self, code: str) -> Grant:
        await self._note(Call("exchange_resend_code", self._environment, "", token=code))
        shops = self._market.resends[code]
        return Grant(self._market.issue(self._environment, shops[0], self._now()), shops)

    async def refresh_merchant(self, merchant_id: str, refresh_token: Secret) -> TokenSet:
        return await self.refresh(merchant(merchant_id), refresh_token)

    async def get_merchant(self, merchant_id: str, access_token: Secret) -> MerchantProfile:
        account, token = merchant(merchant_id), access_token.reveal()
        await self._note(Call("get_merchant", self._environment, account, token=token))
        if not self._market.accepts(self._environment, account, token):
            raise AuthExpired
        since, until = self._now(), self._now() + timedelta(days=365)
        return MerchantProfile(merchant_id, f"Merchant {merchant_id}", "SG", "SGD", since, until)

    async def get_shop(self, shop_id: str, access_token: Secret) -> ShopProfile:
        await self._note(Call("get_shop", self._environment, shop_id, token=access_token.reveal()))
        return ShopProfile(shop_id, f"Shop {shop_id}", "SG", self._now(), self._now() + timedelta(days=365))

    async def list_orders(
        self, shop_id: str, access_token: Secret, *, updated_from: datetime, updated_to: datetime, cursor: str | None
    ) -> Page[OrderListEntry]:
        window = updated_from, updated_to
        call = Call("list_orders", self._environment, shop_id, token=access_token.reveal(), window=window)
        await self._note(call)
        if not self._market.accepts(self._environment, shop_id, access_token.reveal()):
            raise AuthExpired
        book = self._market.orders.get((self._environment, shop_id), {})
        changed = sorted(one for one in book if updated_from <= book[one].remote_updated_at <= updated_to)
        begin, end = int(cursor or 0), int(cursor or 0) + self._market.orders_per_page
        rows = tuple(OrderListEntry(one, book[one].status) for one in changed[begin:end])
        return Page(rows, str(end) if end < len(changed) else None)

    async def get_orders(
        self, shop_id: str, access_token: Secret, order_sns: Sequence[str]
    ) -> tuple[OrderSnapshot, ...]:
        call = Call("get_orders", self._environment, shop_id, tuple(order_sns), access_token.reveal())
        await self._note(call)
        if not self._market.accepts(self._environment, shop_id, access_token.reveal()):
            raise AuthExpired
        book = self._market.orders.get((self._environment, shop_id), {})
        found = tuple(structs.replace(book[one], read_started_at=self._now()) for one in order_sns if one in book)
        await self._market.after(call)
        return found

    async def _note(self, call: Call) -> None:
        self._market.calls.append(call)
        await self._market.before(call)


class FakeConnector:
    """A marketplace that speaks plain JSON and signs with HMAC over URL and body."""

    name = FAKE
    label = "Fake"
    credential_fields = (
        CredentialField("partner_id", "Partner ID", connect=True, found_at=Place.APP),
        CredentialField("partner_key", "Partner key", secret=True, connect=True),
        CredentialField("push_partner_key", "Push partner key", secret=True, switch=True, found_at=Place.PUSHES),
        CredentialField("shop_id", "Shop ID", switch=True),
        CredentialField("region", "Region", connect=True, copyable=True),
        CredentialField("host", "Host"),
        CredentialField("default_location_id", "Default location ID", copyable=True),
        CredentialField("default_shipping_option_id", "Default shipping option ID", copyable=True),
    )
    regions = ("GLOBAL", "SG", "MY")
    hosts = (
        Host("fake_sandbox", "https://api.sandbox.fake", "https://auth.sandbox.fake", SANDBOX),
        Host("fake_live", "https://api.fake", "https://auth.fake", LIVE),
    )
    orders_per_call = 50
    signature_header = b"authorization"

    def __init__(self, market: Market, now: Callable[[], datetime]) -> None:
        self._market = market
        self._now = now

    def default_host(self, environment: Environment) -> str:
        return f"fake_{environment.value}"

    def console_pages(self, environment: Environment) -> tuple[ConsolePage, ...]:
        """Every place there is, so that a page that links none of them is noticed."""
        here = f"https://console.fake/{environment.value}"
        return tuple(ConsolePage(one, N_("App List"), f"{here}/{one}") for one in Place)

    def validate_field(self, name: str, value: str) -> str:
        text = value.strip()
        if name in {"partner_id", "shop_id"} and not (text.isascii() and text.isdigit()):
            raise Invalid("Digits only.", field=name)
        if name == "region" and text not in self.regions:
            raise Invalid("No such region.", field=name)
        if name in {"partner_key", "push_partner_key"} and len(text) < 16:
            raise Invalid("Too short.", field=name)
        return text

    def verify_push(self, keys: PushKeys, headers: Mapping[bytes, bytes], path: str, body: bytes) -> PushMatch:
        given = headers.get(b"authorization", b"")
        for key in keys.keys:
            for url in keys.urls:
                if hmac.compare_digest(sign_push(key.key.reveal(), url, body), given):
                    return PushMatch(key.name, url)
        raise BadSignature

    def is_signature(self, given: bytes) -> bool:
        return re.fullmatch(rb"[0-9a-f]{64}", given) is not None

    def is_probe(self, body: bytes) -> bool:
        return b"verify_info" in body

    def parse_push(self, body: bytes) -> InboundEvent:
        event_id = hashlib.sha256(body).digest()
        try:
            read = msgspec.json.decode(body, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return InboundEvent(event_id, Topic.MALFORMED, None, None, None, None, "not JSON")
        topics = {CODES["connection"]: Topic.CONNECTION, CODES["order"]: Topic.ORDER}
        topic = topics.get(read["code"], Topic.OTHER)
        return InboundEvent(event_id, topic, read["code"], read.get("shop_id"), read.get("order_sn"), None)

    def read_stored_order(self, answer: bytes, read_started_at: datetime) -> OrderSnapshot:
        """What a test says that today's code makes of an answer."""
        if answer not in self._market.rereadings:
            raise RemoteUnreadable("Nobody can read this.")
        return structs.replace(self._market.rereadings[answer], read_started_at=read_started_at)

    def parse_connection(self, body: bytes) -> ConnectionChange | None:
        change = msgspec.json.decode(body).get("change", {"kind": "probe"})
        return None if change is None else msgspec.convert(change, ConnectionChange)

    def name_push(self, code: int | None) -> str:
        return f"push {code}"

    def client(self, http: Any, credentials: Credentials, pacing: Any) -> FakeClient:
        return FakeClient(self._market, credentials, self._now)


def generation_of(db: Session, scope: Scope) -> Generation:
    """The generation of a stored token pair."""
    row = find_pair(db, scope)
    assert row is not None
    return Generation(scope, row.id, row.generation)


def sign_push(key: str, url: str, body: bytes) -> bytes:
    """What the fake marketplace puts into the Authorization header."""
    return hmac.new(key.encode(), url.encode() + b"|" + body, hashlib.sha256).hexdigest().encode()


def push_body(order_sn: str | None = "ORDER1", *, shop_id: str = SHOP, topic: str = "order", nonce: str = "") -> bytes:
    """A push as the fake marketplace sends it; another ``nonce`` makes another push of the same meaning."""
    return msgspec.json.encode({"code": CODES[topic], "shop_id": shop_id, "order_sn": order_sn, "nonce": nonce})


def snapshot(order_sn: str = "ORDER1", **changes: Any) -> OrderSnapshot:
    """An order at one reading; the stored answer tells all its fields, as a real one would."""
    given: dict[str, Any] = {
        "order_sn": order_sn,
        "status": "READY_TO_SHIP",
        "currency": "SGD",
        "total_amount": Decimal("12.50"),
        "buyer_username": "buyer",
        "remote_created_at": START - timedelta(hours=2),
        "remote_updated_at": START - timedelta(hours=1),
        "ship_by_at": None,
        "tracking_number": None,
        "shipping_carrier": None,
        "payment_method": None,
        "lines": (line(),),
        "read_started_at": START,
        **changes,
    }
    real = {"recipient": "recipient_address", "buyer_message": "message_to_seller"}  # what real answers call it
    unsaid = {"read_started_at", "answer", "surprising_after"}
    told = {real.get(name, name): str(value) for name, value in given.items() if name not in unsaid}
    return OrderSnapshot(**{"answer": msgspec.json.encode(told), **given})


def line(item_id: str = "1", **changes: Any) -> OrderLine:
    given: dict[str, Any] = {
        "item_id": item_id,
        "model_id": "0",
        "name": f"Item {item_id}",
        "model_name": "",
        "sku": "",
        "quantity": 1,
        "unit_price": Decimal("12.50"),
    }
    return OrderLine(**{**given, **changes})


def incoming(
    order_sn: str | None = "ORDER1",
    *,
    environment: Environment = SANDBOX,
    shop_id: str | None = SHOP,
    topic: Topic = Topic.ORDER,
    parked: ParkedReason | None = None,
    at: datetime = START,
    event_id: bytes | None = None,
    **event: Any,
) -> IncomingPush:
    """A verified push, ready to be stored; each is another one unless ``event_id`` says otherwise."""
    identity = new_id()
    named = event_id or identity.bytes * 2
    return IncomingPush(
        id=identity,
        connector=FAKE,
        environment=environment,
        event=InboundEvent(
            **{
                "event_id": named,
                "topic": topic,
                "code": 3,
                "shop_id": shop_id,
                "order_sn": order_sn,
                "pushed_at": at,
                **event,
            }
        ),
        body=b'{"order": true}',
        headers="{}",
        matched_key="current",
        matched_url=f"{PUBLIC_URL}/connectors/fake/webhook/{environment.value}",
        received_at=at,
        state=EventState.RECEIVED if parked is None else EventState.PARKED,
        parked_reason=parked,
    )


@dataclass
class House:
    """An open installation with one fake marketplace, a clock that stands still, and short words for what tests do."""

    runtime: Runtime
    clock: ManualClock
    market: Market
    url: str
    opened: list[Database] = field(default_factory=list)

    @property
    def parts(self) -> Parts:
        return self.runtime.parts

    @property
    def db(self) -> Database:
        return self.runtime.web_db

    @property
    def connector(self) -> Connector:
        return self.runtime.connectors[FAKE]

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def configure(self, environment: Environment = SANDBOX, **changes: str | None) -> credentials.EditResult:
        """Fill in an environment's form; without changes, completely."""
        given = changes or dict(COMPLETE if environment is SANDBOX else COMPLETE_LIVE)
        with self.db.write() as db:
            return credentials.edit(
                self.parts, db, FAKE, environment, given, expected_version=None, actor=ANNA, now=self.now
            )

    def connect(
        self,
        environment: Environment = SANDBOX,
        shop_id: str = SHOP,
        *,
        state: str = "connected",
        expires_in: timedelta | None = None,
    ) -> Scope:
        """A shop with a token pair, as a finished authorisation leaves it."""
        scope = Scope(FAKE, environment, shop_id)
        tokens = self.market.issue(environment, shop_id, self.now)
        if expires_in is not None:
            tokens = replace(tokens, access_expires_at=self.now + expires_in)
        profile = ShopProfile(shop_id, f"Shop {shop_id}", "SG", None, None)
        with self.db.write() as db:
            sealed = accounts.seal_tokens(db, self.parts.ring, scope, tokens)
            accounts.save_account(db, scope, profile, state=state, reason="", actor=ANNA, now=self.now)
            partner_id = get_credentials(db, FAKE, environment).partner_id or ""
            accounts.store_tokens(db, scope, partner_id, sealed, now=self.now)
        return scope

    def connect_merchant(self, environment: Environment, merchant_id: str, *, main_account_id: str = "5001") -> None:
        """A merchant with a token pair of its own, as a main account's finished run leaves it."""
        scope = MerchantScope(FAKE, environment, merchant_id)
        tokens, now = self.market.issue(environment, merchant(merchant_id), self.now), self.now
        with self.db.write() as db:
            sealed = seal_tokens(db, self.parts.ring, scope, tokens)
            save_account(
                db, scope, None, main_account_id=main_account_id, state="connected", reason="", actor=ANNA, now=now
            )
            partner_id = get_credentials(db, FAKE, environment).partner_id or ""
            store_tokens(db, scope, partner_id, sealed, shared=False, now=now)

    def certify(self, environment: Environment = LIVE, **changes: Any) -> None:
        """Store a certificate that counts (unless ``changes`` say otherwise), as passed checks leave it."""
        with self.db.write() as db:
            store_certificate(db, FAKE, environment, now=self.now, **changes)

    def switch(self, environment: Environment) -> SwitchResult:
        """Sign in to an environment; to live with checks that passed."""
        if environment is LIVE:
            self.certify()
        with self.db.write() as db:
            return switch(self.parts, db, FAKE, environment, override_reason=None, actor=ANNA, now=self.now)

    def try_switch(self, environment: Environment) -> bool | None:
        """Whether anything changed, or None where it was refused."""
        try:
            return self.switch(environment).changed
        except (NotConfigured, CertificateRequired):  # the latter where somebody edited after the checks
            return None

    def deliver(self, *pushes: IncomingPush) -> int:
        """Store pushes as the intake does; returns how many were new."""
        with self.db.connect() as connection:
            return insert_pushes(connection, pushes) or 0

    def deliver_in(self, db: Session, *pushes: IncomingPush) -> int:
        """Store pushes in a transaction of the caller's."""
        return insert_pushes(db.connection(), pushes) or 0

    def work(self, parts: Parts | None = None, *, batches: int = 1_000) -> int:
        """Process what is due, until nothing is; returns how many batches there were."""

        async def until_idle() -> int:
            for number in range(batches):
                if not await process_next(parts or self.parts):
                    return number
            return batches

        return asyncio.run(until_idle())

    def step(self) -> bool:
        """Process one batch."""
        return asyncio.run(process_next(self.parts))

    def events(self, environment: Environment | None = None) -> list[RawEvent]:
        """Every stored push in order of arrival."""
        statement = sa.select(RawEvent).order_by(RawEvent.id)
        if environment is not None:
            statement = statement.where(RawEvent.environment == environment)
        return list(self._read(statement))

    def event(self) -> RawEvent:
        """The only stored push."""
        (one,) = self.events()
        return one

    def states(self) -> list[str]:
        return [event.state for event in self.events()]

    def orders(self, environment: Environment | None = None) -> list[OrderSync]:
        whole = sa.select(OrderSync).options(sa.orm.undefer("*"))  # personal data is loaded for none but who asks
        statement = whole.order_by(OrderSync.environment, OrderSync.order_sn)
        if environment is not None:
            statement = statement.where(OrderSync.environment == environment)
        return list(self._read(statement))

    def exceptions(self) -> list[ConnectorException]:
        return list(self._read(sa.select(ConnectorException).order_by(ConnectorException.code)))

    def shop(self, environment: Environment = SANDBOX, shop_id: str = SHOP) -> Shop | None:
        with self.db.read() as db:
            return find_shop(db, Scope(FAKE, environment, shop_id))

    def shop_state(self, environment: Environment = SANDBOX, shop_id: str = SHOP) -> str | None:
        shop = self.shop(environment, shop_id)
        return None if shop is None else shop.state

    def execute(self, statement: sa.Executable) -> int:
        """Change rows behind everybody's back; returns how many."""
        with self.db.connect() as connection:
            return connection.execute(statement).rowcount

    def scalar(self, statement: sa.Select[Any]) -> Any:
        with self.db.read() as db:
            return db.execute(statement).scalar()

    def as_process(self) -> Parts:
        """The parts of another process on the same database: connections and SQLite lock of its own."""
        self.opened.append(Database(self.url, pool_size=20))
        return replace(self.parts, database=self.opened[-1])

    def _read(self, statement: sa.Select[Any]) -> Sequence[Any]:
        with self.db.read() as db:
            return db.execute(statement).scalars().all()


@contextmanager
def open_house(
    database_url: str,
    data_dir: Path,
    *,
    clock: ManualClock | None = None,
    http: Http | None = None,
    connector: type[FakeConnector] = FakeConnector,
    **settings: Any,
) -> Iterator[House]:
    """Open an installation on a migrated database; ``settings`` change those of the tests."""
    clock = clock or ManualClock(START)
    market = Market()
    runtime = open_runtime(
        make_settings(database_url, data_dir, **settings),
        clock=clock,
        http=http or NoHttp(),
        connectors={FAKE: connector(market, clock.now)},
        seeds={},
    )
    house = House(runtime, clock, market, database_url)
    try:
        yield house
    finally:
        runtime.close()
        for database in house.opened:
            database.close()


def make_settings(database_url: str, data_dir: Path, **changes: Any) -> Settings:
    """The settings of the tests, a few of them changed."""
    given: dict[str, Any] = {
        "data_dir": data_dir,
        "database_url": database_url,
        "public_url": PUBLIC_URL,
        "master_keys": MASTER_KEYS,
        **changes,
    }
    return Settings(**given)


def boot(database_url: str, directory: Path, seeds: Mapping[str, str] | None) -> None:
    """Start and end an installation whose only marketplace is the fake one."""
    clock = ManualClock(START)
    runtime = open_runtime(
        make_settings(database_url, directory),
        clock=clock,
        http=NoHttp(),
        connectors={FAKE: FakeConnector(Market(), clock.now)},
        seeds={FAKE: dict(seeds or {})},
    )
    runtime.close()


def boot_with(number: int, database_url: str, directory: str) -> None:
    """Boot as one of several processes, each with a setting of its own; they wait for each other, however slow."""
    engine._BEGIN_DEADLINE_SECONDS = 60.0
    boot(database_url, Path(directory), {**COMPLETE, "default_location_id": f"from {number}"})


def run_threads(works: Sequence[Callable[[], object]], *, timeout: float = 60.0) -> list[object]:
    """Start all at the same moment, in threads; their results in order, an exception as its value."""
    results: list[object] = [None] * len(works)
    gate = threading.Barrier(len(works))

    def one(number: int, work: Callable[[], object]) -> None:
        gate.wait(timeout)
        try:
            results[number] = work()
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=one, args=(number, work), daemon=True) for number, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout)
        if thread.is_alive():
            raise TimeoutError("a thread of the test does not end")
    return results
