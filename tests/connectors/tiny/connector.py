"""A second marketplace, as small as one can be: what `docs/how-to/add-a-connector.md` asks for, and nothing more.

It speaks JSON, signs with a header over URL and body, and names every refusal in one word.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import msgspec

from kedai.connectors.base import UNPACED, CredentialField, Host, Http, HttpAnswer, Lane, Pacing, SignedPush
from kedai.errors import (
    AuthExpired,
    BadSignature,
    Invalid,
    KedaiError,
    NeedsReconnect,
    OutcomeUnknown,
    RateLimited,
    RemoteMisconfigured,
    RemoteRejected,
    RemoteUnavailable,
    RemoteUnreadable,
)
from kedai.values.credentials import Credentials, Grant, PushKeys, ShopProfile, TokenSet
from kedai.values.environment import ConnectorName, Environment
from kedai.values.event import InboundEvent, PushMatch, Topic
from kedai.values.order import OrderLine, OrderListEntry, OrderSnapshot, Page
from kedai.values.pace import BucketKey, shop_account
from kedai.values.secret import Secret

_UNREADABLE = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)
_PUSHES = {
    1: ("Shop joined", Topic.CONNECTION),
    2: ("Order changed", Topic.ORDER),
    3: ("Address test", Topic.CONNECTION),
}
_REFUSALS: Mapping[str, type[KedaiError]] = {
    "token_expired": AuthExpired,
    "shop_left": NeedsReconnect,
    "bad_app": RemoteMisconfigured,
}


def sign_push(key: Secret, url: str, body: bytes) -> str:
    """Sign a push: the registered URL, a line break, the bytes as they are sent."""
    return hmac.digest(key.reveal().encode(), url.encode() + b"\n" + body, "sha256").hex()


class TinyConnector:
    """Implements `Connector`, `PushesToUs` and `RetiresHosts` of `kedai.connectors.base`."""

    name = ConnectorName("tiny")
    label = "Tiny"
    credential_fields: tuple[CredentialField, ...] = (
        CredentialField("partner_id", "App ID", connect=True, help="Digits."),
        CredentialField("partner_key", "App key", secret=True, connect=True, help="Of the app's page."),
        CredentialField("push_partner_key", "Push key", secret=True, switch=True, help="Of the app's push page."),
        CredentialField("shop_id", "Stall", switch=True, help="Digits."),
        CredentialField("region", "Region", connect=True, help="Where the stall stands."),
        CredentialField("host", "Host", help="Where the API is called."),
    )
    regions: tuple[str, ...] = ("GLOBAL", "SG")
    hosts: tuple[Host, ...] = (
        Host("tiny_sandbox", "https://api.sandbox.tiny.test", "https://sandbox.tiny.test/join", Environment.SANDBOX),
        Host("tiny_live", "https://api.tiny.test", "https://tiny.test/join", Environment.LIVE),
    )
    orders_per_call = 10
    signature_header = b"x-tiny-signature"
    needed_push_codes = frozenset({1, 2})
    retired_hosts = frozenset({"api.old.tiny.test"})

    def default_host(self, environment: Environment) -> str:
        return {Environment.SANDBOX: "tiny_sandbox", Environment.LIVE: "tiny_live"}[environment]

    def validate_field(self, name: str, value: str) -> str:
        text = value.strip()
        if not _is_field(self, name, text):
            raise Invalid("This cannot be right.", field=name)
        return text

    def verify_push(self, keys: PushKeys, headers: Mapping[bytes, bytes], path: str, body: bytes) -> PushMatch:
        given = headers.get(self.signature_header, b"")
        for key in keys.keys:
            for url in keys.urls:
                if key.key and hmac.compare_digest(sign_push(key.key, url, body).encode(), given):
                    return PushMatch(key.name, url)
        raise BadSignature("The signature fits no key and URL.", reason="mismatch")

    def parse_push(self, body: bytes) -> InboundEvent:
        digest = hashlib.sha256(body).digest()[:28]
        try:
            told = msgspec.json.decode(body)
        except _UNREADABLE:
            told = None
        if not isinstance(told, dict):
            return InboundEvent(bytes(4) + digest, Topic.MALFORMED, None, None, None, None, "It is no JSON object.")
        at = told.get("timestamp")
        seconds = at if type(at) is int and 0 <= at < 2**32 else 0
        pushed_at = datetime.fromtimestamp(seconds, UTC) if seconds else None
        code, shop, order = (_plain(told, "kind", int), _plain(told, "stall", int), _plain(told, "order", str))
        shop_id = str(shop) if shop is not None and 0 < shop < 10**12 else None
        order_sn = order if order is not None and order.isascii() and order.isalnum() and len(order) <= 40 else None
        topic = _PUSHES.get(code or 0, ("", Topic.OTHER))[1]
        problem = None
        if code is None or not 0 <= code < 2**31:
            code, topic, problem = None, Topic.MALFORMED, "It has no kind."
        elif topic is Topic.ORDER and (shop_id is None or order_sn is None):
            topic, problem = Topic.MALFORMED, "It names no stall or no order."
        return InboundEvent(seconds.to_bytes(4, "big") + digest, topic, code, shop_id, order_sn, pushed_at, problem)

    def sign_probe(self, key: Secret, url: str, now: datetime) -> SignedPush:
        body = msgspec.json.encode({"kind": 3, "timestamp": int(now.timestamp())})
        return SignedPush({self.signature_header.decode(): sign_push(key, url, body)}, body)

    def name_push(self, code: int | None) -> str:
        return _PUSHES.get(code or 0, (f"Push {code}", Topic.OTHER))[0]

    def client(self, http: Http, credentials: Credentials, pacing: Pacing) -> TinyClient:
        return TinyClient(http, credentials, pacing)


class TinyClient:
    """Implements `kedai.connectors.base.Client`."""

    def __init__(self, http: Http, credentials: Credentials, pacing: Pacing = UNPACED) -> None:
        self.http = http
        self.credentials = credentials
        self.pacing = pacing

    def authorization_url(self, redirect_url: str, now: datetime) -> str:
        query = urlencode({"app": self.credentials.partner_id, "back": redirect_url, "at": int(now.timestamp())})
        return f"{self.credentials.auth_url}?{query}"

    async def exchange_code(self, code: str, shop_id: str) -> Grant:
        told = await self._call("POST", "/tokens", {"code": code}, shop_id, None)
        return Grant(self._tokens(told), (shop_id,))

    async def refresh(self, shop_id: str, refresh_token: Secret) -> TokenSet:
        return self._tokens(await self._call("POST", "/tokens", {"renew": refresh_token.reveal()}, shop_id, None))

    async def get_shop(self, shop_id: str, access_token: Secret) -> ShopProfile:
        told = await self._call("GET", "/stall", {}, shop_id, access_token)
        return ShopProfile(shop_id, _needed(told, "name", str), _needed(told, "region", str), None, None)

    async def list_orders(
        self, shop_id: str, access_token: Secret, *, updated_from: datetime, updated_to: datetime, cursor: str | None
    ) -> Page[OrderListEntry]:
        asked = {"from": int(updated_from.timestamp()), "to": int(updated_to.timestamp()), "cursor": cursor or ""}
        told = await self._call("GET", "/orders", asked, shop_id, access_token)
        rows = tuple(
            OrderListEntry(_needed(one, "order", str), one.get("status")) for one in _needed(told, "rows", list)
        )
        return Page(rows, told.get("next"))

    async def get_orders(
        self, shop_id: str, access_token: Secret, order_sns: Sequence[str]
    ) -> tuple[OrderSnapshot, ...]:
        if len(order_sns) > TinyConnector.orders_per_call:
            raise Invalid("At most 10 orders in one call.", field="order_sns")
        if not order_sns:
            return ()
        now = self.http.clock.now()
        told = await self._call("GET", "/orders", {"only": ",".join(order_sns)}, shop_id, access_token)
        return tuple(_snapshot(bytes(one), now) for one in _needed(told, "raw_rows", list))

    async def _call(
        self, method: str, path: str, asked: Mapping[str, Any], shop_id: str, token: Secret | None
    ) -> dict[str, Any]:
        app, at = self.credentials, int(self.http.clock.now().timestamp())
        body = msgspec.json.encode(asked) if method == "POST" else None
        signed = f"{app.partner_id} {path} {at} {shop_id} {asked} {token.reveal() if token else ''}"
        sign = hmac.digest(app.partner_key.reveal().encode(), signed.encode(), "sha256").hex()
        query = [("app", app.partner_id), ("at", str(at)), ("stall", shop_id), ("sign", sign)]
        query += [("token", token.reveal())] if token else []
        query += [(name, str(value)) for name, value in asked.items()] if body is None else []
        bucket = BucketKey(app.connector, app.environment, app.partner_id, shop_account(shop_id))
        lane = Lane(bucket, path.removeprefix("/"))
        await self.pacing.enter(lane)
        try:
            told = _read(await self.http.send(app, method, path, query, json=body, shop_id=shop_id), method)
        except KedaiError as error:
            await self.pacing.leave(lane, error)
            raise
        await self.pacing.leave(lane, None)
        return told

    def _tokens(self, told: dict[str, Any]) -> TokenSet:
        now = self.http.clock.now()
        access, refresh = Secret(_needed(told, "token", str)), Secret(_needed(told, "renew", str))
        return TokenSet(access, refresh, now + timedelta(hours=1), now + timedelta(days=90))


def _is_field(connector: TinyConnector, name: str, text: str) -> bool:
    if name in {"partner_id", "shop_id"}:
        return text.isascii() and text.isdigit() and len(text) <= 12
    if name in {"partner_key", "push_partner_key"}:
        return 16 <= len(text) <= 200 and text.isascii() and text.isprintable() and " " not in text
    if name == "region":
        return text in connector.regions
    return name == "host" and text in {host.name for host in connector.hosts}


def _read(answer: HttpAnswer, method: str) -> dict[str, Any]:
    """The answer's object, or the family of what it refuses."""
    try:
        told = msgspec.json.decode(answer.body)
    except _UNREADABLE:
        told = None
    refusal = told.get("refused") if isinstance(told, dict) else None
    if answer.status == 429:
        raise RateLimited
    if isinstance(refusal, str):
        family = _REFUSALS.get(refusal, RemoteRejected)
        raise family(remote_code=refusal) if issubclass(family, RemoteRejected) else family()
    if answer.status == 200 and isinstance(told, dict) and told:
        return told | {"raw_rows": _raw_rows(answer.body)}
    if method == "POST":
        raise OutcomeUnknown
    raise RemoteUnavailable if answer.status >= 500 else RemoteUnreadable


def _raw_rows(body: bytes) -> list[msgspec.Raw]:
    """Each order's exact bytes."""
    try:
        return msgspec.json.decode(body, type=_Rows).rows
    except msgspec.MsgspecError:
        return []


class _Rows(msgspec.Struct):
    rows: list[msgspec.Raw] = []


def _snapshot(raw: bytes, read_started_at: datetime) -> OrderSnapshot:
    told = msgspec.json.Decoder(float_hook=Decimal).decode(raw)
    at = datetime.fromtimestamp(_needed(told, "updated", int), UTC)
    name, total = _needed(told, "item", str), told.get("total")
    line = OrderLine(item_id=name, model_id="", name=name, model_name="", sku="", quantity=1, unit_price=None)
    return OrderSnapshot(
        order_sn=_needed(told, "order", str),
        status=_needed(told, "status", str),
        currency="SGD",
        total_amount=None if total is None else Decimal(total),
        buyer_username=None,
        remote_created_at=at,
        remote_updated_at=at,
        ship_by_at=None,
        tracking_number=None,
        shipping_carrier=None,
        payment_method=None,
        lines=(line,),
        read_started_at=read_started_at,
        answer=raw,
    )


def _plain(told: Mapping[str, Any], name: str, kind: type) -> Any:
    value = told.get(name)
    return value if type(value) is kind else None


def _needed(told: Any, name: str, kind: type) -> Any:
    """A field that no answer may lack."""
    value = told.get(name) if isinstance(told, dict) else None
    if type(value) is not kind:
        raise RemoteUnreadable(f"The answer lacks {name}.")
    return value


TINY = TinyConnector()
