"""The gateway: its checks come in the contract's order, with the contract's words and statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.simulator.market import date_offset, fetch

if TYPE_CHECKING:
    from tests.simulator.market import Market

DETAIL = "/api/v2/order/get_order_detail"
INFO = "/api/v2/shop/get_shop_info"
EXCHANGE = "/api/v2/auth/token/get"


def test_checks_come_in_order_each_hiding_the_next(market: Market) -> None:
    """A call with everything wrong is mended fault by fault; each answer names the first fault left."""
    shop_id = market.shop_ids[0]
    good = market.query(DETAIL, market.connect(shop_id)["access_token"], shop_id)
    bad_token = market.query(DETAIL, "f" * 32, shop_id)
    mends: list[tuple[dict[str, Any], str, str]] = [
        ({}, "error_param", "There is no partner_id in query."),
        ({"partner_id": ""}, "error_param", "Invalid partner_id."),
        ({"partner_id": "12x"}, "error_param", "Partner_id is invalid, should be an integer between 0 and 4294967295."),
        (
            {"partner_id": 4294967296},
            "error_param",
            "Partner_id is invalid, should be an integer between 0 and 4294967295.",
        ),
        ({"partner_id": 5}, "invalid_partner_id", "Invalid partner_id, please have a check."),
        ({"partner_id": good["partner_id"]}, "error_param", "no timestamp"),
        ({"timestamp": ""}, "error_param", "Invalid timestamp"),
        ({"timestamp": "-1"}, "error_param", "Timestamp is invalid, should be an integer between 0 and 4294967295."),
        ({"timestamp": good["timestamp"] - 400}, "error_param", "Timestamp is expired."),
        ({"timestamp": good["timestamp"]}, "error_param", "There is no sign in query."),
        ({"sign": "0" * 64}, "error_param", "There is no access_token in query."),
        ({"access_token": "f" * 32}, "error_param", "There is no shop_id in query."),
        ({"shop_id": "abc"}, "error_param", "shop_id is invalid, should be an integer between 0 and 4294967295."),
        ({"shop_id": shop_id}, "error_sign", "Wrong sign."),
        (
            {"sign": bad_token["sign"], "timestamp": bad_token["timestamp"]},
            "invalid_acceess_token",
            "Invalid access_token, please have a check.",
        ),
        (good, "error_param", "Wrong parameters, detail: order_sn_list is a required field."),
        ({"order_sn_list": "NOSUCH"}, "error_not_found", "Wrong parameters, detail: the order is not found."),
    ]
    query: dict[str, Any] = {}
    for mend, error, message in mends:
        query |= mend
        answer = market.get(DETAIL, query).json
        assert (answer["error"], answer["message"]) == (error, message), mend


def test_unknown_path_is_a_bare_404_before_any_other_check(market: Market) -> None:
    answer = market.get("/api/v2/order/get_orders", {})
    assert answer.status == 404
    assert b"request_id" not in answer.raw


def test_statuses_follow_the_mode(market: Market) -> None:
    wrong_sign = market.query(EXCHANGE, sign="0" * 64)
    assert market.post(EXCHANGE, wrong_sign, {}).status == 403
    assert market.post(EXCHANGE, market.query(EXCHANGE), {}).status == 200
    market.control("POST", "/settings", {"http_status_mode": "always_200"})
    answer = market.post(EXCHANGE, wrong_sign, {})
    assert (answer.status, answer.error) == (200, "error_sign")


def test_envelope_carries_request_id_and_empty_error_on_success(market: Market) -> None:
    shop_id = market.shop_ids[0]
    answer = market.shop_get(INFO, market.connect(shop_id)["access_token"], shop_id).json
    assert (answer["error"], answer["message"]) == ("", "")
    assert len(answer["request_id"]) == 32
    assert "response" not in answer
    assert answer["region"] == "SG"
    assert answer["expire_time"] > answer["auth_time"]


def test_public_call_is_taken_with_the_long_base_too(market: Market) -> None:
    long_base = market.query(EXCHANGE, "sometoken", market.shop_ids[0])
    assert market.post(EXCHANGE, long_base, {}).error == "error_param"
    assert market.post(EXCHANGE, {**long_base, "shop_id": 1}, {}).error == "error_sign"


def test_shop_and_merchant_together_are_a_wrong_sign(market: Market) -> None:
    shop_id = market.shop_ids[0]
    token = market.connect(shop_id)["access_token"]
    assert market.shop_get(INFO, token, shop_id, merchant_id=1).error == "error_sign"


def test_token_of_one_shop_does_not_open_the_other(market: Market) -> None:
    first, second = market.shop_ids
    token = market.connect(first)["access_token"]
    assert market.shop_get(INFO, token, second).error == "invalid_acceess_token"


def test_date_header_and_timestamps_follow_the_simulated_clock(market: Market) -> None:
    stale = market.query(EXCHANGE)
    market.control("POST", "/clock", {"advance_seconds": 900})
    answer = market.post(EXCHANGE, stale, {})
    assert answer.json["message"] == "Timestamp is expired."
    assert 897 < date_offset(answer) < 901
    assert "Timestamp" not in market.post(EXCHANGE, market.query(EXCHANGE), {}).json["message"]
    market.control("POST", "/clock", {"advance_seconds": -900})
    assert abs(date_offset(fetch("GET", f"{market.url}/"))) < 3


def test_fail_rules_count_down_and_carry_their_status(market: Market) -> None:
    rule = {"path": EXCHANGE, "error": "error_rate_limit", "message": "Too many requests.", "times": 2}
    market.control("POST", "/settings", {"fail": [rule]})
    codes = [market.exchange("nocode", market.shop_ids[0]) for _ in range(3)]
    assert [(code.status, code.error) for code in codes] == [
        (429, "error_rate_limit"),
        (429, "error_rate_limit"),
        (200, "invalid_code"),
    ]
    market.control("POST", "/settings", {"fail": [{"path": "*", "error": "error_server", "status": 502}]})
    assert market.exchange("nocode", market.shop_ids[0]).status == 502


def test_rule_after_the_call_loses_only_the_answer(market: Market) -> None:
    shop_id = market.shop_ids[0]
    tokens = market.connect(shop_id)
    rule = {"path": "/api/v2/auth/access_token/get", "error": "error_network", "after": True}
    market.control("POST", "/settings", {"fail": [rule]})
    assert market.refresh(tokens["refresh_token"], shop_id).error == "error_network"
    assert market.refresh(tokens["refresh_token"], shop_id).error == "error_auth"


def test_calls_are_counted_by_path_and_kept_without_secrets(market: Market) -> None:
    shop_id = market.shop_ids[0]
    token = market.connect(shop_id)["access_token"]
    market.shop_get(DETAIL, token, shop_id, order_sn_list="A,B")
    market.get("/api/v2/nowhere", {})
    counts = market.control("GET", "/calls")
    assert counts == {EXCHANGE: 1, DETAIL: 1, "(unknown path)": 1}
    entry = market.control("GET", f"/calls/journal?path={DETAIL}")["calls"][0]
    assert entry["query"]["order_sn_list"] == "A,B"
    assert (entry["error"], entry["status"]) == ("error_not_found", 200)
    assert not {"access_token", "sign"} & set(entry["query"])


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'"x"', b""])
def test_unreadable_bodies_are_refused_in_the_envelope(market: Market, body: bytes) -> None:
    url = f"{market.url}{EXCHANGE}?" + "&".join(f"{name}={value}" for name, value in market.query(EXCHANGE).items())
    assert fetch("POST", url, body).error == "error_param"


def test_wrong_method_is_refused_in_the_envelope(market: Market) -> None:
    assert "request path is incorrect" in market.get(EXCHANGE, market.query(EXCHANGE)).json["message"]
