"""What pushes about the connection say in full: every documented form of 0, 1, 2 and 12, and nothing that raises."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kedai.connectors.base import ReadsConnectionPushes
from kedai.connectors.shopee.connector import SHOPEE
from kedai.connectors.shopee.push import parse_push
from kedai.values.event import ConnectionChange, ConnectionKind, EndReason, Topic
from tests.connectors.shopee.suite import SHOP, read

AT = datetime(2026, 8, 29, 10, 40, tzinfo=UTC)
LATER = datetime(2026, 8, 29, 10, 45, tzinfo=UTC)
BEFORE = datetime(2026, 9, 5, 10, 40, tzinfo=UTC)
APP, MERCHANT = "2009876", "3300001"

PUSHES = {
    "push__verification__probe.json": ConnectionChange(ConnectionKind.PROBE),
    "push__shop_authorization__granted.json": ConnectionChange(ConnectionKind.AUTHORIZED, APP, (SHOP,), pushed_at=AT),
    "push__shop_authorization__main_account.json": ConnectionChange(
        ConnectionKind.AUTHORIZED, APP, (SHOP, "226001133"), (MERCHANT,), "41000001", AT
    ),
    "push__shop_authorization__expired.json": ConnectionChange(
        ConnectionKind.DEAUTHORIZED, APP, (SHOP,), pushed_at=LATER, end_reason=EndReason.EXPIRED
    ),
    "push__shop_deauthorization__named_in_the_text.json": ConnectionChange(
        ConnectionKind.DEAUTHORIZED, APP, (SHOP,), pushed_at=LATER, end_reason=EndReason.CANCELLED_BY_SELLER
    ),
    "push__shop_deauthorization__of_a_merchant.json": ConnectionChange(
        ConnectionKind.DEAUTHORIZED, APP, (), (MERCHANT,), pushed_at=LATER, end_reason=EndReason.CANCELLED_BY_SELLER
    ),
    "push__authorization_expiry__soon.json": ConnectionChange(
        ConnectionKind.EXPIRING, None, (SHOP,), pushed_at=AT, ends_before=BEFORE
    ),
    "push__authorization_expiry__second_page.json": ConnectionChange(
        ConnectionKind.EXPIRING, None, (), (MERCHANT,), pushed_at=AT, ends_before=BEFORE, page=2, pages=2
    ),
}


def parse(code: Any = 2, *, top: dict[str, Any] | None = None, **data: Any) -> ConnectionChange | None:
    return SHOPEE.parse_connection(json.dumps({"code": code, "data": data, **(top or {})}).encode())


def test_connector_says_that_it_reads_them() -> None:
    assert isinstance(SHOPEE, ReadsConnectionPushes)


@pytest.mark.parametrize("file", PUSHES)
def test_push_is_read_in_full(file: str) -> None:
    assert SHOPEE.parse_connection(read(file)) == PUSHES[file]
    assert parse_push(read(file)).topic is Topic.CONNECTION


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        ("user cancel shop authorization", EndReason.CANCELLED_BY_SELLER),
        (" User Cancel Merchant Authorization ", EndReason.CANCELLED_BY_SELLER),
        ("expiry", EndReason.EXPIRED),
        ("App status is abnormal", EndReason.APP_SUSPENDED),
        ("shop and main account is disconnected", EndReason.UNLINKED_FROM_MAIN_ACCOUNT),
        ("a reason of next year", EndReason.UNKNOWN),
        (None, EndReason.UNKNOWN),
        (["expiry"], EndReason.UNKNOWN),
    ],
)
def test_reason_is_one_of_ours_whatever_is_stated(stated: object, reason: EndReason) -> None:
    change = parse(authorize_type=stated, shop_id=7)
    assert change is not None
    assert change.end_reason is reason


@pytest.mark.parametrize(
    ("data", "shop_ids"),
    [
        ({"shop_id_list": [9, 7, 9, 0, -1, 2**32, "8", True, None]}, ("9", "7")),
        ({"shopid": 7}, ("7",)),
        ({"shop_id": 7, "extra": "shop_id 9 is canceled"}, ("7",)),
        ({"extra": "Shop ID: 9 and shop_id=7 were canceled"}, ("9", "7")),
        ({"extra": "shop_id 99999999999 and workshop_id 5"}, None),
        ({"extra": "no number at all"}, None),
        ({"extra": {"shop_id": 9}}, None),
        ({"shop_id": "7"}, None),
        ({}, None),
    ],
)
def test_shops_are_taken_from_fields_and_only_without_any_from_the_text(
    data: dict[str, Any], shop_ids: tuple[str, ...] | None
) -> None:
    change = parse(**data)
    assert (None if change is None else change.shop_ids) == shop_ids


def test_text_names_nobody_who_was_authorised() -> None:
    assert parse(1, extra="shop_id 9 is authorized successfully") is None


def test_ids_may_stand_at_the_top() -> None:
    change = parse(1, top={"shop_id": 7, "partner_id": 12})
    assert change == ConnectionChange(ConnectionKind.AUTHORIZED, "12", ("7",))


@pytest.mark.parametrize("seconds", [None, 0, -1, "1788604800", 1788604800000, True, 1.5])
def test_unusable_instants_are_none(seconds: object) -> None:
    change = parse(12, shop_expire_soon=[7], expire_before=seconds, top={"timestamp": seconds})
    assert change == ConnectionChange(ConnectionKind.EXPIRING, None, ("7",))


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{", b"\xff", b'{"code":"2"}', b'{"code":true}', b"[" * 200_000]
)
def test_what_is_no_push_about_the_connection_is_nothing(body: bytes) -> None:
    assert SHOPEE.parse_connection(body) is None


@pytest.mark.parametrize("code", [3, 10, 13, -1, 2**40])
def test_other_codes_are_nothing(code: int) -> None:
    assert parse(code, shop_id=7) is None


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("shop_id", "shopid", "shop_id_list", "merchant_id_list", "extra", "authorize_type", "expire_before", "page_no")


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([0, 1, 2, 12]), st.dictionaries(st.sampled_from(KEYS), ANYTHING), ANYTHING)
def test_nothing_raises_and_ids_are_always_ids(code: int, data: dict[str, Any], timestamp: object) -> None:
    change = parse(code, top={"timestamp": timestamp}, **data)
    if change is not None:
        assert all(1 <= int(one) <= 2**32 - 1 for one in (*change.shop_ids, *change.merchant_ids))
        assert change.page >= 1
