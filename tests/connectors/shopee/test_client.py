"""What goes out to Shopee: paths, signatures, encodings; and that nothing malformed ever does."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from kedai.connectors.shopee.connector import SHOPEE
from kedai.connectors.shopee.sign import sign_public, sign_shop
from kedai.errors import Invalid, NeedsReconnect, RemoteRejected, RemoteUnreadable
from kedai.values.secret import Secret
from tests.connectors.fakes import NOW, FakeHttp
from tests.connectors.shopee.suite import CREDENTIALS, ORDER, SHOP, TOKEN, answer

STAMP = int(NOW.timestamp())
DAY = {"updated_from": NOW - timedelta(days=1), "updated_to": NOW}


def client(*files: str):
    http = FakeHttp([answer(file) for file in files])
    return SHOPEE.client(http, CREDENTIALS), http


def shop_signature(path: str) -> str:
    return sign_shop(CREDENTIALS.partner_key, "2009876", path, STAMP, access_token=TOKEN, shop_id=SHOP)


def test_consent_link_is_signed_and_keeps_the_nonce() -> None:
    redirect = "https://kedai.example.test/connectors/shopee/oauth/callback/sandbox?nonce=a+b/=&x=é ü"
    link = urlsplit(client()[0].authorization_url(redirect, NOW))
    path = "/api/v2/shop/auth_partner"
    assert f"{link.scheme}://{link.netloc}{link.path}" == CREDENTIALS.api_url + path
    assert dict(parse_qsl(link.query, strict_parsing=True)) == {
        "partner_id": "2009876",
        "timestamp": str(STAMP),
        "sign": sign_public(CREDENTIALS.partner_key, "2009876", path, STAMP),
        "redirect": redirect,
    }
    assert link.query.isascii()


def test_exchange_sends_the_partner_in_query_and_body() -> None:
    shopee, http = client("answer__token_get__shop.json")
    grant = asyncio.run(shopee.exchange_code("4a4b", SHOP))
    (call,) = http.sent
    assert (call.method, call.path, call.shop_id) == ("POST", "/api/v2/auth/token/get", SHOP)
    sign = sign_public(CREDENTIALS.partner_key, "2009876", call.path, STAMP)
    assert call.fields == {"partner_id": "2009876", "timestamp": str(STAMP), "sign": sign}
    assert json.loads(call.json) == {"code": "4a4b", "partner_id": 2009876, "shop_id": 226001122}
    assert grant.tokens.access_expires_at == NOW + timedelta(seconds=14344)
    assert grant.tokens.refresh_expires_at == NOW + timedelta(days=30)


def test_exchange_for_a_main_account_gives_its_shops() -> None:
    shopee, _ = client("answer__token_get__main_account.json")
    assert asyncio.run(shopee.exchange_code("4a4b", SHOP)).shop_ids == (SHOP, "226001133")


def test_used_code_is_rejected_with_its_code() -> None:
    shopee, _ = client("answer__token_get__code_used.json")
    with pytest.raises(RemoteRejected) as rejected:
        asyncio.run(shopee.exchange_code("4a4b", SHOP))
    assert rejected.value.remote_code == "invalid_code"


@pytest.mark.parametrize("code", ["", "a b", "a\nb", "é", "\ud800", "x" * 10_240])
def test_what_can_be_no_code_is_never_sent(code: str) -> None:
    shopee, http = client()
    with pytest.raises(Invalid):
        asyncio.run(shopee.exchange_code(code, SHOP))
    assert http.sent == []


@pytest.mark.parametrize("shop_id", ["", "0", "abc", "4294967296", "1 2", "1&merchant_id=2"])
def test_what_can_be_no_shop_is_never_sent(shop_id: str) -> None:
    shopee, http = client()
    for call in (
        shopee.exchange_code("4a4b", shop_id),
        shopee.refresh(shop_id, TOKEN),
        shopee.get_shop(shop_id, TOKEN),
        shopee.get_orders(shop_id, TOKEN, [ORDER]),
        shopee.list_orders(shop_id, TOKEN, **DAY, cursor=None),
    ):
        with pytest.raises(Invalid):
            asyncio.run(call)
    assert http.sent == []


def test_refresh_sends_the_token_in_the_body_only() -> None:
    shopee, http = client("answer__access_token_get__renewed.json")
    asyncio.run(shopee.refresh(SHOP, Secret("the-refresh-token")))
    (call,) = http.sent
    assert (call.method, call.path) == ("POST", "/api/v2/auth/access_token/get")
    assert set(call.fields) == {"partner_id", "timestamp", "sign"}
    assert json.loads(call.json) == {"refresh_token": "the-refresh-token", "partner_id": 2009876, "shop_id": 226001122}


def test_expiry_may_come_as_an_instant() -> None:
    shopee, _ = client("answer__access_token_get__expiry_as_instant.json")
    tokens = asyncio.run(shopee.refresh(SHOP, TOKEN))
    assert tokens.access_expires_at == datetime.fromtimestamp(1788014411, UTC)


def test_tokens_of_another_shop_are_never_taken() -> None:
    shopee, _ = client("answer__access_token_get__other_shop.json")
    with pytest.raises(RemoteUnreadable):
        asyncio.run(shopee.refresh(SHOP, TOKEN))


def test_refused_refresh_needs_a_person() -> None:
    shopee, _ = client("answer__access_token_get__refused.json")
    with pytest.raises(NeedsReconnect):
        asyncio.run(shopee.refresh(SHOP, TOKEN))


def test_shop_call_is_signed_with_token_and_shop() -> None:
    shopee, http = client("answer__get_shop_info__normal.json")
    asyncio.run(shopee.get_shop(SHOP, TOKEN))
    (call,) = http.sent
    assert (call.method, call.path, call.json, call.shop_id) == ("GET", "/api/v2/shop/get_shop_info", None, SHOP)
    assert call.fields == {
        "partner_id": "2009876",
        "timestamp": str(STAMP),
        "sign": shop_signature(call.path),
        "access_token": TOKEN.reveal(),
        "shop_id": SHOP,
    }


def test_order_list_asks_by_time_of_change() -> None:
    shopee, http = client("answer__get_order_list__last_page.json")
    asyncio.run(shopee.list_orders(SHOP, TOKEN, **DAY, cursor="1730437200,18&4"))
    (call,) = http.sent
    assert call.path == "/api/v2/order/get_order_list"
    assert call.fields["sign"] == shop_signature(call.path)
    assert {
        name: call.fields[name] for name in ("time_range_field", "time_from", "time_to", "page_size", "cursor")
    } == {
        "time_range_field": "update_time",
        "time_from": str(STAMP - 86_400),
        "time_to": str(STAMP),
        "page_size": "100",
        "cursor": "1730437200,18&4",
    }


@pytest.mark.parametrize("span", [timedelta(), timedelta(seconds=-1), timedelta(days=15, seconds=1)])
def test_impossible_window_is_never_sent(span: timedelta) -> None:
    shopee, http = client()
    with pytest.raises(Invalid):
        asyncio.run(shopee.list_orders(SHOP, TOKEN, updated_from=NOW - span, updated_to=NOW, cursor=None))
    assert http.sent == []


def test_order_list_that_would_never_end_is_refused() -> None:
    shopee, _ = client(
        "answer__get_order_list__more_without_cursor.json", "answer__get_order_list__empty_but_more.json"
    )
    for cursor in (None, "1730437200,184066343203459"):
        with pytest.raises(RemoteUnreadable):
            asyncio.run(shopee.list_orders(SHOP, TOKEN, **DAY, cursor=cursor))


def test_order_details_are_asked_for_in_one_call() -> None:
    shopee, http = client("answer__get_order_detail__ready_to_ship.json")
    asyncio.run(shopee.get_orders(SHOP, TOKEN, [ORDER, "260801EFGH5678", ORDER]))
    (call,) = http.sent
    assert call.path == "/api/v2/order/get_order_detail"
    assert call.fields["order_sn_list"] == f"{ORDER},260801EFGH5678"
    assert {
        "buyer_username",
        "item_list",
        "total_amount",
        "package_list",
        "shipping_carrier",
        "payment_method",
        "pay_time",
        "recipient_address",
        "note",
        "cancel_by",
        "cancel_reason",
    } <= set(call.fields["response_optional_fields"].split(","))
    assert "merchant_id" not in call.fields


@pytest.mark.parametrize("order_sn", ["", "a,b", "a b", "a&b", "260801\n", "A" * 65])
def test_malformed_order_number_never_joins_a_call(order_sn: str) -> None:
    shopee, http = client()
    with pytest.raises(Invalid):
        asyncio.run(shopee.get_orders(SHOP, TOKEN, [ORDER, order_sn]))
    assert http.sent == []
