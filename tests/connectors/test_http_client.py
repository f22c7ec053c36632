"""The outgoing function against a server of its own: slow, huge, cut off, redirecting, lying."""

from __future__ import annotations

import asyncio
import gzip
import logging
import socket
import ssl
import traceback
import tracemalloc
import zlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from kedai.connectors.base import Http
from kedai.connectors.http import MAX_ANSWER_BYTES, HttpClient, _BadAnswerError, _Unpacker
from kedai.connectors.shopee.api.multipart import write_form
from kedai.errors import KedaiError, OutcomeUnknown, RemoteUnavailable, RemoteUnreadable
from kedai.kit.clock import ManualClock
from kedai.values.call import CallRecord
from kedai.values.credentials import Credentials
from kedai.values.environment import ConnectorName, Environment
from kedai.values.secret import Secret

pytestmark = pytest.mark.enable_socket  # one local server each

NOW = datetime(2026, 8, 29, 10, 40, 11, tzinfo=UTC)
QUERY = [("access_token", "s3cr3t-token"), ("sign", "s3cr3t-sign")]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def credentials(api_url: str) -> Credentials:
    return Credentials(
        ConnectorName("shopee"), Environment.SANDBOX, "1", Secret("s3cr3t-key"), api_url, api_url, "SG", 1
    )


class Calls:
    """A client, its log of calls, and a way to run one scenario against one handler."""

    def __init__(self, **limits: Any) -> None:
        self.records: list[CallRecord] = []
        self.refuse: Exception | None = None
        self.clock = ManualClock(NOW)
        self.client = HttpClient(sink=self.records.append, before_call=self._before_call, clock=self.clock, **limits)

    def _before_call(self) -> None:
        if self.refuse is not None:
            raise self.refuse

    def run(self, handler: Handler, scenario: Callable[[str], Awaitable[Any]]) -> Any:
        async def whole() -> Any:
            application = web.Application()
            application.router.add_route("*", "/{path:.*}", handler)
            async with TestServer(application) as server:
                try:
                    return await scenario(str(server.make_url("")).rstrip("/"))
                finally:
                    await self.client.close()

        return asyncio.run(whole())

    def get(self, handler: Handler, query: list[tuple[str, str]] = QUERY) -> Any:
        return self.run(handler, lambda url: self.client.send(credentials(url), "GET", "/api/v2/x", query, shop_id="7"))

    def post(self, handler: Handler) -> Any:
        return self.run(handler, lambda url: self.client.send(credentials(url), "POST", "/api/v2/x", QUERY, json=b"{}"))


def failure(act: Callable[[], Any], family: type[KedaiError]) -> KedaiError:
    with pytest.raises(family) as failed:
        act()
    assert type(failed.value) is family
    told = "".join(traceback.format_exception(failed.value)) + repr(failed.value.__context__)
    assert "s3cr3t" not in told
    return failed.value


async def hello(request: web.Request) -> web.Response:
    return web.json_response({"error": "", "request_id": "abc123", "seen": request.path_qs})


async def never(request: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


async def hang_up(request: web.Request) -> web.Response:
    request.transport.abort()
    return web.Response()


def test_is_the_outgoing_function() -> None:
    http: Http = Calls().client
    assert http.clock.now() == NOW


def test_answer_comes_whole_with_lower_case_header_names() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=418, body=b"\x00\xff", headers={"X-Kettle": "On"})

    answer = Calls().get(handler)
    assert (answer.status, answer.body, answer.headers["x-kettle"]) == (418, b"\x00\xff", "On")


def test_query_arrives_as_it_was_signed() -> None:
    seen: list[tuple[str, str]] = []

    async def handler(request: web.Request) -> web.Response:
        seen.extend(request.query.items())
        return web.Response()

    query = [("a", "1,2"), ("b", "x+y z%2B&=#?/é😀"), ("c", ""), ("d", "%"), ("a", "again")]
    Calls().get(handler, query)
    assert seen == query


def test_headers_of_a_callers_own_are_sent_and_an_empty_query_leaves_no_trace() -> None:
    seen: list[tuple[str, str | None, bytes]] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append((request.raw_path, request.headers.get("Authorization"), await request.read()))
        return web.Response()

    calls = Calls()

    def send(url: str) -> Awaitable[Any]:
        own = {"authorization": "a signature"}
        return calls.client.send(credentials(url), "POST", "/webhook", (), json=b"exact  bytes", headers=own)

    calls.run(handler, send)
    assert seen == [("/webhook", "a signature", b"exact  bytes")]


def test_json_is_sent_as_it_is() -> None:
    async def handler(request: web.Request) -> web.Response:
        assert request.content_type == "application/json"
        return web.Response(body=await request.read())

    assert Calls().post(handler).body == b"{}"


def test_every_call_is_recorded_without_query_or_secret() -> None:
    calls = Calls()
    calls.get(hello)
    (record,) = calls.records
    assert (record.connector, record.environment, record.shop_id) == ("shopee", Environment.SANDBOX, "7")
    assert (record.method, record.path, record.status) == ("GET", "/api/v2/x", 200)
    assert (record.code, record.request_id, record.started_at) == ("", "abc123", NOW)
    assert record.milliseconds > 0
    assert "s3cr3t" not in repr(record)


@pytest.mark.parametrize(
    ("body", "code", "request_id"),
    [
        (b'{"error": "error_sign", "request_id": "a1:b2"}', "error_sign", "a1:b2"),
        (b'{"code": "IllegalAccessToken", "request_id": "r"}', "IllegalAccessToken", "r"),
        (b'{"error": 5, "request_id": null}', "", ""),
        (b'{"error": "a\\u0000b\\n<c>"}', "abc", ""),
        (b"<html>", "", ""),
        (b"[" * 100_000, "", ""),
        (b'{"error": "' + b"x" * 1000 + b'"}', "x" * 100, ""),
    ],
)
def test_record_says_what_the_body_says(body: bytes, code: str, request_id: str) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=body)

    calls = Calls()
    calls.get(handler)
    assert [(record.code, record.request_id) for record in calls.records] == [(code, request_id)]


def test_slow_answer_ends_at_the_deadline() -> None:
    calls = Calls(total_seconds=0.05)
    failure(lambda: calls.get(never), RemoteUnavailable)
    failure(lambda: calls.post(never), OutcomeUnknown)
    assert [(record.status, record.code) for record in calls.records] == [(None, "timeout")] * 2


def test_deadline_counts_the_body_too() -> None:
    async def dripping(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"{")
        await asyncio.Event().wait()
        return response

    calls = Calls(total_seconds=0.05)
    failure(lambda: calls.get(dripping), RemoteUnavailable)
    assert [(record.status, record.code) for record in calls.records] == [(200, "timeout")]


def test_silence_ends_at_its_own_deadline() -> None:
    """Long before the whole call's: a host that hangs is told from one that sends much."""
    calls = Calls(total_seconds=600.0, read_seconds=0.05)
    failure(lambda: calls.get(never), RemoteUnavailable)
    assert [record.code for record in calls.records] == ["silence"]


def test_upload_arrives_with_its_own_content_type() -> None:
    seen: dict[str, tuple[str | None, bytes]] = {}

    async def handler(request: web.Request) -> web.Response:
        async for part in await request.multipart():
            seen[part.name] = (part.filename, bytes(await part.read()))
        return web.Response()

    form = write_form({"return_sn": "5"}, file_field="upload_image", file_name="a.jpg", content=b"\xff\xd8\r\n")
    calls = Calls()
    calls.run(handler, lambda url: calls.client.send(credentials(url), "POST", "/api/v2/x", QUERY, upload=form))
    assert seen == {"return_sn": (None, b"5"), "upload_image": ("a.jpg", b"\xff\xd8\r\n")}


def test_lost_connection_is_unknown_only_where_something_may_have_happened() -> None:
    calls = Calls()
    failure(lambda: calls.get(hang_up), RemoteUnavailable)
    failure(lambda: calls.post(hang_up), OutcomeUnknown)
    assert {record.code for record in calls.records} == {"lost"}


def test_reset_in_the_middle_of_the_body() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"x" * 10)
        request.transport.abort()
        return response

    failure(lambda: Calls().get(handler), RemoteUnavailable)
    failure(lambda: Calls().post(handler), OutcomeUnknown)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}", "https://127.0.0.1:{port}"])
def test_refused_connection_had_no_effect(method: str, url: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: refused
        api_url = url.format(port=taken.getsockname()[1])
        calls = Calls()
        send = calls.client.send(credentials(api_url), method, "/api/v2/x", QUERY)
        failure(lambda: calls.run(hello, lambda _: send), RemoteUnavailable)
    assert [record.code for record in calls.records] == ["connect"]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("api_url", "code"), [("http://no-such-host.invalid", "dns"), ("nonsense://host", "url"), ("http://", "url")]
)
def test_unusable_address_had_no_effect(method: str, api_url: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def resolve(host: str, *args: Any, **kwargs: Any) -> Any:
        if host == "no-such-host.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "no such host")
        return real(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    calls = Calls()
    send = calls.client.send(credentials(api_url), method, "/api/v2/x", QUERY)
    failure(lambda: calls.run(hello, lambda _: send), RemoteUnavailable)
    assert [record.code for record in calls.records] == [code]


def test_server_that_speaks_no_tls_is_not_trusted() -> None:
    calls = Calls()

    async def scenario(url: str) -> None:
        await calls.client.send(credentials(url.replace("http:", "https:")), "POST", "/api/v2/x", QUERY)

    failure(lambda: calls.run(hello, scenario), RemoteUnavailable)
    assert [record.code for record in calls.records] == ["tls"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_an_answer_and_never_followed(status: int) -> None:
    """T20: wherever an answer points, nothing goes there."""
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    assert Calls().get(handler).status == status
    assert seen == ["/api/v2/x"]


def test_cookies_of_an_answer_are_forgotten() -> None:
    seen: list[str | None] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Cookie"))
        return web.Response(headers={"Set-Cookie": "environment=live"})

    calls = Calls()

    async def twice(url: str) -> None:
        for _ in range(2):
            await calls.client.send(credentials(url), "GET", "/api/v2/x", [])

    calls.run(handler, twice)
    assert seen == [None, None]


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert Calls().get(hello).status == 200


@pytest.mark.parametrize("length_is_told", [True, False])
def test_huge_answer_is_dropped(length_is_told: bool) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "5000000"} if length_is_told else {})
        await response.prepare(request)
        for _ in range(500):
            await response.write(b"x" * 10_000)
        return response

    calls = Calls(max_answer_bytes=100_000)
    failure(lambda: calls.get(handler), RemoteUnreadable)
    failure(lambda: calls.post(handler), OutcomeUnknown)
    assert [record.code for record in calls.records] == ["too_large"] * 2


def test_answer_of_just_the_limit_is_taken() -> None:
    async def handler(request: web.Request) -> web.Response:
        body = b"x" * int(request.query["size"])
        if request.query["pack"] == "gzip":
            return web.Response(body=gzip.compress(body), headers={"Content-Encoding": "gzip"})
        return web.Response(body=body)

    for pack in ("none", "gzip"):
        query = [("pack", pack), ("size", "100000")]
        assert len(Calls(max_answer_bytes=100_000).get(handler, query).body) == 100_000
        with pytest.raises(RemoteUnreadable):
            Calls(max_answer_bytes=99_999).get(handler, query)


def test_small_answer_that_unpacks_to_a_huge_one_is_dropped() -> None:
    bomb = gzip.compress(bytes(200 * 1024 * 1024), 1)

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    calls = Calls()
    assert len(bomb) < MAX_ANSWER_BYTES
    failure(lambda: calls.get(handler), RemoteUnreadable)
    assert [record.code for record in calls.records] == ["too_large"]


def test_unpacking_never_takes_more_memory_than_there_is_room() -> None:
    bomb = gzip.compress(bytes(50 * 1024 * 1024), 1)
    tracemalloc.start()
    with pytest.raises(_BadAnswerError):
        _Unpacker("gzip").unpack(bomb, 1000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1024 * 1024


DAMAGED = {
    "no gzip": ("gzip", b"no gzip at all"),
    "cut off": ("gzip", gzip.compress(b"x" * 1000)[:-9]),
    "no deflate": ("deflate", b"\x00\x01"),
    "never asked for": ("br", b"{}"),
    "packed twice": ("gzip, gzip", gzip.compress(gzip.compress(b"{}"))),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_encoding_is_unreadable(case: str) -> None:
    encoding, body = DAMAGED[case]

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=body, headers={"Content-Encoding": encoding})

    failure(lambda: Calls().get(handler), RemoteUnreadable)


PACKED = {
    "gzip": gzip.compress(b"{}"),
    "GZIP": gzip.compress(b"{}"),
    "deflate": zlib.compress(b"{}"),
    "identity": b"{}",
}


@pytest.mark.parametrize("encoding", PACKED)
def test_packed_answer_is_unpacked(encoding: str) -> None:
    async def handler(request: web.Request) -> web.Response:
        assert request.headers["Accept-Encoding"] == "gzip"
        return web.Response(body=PACKED[encoding], headers={"Content-Encoding": encoding})

    assert Calls().get(handler).body == b"{}"


def test_refused_call_is_never_made() -> None:
    calls = Calls()
    calls.refuse = RuntimeError("a transaction is open")
    with pytest.raises(RuntimeError):
        calls.get(never)
    assert calls.records == []


def test_log_that_fails_never_loses_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    def sink(record: CallRecord) -> None:
        raise OSError("disk full")

    caplog.set_level(logging.CRITICAL)
    calls = Calls()
    calls.client = HttpClient(sink=sink, before_call=lambda: None, clock=calls.clock)
    assert calls.get(hello).status == 200


def test_cancelled_call_is_recorded_and_cancelled() -> None:
    calls = Calls()
    arrived = asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        arrived.set()
        return await never(request)

    async def scenario(url: str) -> None:
        task = asyncio.create_task(calls.client.send(credentials(url), "POST", "/api/v2/x", QUERY))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    calls.run(handler, scenario)
    assert [record.code for record in calls.records] == ["cancelled"]


@pytest.mark.parametrize("ahead", [0, 600, -600])
def test_hosts_clock_is_measured_at_each_answer(ahead: int) -> None:
    async def handler(request: web.Request) -> web.Response:
        date = (NOW + timedelta(seconds=ahead)).strftime("%a, %d %b %Y %H:%M:%S GMT")
        return web.Response(headers={"Date": date})

    calls = Calls()
    urls: list[str] = []

    async def scenario(url: str) -> None:
        urls.append(url)
        assert calls.client.offset_seconds(url) is None
        await calls.client.send(credentials(url), "GET", "/api/v2/x", [])

    calls.run(handler, scenario)
    assert calls.client.offset_seconds(urls[0]) == pytest.approx(ahead, abs=2)


@pytest.mark.parametrize(
    "date", ["", "yesterday", "Sat, 99 Aug 2026 10:40:11 GMT", "0", "Sat, 29 Aug 99999 10:40:11 GMT"]
)
def test_date_that_is_none_is_ignored(date: str) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(headers={"Date": date})

    calls = Calls()
    calls.get(handler)
    assert calls.client._offsets == {}


def test_one_session_serves_many_calls_and_may_be_opened_again() -> None:
    calls = Calls()
    peers: set[Any] = set()

    async def handler(request: web.Request) -> web.Response:
        peers.add(request.transport.get_extra_info("peername"))
        return web.Response()

    async def scenario(url: str) -> None:
        for _ in range(5):
            await calls.client.send(credentials(url), "GET", "/api/v2/x", [])

    calls.run(handler, scenario)
    assert len(peers) == 1
    calls.run(handler, scenario)
    assert len(peers) == 2
    assert calls.client._sessions == {}


def test_each_loop_has_a_session_of_its_own() -> None:
    calls = Calls()

    async def scenario(url: str) -> None:
        def in_another_loop() -> int:
            async def whole() -> int:
                answer = await calls.client.send(credentials(url), "GET", "/api/v2/x", [])
                await calls.client.close()
                return answer.status

            return asyncio.run(whole())

        await calls.client.send(credentials(url), "GET", "/api/v2/x", [])
        assert await asyncio.to_thread(in_another_loop) == 200
        assert (await calls.client.send(credentials(url), "GET", "/api/v2/x", [])).status == 200

    calls.run(hello, scenario)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_certificate_of_nobody_is_refused_before_anything_is_sent(method: str, tmp_path: Path) -> None:
    seen: list[web.Request] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request)
        return web.Response()

    async def scenario() -> None:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", handler)
        server = TestServer(application, scheme="https")
        await server.start_server(ssl=self_signed(tmp_path))
        try:
            url = str(server.make_url("")).rstrip("/")
            await calls.client.send(credentials(url), method, "/api/v2/x", QUERY)
        finally:
            await calls.client.close()
            await server.close()

    calls = Calls()
    failure(lambda: asyncio.run(scenario()), RemoteUnavailable)
    assert [record.code for record in calls.records] == ["certificate"]
    assert seen == []


def test_deadlines_and_limit_are_those_promised() -> None:
    client = Calls().client
    bounds = client._bounds()
    assert (bounds.total, bounds.connect, bounds.sock_read) == (10.0, 3.0, 6.0)
    assert bounds.ceil_threshold is not None
    assert bounds.ceil_threshold > 10
    assert client._max_answer_bytes == 8 * 1024 * 1024


def self_signed(folder: Path) -> ssl.SSLContext:
    """A server's side of TLS that no authority vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    pem = Encoding.PEM
    whole = key.private_bytes(pem, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(pem)
    (folder / "server.pem").write_bytes(whole)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context
