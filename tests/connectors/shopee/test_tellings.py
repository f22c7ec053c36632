"""What Shopee's pushes lead to, code by code, and what some of them tell: real shapes, spelling traps, broken ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedai.connectors.shopee.codes import EFFECTS, NAMES, TOPICS, effect_of
from kedai.connectors.shopee.statuses import surprising_after
from kedai.connectors.shopee.tellings import parse_announcements, parse_booking, parse_package
from kedai.values.event import Effect, PackageNews, Topic
from tests.support.speaking import SECONDS, push_body

AT = datetime.fromtimestamp(SECONDS, UTC)
PACKAGE = "OFG200000000000001"
TRACKING = {"ordersn": "260801ABCD1234", "forder_id": PACKAGE, "package_number": PACKAGE, "tracking_no": "SPXSG01"}
ACTION = {"content": "We rest on Sunday.", "update_time": SECONDS - 5, "title": "Maintenance", "url": "https://s.sg/a"}


@pytest.mark.parametrize(
    ("codes", "effect"),
    [
        ((0, 1, 2, 12), Effect.CONNECTION),
        ((3, 30, 47), Effect.READ_ORDER),
        ((4, 15), Effect.READ_PACKAGE),
        ((23, 24, 25), Effect.READ_BOOKING),
        ((5,), Effect.NOTICE),
        ((7, 8, 9, 16, 22, 28, 29), Effect.HAND_ON),
        ((6, 10, 11, 13, 18, 19, 20, 21, 27, 31, 33, 34, 35, 36, 37, 38), Effect.KEEP),
        ((None, -1, 14, 999, 2**31), Effect.KEEP),
    ],
)
def test_every_code_leads_where_the_contract_says(codes: tuple[int | None, ...], effect: Effect) -> None:
    assert {effect_of(code) for code in codes} == {effect}


def test_every_code_that_leads_somewhere_has_a_name_and_connection_ones_their_topic() -> None:
    assert set(EFFECTS) <= set(NAMES)
    assert {code for code, one in EFFECTS.items() if one is Effect.CONNECTION} == {
        code for code, topic in TOPICS.items() if topic is Topic.CONNECTION
    }


@pytest.mark.parametrize(
    ("code", "data", "expected"),
    [
        (4, TRACKING, ("260801ABCD1234", PACKAGE, "SPXSG01", None)),
        (4, {"order_sn": "A1", "package_number": "P1", "tracking_number": "T 1/2"}, ("A1", "P1", "T 1/2", None)),
        (15, {"ordersn": "A1", "package_number": "P1", "status": "READY"}, ("A1", "P1", None, "READY")),
        (15, {"order_sn": "A1", "package_number": "P1", "status": "FAILED"}, ("A1", "P1", None, "FAILED")),
        (
            4,
            {"ordersn": "A1", "package_number": "P1", "tracking_no": "T1", "status": "READY"},
            ("A1", "P1", "T1", None),
        ),
        (4, {"booking_sn": "B1", "package_number": "P1", "tracking_no": "T1"}, (None, "P1", "T1", None)),
    ],
)
def test_a_push_about_a_package_tells_its_number_or_its_document(
    code: int, data: Any, expected: tuple[Any, ...]
) -> None:
    assert parse_package(push_body(code, data)) == PackageNews(*expected, AT)


NOTHING_OF_A_PACKAGE = {
    "no data": push_body(4, None),
    "a list": push_body(4, [TRACKING]),
    "no package": push_body(4, {"ordersn": "A1", "tracking_no": "T1"}),
    "package as number": push_body(4, {**TRACKING, "package_number": 7}),
    "tracking as object": push_body(4, {**TRACKING, "tracking_no": {"a": 1}}),
    "no tracking yet": push_body(4, {**TRACKING, "tracking_no": ""}),
    "tracking with a newline": push_body(4, {**TRACKING, "tracking_no": "A\nB"}),
    "tracking with markup": push_body(4, {**TRACKING, "tracking_no": "<b>1</b>"}),
    "tracking too long": push_body(4, {**TRACKING, "tracking_no": "A" * 101}),
    "document as number": push_body(15, {"ordersn": "A1", "package_number": "P1", "status": 1}),
    "document in words": push_body(15, {"ordersn": "A1", "package_number": "P1", "status": "ready to print"}),
    "no JSON": b"{",
    "no object": b"[]",
    "too deep": b"[" * 200_000,
    "no UTF-8": b'{"data": {"package_number": "\xff"}}',
}


@pytest.mark.parametrize("body", NOTHING_OF_A_PACKAGE.values(), ids=NOTHING_OF_A_PACKAGE.keys())
def test_what_tells_nothing_usable_of_a_package_is_nothing(body: bytes) -> None:
    assert parse_package(body) is None
    assert parse_booking(body) is None
    assert parse_announcements(body) == ()


def test_a_push_without_a_usable_instant_is_older_than_any_other() -> None:
    news = parse_package(push_body(4, TRACKING, at=0))
    assert news is not None
    assert news.stated_at.year == 2015


@pytest.mark.parametrize("code", [23, 24, 25, 4, 15])
def test_a_booking_is_named_under_its_own_codes_and_the_two_of_the_samples(code: int) -> None:
    assert (
        parse_booking(push_body(code, {"booking_sn": "2608BOOKING1", "booking_status": "READY_TO_SHIP"}))
        == "2608BOOKING1"
    )
    for unusable in (None, 7, "", "a b", "x" * 65, ["B1"]):
        assert parse_booking(push_body(code, {"booking_sn": unusable})) is None


def test_a_notice_is_told_in_plain_text_with_its_address() -> None:
    (said,) = parse_announcements(push_body(5, {"actions": [ACTION]}))
    assert (said.title, said.content, said.url) == ("Maintenance", "We rest on Sunday.", "https://s.sg/a")
    assert said.stated_at == datetime.fromtimestamp(SECONDS - 5, UTC)


@pytest.mark.parametrize(
    "url",
    [
        "http://s.sg",
        "javascript:alert(1)",
        "//s.sg",
        "https://",
        "https://[",
        "https://a\nb",
        7,
        None,
        "https://" + "a" * 1000,
    ],
)
def test_an_address_that_is_no_plain_https_one_is_left_out(url: Any) -> None:
    (said,) = parse_announcements(push_body(5, {"actions": [{**ACTION, "url": url}]}))
    assert said.url is None


def test_notices_are_bounded_and_those_without_words_left_out() -> None:
    actions = [
        None,
        7,
        {},
        {"title": 7, "content": ""},
        {"title": " \u0007 "},
        *[{**ACTION, "content": "x" * 9000}] * 30,
    ]
    said = parse_announcements(push_body(5, {"actions": actions}))
    assert len(said) == 15  # the first twenty are looked at
    assert {len(one.content) for one in said} == {4000}


SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=5)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
KEYS = (
    "package_number",
    "tracking_no",
    "status",
    "ordersn",
    "order_sn",
    "booking_sn",
    "actions",
    "title",
    "content",
    "url",
)


@given(
    st.dictionaries(st.sampled_from(KEYS), ANYTHING | st.lists(st.dictionaries(st.sampled_from(KEYS), ANYTHING))),
    ANYTHING,
)
def test_no_body_makes_a_reader_fail(data: dict[str, Any], timestamp: Any) -> None:
    for code in (4, 5, 15, 23):
        body = msgspec.json.encode({"code": code, "data": data, "timestamp": timestamp})
        parse_package(body)
        parse_booking(body)
        parse_announcements(body)


@pytest.mark.parametrize(
    ("before", "after", "is_surprising"),
    [
        ("UNPAID", "SHIPPED", False),
        ("READY_TO_SHIP", "IN_CANCEL", False),
        ("IN_CANCEL", "READY_TO_SHIP", False),
        ("TO_RETURN", "COMPLETED", False),
        ("COMPLETED", "TO_RETURN", False),
        ("SHIPPED", "UNPAID", True),
        ("CANCELLED", "READY_TO_SHIP", True),
        ("COMPLETED", "READY_TO_SHIP", True),
        ("SHIPPED", "CANCELLED", True),
        ("SOMETHING_NEW", "UNPAID", False),
        ("SHIPPED", "SOMETHING_NEW", False),
    ],
)
def test_an_order_that_goes_back_is_surprising_and_one_that_skips_steps_is_not(
    before: str, after: str, is_surprising: bool
) -> None:
    """Bad input 32 too: of a status that nobody knows, nothing is surprising."""
    assert (before in surprising_after(after)) is is_surprising
