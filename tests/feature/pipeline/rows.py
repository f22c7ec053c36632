"""1 to 32, every bad body that a webhook may meet, each with the state that it ends in.

The numbers are those of the list of bad inputs. A row's order exists at the marketplace, and its shop is connected:
what is understood of the body really has the order read.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.installation import raw_request

MIB = 1024 * 1024
PATH = "/connectors/shopee/webhook/sandbox"
LISTED = set(range(1, 33)) - {12, 18, 28}
"""The list leaves these three out."""


@dataclass(frozen=True)
class Subject:
    """What a body may name."""

    order_sn: str
    shop_id: int
    other_shop_id: int
    """The shop of the other environment."""


@dataclass(frozen=True)
class End:
    """How a stored event ends: ``trouble`` is the code of the exception that it raises."""

    state: str
    parked_reason: str | None = None
    note: str | None = None
    trouble: str | None = None
    reads_order: bool = False


APPLIED = End("applied", reads_order=True)
MALFORMED = End("dead", note="The push was signed correctly but cannot be understood.", trouble="malformed")
UNKNOWN_SHOP = End("parked", "unknown_shop", "this shop is not connected here", "unknown_shop")
PROBE = End("skipped", note="a test of the push address")
KEPT = End("skipped", note="nothing to do by itself")


@dataclass(frozen=True)
class Bad:
    """A rightly signed body: its numbers in the list, what it is, its bytes, and how it ends."""

    numbers: tuple[int, ...]
    name: str
    write: Callable[[Subject], bytes]
    end: End = MALFORMED
    status: str | None = None
    """What the marketplace answers as the order's status, where it is no known one."""


def data(at: Subject, **changes: Any) -> dict[str, Any]:
    return {"items": [], "ordersn": at.order_sn, "status": "PROCESSED", "update_time": 1_788_000_000, **changes}


def push(at: Subject, **changes: Any) -> bytes:
    """An order push as the marketplace writes it, some of it changed; ``None`` leaves a field out."""
    body = {"data": data(at), "shop_id": at.shop_id, "code": 3, "timestamp": 1_788_000_001, **changes}
    return json.dumps({name: value for name, value in body.items() if value is not None}).encode()


def padded(at: Subject, size: int) -> bytes:
    body = push(at, data=data(at, note=""))
    return body.replace(b'"note": ""', b'"note": "%s"' % (b"x" * (size - len(body))))


def _changed(number: int, name: str, end: End = MALFORMED, **changes: Any) -> Bad:
    """An order push with a field of its envelope changed."""
    return Bad((number,), name, lambda at: push(at, **changes), end)


def _literal(number: int, name: str, text: str) -> Bad:
    """An order push with a field written as it stands, whether JSON allows it or not."""
    return Bad((number,), name, lambda at: push(at, extra="@@").replace(b'"@@"', text.encode()))


def _named(name: str, order_sn: Any) -> Bad:
    """An order push whose order number is no number of an order."""
    return Bad((29,), name, lambda at: push(at, data=data(at, ordersn=order_sn)))


BODIES = (
    Bad((1,), "empty", lambda _at: b""),
    Bad((2,), "empty object", lambda _at: b"{}"),
    Bad((3,), "null", lambda _at: b"null"),
    Bad((4,), "array", lambda _at: b"[]"),
    Bad((5,), "string", lambda _at: b'"ready"'),
    Bad((6,), "number", lambda _at: b"12"),
    Bad((7,), "truncated", lambda at: push(at)[:-10]),
    Bad((8,), "two values", lambda at: push(at) + b" {}"),
    Bad((9,), "byte order mark", lambda at: b"\xef\xbb\xbf" + push(at)),
    Bad((10,), "UTF-16", lambda at: push(at).decode().encode("utf-16")),
    Bad((11,), "invalid UTF-8", lambda at: push(at).replace(b"PROCESSED", b"PRO\xff\xfeED")),
    Bad((13,), "NUL in the order number", lambda at: push(at, data=data(at, ordersn="2609\0"))),
    Bad((13,), "NUL elsewhere", lambda at: push(at, data=data(at, status="PRO\0")), APPLIED),
    _literal(14, "NaN", "NaN"),
    _literal(14, "Infinity", "-Infinity"),
    _literal(15, "1e400", "1e400"),
    _literal(16, "integer of 5000 digits", "9" * 5000),
    Bad((17,), "nested 200000 deep", lambda _at: b"[" * 200_000),
    Bad((20,), "1 MiB exactly", lambda at: padded(at, MIB), APPLIED),
    Bad((21,), "gzip", lambda at: gzip.compress(push(at))),
    _changed(25, "no code", code=None),
    _changed(25, "code is a string", code="3"),
    _changed(25, "code is negative", code=-3),
    _changed(25, "code is 2^63", code=2**63),
    Bad((25, 31), "code 999", lambda at: push(at, code=999), KEPT),
    _changed(26, "shop id is a string", shop_id="7001"),
    _changed(26, "shop id 0", shop_id=0),
    _changed(26, "shop id is negative", shop_id=-7001),
    Bad((26,), "shop of the other environment", lambda at: push(at, shop_id=at.other_shop_id), UNKNOWN_SHOP),
    _changed(27, "timestamp in milliseconds", APPLIED, timestamp=1_788_000_001_000),
    _changed(27, "timestamp 0", APPLIED, timestamp=0),
    _changed(27, "timestamp of the year 2262", APPLIED, timestamp=9_223_372_037),
    _changed(27, "timestamp is negative", APPLIED, timestamp=-1),
    _named("order number of 1000 characters", "2" * 1000),
    _named("order number with markup", "'\"<script>alert(1)</script>"),
    _named("order number with a newline", '26\n{"level":"info"}'),
    _named("order number with RTL override", "26\u202e09"),
    _named("order number with zero width", "26\u200b09"),
    Bad(
        (30,),
        "verification push",
        lambda _at: b'{"code":0,"data":{"verify_info":"This is a Verification message."}}',
        PROBE,
    ),
    Bad((32,), "unknown status", lambda at: push(at, data=data(at, status="TELEPORTED")), APPLIED, status="TELEPORTED"),
)


@dataclass(frozen=True)
class Sent:
    """A request that is bad in how it is sent; ``written`` says how, from its headers without a length and its body."""

    number: int
    name: str
    write: Callable[[Subject], bytes]
    written: Callable[[list[tuple[str, str]], bytes], bytes]
    answered: int
    end: End | None = None
    trickles: bool = False
    """Its body comes a byte a second."""


def _with_length(length: str) -> Callable[[list[tuple[str, str]], bytes], bytes]:
    return lambda headers, body: raw_request("POST", PATH, [*headers, ("Content-Length", length)], body)


def _as_it_is(headers: list[tuple[str, str]], body: bytes) -> bytes:
    return raw_request("POST", PATH, [*headers, ("Content-Length", str(len(body)))], body)


def _in_chunks(headers: list[tuple[str, str]], body: bytes) -> bytes:
    return raw_request("POST", PATH, [*headers, ("Transfer-Encoding", "chunked")]) + b"".join(_chunks(body))


def _chunks(body: bytes) -> Iterator[bytes]:
    size = max(7, len(body) // 16)
    for start in range(0, len(body), size):
        piece = body[start : start + size]
        yield b"%x\r\n%s\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def _shorter(headers: list[tuple[str, str]], body: bytes) -> bytes:
    """Nothing follows the announced bytes: what does is a second request to the server."""
    return raw_request("POST", PATH, [*headers, ("Content-Length", "9")], body[:9])


REQUESTS = (
    Sent(19, "10 MiB", lambda _at: b"x" * (10 * MIB), _as_it_is, 413),
    Sent(19, "10 MiB in chunks", lambda _at: b"x" * (10 * MIB), _in_chunks, 413),
    Sent(20, "1 MiB and one byte", lambda at: padded(at, MIB + 1), _as_it_is, 413),
    Sent(22, "chunks without a length", push, _in_chunks, 200, APPLIED),
    Sent(22, "900 KiB in chunks", lambda at: padded(at, 900 * 1024), _in_chunks, 200, APPLIED),
    Sent(23, "a length that is no number", push, _with_length("many"), 400),
    Sent(23, "a negative length", push, _with_length("-5"), 400),
    Sent(23, "a length of 5000 digits", push, _with_length("9" * 5000), 400),
    Sent(23, "a length shorter than what was signed", push, _shorter, 401),
    Sent(24, "a byte a second", push, _as_it_is, 408, trickles=True),
)
