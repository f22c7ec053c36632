"""What Shopee says of the app itself: asked with the app's signature alone, and nothing impossible is ever sent."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import pytest

from kedai.connectors.base import MainAccounts, Probes
from kedai.connectors.shopee.connector import SHOPEE
from kedai.connectors.shopee.sign import sign_merchant, sign_public
from kedai.errors import Invalid, NeedsReconnect, RemoteRejected, RemoteUnreadable
from kedai.values.app import (
    AuthorizedMerchant,
    AuthorizedShop,
    ConsentLink,
    MerchantProfile,
    PushConfigChange,
    PushStatus,
)
from kedai.values.secret import Secret
from tests.connectors.fakes import NOW, FakeHttp
from tests.connectors.shopee.suite import CREDENTIALS, SHOP, TOKEN, answer

STAMP = int(NOW.timestamp())
MERCHANT, MAIN_ACCOUNT = "3300001", "41000001"
FROM, UNTIL = datetime(2026, 8, 29, 10, 40, tzinfo=UTC), datetime(2027, 8, 29, 10, 40, tzinfo=UTC)
URL = "https://kedai.example.test/connectors/shopee/webhook/live"
REDIRECT = "https://kedai.example.test/connectors/shopee/oauth/callback/sandbox?nonce=a+b/=&x=é"


def client(*files: str):
    http = FakeHttp([answer(file) for file in files])
    return SHOPEE.client(http, CREDENTIALS), http


def public_fields(path: str) -> dict[str, str]:
    sign = sign_public(CREDENTIALS.partner_key, "2009876", path, STAMP)
    return {"partner_id": "2009876", "timestamp": str(STAMP), "sign": sign}


def test_client_offers_both_capabilities() -> None:
    assert isinstance(client()[0], Probes)
    assert isinstance(client()[0], MainAccounts)


def test_ip_ranges_need_nothing_but_the_apps_signature() -> None:
    shopee, http = client("answer__get_shopee_ip_ranges__listed.json")
    assert asyncio.run(shopee.get_ip_ranges()) == ("192.0.2.0/24", "198.51.100.0/24")
    (call,) = http.sent
    assert (call.method, call.json, call.shop_id) == ("GET", None, None)
    assert call.fields == public_fields("/api/v2/public/get_shopee_ip_ranges")


def test_authorised_shops_are_listed_page_by_page_until_it_says_so() -> None:
    shopee, http = client(
        "answer__get_shops_by_partner__more_to_come.json", "answer__get_shops_by_partner__last_page.json"
    )
    first = asyncio.run(shopee.list_authorized_shops(cursor=None))
    second = asyncio.run(shopee.list_authorized_shops(cursor=first.next_cursor))
    assert first.rows == (AuthorizedShop(SHOP, "SG", FROM, UNTIL, ("226001133",)),)
    assert second.rows == (
        AuthorizedShop("226001144", "MY", FROM, None, ("226001155",)),
        AuthorizedShop("226001166", "", None, None, ()),
    )
    assert second.next_cursor is None
    path = "/api/v2/public/get_shops_by_partner"
    assert [call.path for call in http.sent] == [path] * 2
    assert [call.fields for call in http.sent] == [
        {**public_fields(path), "page_size": "100", "page_no": number} for number in ("1", "2")
    ]


def test_an_empty_page_is_not_the_last_one() -> None:
    shopee, _ = client("answer__get_shops_by_partner__nobody.json")
    page = asyncio.run(shopee.list_authorized_shops(cursor="7"))
    assert (page.rows, page.next_cursor) == ((), "8")


@pytest.mark.parametrize("cursor", ["", "0", "-1", "abc", "1&x=2", "٣", "9" * 30])
def test_what_is_no_page_is_never_asked_for(cursor: str) -> None:
    shopee, http = client(
        "answer__get_shops_by_partner__nobody.json", "answer__get_merchants_by_partner__last_page.json"
    )
    if cursor:
        for listing in (shopee.list_authorized_shops, shopee.list_authorized_merchants):
            with pytest.raises(Invalid):
                asyncio.run(listing(cursor=cursor))
        assert http.sent == []
    else:
        assert asyncio.run(shopee.list_authorized_shops(cursor=cursor)).next_cursor == "2"


def test_authorised_merchants_are_listed() -> None:
    shopee, http = client("answer__get_merchants_by_partner__last_page.json")
    page = asyncio.run(shopee.list_authorized_merchants(cursor=None))
    assert page.rows == (AuthorizedMerchant(MERCHANT, "SG", FROM, UNTIL),)
    assert page.next_cursor is None
    assert http.sent[0].path == "/api/v2/public/get_merchants_by_partner"


def test_main_account_gets_one_pair_for_all_it_names() -> None:
    shopee, http = client("answer__token_get__main_account.json")
    grant = asyncio.run(shopee.exchange_main_account_code("4a4b", MAIN_ACCOUNT))
    (call,) = http.sent
    assert json.loads(call.json) == {"code": "4a4b", "partner_id": 2009876, "main_account_id": 41000001}
    assert call.shop_id is None
    assert (grant.shop_ids, grant.merchant_ids) == ((SHOP, "226001133"), (MERCHANT,))


def test_main_account_without_a_list_is_for_nobody_and_never_for_a_shop_of_its_own_number() -> None:
    shopee, _ = client("answer__token_get__shop.json")
    grant = asyncio.run(shopee.exchange_main_account_code("4a4b", MAIN_ACCOUNT))
    assert (grant.shop_ids, grant.merchant_ids) == ((), ())


def test_merchants_pair_is_refreshed_under_the_merchants_own_id() -> None:
    shopee, http = client("answer__access_token_get__merchant.json")
    tokens = asyncio.run(shopee.refresh_merchant(MERCHANT, Secret("the-refresh-token")))
    (call,) = http.sent
    assert json.loads(call.json) == {
        "refresh_token": "the-refresh-token",
        "partner_id": 2009876,
        "merchant_id": 3300001,
    }
    assert call.shop_id is None
    assert tokens.access_token.reveal() == "496e76656e746564546f6b656e2d3033"


def test_tokens_of_another_merchant_are_never_taken() -> None:
    shopee, _ = client("answer__access_token_get__merchant.json")
    with pytest.raises(RemoteUnreadable):
        asyncio.run(shopee.refresh_merchant("3300002", TOKEN))


def test_merchant_of_a_shops_number_is_another_one() -> None:
    """The answer names a merchant; asked for as a shop, its number alone proves nothing."""
    shopee, _ = client("answer__access_token_get__renewed.json")
    tokens = asyncio.run(shopee.refresh_merchant(SHOP, TOKEN))  # names the shop, and no merchant
    assert tokens.access_token
    shopee, _ = client("answer__access_token_get__refused.json")
    with pytest.raises(NeedsReconnect):
        asyncio.run(shopee.refresh_merchant(MERCHANT, TOKEN))


def test_merchant_call_is_signed_with_token_and_merchant_and_names_no_shop() -> None:
    shopee, http = client("answer__get_merchant_info__normal.json")
    profile = asyncio.run(shopee.get_merchant(MERCHANT, TOKEN))
    assert profile == MerchantProfile(MERCHANT, "Kedai Group", "SG", "SGD", FROM, UNTIL)
    (call,) = http.sent
    path = "/api/v2/merchant/get_merchant_info"
    sign = sign_merchant(CREDENTIALS.partner_key, "2009876", path, STAMP, access_token=TOKEN, merchant_id=MERCHANT)
    assert call.path == path
    assert call.fields == {
        **public_fields(path),
        "sign": sign,
        "access_token": TOKEN.reveal(),
        "merchant_id": MERCHANT,
    }


@pytest.mark.parametrize("number", ["", "0", "abc", "4294967296", "1&shop_id=2"])
def test_what_can_be_no_merchant_or_main_account_is_never_sent(number: str) -> None:
    shopee, http = client()
    for call in (
        shopee.exchange_main_account_code("4a4b", number),
        shopee.refresh_merchant(number, TOKEN),
        shopee.get_merchant(number, TOKEN),
    ):
        with pytest.raises(Invalid):
            asyncio.run(call)
    assert http.sent == []


def test_push_configuration_is_read_whatever_the_case_of_its_status() -> None:
    shopee, http = client("answer__get_app_push_config__warning.json")
    config = asyncio.run(shopee.get_push_config())
    assert http.sent[0].fields == public_fields("/api/v2/push/get_app_push_config")
    assert (config.callback_url, config.status, config.stated_status) == (URL, PushStatus.WARNING, "warning")
    assert (config.codes_on, config.codes_off) == ((1, 2, 3, 4), (10,))
    assert (config.blocked_shop_ids, config.suspended_at) == (("226001133",), None)


def test_suspended_pushes_say_since_when() -> None:
    shopee, _ = client("answer__get_app_push_config__suspended.json")
    config = asyncio.run(shopee.get_push_config())
    assert (config.status, config.suspended_at) == (PushStatus.SUSPENDED, FROM)
    assert (config.codes_on, config.codes_off, config.blocked_shop_ids) == ((), (), ())


def test_unknown_status_is_kept_and_never_an_error() -> None:
    shopee, _ = client("answer__get_app_push_config__unknown_status.json")
    config = asyncio.run(shopee.get_push_config())
    assert (config.status, config.stated_status, config.callback_url) == (PushStatus.UNKNOWN, "On Holiday", "")


def test_only_what_shall_change_is_sent() -> None:
    shopee, http = client(*["answer__set_app_push_config__success.json"] * 2)
    asyncio.run(shopee.set_push_config(PushConfigChange(callback_url=URL, codes_on=(4, 3, 3))))
    asyncio.run(shopee.set_push_config(PushConfigChange(codes_off=(10,), blocked_shop_ids=())))
    assert [(call.method, call.path) for call in http.sent] == [("POST", "/api/v2/push/set_app_push_config")] * 2
    assert [json.loads(call.json) for call in http.sent] == [
        {"callback_url": URL, "set_push_config_on": [3, 4]},
        {"set_push_config_off": [10], "blocked_shop_id_list": []},
    ]
    assert http.sent[0].fields == public_fields("/api/v2/push/set_app_push_config")


def test_failed_test_push_is_told_in_the_marketplaces_words() -> None:
    shopee, _ = client("answer__set_app_push_config__test_push_failed.json")
    with pytest.raises(RemoteRejected, match="Test push failed"):
        asyncio.run(shopee.set_push_config(PushConfigChange(callback_url=URL)))


def test_a_change_that_is_not_confirmed_did_not_happen() -> None:
    shopee, _ = client("answer__set_app_push_config__not_confirmed.json")
    with pytest.raises(RemoteUnreadable):
        asyncio.run(shopee.set_push_config(PushConfigChange(callback_url=URL)))


@pytest.mark.parametrize(
    "change",
    [
        PushConfigChange(),
        PushConfigChange(callback_url=""),
        PushConfigChange(callback_url="ftp://a.test/"),
        PushConfigChange(callback_url="https://a.test/é"),
        PushConfigChange(callback_url="https://a.test/\r\nX: 1"),
        PushConfigChange(callback_url="https://a.test/" + "x" * 2_000),
        PushConfigChange(blocked_shop_ids=("1 2",)),
        PushConfigChange(blocked_shop_ids=("1",) * 501),
    ],
)
def test_what_can_never_be_accepted_is_never_sent(change: PushConfigChange) -> None:
    shopee, http = client()
    with pytest.raises(Invalid):
        asyncio.run(shopee.set_push_config(change))
    assert http.sent == []


def test_sign_in_link_is_unsigned_and_carries_the_state_beside_the_redirects_own_nonce() -> None:
    link = client()[0].authorization_url(REDIRECT, NOW, state="a+b/=", link=ConsentLink.SIGN_IN)
    parts = urlsplit(link)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == CREDENTIALS.auth_url
    assert dict(parse_qsl(parts.query, strict_parsing=True)) == {
        "partner_id": "2009876",
        "auth_type": "seller",
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "state": "a+b/=",
    }
    assert link.isascii()


def test_signed_link_has_no_state_of_its_own() -> None:
    link = client()[0].authorization_url(REDIRECT, NOW, state="a+b/=")
    assert "state" not in dict(parse_qsl(urlsplit(link).query))
