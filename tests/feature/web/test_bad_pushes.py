"""1 to 45, every bad push: its status, what is stored of it, where it ends. Never a 500, never a hang."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from typing import Any

import pytest

from kedai.inbox.models import RawEvent
from tests.feature.web.site import KEYS, SHOP, WEBHOOK, Site
from tests.support.installation import raw_request, sign_push

MIB = 1024 * 1024
DEAD = ("dead", None)
UNKNOWN_SHOP = ("parked", "unknown_shop")
SKIPPED = ("skipped", None)


def push(**changes: Any) -> bytes:
    """An order push as the marketplace writes it, some of it changed; ``None`` leaves a field out."""
    body = {"data": data(), "shop_id": SHOP, "code": 3, "timestamp": 1_788_000_001, **changes}
    return json.dumps({name: value for name, value in body.items() if value is not None}).encode()


def data(**changes: Any) -> dict[str, Any]:
    return {"items": [], "ordersn": "260901BADPUSH", "status": "PROCESSED", "update_time": 1_788_000_000, **changes}


def order(number: Any) -> bytes:
    return push(data=data(ordersn=number))


def raw(field: str, text: str) -> bytes:
    """An order push with one field written as it stands, whether JSON allows it or not."""
    return push(**{field: "@@"}).replace(b'"@@"', text.encode())


def padded(size: int) -> bytes:
    body = push(data=data(note=""))
    return body.replace(b'"note": ""', b'"note": "%s"' % (b"x" * (size - len(body))))


@dataclass(frozen=True)
class Body:
    """A body under a right signature: its number in the list, what is understood of it, and where it ends."""

    number: str
    sent: bytes
    ends: tuple[str, str | None] = DEAD
    topic: str = "malformed"
    code: int | None = None
    shop_id: str | None = None
    order_sn: str | None = None


UNDERSTOOD: dict[str, Any] = {"topic": "order", "code": 3, "shop_id": str(SHOP), "order_sn": "260901BADPUSH"}
NO_ORDER = {"code": 3, "shop_id": str(SHOP)}
NO_SHOP = {"code": 3, "order_sn": "260901BADPUSH"}
NO_CODE = {"shop_id": str(SHOP)}

BODIES = (
    Body("1 empty", b""),
    Body("2 empty object", b"{}"),
    Body("3 null", b"null"),
    Body("4 array", b"[]"),
    Body("5 string", b'"ready"'),
    Body("6 number", b"12"),
    Body("7 truncated", push()[:-10]),
    Body("8 two values", push() + b" {}"),
    Body("9 byte order mark", b"\xef\xbb\xbf" + push()),
    Body("10 UTF-16", push().decode().encode("utf-16")),
    Body("11 invalid UTF-8", push().replace(b"PROCESSED", b"PRO\xff\xfeED")),
    Body("13 NUL in the order number", order("2609\0"), **NO_ORDER),
    Body("13 NUL elsewhere", push(data=data(status="PRO\0")), UNKNOWN_SHOP, **UNDERSTOOD),
    Body("14 NaN", raw("extra", "NaN")),
    Body("14 Infinity", raw("extra", "-Infinity")),
    Body("15 1e400", raw("extra", "1e400")),
    Body("16 integer of 5000 digits", raw("extra", "9" * 5000)),
    Body("17 nested 200000 deep", b"[" * 200_000),
    Body("17 nested 100000 deep and closed", b"[" * 100_000 + b"]" * 100_000),
    Body("20 1 MiB exactly", padded(MIB), UNKNOWN_SHOP, **UNDERSTOOD),
    Body("21 gzip", gzip.compress(push())),
    Body("25 no code", push(code=None), **NO_CODE),
    Body("25 code is a string", push(code="3"), **NO_CODE),
    Body("25 code is true", push(code=True), **NO_CODE),
    Body("25 code is 3.0", push(code=3.0), **NO_CODE),
    Body("25 code is negative", push(code=-3), **NO_CODE),
    Body("25 code is 2^63", push(code=2**63), **NO_CODE),
    Body("25, 31 code 999", push(code=999), SKIPPED, topic="other", code=999, shop_id=str(SHOP)),
    Body("26 shop id is a string", push(shop_id=str(SHOP)), **NO_SHOP),
    Body("26 shop id 0", push(shop_id=0), **NO_SHOP),
    Body("26 shop id is negative", push(shop_id=-SHOP), **NO_SHOP),
    Body("26 shop id 2^63", push(shop_id=2**63), **NO_SHOP),
    Body("26 no shop id", push(shop_id=None), **NO_SHOP),
    Body("26 shop of the other environment", push(shop_id=8001), UNKNOWN_SHOP, **{**UNDERSTOOD, "shop_id": "8001"}),
    Body("27 timestamp in milliseconds", push(timestamp=1_788_000_001_000), UNKNOWN_SHOP, **UNDERSTOOD),
    Body("27 timestamp 0", push(timestamp=0), UNKNOWN_SHOP, **UNDERSTOOD),
    Body("27 timestamp of the year 2262", push(timestamp=9_223_372_037), UNKNOWN_SHOP, **UNDERSTOOD),
    Body("27 timestamp is negative", push(timestamp=-1), UNKNOWN_SHOP, **UNDERSTOOD),
    Body("27 timestamp is a string", push(timestamp="now"), UNKNOWN_SHOP, **UNDERSTOOD),
    Body("29 order number of 1000 characters", order("2" * 1000), **NO_ORDER),
    Body("29 order number with quotes and brackets", order("'\"<>"), **NO_ORDER),
    Body("29 order number with a newline", order('26\n{"level":"info"}'), **NO_ORDER),
    Body("29 order number with RTL override", order("26\u202e09"), **NO_ORDER),
    Body("29 order number with zero width", order("26\u200b09"), **NO_ORDER),
    Body("29 order number is a list", order(["260901BADPUSH"]), **NO_ORDER),
    Body("29 data is no object", push(data="260901BADPUSH"), **NO_ORDER),
    Body(
        "30 verification push",
        b'{"code":0,"data":{"verify_info":"This is a Verification message."}}',
        SKIPPED,
        topic="connection",
        code=0,
    ),
    Body("32 unknown order status", push(data=data(status="TELEPORTED")), UNKNOWN_SHOP, **UNDERSTOOD),
)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.number)
def test_a_rightly_signed_body_is_stored_byte_for_byte_and_ends_where_a_person_or_nobody_needs_it(
    shared_site: Site, body: Body
) -> None:
    answer = shared_site.push(body.sent)
    assert (answer.status, answer.body) == (200, b"")
    (event,) = shared_site.events(body.sent)
    assert understood(event) == (body.topic, body.code, body.shop_id, body.order_sn)
    assert event.state == "received"
    if body.number.startswith("27"):
        assert event.pushed_at is None

    shared_site.work()

    (event,) = shared_site.events(body.sent)
    assert (event.state, event.parked_reason) == body.ends
    assert event.lease_by is None


def understood(event: RawEvent) -> tuple[Any, ...]:
    return event.topic, event.code, event.shop_id, event.order_sn


@dataclass(frozen=True)
class Refused:
    """A request that must not be stored: its number in the list, and its status."""

    number: str
    status: int
    signature: str = "{right}"
    path: str = f"{WEBHOOK}/sandbox"
    method: str = "POST"
    more: tuple[tuple[str, str], ...] = ()
    keeps_length: bool = True
    body: bytes | None = None


REFUSED = (
    Refused("19 10 MiB", 413, body=b"x" * (10 * MIB)),
    Refused("20 1 MiB and one byte", 413, body=padded(MIB + 1)),
    Refused("33 no signature", 401, ""),
    Refused("34 empty signature", 401, " "),
    Refused("35 bearer", 401, "Bearer x"),
    Refused("35 bearer and the right signature", 401, "Bearer {right}"),
    Refused("36 upper case", 401, "{upper}"),
    Refused("37 63 characters", 401, "{short}"),
    Refused("37 65 characters", 401, "{right}0"),
    Refused("39 two headers, the right one last", 401, more=(("Authorization", "0" * 64),)),
    Refused("39 two headers, both right", 401, more=(("Authorization", "{right}"),)),
    Refused("40 NUL", 400, "{right}\0"),
    Refused("40 line break", 401, "{short}\r\nX-More: 0"),
    Refused("40 not ASCII", 401, "é" * 64),
    Refused("41 signed for another host", 401, "{other_url}"),
    Refused("41 signed for the live address", 401, "{live_url}"),
    Refused("41 signed for http of an earlier https address", 401, "{http_url}"),
    Refused("42 signed with the other environment's key", 401, "{live_key}"),
    Refused("42 live push on the sandbox path", 401, "{live}"),
    Refused("43 signed after writing the JSON anew", 401, "{rewritten}"),
    Refused("signed with the partner key", 401, "{partner_key}"),
    Refused("signed with an empty key", 401, "{no_key}"),
    Refused("44 LIVE", 404, path=f"{WEBHOOK}/LIVE"),
    Refused("44 prod", 404, path=f"{WEBHOOK}/prod"),
    Refused("44 encoded slash", 404, path=f"{WEBHOOK}/..%2f"),
    Refused("44 trailing slash", 404, path=f"{WEBHOOK}/"),
    Refused("44 trailing slash after the environment", 404, path=f"{WEBHOOK}/sandbox/"),
    Refused("44 encoded NUL", 404, path=f"{WEBHOOK}/sandbox%00"),
    Refused("44 encoded letter", 404, path=f"{WEBHOOK}/s%61ndbox"),
    Refused("44 dots", 404, path=f"{WEBHOOK}/../webhook/sandbox"),
    Refused("44 two slashes", 404, path=f"/{WEBHOOK}/sandbox"),
    Refused("44 no such connector", 404, path="/connectors/lazada/webhook"),
    *(
        Refused(f"method {method}", 405, method=method)
        for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")
    ),
    Refused("79 TRACE", 405, method="TRACE"),
    Refused("23 length is no number", 400, more=(("Content-Length", "many"),), keeps_length=False),
    Refused("23 length is negative", 400, more=(("Content-Length", "-5"),), keeps_length=False),
    Refused("23 two different lengths", 400, more=(("Content-Length", "5"),)),
    Refused("23 a length of 5000 digits", 400, more=(("Content-Length", "9" * 5000),), keeps_length=False),
)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.number)
def test_a_request_that_is_not_a_signed_push_gets_its_status_and_leaves_no_row(
    shared_site: Site, case: Refused
) -> None:
    body = push(nonce=case.number) if case.body is None else case.body
    before = len(shared_site.events())

    answer = shared_site.exchange(written(shared_site, case, body))

    assert answer.status == case.status
    assert len(shared_site.events()) == before
    if case.status == 405:
        assert answer.headers["allow"] == "POST"
    if case.status in {401, 404, 405, 413} and "lazada" not in case.path and not case.path.startswith("//"):
        assert answer.body == b""
    assert shared_site.push(push(after=case.number)).status == 200


def written(site: Site, case: Refused, body: bytes) -> bytes:
    """The request as bytes."""
    live_url = f"{site.url}{WEBHOOK}/live"
    words = {
        "right": site.sign(body),
        "upper": site.sign(body).upper(),
        "short": site.sign(body)[:63],
        "other_url": site.sign(body, url=f"https://other.example{WEBHOOK}/sandbox"),
        "live_url": site.sign(body, url=live_url),
        "http_url": site.sign(body, url=f"http://old.kedai.example{WEBHOOK}/sandbox"),
        "live_key": site.sign(body, key=KEYS["live"]),
        "live": site.sign(body, url=live_url, key=KEYS["live"]),
        "rewritten": site.sign(rewritten(body)),
        "partner_key": site.sign(body, key="partner-key-of-the-tests-0001"),
        "no_key": sign_push("", f"{site.url}{WEBHOOK}/sandbox", body),
    }
    headers = [("Host", f"127.0.0.1:{site.port}")]
    headers += [(name, value.format(**words)) for name, value in case.more]
    if case.signature:
        headers.append(("Authorization", case.signature.format(**words)))
    if case.keeps_length:
        headers.append(("Content-Length", str(len(body))))
    return raw_request(case.method, case.path, headers, body)


def rewritten(body: bytes) -> bytes:
    """As a library would write it: same meaning, other bytes."""
    try:
        return json.dumps(json.loads(body), separators=(",", ":")).encode()
    except ValueError:
        return body


@pytest.mark.parametrize("query", ["?env=live&env=sandbox", "?env=live", "?"])
def test_45_the_path_alone_says_the_environment_of_a_push(shared_site: Site, query: str) -> None:
    body = push(nonce=f"45{query}")
    assert shared_site.push(body, path=f"{WEBHOOK}/sandbox{query}").status == 200
    (event,) = shared_site.events(body)
    assert event.environment.value == "sandbox"
