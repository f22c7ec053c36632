"""What the calls about shops, merchants and the app itself make of Shopee's answers (contract §3.5, §4.3, §5.5)."""

from __future__ import annotations

import asyncio
import json

import pytest

from kedai.connectors.shopee.api.words import ShopStatus
from kedai.connectors.shopee.push import parse_push
from kedai.errors import Invalid, RemoteUnreadable
from kedai.values.event import Topic
from tests.connectors.shopee.calls import MERCHANT, clients, ok, shops
from tests.connectors.shopee.suite import ORDER, SHOP, TOKEN
from tests.connectors.shopee.test_order_calls import all_of

AS_TEXT = "answer__get_lost_push_message__data_as_text.json"
AS_OBJECT = "answer__get_lost_push_message__data_as_object.json"


def test_shop_without_a_wrapper_is_read() -> None:
    shop = asyncio.run(shops("answer__get_shop_info__frozen.json").shop.get_shop_info())
    assert (shop.status, shop.merchant_id) == (ShopStatus.FROZEN, None)
    assert [one.affi_shop_id for one in shop.sip_affi_shops] == [226001133]
    assert shop.expire_time > shop.auth_time


def test_notices_are_walked_whether_one_or_several_came() -> None:
    client, http = clients("answer__get_shop_notification__one.json", "answer__get_shop_notification__several.json")
    rows = all_of(client.for_shop(SHOP, TOKEN).shop.iter_notifications())
    assert [one.title for one in rows] == ["Notice", "a", "b"]
    assert [call.fields.get("cursor") for call in http.sent] == [None, "8"]


@pytest.mark.parametrize("last", [{"cursor": 8, "data": {"title": "Notice"}}, {"cursor": 9, "data": {}}, {"data": []}])
def test_notices_end_where_nothing_new_comes(last: dict[str, object]) -> None:
    pages = ("answer__get_shop_notification__one.json", ok(**last))
    assert [one.title for one in all_of(shops(*pages).shop.iter_notifications())] == ["Notice"]


def test_shops_of_a_merchant_are_walked_from_page_one() -> None:
    client, http = clients(ok({"shop_list": [], "more": True}), "answer__get_shop_list_by_merchant__last_page.json")
    (shop,) = all_of(client.for_merchant(MERCHANT, TOKEN).merchant.iter_shops())
    assert shop.sip_affi_shops[0].affi_shop_id == 226001133
    assert [call.fields["page_no"] for call in http.sent] == ["1", "2"]
    assert all(call.shop_id is None and "shop_id" not in call.fields for call in http.sent)


def test_profile_without_a_change_is_never_sent() -> None:
    with pytest.raises(Invalid):
        asyncio.run(shops().shop.update_profile())


@pytest.mark.parametrize("text", ["", "a b", "é", "a\n"])
def test_what_can_be_no_resend_code_is_never_sent(text: str) -> None:
    with pytest.raises(Invalid):
        asyncio.run(clients()[0].for_app().get_token_by_resend_code(text))


def test_lost_pushes_give_back_the_original_body() -> None:
    text, thing = (
        asyncio.run(clients(file)[0].for_app().get_lost_push_message()).push_message_list[0]
        for file in (AS_TEXT, AS_OBJECT)
    )
    assert b'"READY_TO_SHIP"}, "shop_id"' in text.body(), "the very bytes, with their spaces"
    event = parse_push(text.body())
    assert (event.topic, event.code, event.shop_id, event.order_sn) == (Topic.ORDER, 3, SHOP, ORDER)
    assert json.loads(thing.body())["data"] == {"shop_expire_soon": [226001122]}


def test_page_of_lost_pushes_is_confirmed_only_after_it_was_handled() -> None:
    client, http = clients(AS_TEXT, ok(), AS_OBJECT, ok())

    async def take() -> list[tuple[int, int]]:
        return [(page.last_message_id, len(http.sent)) async for page in client.for_app().take_lost_pushes()]

    assert asyncio.run(take()) == [(101, 1), (102, 3)]
    assert [json.loads(call.json)["last_message_id"] for call in http.sent if call.json] == [101, 102]


def test_page_that_was_not_handled_is_not_confirmed() -> None:
    client, http = clients(AS_TEXT)

    async def take() -> None:
        async for _ in client.for_app().take_lost_pushes():
            raise LookupError

    with pytest.raises(LookupError):
        asyncio.run(take())
    assert [call.method for call in http.sent] == ["GET"]


def test_empty_queue_is_not_confirmed() -> None:
    client, http = clients(ok({"push_message_list": [], "has_next_page": False, "last_message_id": 0}))
    assert all_of(client.for_app().take_lost_pushes()) == []
    assert len(http.sent) == 1


@pytest.mark.parametrize("last", [None, 101])
def test_queue_that_does_not_go_on_is_refused(last: int | None) -> None:
    again = ok({"push_message_list": [{"code": 3}], "has_next_page": True, "last_message_id": last})
    with pytest.raises(RemoteUnreadable):
        all_of(clients(AS_TEXT, ok(), again)[0].for_app().take_lost_pushes())
