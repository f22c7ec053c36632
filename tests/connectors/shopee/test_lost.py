"""F39: whatever shape lost pushes come in, each reading gives the same bytes, and so the same id."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kedai.connectors.shopee.lost import LostList, confirm_body, to_lost_pushes
from kedai.connectors.shopee.push import parse_push
from kedai.errors import Invalid, RemoteUnreadable

WHOLE = b'{"data": {"ordersn": "A1", "amount": 1.10}, "shop_id": 7001, "code": 3, "timestamp": 1788000001}'
LOST_AT = 1_788_012_901
"""When it was given up: 300 + 1,800 + 10,800 seconds later."""


def body(message: Any) -> bytes:
    raw = message if isinstance(message, bytes) else msgspec.json.encode(message)
    (only,) = to_lost_pushes(LostList([msgspec.Raw(raw)], has_next_page=False, last_message_id=9)).bodies
    return only


def test_the_text_of_a_push_is_kept_byte_for_byte() -> None:
    message = {"shop_id": 7001, "code": 3, "timestamp": LOST_AT, "data": WHOLE.decode()}
    assert body(message) == WHOLE


def test_f39_an_object_gives_the_same_bytes_however_its_keys_are_ordered() -> None:
    one = b'{"code": 3, "timestamp": 1, "data": {"code": 3, "shop_id": 7001, "data": {"ordersn": "A1", "b": 1.10}}}'
    other = b'{"data": {"data": {"b": 1.10, "ordersn": "A1"}, "shop_id": 7001, "code": 3}, "code": 3, "timestamp": 1}'
    assert body(one) == body(other) == b'{"code":3,"data":{"b":1.10,"ordersn":"A1"},"shop_id":7001}'


@pytest.mark.parametrize("data", [{"ordersn": "A1"}, '{"ordersn": "A1"}'])
def test_where_only_its_data_comes_the_push_is_put_around_it_dated_when_it_was_made(data: Any) -> None:
    event = parse_push(body({"shop_id": 7001, "code": 3, "timestamp": LOST_AT, "data": data}))
    assert (event.code, event.shop_id, event.order_sn, event.problem) == (3, "7001", "A1", None)
    assert event.pushed_at is not None
    assert int(event.pushed_at.timestamp()) == 1_788_000_001


@pytest.mark.parametrize("message", [5, None, [], {}, {"data": "\0"}, {"code": "x", "data": "not JSON"}, b'"\xff"'])
def test_what_cannot_be_understood_is_a_body_all_the_same(message: Any) -> None:
    assert parse_push(body(message)).problem is not None


def test_an_empty_page_confirms_nothing_and_a_full_one_needs_its_id() -> None:
    assert to_lost_pushes(LostList([], has_next_page=False, last_message_id=0)).last_id is None
    for last in (None, 0):
        with pytest.raises(RemoteUnreadable):
            to_lost_pushes(LostList([msgspec.Raw(b"{}")], last_message_id=last))
    with pytest.raises(Invalid):
        confirm_body("7 or so")
