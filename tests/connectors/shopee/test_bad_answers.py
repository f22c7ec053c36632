"""F22, F23, F30, T23: answers that are none, certificates that do not hold, clocks that are off; over a real wire."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from kedai import errors
from kedai.connectors.http import HttpClient
from kedai.connectors.pacing.retry import GiveUp, ReadStateFirst, Retry, should_retry
from kedai.connectors.shopee.client import ShopeeClient
from kedai.kit.clock import SystemClock
from kedai.simulator import embedded
from kedai.values.call import CallRecord
from kedai.values.credentials import Credentials
from kedai.values.environment import ConnectorName, Environment
from kedai.values.secret import Secret
from tests.connectors.shopee.test_round_trips import Seat

pytestmark = pytest.mark.enable_socket

GOOD = b'{"request_id": "r1", "error": "", "message": "", "response": {"description": "a shop"}}'
PAGE = b"<html><body>" + b"Bad gateway. " * 2000 + b"</body></html>"
BOMB = gzip.compress(b'{"error": "", "x": "' + b"A" * 20_000_000)
LONGEST_MESSAGE = 250


class Asking:
    """A client in front of a server of the tests' own, and a log of its calls."""

    def __init__(self) -> None:
        self.records: list[CallRecord] = []
        self.http = HttpClient(sink=self.records.append, before_call=lambda: None, clock=SystemClock())

    def ask(self, url: str, *, writes: bool) -> Any:
        app = Credentials(ConnectorName("shopee"), Environment.SANDBOX, "1", Secret("s3cr3t"), url, url, "SG", 1)
        shop = ShopeeClient(self.http, app).for_shop("7", Secret("s3cr3t-token"))
        return shop.order.set_note("A1", "note") if writes else shop.shop.get_profile()

    def of(self, *, writes: bool, tls: ssl.SSLContext | None = None, **answer: Any) -> Any:
        """What a call comes to whose answer is this."""

        async def handler(_request: web.Request) -> web.Response:
            return web.Response(**answer)

        async def whole() -> Any:
            application = web.Application()
            application.router.add_route("*", "/{path:.*}", handler)
            server = TestServer(application, scheme="http" if tls is None else "https")
            await server.start_server(**({} if tls is None else {"ssl": tls}))
            try:
                return await self.ask(str(server.make_url("")).rstrip("/"), writes=writes)
            finally:
                await self.http.close()
                await server.close()

        return asyncio.run(whole())


def refusal_of(asking: Asking, **given: Any) -> errors.KedaiError:
    with pytest.raises(errors.KedaiError) as raised:
        asking.of(**given)
    assert "s3cr3t" not in f"{raised.value!r} {raised.value.__context__!r}"
    return raised.value


NO_ANSWERS: dict[str, dict[str, Any]] = {
    "a page": {"body": PAGE, "content_type": "text/html"},
    "a page that says it is JSON": {"body": PAGE, "content_type": "application/json"},
    "JSON that is cut off": {"body": GOOD[:-20], "content_type": "application/json"},
    "nothing": {"body": b"", "content_type": "application/json"},
    "a list": {"body": b"[1, 2]", "content_type": "application/json"},
    "bytes": {"body": b"\xff\xfe\x00", "content_type": "application/json"},
    "a bomb": {"body": BOMB, "headers": {"Content-Encoding": "gzip", "Content-Type": "application/json"}},
    "no gzip": {"body": GOOD, "headers": {"Content-Encoding": "gzip", "Content-Type": "application/json"}},
}


@pytest.mark.parametrize("case", NO_ANSWERS)
def test_f23_what_is_no_answer_is_unreadable_told_in_short_and_tried_again_once(case: str) -> None:
    """Of a call that writes, nobody knows whether it took effect: its state is read first."""
    asking = Asking()
    read = refusal_of(asking, writes=False, **NO_ANSWERS[case])
    write = refusal_of(asking, writes=True, **NO_ANSWERS[case])
    assert (type(read), type(write)) == (errors.RemoteUnreadable, errors.OutcomeUnknown)
    assert max(len(read.message), len(write.message)) < LONGEST_MESSAGE
    assert "\n" not in read.message
    first, second = (should_retry(read, attempt, is_write=False, draw=0.0) for attempt in (1, 2))
    assert (type(first), type(second)) == (Retry, GiveUp)
    assert isinstance(should_retry(write, 1, is_write=True, draw=0.0), ReadStateFirst)


def test_f23_the_declared_type_decides_nothing_where_the_body_is_an_envelope() -> None:
    for kind in ("text/html", "application/octet-stream", "application/json"):
        assert Asking().of(writes=False, body=GOOD, content_type=kind).description == "a shop"


def test_f22_a_200_with_an_error_in_its_body_is_an_error() -> None:
    body = b'{"request_id": "r1", "error": "error_server", "message": "x", "response": {"description": "a shop"}}'
    asking = Asking()
    assert isinstance(refusal_of(asking, writes=False, body=body, status=200), errors.RemoteUnavailable)
    assert [(one.status, one.code) for one in asking.records] == [(200, "error_server")]


Chain = Callable[..., ssl.SSLContext]


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chain:
    """Server certificates of an authority that the client trusts: what is wrong with one is its own."""
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = certificate("an authority of the tests", authority_key, authority_key, "an authority of the tests")
    (tmp_path / "ca.pem").write_bytes(authority.public_bytes(Encoding.PEM))
    trusting = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", trusting)

    def make(*, name: str = "127.0.0.1", ended: bool = False) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        own = certificate(name, key, authority_key, "an authority of the tests", ended=ended)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (tmp_path / "server.pem").write_bytes(private + own.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "server.pem")
        return context

    return make


def certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    issuer: str,
    *,
    ended: bool = False,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2020 if ended else 2120, 12, 1, tzinfo=UTC))
        .add_extension(x509.BasicConstraints(ca=key is signer, path_length=None), critical=True)
        # RFC 5280 asks for these, and Python insists on them from 3.13 on
        .add_extension(_used_for(signing_others=key is signer), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if key is not signer:
        known = x509.DNSName(name) if name.replace(".", "").isalpha() else x509.IPAddress(ipaddress.ip_address(name))
        builder = builder.add_extension(x509.SubjectAlternativeName([known]), critical=False)
    return builder.sign(signer, hashes.SHA256())


def _used_for(*, signing_others: bool) -> x509.KeyUsage:
    rest = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only")
    unused = dict.fromkeys((*rest, "decipher_only"), False)
    return x509.KeyUsage(
        digital_signature=not signing_others, key_cert_sign=signing_others, crl_sign=signing_others, **unused
    )


def test_f30_only_a_certificate_that_holds_is_spoken_to(chain: Chain) -> None:
    """The first shows that the authority is trusted: the others fail for their end and for their name alone."""
    assert Asking().of(writes=False, tls=chain(), body=GOOD).description == "a shop"
    for wrong in ({"ended": True}, {"name": "partner.shopeemobile.com"}):
        for writes in (False, True):
            asking = Asking()
            error = refusal_of(asking, writes=writes, tls=chain(**wrong), body=GOOD)
            assert type(error) is errors.RemoteUnavailable, "nothing was sent: it had no effect"
            assert "certificate is not valid" in error.message
            assert [(one.status, one.code) for one in asking.records] == [(None, "certificate")]


@pytest.fixture(scope="module")
def simulator() -> Iterator[Any]:
    with embedded.simulator_in_thread() as running:
        yield running


def test_t23_f32_a_clock_that_is_off_or_jumps_is_put_right_by_one_more_call(simulator: Any) -> None:
    """Ten minutes slow, right again, ten minutes fast, an hour back; what is a little off is not even noticed."""
    sways = [timedelta(minutes=minutes) for minutes in (10, 10, 0, -10, 60, 60, 58)]

    async def ask() -> list[list[str]]:
        seat, codes = Seat(simulator.live), []
        try:
            for seat.behind in sways:
                seat.records.clear()
                assert await seat.client.get_ip_ranges()
                codes.append([one.code for one in seat.records])
        finally:
            await seat.http.close()
        return codes

    corrected, at_once = ["error_param", ""], [""]
    assert asyncio.run(ask()) == [
        *(corrected, at_once),
        *(corrected, corrected, corrected),
        *(at_once, at_once),
    ]
