"""The one outgoing HTTP function: bounded in time and size, never redirected; it knows no marketplace and no secret."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Final
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
import structlog

from kedai.connectors.base import CALL_SECONDS, HttpAnswer, Upload
from kedai.errors import KedaiError, OutcomeUnknown, RemoteUnavailable, RemoteUnreadable
from kedai.kit.clock import Clock, monotonic
from kedai.kit.deadline import seconds_left
from kedai.values.call import CallRecord
from kedai.values.credentials import Credentials
from kedai.values.wording import N_

MAX_ANSWER_BYTES: Final = 8 * 1024 * 1024
_CONNECTIONS = 100
_KEEP_ALIVE_SECONDS = 30.0
_JSON = "application/json"
_NEVER_ROUND_UP = 3600.0  # aiohttp else rounds deadlines above five seconds up to a whole second

log = structlog.get_logger("http")


class HttpClient:
    """Implements `kedai.connectors.base.Http` on one aiohttp session, opened inside the loop that first sends.

    Several loops (the web server's and the worker's) may share one client; each gets a session of its own, since
    aiohttp's sessions belong to a loop. ``sink`` is handed every call; ``before_call`` may refuse one by raising.
    ``connect_seconds`` bounds the wait for a connection, ``read_seconds`` a silence of the other side, and
    ``total_seconds`` the whole call; less where the work that it belongs to has less left (`kit.deadline`).
    """

    def __init__(
        self,
        *,
        sink: Callable[[CallRecord], None],
        before_call: Callable[[], None],
        clock: Clock,
        total_seconds: float = CALL_SECONDS,
        connect_seconds: float = 3.0,
        read_seconds: float = 6.0,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self._sink = sink
        self._before_call = before_call
        self._clock = clock
        self._total_seconds = total_seconds
        self._bound = partial(
            aiohttp.ClientTimeout, connect=connect_seconds, sock_read=read_seconds, ceil_threshold=_NEVER_ROUND_UP
        )
        self._max_answer_bytes = max_answer_bytes
        self._sessions: dict[asyncio.AbstractEventLoop, aiohttp.ClientSession] = {}
        self._offsets: dict[str, float] = {}

    @property
    def clock(self) -> Clock:
        """The clock that calls are signed by."""
        return self._clock

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

        A redirect is an answer like any other. The environment's proxies and cookies of earlier answers are not used.

        Raises:
            RemoteUnavailable: no answer, and the call surely had no effect or is safe to repeat; or no time is left.
            OutcomeUnknown: a POST whose answer was lost: it may have taken effect.
            RemoteUnreadable: a GET's answer is larger than any real one, or its encoding is damaged.
        """
        self._before_call()
        bounds = self._bounds()
        call = _Call(method, self._clock.now(), monotonic())
        url = f"{credentials.api_url}{path}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        answer: HttpAnswer | None = None
        failure: KedaiError | None = None
        try:
            sent = Upload(json, _JSON) if json is not None else upload
            answer = await self._exchange(url, call, sent, headers, bounds)
        except (aiohttp.ClientError, TimeoutError, OSError, _BadAnswerError) as error:
            # Not raised from here: the library's errors quote the URL, and with it the token.
            failure = _sort(call, error)
        except asyncio.CancelledError:
            call.code = "cancelled"
            raise
        finally:
            call.seconds = monotonic() - call.began
            self._report(credentials, path, shop_id, call, answer)
        if answer is None:
            raise failure or RemoteUnavailable()
        self._note_offset(credentials.api_url, call, answer)
        return answer

    def offset_seconds(self, api_url: str) -> float | None:
        """How far a host's clock was ahead of ours at its latest answer, to about a second; None if it never said."""
        return self._offsets.get(api_url)

    async def close(self) -> None:
        """Close the running loop's session; the client may be used again. Call it in each loop that sent."""
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.close()

    def _bounds(self) -> aiohttp.ClientTimeout:
        """Every phase has its own bound; the whole call has no longer than the work it is part of."""
        left = seconds_left()
        if left is None:
            return self._bound(total=self._total_seconds)
        if left <= 0:
            raise RemoteUnavailable(N_("No time was left for the call; nothing was sent."))
        return self._bound(total=min(left, self._total_seconds))

    async def _exchange(
        self,
        url: str,
        call: _Call,
        sent: Upload | None,
        headers: Mapping[str, str] | None,
        bounds: aiohttp.ClientTimeout,
    ) -> HttpAnswer:
        body = None if sent is None else sent.body
        named = {} if sent is None else {"Content-Type": sent.content_type}
        every = {**named, **(headers or {})}
        request = self._session().request(
            call.method, url, data=body, headers=every, allow_redirects=False, timeout=bounds
        )
        async with request as response:
            call.status = response.status
            body = await self._read(response)
            names = {name.lower(): value for name, value in response.headers.items()}
            return HttpAnswer(response.status, names, body)

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        limit = self._max_answer_bytes
        chunks, size = [], 0
        unpacker = _Unpacker(response.headers.get("Content-Encoding", ""))
        async for packed in response.content.iter_any():
            chunk = unpacker.unpack(packed, limit - size)
            size += len(chunk)
            chunks.append(chunk)
        unpacker.finish()
        return b"".join(chunks)

    def _note_offset(self, api_url: str, call: _Call, answer: HttpAnswer) -> None:
        try:
            theirs = parsedate_to_datetime(answer.headers.get("date", "")).replace(tzinfo=UTC)
        except ValueError:
            return
        # The header has whole seconds, cut off; it was written about half-way through the call.
        ours = call.started_at + timedelta(seconds=call.seconds / 2)
        self._offsets[api_url] = (theirs - ours).total_seconds() + 0.5

    def _session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None:
            for old in [one for one in list(self._sessions) if one.is_closed()]:
                self._sessions.pop(old, None)
            session = self._sessions[loop] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=_KEEP_ALIVE_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "kedai", "Accept": "application/json", "Accept-Encoding": "gzip"},
                auto_decompress=False,
                trust_env=False,
            )
        return session

    def _report(
        self, credentials: Credentials, path: str, shop_id: str | None, call: _Call, answer: HttpAnswer | None
    ) -> None:
        code, request_id = (call.code, "") if answer is None else _read_outcome(answer.body)
        record = CallRecord(
            connector=credentials.connector,
            environment=credentials.environment,
            shop_id=shop_id,
            method=call.method,
            path=path,
            status=call.status,
            code=code,
            request_id=request_id,
            milliseconds=call.seconds * 1000,
            started_at=call.started_at,
        )
        try:
            self._sink(record)
        except Exception:
            # A log that cannot be written must not lose an answer: it may hold a token that is given only once.
            log.exception("a call could not be recorded", path=path)


@dataclass(slots=True)
class _Call:
    """What is known of a call while it runs; ``code`` names what went wrong on the way."""

    method: str
    started_at: datetime
    began: float
    seconds: float = 0.0
    status: int | None = None
    code: str = ""


class _BadAnswerError(Exception):
    """The answer is too large or its encoding is damaged: ``args`` hold a code and a sentence."""


class _Unpacker:
    """Undoes the content encoding within the room there is: a small answer can unpack to a huge one."""

    def __init__(self, encoding: str) -> None:
        window_bits = _WINDOW_BITS.get(encoding.strip().lower())
        if window_bits is None:
            raise _BadAnswerError("encoding", N_("The marketplace's answer has an encoding that was not asked for."))
        self._inflate = zlib.decompressobj(window_bits) if window_bits else None
        self._began = False

    def unpack(self, packed: bytes, room: int) -> bytes:
        try:
            plain = packed if self._inflate is None else self._inflate.decompress(packed, room + 1)
        except zlib.error:
            raise _BadAnswerError("encoding", N_("The marketplace's answer is damaged.")) from None
        if len(plain) > room:
            raise _BadAnswerError("too_large", N_("The marketplace's answer is larger than any real one."))
        self._began = True
        return plain

    def finish(self) -> None:
        if self._inflate is not None and self._began and not self._inflate.eof:
            raise _BadAnswerError("encoding", N_("The marketplace's answer is cut off."))


_WINDOW_BITS: Final = {"": 0, "identity": 0, "gzip": 31, "x-gzip": 31, "deflate": 15}

# From the particular to the general; all of them come before a byte of the request was sent.
_NEVER_SENT: Final[tuple[tuple[type[Exception], str, str], ...]] = (
    (aiohttp.ClientConnectorCertificateError, "certificate", N_("The marketplace's certificate is not valid.")),
    (aiohttp.ClientConnectorDNSError, "dns", N_("The marketplace's host name cannot be resolved.")),
    (aiohttp.ClientSSLError, "tls", N_("No secure connection to the marketplace could be made.")),
    (aiohttp.ClientConnectorError, "connect", N_("The marketplace cannot be connected to.")),
    (aiohttp.ConnectionTimeoutError, "connect_timeout", N_("The marketplace took too long to accept a connection.")),
    (aiohttp.InvalidURL, "url", N_("The marketplace's address is not valid.")),
    (aiohttp.NonHttpUrlClientError, "url", N_("The marketplace's address is not valid.")),
)


def _sort(call: _Call, error: Exception) -> KedaiError:
    """Sort a failure of the transport into a family, and note its code on the call."""
    for kind, code, text in _NEVER_SENT:
        if isinstance(error, kind):
            call.code = code
            return RemoteUnavailable(text)
    if isinstance(error, _BadAnswerError):
        call.code, text = error.args
    elif isinstance(error, aiohttp.SocketTimeoutError):
        call.code, text = "silence", N_("The marketplace fell silent in the middle of the call.")
    elif isinstance(error, TimeoutError):
        call.code, text = "timeout", N_("The marketplace took too long to answer.")
    else:
        call.code, text = "lost", N_("The connection was lost before the whole answer came.")
    if call.method != "GET":
        return OutcomeUnknown(N_("%(text)s The call may have taken effect.", text=text))
    return RemoteUnreadable(text) if isinstance(error, _BadAnswerError) else RemoteUnavailable(text)


class _Outcome(msgspec.Struct):
    """Where most marketplaces say in a body what went wrong; for the call log only, nothing is decided by it."""

    error: object = None
    code: object = None
    request_id: object = None


_outcome_decoder = msgspec.json.Decoder(_Outcome)
_UNSHOWABLE = re.compile(r"[^\w .:-]")
_SHOWN_LENGTH = 100


def _read_outcome(body: bytes) -> tuple[str, str]:
    try:
        outcome = _outcome_decoder.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return "", ""
    return _shown(outcome.error or outcome.code), _shown(outcome.request_id)


def _shown(value: object) -> str:
    return _UNSHOWABLE.sub("", value[:_SHOWN_LENGTH]) if isinstance(value, str) else ""
