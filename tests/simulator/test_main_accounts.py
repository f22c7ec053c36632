"""Main accounts: one code and one pair for several shops and merchants, then a pair of its own for each."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from tests.simulator.market import REDIRECT, fetch, location_query
from tests.simulator.test_consent import FORM, hidden_fields, open_page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulator.market import Market

SHOP_INFO = "/api/v2/shop/get_shop_info"
MERCHANT_INFO = "/api/v2/merchant/get_merchant_info"


@pytest.fixture(autouse=True)
def _nobody_authorised(market: Market) -> Iterator[None]:
    yield
    for shop_id in market.shop_ids:
        market.control("POST", f"/shops/{shop_id}/revoke")
    market.control("POST", f"/merchants/{market.merchant_id}/revoke")


def test_exchange_lists_everybody_and_gives_one_pair_for_all(market: Market) -> None:
    tokens = market.connect_main_account()
    assert tokens["shop_id_list"] == market.shop_ids
    assert tokens["merchant_id_list"] == [market.merchant_id]
    token = tokens["access_token"]
    assert [market.shop_get(SHOP_INFO, token, shop_id).error for shop_id in market.shop_ids] == ["", ""]
    told = market.merchant_get(MERCHANT_INFO, token, market.merchant_id).json
    assert (told["error"], told["merchant_currency"]) == ("", "SGD")
    assert "response" not in told


def test_each_shop_and_merchant_refreshes_the_shared_pair_once_for_its_own(market: Market) -> None:
    shared = market.connect_main_account()
    first, second = market.shop_ids
    own = market.refresh(shared["refresh_token"], first).json
    assert (own["error"], own["shop_id"]) == ("", first)
    assert market.refresh(shared["refresh_token"], first).error == "error_auth"
    other = market.refresh(shared["refresh_token"], second).json
    merchant = market.refresh(shared["refresh_token"], 0, shop_id=None, merchant_id=market.merchant_id).json
    assert (other["error"], merchant["error"], merchant["merchant_id"]) == ("", "", market.merchant_id)
    assert len({one["access_token"] for one in (shared, own, other, merchant)}) == 4


def test_a_pair_of_its_own_is_nobody_elses(market: Market) -> None:
    shared = market.connect_main_account()
    first, second = market.shop_ids
    own = market.refresh(shared["refresh_token"], first).json
    assert market.shop_get(SHOP_INFO, own["access_token"], second).error == "invalid_acceess_token"
    assert market.refresh(own["refresh_token"], second).error == "error_shop_refresh_token"
    as_merchant = market.refresh(own["refresh_token"], 0, shop_id=None, merchant_id=market.merchant_id)
    assert as_merchant.error == "error_merchant_refresh_token"
    merchants = market.merchant_get(MERCHANT_INFO, own["access_token"], market.merchant_id)
    assert merchants.error == "invalid_acceess_token"


def test_one_ones_refresh_leaves_the_shared_pair_to_the_others(market: Market) -> None:
    shared = market.connect_main_account()
    first, second = market.shop_ids
    market.refresh(shared["refresh_token"], first)
    market.control("POST", "/clock", {"advance_seconds": 301})
    assert market.shop_get(SHOP_INFO, shared["access_token"], first).error == "invalid_acceess_token"
    assert market.shop_get(SHOP_INFO, shared["access_token"], second).error == ""


def test_only_those_who_were_chosen_are_given(market: Market) -> None:
    first, second = market.shop_ids
    tokens = market.connect_main_account(shop_ids=[second], merchant_ids=[])
    assert (tokens["shop_id_list"], tokens["merchant_id_list"]) == ([second], [])
    assert market.shop_get(SHOP_INFO, tokens["access_token"], first).error == "invalid_acceess_token"
    assert market.refresh(tokens["refresh_token"], 0, shop_id=None, merchant_id=market.merchant_id).error in {
        "merchant_no_linked",
        "error_merchant_refresh_token",
    }


def test_code_of_a_main_account_is_no_shops_and_the_other_way_round(market: Market) -> None:
    shop_id = market.shop_ids[0]
    of_account, of_shop = market.authorize_main_account(), market.authorize(shop_id)
    assert market.exchange(of_account, shop_id).error == "invalid_shop_id"
    assert market.exchange(of_account, 0, shop_id=None, main_account_id=5).error == "invalid_main_acount_id"
    assert (
        market.exchange(of_shop, 0, shop_id=None, main_account_id=market.main_account_id).error
        == "invalid_main_acount_id"
    )
    assert market.exchange(of_shop, shop_id).error == ""


def test_merchant_calls_are_checked_like_shop_calls(market: Market) -> None:
    token = market.connect_main_account()["access_token"]
    both = market.merchant_get(MERCHANT_INFO, token, market.merchant_id, shop_id=market.shop_ids[0])
    assert both.error == "error_sign"
    missing = market.merchant_get(MERCHANT_INFO, token, market.merchant_id, merchant_id="")
    assert missing.json["message"] == "There is no merchant_id in query."
    unreadable = market.merchant_get(MERCHANT_INFO, token, market.merchant_id, merchant_id="x")
    assert unreadable.json["message"].startswith("merchant_id is invalid")
    market.control("POST", f"/merchants/{market.merchant_id}/expire-tokens")
    assert market.merchant_get(MERCHANT_INFO, token, market.merchant_id).error == "invalid_acceess_token"


def test_merchant_whose_consent_was_taken_back_is_not_linked(market: Market) -> None:
    tokens = market.connect_main_account()
    assert market.control("POST", f"/merchants/{market.merchant_id}/revoke") == {"revoked": 1}
    told = market.merchant_get(MERCHANT_INFO, tokens["access_token"], market.merchant_id)
    assert told.error == "merchant_no_linked"
    refreshed = market.refresh(tokens["refresh_token"], 0, shop_id=None, merchant_id=market.merchant_id)
    assert refreshed.error == "merchant_no_linked"
    assert market.shop_get(SHOP_INFO, tokens["access_token"], market.shop_ids[0]).error == ""


@pytest.mark.parametrize(("ticked", "merchants"), [({}, 0), ({"merchants": "1"}, 1)])
def test_page_gives_merchants_only_if_their_box_is_ticked(
    market: Market, ticked: dict[str, str], merchants: int
) -> None:
    fields = {**hidden_fields(open_page(market)), **ticked, "decision": "approve_main_account", "days": "30"}
    answer = fetch("POST", f"{market.url}/api/v2/shop/auth_partner", urlencode(fields).encode(), FORM)
    assert answer.status == 302
    query = location_query(answer.headers["Location"])
    assert "shop_id" not in query
    assert (query["main_account_id"], query["nonce"]) == ([str(market.main_account_id)], ["n/1"])
    tokens = market.exchange(query["code"][0], 0, shop_id=None, main_account_id=market.main_account_id).json
    assert (tokens["shop_id_list"], len(tokens["merchant_id_list"])) == (market.shop_ids, merchants)


def test_location_and_refusals_of_the_control_route(market: Market, live: Market) -> None:
    good = {"partner_id": market.app["partner_id"], "main_account_id": market.main_account_id, "redirect": REDIRECT}
    made = market.control("POST", "/authorizations", {**good, "state": "s 1"})
    query = location_query(made["location"])
    assert (query["main_account_id"], query["state"]) == ([str(market.main_account_id)], ["s 1"])
    for change, status in (
        ({"main_account_id": live.main_account_id}, 404),
        ({"shop_ids": [live.shop_ids[0]]}, 404),
        ({"merchant_ids": [live.merchant_id]}, 404),
        ({"shop_ids": [], "merchant_ids": []}, 400),
        ({"shop_id": market.shop_ids[0]}, 400),
        ({"main_account_id": None}, 400),
        ({"days": 366}, 400),
    ):
        assert market.control("POST", "/authorizations", {**good, **change}, status=status)["message"]
