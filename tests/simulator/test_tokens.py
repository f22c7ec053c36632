"""Codes, exchange and refresh: one use each, life times on the simulated clock, and what ends them early."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulator.market import REDIRECT, location_query

if TYPE_CHECKING:
    from tests.simulator.market import Answer, Market

INFO = "/api/v2/shop/get_shop_info"


def shop_info(market: Market, token: str, shop_id: int) -> Answer:
    return market.shop_get(INFO, token, shop_id)


def advance(market: Market, seconds: float) -> None:
    market.control("POST", "/clock", {"advance_seconds": seconds})


def test_authorization_without_a_person_keeps_the_redirects_own_query(market: Market) -> None:
    shop_id = market.shop_ids[0]
    wish = {"partner_id": market.app["partner_id"], "shop_id": shop_id, "redirect": REDIRECT}
    made = market.control("POST", "/authorizations", wish)
    assert made["location"].startswith(REDIRECT + "&")
    query = location_query(made["location"])
    assert query == {"nonce": ["n/1"], "keep": ["a b"], "code": [made["code"]], "shop_id": [str(shop_id)]}


def test_exchange_gives_a_pair_once(market: Market) -> None:
    shop_id = market.shop_ids[0]
    code = market.authorize(shop_id)
    answer = market.exchange(code, shop_id).json
    assert answer["expire_in"] == 14_400
    assert len(answer["access_token"]) == len(answer["refresh_token"]) == 32
    assert "response" not in answer
    assert shop_info(market, answer["access_token"], shop_id).error == ""
    again = market.exchange(code, shop_id).json
    assert again["error"] == "invalid_code"
    assert again["message"] == "The code is expired or used or invalid, please check the code."


def test_code_of_another_shop_is_refused_and_not_used_up(market: Market) -> None:
    first, second = market.shop_ids
    code = market.authorize(first)
    assert market.exchange(code, second).error == "invalid_shop_id"
    assert market.exchange(code, first, shop_id=None, main_account_id=5).error == "invalid_main_acount_id"
    assert market.exchange(code, first).error == ""


def test_code_lives_ten_minutes(market: Market) -> None:
    shop_id = market.shop_ids[0]
    early, late = market.authorize(shop_id), market.authorize(shop_id)
    advance(market, 590)
    assert market.exchange(early, shop_id).error == ""
    advance(market, 20)
    assert market.exchange(late, shop_id).error == "invalid_code"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"partner_id": None}, "partner_id is a required field"),
        ({"partner_id": "12"}, "Expected: integer, given: string"),
        ({"partner_id": 12}, "Invalid partner_id."),
        ({"code": None}, "code is a required field"),
        ({"code": 5}, "Expected: string, given: integer"),
        ({"shop_id": None}, "exactly one of"),
        ({"main_account_id": 5}, "exactly one of"),
        ({"shop_id": True}, "Expected: integer, given: boolean"),
    ],
)
def test_exchange_checks_its_body(market: Market, changes: dict[str, object], text: str) -> None:
    answer = market.exchange("somecode", market.shop_ids[0], **changes).json
    assert answer["error"] == "error_param"
    assert text in answer["message"]


def test_refresh_token_works_once_and_old_access_five_minutes_more(market: Market) -> None:
    shop_id = market.shop_ids[0]
    old = market.connect(shop_id)
    new = market.refresh(old["refresh_token"], shop_id).json
    assert (new["partner_id"], new["shop_id"], new["expire_in"]) == (market.app["partner_id"], shop_id, 14_400)
    assert new["refresh_token"] != old["refresh_token"]
    second = market.refresh(old["refresh_token"], shop_id).json
    assert (second["error"], second["message"]) == ("error_auth", "Invalid refresh_token.")
    advance(market, 290)
    assert shop_info(market, old["access_token"], shop_id).error == ""
    advance(market, 15)
    assert shop_info(market, old["access_token"], shop_id).error == "invalid_acceess_token"
    assert shop_info(market, new["access_token"], shop_id).error == ""


def test_used_refresh_token_gives_the_same_pair_for_four_hours_if_switched_so(market: Market) -> None:
    market.control("POST", "/settings", {"refresh_replay_mode": "same_pair_4h"})
    shop_id = market.shop_ids[0]
    old = market.connect(shop_id)
    new = market.refresh(old["refresh_token"], shop_id).json
    advance(market, 3600)
    same = market.refresh(old["refresh_token"], shop_id).json
    assert (same["access_token"], same["refresh_token"]) == (new["access_token"], new["refresh_token"])
    assert 10_700 < same["expire_in"] <= 10_800
    advance(market, 3 * 3600)
    assert market.refresh(old["refresh_token"], shop_id).error == "error_auth"


def test_access_lives_four_hours_and_refresh_thirty_days(market: Market) -> None:
    shop_id = market.shop_ids[0]
    tokens = market.connect(shop_id)
    advance(market, 14_390)
    assert shop_info(market, tokens["access_token"], shop_id).error == ""
    advance(market, 20)
    assert shop_info(market, tokens["access_token"], shop_id).error == "invalid_acceess_token"
    advance(market, 30 * 86_400)
    assert market.refresh(tokens["refresh_token"], shop_id).error == "refresh_token_expired"


def test_authorizing_again_replaces_both_tokens(market: Market) -> None:
    shop_id = market.shop_ids[0]
    old, new = market.connect(shop_id), market.connect(shop_id)
    assert shop_info(market, old["access_token"], shop_id).error == "invalid_acceess_token"
    assert market.refresh(old["refresh_token"], shop_id).error == "error_auth"
    assert shop_info(market, new["access_token"], shop_id).error == ""


def test_refresh_for_another_shop_is_refused_and_uses_nothing_up(market: Market) -> None:
    first, second = market.shop_ids
    tokens = market.connect(first)
    market.connect(second)
    assert market.refresh(tokens["refresh_token"], second).error == "error_shop_refresh_token"
    assert market.refresh("f" * 32, first).error == "error_auth"
    assert market.refresh(tokens["refresh_token"], first).error == ""


def test_consent_of_the_seller_ends_after_a_year(market: Market) -> None:
    shop_id = market.shop_ids[0]
    tokens = market.connect(shop_id)
    advance(market, 366 * 86_400)
    assert market.refresh(tokens["refresh_token"], shop_id).error == "shop_access_expired"


def test_expired_and_revoked_by_control(market: Market) -> None:
    shop_id = market.shop_ids[0]
    tokens = market.connect(shop_id)
    assert market.control("POST", f"/shops/{shop_id}/expire-tokens") == {"expired": 1}
    assert shop_info(market, tokens["access_token"], shop_id).error == "invalid_acceess_token"
    fresh = market.refresh(tokens["refresh_token"], shop_id).json
    assert market.control("POST", f"/shops/{shop_id}/revoke") == {"revoked": 1}
    assert shop_info(market, fresh["access_token"], shop_id).error == "shop_no_linked"
    assert market.refresh(fresh["refresh_token"], shop_id).error == "shop_no_linked"
    again = market.connect(shop_id)
    assert shop_info(market, fresh["access_token"], shop_id).error == "invalid_acceess_token"
    assert shop_info(market, again["access_token"], shop_id).error == ""
