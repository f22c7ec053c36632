"""The push receiver: a small ASGI callable in front of the framework; it takes the webhook paths, passes on the rest.

Never 200 unless committed. What it answers: 200 stored (also a duplicate), 401 not signed, 404 no such place, 405 not
POST, 408 too slow, 413 too large, 503 not stored: try again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

import msgspec
import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kedai.connectors.base import Connector
from kedai.errors import BadSignature, SecretUnreadable, StorageUnavailable
from kedai.inbox.flush import IncomingPush
from kedai.kit import crash
from kedai.kit.clock import monotonic
from kedai.kit.ids import new_id
from kedai.kit.log import access_line
from kedai.runtime import Runtime
from kedai.sync.intake import Intake, Stored, VerifiedPush
from kedai.sync.rejections import Rejections
from kedai.sync.urls import webhook_paths
from kedai.values.environment import Environment
from kedai.values.event import EventState, PushMatch
from kedai.web.metrics import Metrics
from kedai.web.slow import SlowReads

MAX_BODY = 1024 * 1024
MAX_WAITING = 16 * 1024 * 1024
BODY_SECONDS = 5.0
_KEPT_HEADERS = (b"content-type", b"user-agent", b"x-request-id", b"x-forwarded-for")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

log = structlog.get_logger("edge")


@dataclass(frozen=True, slots=True)
class Place:
    """What an exact path stands for."""

    connector: Connector
    environment: Environment
    path: str


class Answer(msgspec.Struct, frozen=True):
    """A status and, beside it, why (for the log; a sender learns nothing but the status)."""

    status: int
    why: str = ""
    retry_after: int | None = None


class TooMuch(Exception):
    """All senders together have sent more than what may wait."""


class TooLong(Exception):
    """The body is larger than what is accepted."""


class Gone(Exception):
    """The sender closed the connection before the body was complete."""


class WebhookEdge:
    """Wraps the app; `intake` must be started and stopped by the app's lifespan, which passes through here.

    ``begin_to_stop`` is called when the server is told to end, before it waits for the answers that still go on.
    """

    def __init__(
        self,
        app: ASGIApp,
        runtime: Runtime,
        intake: Intake,
        rejections: Rejections,
        metrics: Metrics,
        *,
        begin_to_stop: Callable[[], None] = lambda: None,
    ) -> None:
        self._app = app
        self.begin_to_stop = begin_to_stop
        self._runtime = runtime
        self._intake = intake
        self._rejections = rejections
        self._metrics = metrics
        self._waiting_bytes = 0
        self._slow_reads = SlowReads(BODY_SECONDS)
        self._places: dict[bytes, Place] = {}
        for connector in runtime.connectors.values():
            for environment in Environment:
                for path in webhook_paths(connector.name, environment):
                    self._places[path.encode()] = Place(connector, environment, path)
        self._prefixes = tuple(f"/connectors/{name}/webhook".encode() for name in runtime.connectors)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["raw_path"].startswith(self._prefixes):
            await self._app(scope, receive, send)
            return
        began = monotonic()
        place = self._places.get(scope["raw_path"])
        headers = scope["headers"]
        by_name = dict(headers)
        new = new_id()
        request_id = _given_request_id(by_name) or new.hex.encode()
        if place is None:
            answer = Answer(404, "no such place")
        elif scope["method"] != "POST":
            answer = Answer(405, "not POST")
        else:
            answer = await self._receive_safely(place, headers, by_name, receive, new)
        await _respond(send, answer, request_id)
        crash.point("edge.answered")
        self._note(place, answer, request_id, monotonic() - began)

    async def _receive_safely(
        self,
        place: Place,
        headers: list[tuple[bytes, bytes]],
        by_name: Mapping[bytes, bytes],
        receive: Receive,
        new: UUID,
    ) -> Answer:
        """Also what nobody foresaw is told: not every server logs what an application raises, and none says "later"."""
        try:
            is_twice = _is_signed_twice(place, headers, by_name)
            return await self._receive(place, by_name, receive, new, is_twice=is_twice)
        except Exception:
            log.exception("a push met what nobody foresaw", environment=place.environment.value)
            return Answer(503, "not foreseen", retry_after=60)

    async def _receive(
        self, place: Place, headers: Mapping[bytes, bytes], receive: Receive, new: UUID, *, is_twice: bool
    ) -> Answer:
        announced = _content_length(headers)
        if announced is not None and announced > MAX_BODY:
            return Answer(413, "announced too large")
        if self._waiting_bytes + (announced or 0) > MAX_WAITING:
            return Answer(503, "too much is waiting", retry_after=2)
        try:
            body = await self._read(receive)
        except TimeoutError:
            return Answer(408, "the body was not complete in time")
        except TooMuch:
            return Answer(503, "too much is waiting", retry_after=2)
        except TooLong:
            return Answer(413, "too large")
        except Gone:
            return Answer(400, "the sender went away")
        self._waiting_bytes += len(body)
        try:
            return await self._take(place, headers, body, new, is_twice=is_twice)
        finally:
            self._waiting_bytes -= len(body)

    async def _read(self, receive: Receive) -> bytes:
        """The whole body, counted while it comes: it is never trusted to be as long as announced."""
        with self._slow_reads:
            message: Message = await receive()
            body: bytes = message.get("body", b"")
            if message["type"] == "http.request" and not message.get("more_body", False) and len(body) <= MAX_BODY:
                return body  # nearly every push comes in one piece
            return await self._read_on(receive, message)

    async def _read_on(self, receive: Receive, message: Message) -> bytes:
        """A body in pieces; what is held of it counts as waiting, so that many slow senders cannot fill the memory."""
        chunks: list[bytes] = []
        size = 0
        try:
            while True:
                if message["type"] == "http.disconnect":
                    raise Gone
                chunks.append(message.get("body", b""))
                size += len(chunks[-1])
                self._waiting_bytes += len(chunks[-1])
                if size > MAX_BODY:
                    raise TooLong
                if not message.get("more_body", False):
                    return b"".join(chunks)
                if self._waiting_bytes > MAX_WAITING:
                    raise TooMuch
                message = await receive()
        finally:
            self._waiting_bytes -= size

    async def _take(
        self, place: Place, headers: Mapping[bytes, bytes], body: bytes, new: UUID, *, is_twice: bool
    ) -> Answer:
        try:
            if is_twice:
                raise BadSignature("There are two Authorization headers.", reason="two_headers")
            match, version = await self._intake.verify(place.connector, place.environment, place.path, headers, body)
            push = self._push(place, headers, body, match, new)
            stored = await self._intake.store(VerifiedPush(push, version, place.path, headers))
        except BadSignature as error:
            reason = str(error.facts.get("reason", "bad_signature"))
            given = None if is_twice else headers.get(place.connector.signature_header)
            kept = _kept(place, headers)
            self._rejections.note(place.connector.name, place.environment, reason, kept, body, signature=given)
            return Answer(401, reason)
        except SecretUnreadable:
            return Answer(503, "the push key cannot be read", retry_after=60)
        except StorageUnavailable as error:
            return Answer(503, error.message, retry_after=error.retry_after)
        if stored is Stored.REJECTED:
            return Answer(401, "the key was changed meanwhile")
        if stored is Stored.DROPPED:
            self._metrics.count_dropped(place.environment.value)
        crash.point("edge.stored")
        return Answer(200, stored.value)

    def _push(
        self, place: Place, headers: Mapping[bytes, bytes], body: bytes, match: PushMatch, new: UUID
    ) -> IncomingPush:
        signed = place.connector.signature_header
        return IncomingPush(
            id=new,
            connector=place.connector.name,
            environment=place.environment,
            event=place.connector.parse_push(body),
            body=body,
            headers=_kept_as_text(*map(headers.get, _KEPT_HEADERS), signed, len(headers.get(signed, b""))),
            matched_key=match.key_name,
            matched_url=match.url,
            received_at=self._runtime.clock.now(),
            state=EventState.RECEIVED,
            parked_reason=None,
        )

    def _note(self, place: Place | None, answer: Answer, request_id: bytes, seconds: float) -> None:
        environment = place.environment.value if place else "none"
        self._metrics.count_push(environment, answer.status, seconds)
        access_line(
            {
                "event": "push",
                "environment": environment,
                "status": answer.status,
                "why": answer.why,
                "ms": round(seconds * 1000, 1),
                "request_id": request_id.decode(),
                "timestamp": self._runtime.clock.now(),
            }
        )


def _kept(place: Place, headers: Mapping[bytes, bytes]) -> dict[str, str]:
    """The headers worth keeping, and that a signature was there, never the signature itself."""
    signed = place.connector.signature_header
    return _shown(headers, signed, len(headers[signed])) if signed in headers else _shown(headers, None, 0)


def _shown(headers: Mapping[bytes, bytes], signed: bytes | None, length: int) -> dict[str, str]:
    kept = {
        name.decode(): headers[name][:500].decode("latin-1").replace("\0", "�")
        for name in _KEPT_HEADERS
        if name in headers
    }
    if signed is not None:
        kept[signed.decode()] = f"({length} characters)"
    return kept


@lru_cache(maxsize=256)
def _kept_as_text(
    content_type: bytes | None,
    agent: bytes | None,
    request_id: bytes | None,
    sender: bytes | None,
    signed: bytes,
    length: int,
) -> str:
    """`_kept` of a signed push as JSON: one marketplace sends the same headers again and again."""
    given = zip(_KEPT_HEADERS, (content_type, agent, request_id, sender), strict=True)
    kept = {name: value for name, value in given if value is not None}
    return msgspec.json.encode(_shown(kept, signed, length)).decode()


def _is_signed_twice(place: Place, headers: list[tuple[bytes, bytes]], by_name: Mapping[bytes, bytes]) -> bool:
    signed = place.connector.signature_header
    return len(by_name) < len(headers) and sum(name == signed for name, _ in headers) > 1


def _content_length(headers: Mapping[bytes, bytes]) -> int | None:
    value = headers.get(b"content-length", b"")
    return int(value) if value.isdigit() else None


def _given_request_id(headers: Mapping[bytes, bytes]) -> bytes | None:
    value = headers.get(b"x-request-id")
    return value if value is not None and _REQUEST_ID.fullmatch(value) else None


async def _respond(send: Send, answer: Answer, request_id: bytes) -> None:
    headers = [(b"content-length", b"0"), (b"x-request-id", request_id)]
    if answer.retry_after is not None:
        headers.append((b"retry-after", str(answer.retry_after).encode()))
    if answer.status == 405:
        headers.append((b"allow", b"POST"))
    if answer.status in {400, 408, 413}:  # the rest of the body is not read: this connection is of no more use
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
