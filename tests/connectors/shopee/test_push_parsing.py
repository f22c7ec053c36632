"""What a push says: every listed bad body is a value with a problem, never an exception."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kedai.connectors.shopee.codes import NAMES, TOPICS
from kedai.connectors.shopee.push import parse_push, verify_push
from kedai.values.event import Topic
from tests.connectors.shopee.suite import ORDER, PATH, PUSH_KEY, SHOP, URL, push_keys, read, sign


def body(**changes: object) -> bytes:
    """A good order push with some of its fields replaced; ``...`` takes one out."""
    whole = {
        "data": {"ordersn": ORDER, "update_time": 1788000001},
        "shop_id": int(SHOP),
        "code": 3,
        "timestamp": 1788000002,
    }
    return json.dumps({name: value for name, value in {**whole, **changes}.items() if value is not ...}).encode()


MALFORMED = {
    "1 empty": (b"", "empty"),
    "2 {}": (b"{}", "code is missing"),
    "3 null": (b"null", "not an object"),
    "4 []": (b"[]", "not an object"),
    "5 string": (b'"hello"', "not an object"),
    "6 number": (b"3", "not an object"),
    "7 truncated": (body()[:-1], "not valid JSON"),
    "7 truncated inside a text": (body()[:20], "not valid JSON"),
    "8 two values": (body() + body(), "not valid JSON"),
    "9 byte order mark": (b"\xef\xbb\xbf" + body(), "byte order mark"),
    "10 UTF-16": (body().decode().encode("utf-16"), "byte order mark"),
    "10 UTF-16 without a mark": (body().decode().encode("utf-16-le"), "not valid JSON"),
    "11 invalid UTF-8": (body().replace(b"update_time", b"\xff\xfeupdate"), "not valid UTF-8"),
    "11 half a surrogate pair": (body().replace(b"update_time", rb"\ud800"), "not valid JSON"),
    "13 NUL in the order number": (body(data={"ordersn": "2608\x00"}), "order number holds"),
    "13 a bare NUL": (b"\x00" + body(), "not valid JSON"),
    "14 NaN": (body(extra=float("nan")), "not valid JSON"),
    "14 Infinity": (body(extra=float("inf")), "not valid JSON"),
    "15 1e400": (body(extra=1).replace(b'"extra": 1', b'"extra": 1e400'), "too large"),
    "16 5,000-digit integer": (body(extra=1).replace(b'"extra": 1', b'"extra": ' + b"9" * 5000), "too large"),
    "17 200,000 brackets": (b"[" * 200_000, "too deeply"),
    "17 200,000 objects": (b'{"a":' * 200_000, "too deeply"),
    "17 200,000 brackets, closed": (b'{"code":3,"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}", "too deeply"),
    "21 gzip": (gzip.compress(body()), "not valid JSON"),
    "25 code missing": (body(code=...), "code is missing"),
    "25 code null": (body(code=None), "code is missing"),
    "25 code a string": (body(code="3"), "code is no number"),
    "25 code a float": (body(code=3.0), "code is no number"),
    "25 code a boolean": (body(code=True), "code is no number"),
    "25 code negative": (body(code=-3), "code is no number"),
    "25 code 2^31": (body(code=2**31), "code is no number"),
    "25 code 2^63": (body(code=2**63), "code is no number"),
    "26 shop a string": (body(shop_id=SHOP), "shop id"),
    "26 shop 0": (body(shop_id=0), "shop id"),
    "26 shop negative": (body(shop_id=-1), "shop id"),
    "26 shop 2^32": (body(shop_id=2**32), "shop id"),
    "26 shop a boolean": (body(shop_id=True), "shop id"),
    "26 shop missing": (body(shop_id=...), "shop id"),
    "29 1,000 characters": (body(data={"ordersn": "A" * 1000}), "order number holds"),
    "29 65 characters": (body(data={"ordersn": "A" * 65}), "order number holds"),
    "29 markup": (body(data={"ordersn": "2608'\"<>"}), "order number holds"),
    "29 newline": (body(data={"ordersn": "260801ABCD1234\n"}), "order number holds"),
    "29 comma": (body(data={"ordersn": "260801ABCD1234,260801EFGH5678"}), "order number holds"),
    "29 override": (body(data={"ordersn": "2608\u202eABCD"}), "order number holds"),
    "29 zero width": (body(data={"ordersn": "2608\u200bABCD"}), "order number holds"),
    "29 other digits": (body(data={"ordersn": "\u0662\u0666\u0660\u0668"}), "order number holds"),
    "order number a number": (body(data={"ordersn": 2608}), "order number holds"),
    "order number empty": (body(data={"ordersn": ""}), "order number is missing"),
    "order number missing": (body(data={}), "order number is missing"),
    "data missing": (body(data=...), "data is missing"),
    "data a string": (body(data="{}"), "data is missing"),
    "data a list": (body(data=[ORDER]), "data is missing"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_bad_body_verifies_and_is_malformed_with_a_reason(case: str) -> None:
    """Numbers are those of the list of bad inputs: signed correctly, each is stored and shown, and never raises."""
    content, words = MALFORMED[case]
    assert verify_push(push_keys(PUSH_KEY), sign(PUSH_KEY, URL, content), PATH, content).url == URL
    event = parse_push(content)
    assert event.topic is Topic.MALFORMED
    assert words in (event.problem or "")
    assert event.event_id[4:] == sha256(content).digest()[:28]
    assert len(event.event_id) == 32


def test_malformed_push_keeps_what_is_usable() -> None:
    event = parse_push(read("push__order_status__without_order_number.json"))
    assert (event.topic, event.code, event.shop_id, event.order_sn) == (Topic.MALFORMED, 3, SHOP, None)
    event = parse_push(body(shop_id="no number"))
    assert (event.topic, event.shop_id, event.order_sn) == (Topic.MALFORMED, None, ORDER)


TIMESTAMPS = {
    "seconds": (1788000002, 1788000002, datetime(2026, 8, 29, 10, 40, 2, tzinfo=UTC)),
    "27 milliseconds": (1788000002000, 0, None),
    "27 zero": (0, 0, None),
    "27 negative": (-1788000002, 0, None),
    "27 year 2262": (9223372036, 0, None),
    "first second of 2015": (1420070400, 1420070400, datetime(2015, 1, 1, tzinfo=UTC)),
    "last second of 2014": (1420070399, 1420070399, None),
    "last second of 2100": (4133980799, 4133980799, datetime(2100, 12, 31, 23, 59, 59, tzinfo=UTC)),
    "first second of 2101": (4133980800, 4133980800, None),
    "largest": (2**32 - 1, 2**32 - 1, None),
    "one too large": (2**32, 0, None),
    "missing": (..., 0, None),
    "null": (None, 0, None),
    "string": ("1788000002", 0, None),
    "boolean": (True, 0, None),
    "float": (1788000002.0, 0, None),
}


@pytest.mark.parametrize("case", TIMESTAMPS)
def test_event_id_begins_with_the_pushs_own_time(case: str) -> None:
    stated, lead, pushed_at = TIMESTAMPS[case]
    content = body(timestamp=stated)
    event = parse_push(content)
    assert event.topic is Topic.ORDER
    assert event.event_id == lead.to_bytes(4, "big") + sha256(content).digest()[:28]
    assert event.pushed_at == pushed_at


PUSHES = {
    "push__order_status__ready_to_ship.json": (Topic.ORDER, 3, SHOP, ORDER),
    "push__order_status__unknown_status.json": (Topic.ORDER, 3, SHOP, ORDER),
    "push__tracking_number__assigned.json": (Topic.ORDER, 4, SHOP, ORDER),
    "push__booking_tracking__miscoded.json": (Topic.ORDER, 4, SHOP, None),
    "push__reserved_stock__placed.json": (Topic.ORDER, 8, SHOP, ORDER),
    "push__shipping_document__ready.json": (Topic.ORDER, 15, SHOP, ORDER),
    "push__item_price__changed.json": (Topic.ORDER, 22, SHOP, None),
    "push__return_updates__accepted.json": (Topic.ORDER, 29, SHOP, ORDER),
    "push__package_status__ready.json": (Topic.ORDER, 30, SHOP, ORDER),
    "push__package_info__ship_by_changed.json": (Topic.ORDER, 47, SHOP, ORDER),
    "push__webchat__message.json": (Topic.OTHER, 10, SHOP, None),
    "push__item_violation__shop_misspelt.json": (Topic.OTHER, 16, SHOP, None),
    "push__verification__probe.json": (Topic.CONNECTION, 0, None, None),  # 30 of the list of bad inputs
    "push__shop_authorization__granted.json": (Topic.CONNECTION, 1, SHOP, None),
    "push__shop_authorization__expired.json": (Topic.CONNECTION, 2, SHOP, None),
    "push__authorization_expiry__soon.json": (Topic.CONNECTION, 12, None, None),
}


@pytest.mark.parametrize("file", PUSHES)
def test_push_is_read(file: str) -> None:
    event = parse_push(read(file))
    assert (event.topic, event.code, event.shop_id, event.order_sn) == PUSHES[file]
    assert event.problem is None


def test_order_number_is_read_in_either_spelling_where_one_is_needed() -> None:
    for code in (3, 4, 15, 29, 30, 47):
        for spelling in ("ordersn", "order_sn"):
            assert parse_push(body(code=code, data={spelling: ORDER})).order_sn == ORDER
        assert parse_push(body(code=code, data={"return_sn": "1"})).topic is Topic.MALFORMED
        miscoded = parse_push(body(code=code, data={"booking_sn": "260801BOOK0001"}))
        assert (miscoded.topic is Topic.ORDER) == (code in {4, 15})


@pytest.mark.parametrize("code", sorted(TOPICS))
def test_other_order_pushes_may_lack_a_number_but_never_hold_a_bad_one(code: int) -> None:
    if TOPICS[code] is not Topic.ORDER or code in {3, 4, 15, 29, 30, 47}:
        return
    assert parse_push(body(code=code, data={})).topic is Topic.ORDER
    assert parse_push(body(code=code, data=None)).topic is Topic.ORDER
    assert parse_push(body(code=code, data={"ordersn": "a b"})).topic is Topic.MALFORMED


@pytest.mark.parametrize("code", [14, 999, 2**31 - 1])
def test_unknown_code_is_stored_as_other(code: int) -> None:
    """31 of the list of bad inputs, and 25 with 999."""
    event = parse_push(body(code=code, data={"ordersn": "a b\x00"}))
    assert (event.topic, event.code, event.shop_id, event.order_sn) == (Topic.OTHER, code, SHOP, None)


def test_shop_is_read_from_the_top_first() -> None:
    assert parse_push(body(shop_id=..., shopid=7)).shop_id == "7"
    assert parse_push(body(shop_id=8, shopid=7)).shop_id == "8"
    assert parse_push(body(shop_id=None, shopid=7)).shop_id == "7"
    assert parse_push(body(code=1, shop_id=..., data={"shopid": 9})).shop_id == "9"
    assert parse_push(body(code=3, shop_id=..., data={"ordersn": ORDER, "shop_id": 9})).shop_id is None
    assert parse_push(body(shop_id=2**32 - 1)).shop_id == "4294967295"


def test_every_code_of_the_documents_has_a_name() -> None:
    assert set(TOPICS) <= set(NAMES)
    assert len(set(NAMES.values())) == len(NAMES)


def check(content: bytes) -> None:
    event = parse_push(content)
    assert len(event.event_id) == 32
    assert (event.topic is Topic.MALFORMED) == (event.problem is not None)
    assert event.shop_id is None or 1 <= int(event.shop_id) <= 2**32 - 1
    assert event.order_sn is None or event.order_sn.replace("-", "").replace("_", "").isalnum()
    assert event.code is None or 0 <= event.code < 2**31


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_raise(content: bytes) -> None:
    check(content)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
ENVELOPE = st.fixed_dictionaries(
    {},
    optional={
        "code": st.sampled_from(sorted(NAMES)) | ANYTHING,
        "shop_id": st.integers(0, 2**33) | ANYTHING,
        "shopid": ANYTHING,
        "timestamp": st.integers(0, 2**33) | ANYTHING,
        "data": st.fixed_dictionaries({}, optional={"ordersn": ANYTHING, "order_sn": ANYTHING, "shop_id": ANYTHING})
        | ANYTHING,
    },
)


@settings(max_examples=300, deadline=None)
@given(ANYTHING | ENVELOPE, st.booleans())
def test_no_json_raises(value: object, ascii_only: bool) -> None:
    check(json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass"))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(body()) - 1), st.integers(0, 255))
def test_no_damaged_byte_raises(place: int, value: int) -> None:
    damaged = bytearray(body())
    damaged[place] = value
    check(bytes(damaged))
