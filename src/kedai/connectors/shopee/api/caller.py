"""Signs and sends one call, and sorts its answer; every area's calls go through here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import msgspec

from kedai.connectors.base import Http, HttpAnswer, Lane, Pacing, Upload
from kedai.connectors.shopee.api.query import Query
from kedai.connectors.shopee.api.reading import Shape, holds_results, read_answer
from kedai.connectors.shopee.auth import to_number
from kedai.connectors.shopee.errors import Refusal, from_status, is_about_the_clock, to_error
from kedai.connectors.shopee.schemas import Envelope, find_refusal, read_envelope
from kedai.connectors.shopee.sign import sign_merchant, sign_public, sign_shop
from kedai.errors import KedaiError, OutcomeUnknown, RemoteUnavailable, RemoteUnreadable
from kedai.values.credentials import Credentials
from kedai.values.pace import APP_ACCOUNT, BucketKey, merchant_account, shop_account
from kedai.values.secret import Secret


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whose token a call carries: a shop's (``shop_id``) or a merchant's (``merchant_id``), never both (§2.1)."""

    name: str
    id: str
    access_token: Secret

    @classmethod
    def shop(cls, shop_id: str, access_token: Secret) -> Bearer:
        """A shop. Raises `Invalid` for what is no id."""
        return cls("shop_id", str(to_number(shop_id, "shop_id")), access_token)

    @classmethod
    def merchant(cls, merchant_id: str, access_token: Secret) -> Bearer:
        """A merchant. Raises `Invalid` for what is no id."""
        return cls("merchant_id", str(to_number(merchant_id, "merchant_id")), access_token)


@dataclass(frozen=True, slots=True)
class Call:
    """One call before it is signed. ``is_write``: repeating it blindly could do something twice.

    Many of Shopee's POSTs only read; they may be repeated like any GET (contract §6.5).
    """

    method: str
    path: str
    query: Sequence[tuple[str, str]] = field(default=(), repr=False)
    json: bytes | None = field(default=None, repr=False)  # may hold a refresh token
    upload: Upload | None = field(default=None, repr=False)
    is_write: bool = False

    @property
    def effect(self) -> str:
        """What a failure means depends on the effect, not on the verb."""
        return "POST" if self.is_write else "GET"

    @property
    def family(self) -> str:
        """The area of the API, such as ``order``: areas fail apart from each other."""
        return self.path.removeprefix("/api/v2/").partition("/")[0]


@dataclass(frozen=True, slots=True)
class _Reply:
    answer: HttpAnswer
    envelope: Envelope | None
    refusal: Refusal | None
    error: KedaiError | None


class Caller:
    """One environment's app: signs with its key, sends through the outgoing function it is handed."""

    def __init__(self, http: Http, credentials: Credentials, pacing: Pacing) -> None:
        self._http = http
        self._credentials = credentials
        self._pacing = pacing
        self._ahead_seconds = 0.0

    def now(self) -> datetime:
        """The instant that calls are noted at."""
        return self._http.clock.now()

    async def ask(self, call: Call, shape: type[Shape], bearer: Bearer | None = None) -> Shape:
        """Make the call and read its answer.

        Where the answer failed as a whole but tells how each item fared, it is an answer: `Partial.refusal` says why.

        Raises:
            Every family of `kedai.errors` about remote calls (contract §6.5).
        """
        reply = await self._send(call, bearer, None)
        if reply.refusal is None:
            return read_answer(reply.answer, shape)
        if reply.error is not None and not holds_results(reply.answer):
            raise reply.error
        return read_answer(reply.answer, shape, refusal=reply.refusal.code)

    async def exchange(self, call: Call, bearer: Bearer | None = None, *, shop_id: str | None = None) -> HttpAnswer:
        """Make the call; the answer of one that succeeded. ``shop_id`` is noted where no bearer names one.

        Raises:
            As `ask`.
        """
        reply = await self._send(call, bearer, shop_id)
        if reply.error is not None:
            raise reply.error
        return reply.answer

    async def fetch(self, call: Call, bearer: Bearer) -> HttpAnswer:
        """Make a call that answers with a file; one that failed answers with an envelope (contract §5.2).

        The content decides, never its declared type.

        Raises:
            As `ask`.
        """
        reply = await self._send(call, bearer, None, may_be_a_file=True)
        if reply.error is not None:
            raise reply.error
        if reply.envelope is not None:
            raise RemoteUnreadable("Shopee answered success, but sent no file.")
        return reply.answer

    async def _send(
        self, call: Call, bearer: Bearer | None, shop_id: str | None, *, may_be_a_file: bool = False
    ) -> _Reply:
        lane = self._lane(call, bearer)
        await self._pacing.enter(lane)
        try:
            reply = await self._send_in_time(call, bearer, shop_id)
            if reply.envelope is None and not (may_be_a_file and _is_file(reply.answer)):
                raise from_status(reply.answer, call.effect)
        except KedaiError as error:
            await self._pacing.leave(lane, error)
            raise
        await self._pacing.leave(lane, reply.error)
        return reply

    async def _send_in_time(self, call: Call, bearer: Bearer | None, shop_id: str | None) -> _Reply:
        """Send; a call refused for its timestamp is signed once more, by Shopee's clock (contract §6.5)."""
        noted = shop_id if bearer is None or bearer.name != "shop_id" else bearer.id
        reply = await self._send_once(call, bearer, noted)
        if reply.refusal is not None and is_about_the_clock(reply.refusal) and self._learn_the_time(reply.answer):
            return await self._send_once(call, bearer, noted)
        return reply

    async def _send_once(self, call: Call, bearer: Bearer | None, noted: str | None) -> _Reply:
        query = [*self._signed(call.path, bearer), *call.query]
        extra: dict[str, Any] = {} if call.upload is None else {"upload": call.upload}
        try:
            answer = await self._http.send(
                self._credentials, call.method, call.path, query, json=call.json, shop_id=noted, **extra
            )
        except OutcomeUnknown:
            if call.is_write:
                raise
            raise RemoteUnavailable("The answer was lost; the call only reads and may be repeated.") from None
        envelope = read_envelope(answer)
        refusal = None if envelope is None else find_refusal(envelope, call.effect, answer)
        return _Reply(answer, envelope, refusal, None if refusal is None else to_error(refusal, self.now()))

    def _lane(self, call: Call, bearer: Bearer | None) -> Lane:
        """What the app asks in its own name does not wait for a shop's turn: a shop at its limit can be renewed."""
        credentials = self._credentials
        account = APP_ACCOUNT
        if bearer is not None:
            account = shop_account(bearer.id) if bearer.name == "shop_id" else merchant_account(bearer.id)
        key = BucketKey(credentials.connector, credentials.environment, credentials.partner_id, account)
        return Lane(key, call.family)

    def _signed(self, path: str, bearer: Bearer | None) -> Query:
        credentials = self._credentials
        key, partner_id = credentials.partner_key, credentials.partner_id
        timestamp = int(self._http.clock.now().timestamp() + self._ahead_seconds)
        if bearer is None:  # the Public class has the short base, whatever others sign (contract §2.2)
            sign = sign_public(key, partner_id, path, timestamp)
            return [("partner_id", partner_id), ("timestamp", str(timestamp)), ("sign", sign)]
        token = bearer.access_token
        if bearer.name == "shop_id":
            sign = sign_shop(key, partner_id, path, timestamp, access_token=token, shop_id=bearer.id)
        else:
            sign = sign_merchant(key, partner_id, path, timestamp, access_token=token, merchant_id=bearer.id)
        return [
            ("partner_id", partner_id),
            ("timestamp", str(timestamp)),
            ("sign", sign),
            ("access_token", token.reveal()),
            (bearer.name, bearer.id),
        ]

    def _learn_the_time(self, answer: HttpAnswer) -> bool:
        """Take over Shopee's clock from the ``Date`` header; False where it says none that differs."""
        try:
            theirs = parsedate_to_datetime(answer.headers.get("date", "")).replace(tzinfo=UTC)
        except ValueError:
            return False
        ahead = (theirs - self._http.clock.now()).total_seconds()
        if abs(ahead - self._ahead_seconds) < _SAME_CLOCK_SECONDS:
            return False
        self._ahead_seconds = ahead
        return True


class Area:
    """The calls of one area for one bearer; each area's class derives from it."""

    def __init__(self, caller: Caller, bearer: Bearer) -> None:
        self._caller = caller
        self._bearer = bearer

    async def _get(self, path: str, shape: type[Shape], query: Sequence[tuple[str, str]] = ()) -> Shape:
        return await self._caller.ask(Call("GET", path, query), shape, self._bearer)

    async def _read(self, path: str, shape: type[Shape], body: object) -> Shape:
        """Make a POST that only reads."""
        return await self._caller.ask(Call("POST", path, json=encode(body)), shape, self._bearer)

    async def _write(self, path: str, shape: type[Shape], body: object) -> Shape:
        """Make a POST that changes something."""
        return await self._caller.ask(Call("POST", path, json=encode(body), is_write=True), shape, self._bearer)


def encode(body: object) -> bytes:
    """Write a body: amounts are JSON numbers by their own digits, and what is None in an object is left out."""
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if value is not None}
    return _encoder.encode(body)


def _is_file(answer: HttpAnswer) -> bool:
    start = answer.body.lstrip()
    return answer.status < _FIRST_FAILURE and bool(start) and not start.startswith((b"{", b"["))


_encoder: Final = msgspec.json.Encoder(decimal_format="number")
_FIRST_FAILURE: Final = 400
_SAME_CLOCK_SECONDS: Final = 2.0
