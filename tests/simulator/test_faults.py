"""Every fault of the contract's list as a rule: whom it strikes, how often, and what then comes back."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import urllib.error
from typing import TYPE_CHECKING, Any

import pytest

from kedai.simulator.state.deliveries import Delivery, DeliveryLog
from kedai.simulator.state.faults import FailRule, Target, take
from tests.simulator.seller import Seller
from tests.simulator.test_pushes import settled
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from tests.simulator.market import Market
    from tests.simulator.receiver import Receiver

INFO = "shop/get_shop_info"
DETAIL = "order/get_order_detail"


@pytest.fixture
def seller(market: Market) -> Seller:
    return Seller(market)


def rule(market: Market, **fault: Any) -> None:
    market.control("POST", "/settings", {"fail": [fault]})


def test_a_rule_strikes_so_often_and_then_is_gone(market: Market, seller: Seller) -> None:
    rule(market, path="/api/v2/shop/*", error="error_system_busy", message="busy", times=2)
    assert [seller.get(INFO).error for _ in range(3)] == ["error_system_busy", "error_system_busy", ""]
    assert market.control("GET", "/settings")["fail"] == []


def test_a_rule_can_be_of_one_shop_or_app(market: Market, seller: Seller) -> None:
    other = Seller(market, market.shop_ids[1])
    rule(market, error="error_server", shop_id=other.shop_id, times=None)
    assert (seller.get(INFO).error, other.get(INFO).error) == ("", "error_server")
    app = market.control("POST", "/apps", {"name": "Second app"})
    rule(market, error="error_server", partner_id=app["partner_id"], times=None)
    assert seller.get(INFO).error == ""


def test_chances_follow_from_the_seed() -> None:
    def drawn(seed: int) -> list[bool]:
        rules = [FailRule(error="x", times=None, probability=0.5, seed=seed)]
        return [take(rules, ("error",), Target("/p", 1, 2)) is not None for _ in range(64)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert 16 < sum(drawn(1)) < 48


def test_an_error_rule_needs_its_code(market: Market) -> None:
    refusal = market.control("POST", "/settings", {"fail": [{"kind": "error"}]}, status=400)
    assert "error code" in refusal["message"]
    market.control("POST", "/settings", {"fail": [{"kind": "nonsense"}]}, status=400)


def test_daily_limit_and_bursts_come_as_429(market: Market, seller: Seller) -> None:
    for error in ("error_rate_limit", "error_limit"):
        rule(market, error=error, times=3)
        assert [seller.get(INFO).status for _ in range(4)] == [429, 429, 429, 200]


def test_the_edge_can_answer_with_a_page(market: Market, seller: Seller) -> None:
    rule(market, kind="html")
    answer = seller.get(INFO)
    assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (502, "text/html")
    assert answer.raw.startswith(b"<!DOCTYPE html>")


def test_an_answer_can_be_lost_after_the_call_was_carried_out(market: Market) -> None:
    shop_id = market.shop_ids[0]
    tokens = market.connect(shop_id)
    rule(market, path="/api/v2/auth/access_token/get", kind="drop", after=True)
    with pytest.raises((http.client.HTTPException, urllib.error.URLError, ConnectionError)):
        market.refresh(tokens["refresh_token"], shop_id)
    assert market.refresh(tokens["refresh_token"], shop_id).error == "error_auth"


def test_slow_answers_are_slow(market: Market, seller: Seller) -> None:
    rule(market, kind="slow", seconds=0.3)
    seller.get(INFO)
    call = market.control("GET", "/calls/journal?limit=1")["calls"][0]
    assert call["milliseconds"] >= 300


def test_an_empty_page_says_there_is_more_and_loses_nothing(market: Market) -> None:
    market.control("POST", "/clock", {"advance_seconds": 5_000})
    seller = Seller(market)
    made = {seller.order()["order_sn"] for _ in range(3)}
    rule(market, path="/api/v2/order/get_order_list", kind="empty_page", times=2)
    now = market.now()
    query = {"time_range_field": "create_time", "time_from": now - 600, "time_to": now + 600, "page_size": 2}
    pages, cursor = [], ""
    while True:
        page = seller.get("order/get_order_list", **query, cursor=cursor).json["response"]
        pages.append([row["order_sn"] for row in page["order_list"]])
        cursor = page["next_cursor"]
        if not page["more"]:
            break
    assert pages[:2] == [[], []]
    assert {number for page in pages for number in page} == made


def test_fields_of_tomorrow_and_null_lists(market: Market, seller: Seller) -> None:
    order_sn = seller.order()["order_sn"]
    query = {"order_sn_list": order_sn, "response_optional_fields": "item_list"}
    rule(market, kind="unknown_fields")
    order = seller.get(DETAIL, **query).json["response"]["order_list"][0]
    assert order["field_of_tomorrow"] == order["item_list"][0]["field_of_tomorrow"] == {"kind": "NEW", "level": 7}
    rule(market, kind="null_lists")
    assert seller.get(DETAIL, **query).json["response"]["order_list"][0]["item_list"][0]["promotion_list"] is None
    assert seller.get(DETAIL, **query).json["response"]["order_list"][0]["item_list"][0]["promotion_list"] == []


@pytest.mark.parametrize(
    ("kind", "code"), [("prefixed_code", "common.error_not_found"), ("spaced_code", " error_not_found\t")]
)
def test_codes_can_be_damaged(market: Market, seller: Seller, kind: str, code: str) -> None:
    rule(market, kind=kind)
    assert [seller.get(DETAIL, order_sn_list="X").error for _ in range(2)] == [code, "error_not_found"]


def test_expiry_as_a_moment(market: Market) -> None:
    rule(market, kind="epoch_expiry")
    assert market.connect(market.shop_ids[0])["expire_in"] > 10**9
    assert market.connect(market.shop_ids[0])["expire_in"] == 14_400


def test_the_retired_host_finds_every_signature_wrong(market: Market, seller: Seller) -> None:
    market.control("POST", "/settings", {"legacy_host_mode": True})
    assert (seller.get(INFO).error, seller.get(INFO).json["message"]) == ("error_sign", "Wrong sign.")


def test_pushes_can_be_signed_wrong_doubled_late_or_lost(market: Market, receiver: Receiver) -> None:
    shop_id = market.shop_ids[0]
    right, wrong = (paid(market, shop_id, **fault) for fault in ({}, {"kind": "wrong_push_key", "path": "push:3"}))
    assert len(right["authorization"]) == len(wrong["authorization"]) == 64

    def expected(push: dict[str, Any]) -> str:
        text = push["url"].encode() + b"|" + push["body"].encode()
        return hmac.new(market.app["push_partner_key"].encode(), text, hashlib.sha256).hexdigest()

    assert (right["authorization"] == expected(right), wrong["authorization"] == expected(wrong)) == (True, False)
    rule(market, kind="duplicate_push", path="push:3")
    order_sn = market.create_order(shop_id, status="READY_TO_SHIP")["order_sn"]
    first, second = settled(market, order_sn, 2)
    assert second["duplicate_of"] == first["id"]
    late = paid(market, shop_id, kind="late_push", path="push:*", seconds=600)
    assert (late["state"], late["attempts"]) == ("waiting_retry", [])
    market.control("POST", "/clock", {"advance_seconds": 601})
    wait_until(
        lambda: market.control("GET", f"/deliveries/{late['id']}")["state"] == "delivered", message="the late push"
    )
    lost = paid(market, shop_id, kind="lost_push")
    assert (lost["state"], lost["attempts"]) == ("failed", [])


def test_push_whose_answer_is_lost_was_taken_and_is_tried_again(market: Market, receiver: Receiver) -> None:
    unheard = paid(market, market.shop_ids[0], kind="lost_answer", path="push:3")
    assert (unheard["state"], unheard["attempts"][0]["error"]) == ("waiting_retry", "the answer was lost")
    assert [one.body.decode() for one in receiver.received] == [unheard["body"]]
    market.control("POST", "/clock", {"advance_seconds": 301})
    wait_until(
        lambda: market.control("GET", f"/deliveries/{unheard['id']}")["state"] == "delivered", message="the next try"
    )


def test_deliveries_are_gone_through_by_id(market: Market, receiver: Receiver) -> None:
    """Break `DeliveryLog.after`."""
    for _ in range(3):
        paid(market, market.shop_ids[0])
    first, *rest = market.deliveries(limit=3)
    assert market.deliveries(after=first["id"], limit=1) == rest[:1]
    assert market.deliveries(after=first["id"]) == rest


def test_no_delivery_is_passed_over_where_pushes_were_shuffled() -> None:
    """Their numbers were drawn before they were shuffled."""
    log = DeliveryLog()
    for number in (1, 4, 2, 3):
        log.add(Delivery(number, 1, 3, 1, "O1", None, b"", "", 0.0))
    seen, after = [], 0
    while page := log.after(after, 1):
        after = page[-1].delivery_id
        seen.append(after)
    assert seen == [1, 2, 3, 4]


def paid(market: Market, shop_id: int, **fault: Any) -> dict[str, Any]:
    market.control("POST", "/settings", {"fail": [fault] if fault else []})
    order_sn = market.create_order(shop_id, status="READY_TO_SHIP")["order_sn"]
    return settled(market, order_sn, 1)[0]


# The lost queue


def lost_page(market: Market) -> dict[str, Any]:
    page: dict[str, Any] = market.public_get("/api/v2/push/get_lost_push_message").json["response"]
    return page


def confirm(market: Market, last: int) -> str:
    return market.public_post("/api/v2/push/confirm_consumed_lost_push_message", {"last_message_id": last}).error


def test_lost_pushes_come_a_hundred_at_a_time_and_only_confirming_moves_on(market: Market, receiver: Receiver) -> None:
    while lost_page(market)["push_message_list"]:
        confirm(market, lost_page(market)["last_message_id"])
    rule(market, kind="lost_push", times=None)
    made = market.control("POST", "/orders/batch", {"shop_id": market.shop_ids[0], "count": 130, "pushes": True})[
        "order_sns"
    ]
    first = lost_page(market)
    assert (len(first["push_message_list"]), first["has_next_page"]) == (100, True)
    assert lost_page(market) == first
    assert confirm(market, first["last_message_id"]) == ""
    second = lost_page(market)
    assert (len(second["push_message_list"]), second["has_next_page"]) == (30, False)
    bodies = [json.loads(row["data"]) for page in (first, second) for row in page["push_message_list"]]
    assert [body["data"]["ordersn"] for body in bodies] == made
    market.control("POST", "/settings", {"lost_data_as_text": False})
    assert lost_page(market)["push_message_list"][0]["data"]["code"] == 3
    assert confirm(market, second["last_message_id"] + 1_000) == "error_param"
    confirm(market, second["last_message_id"])
    empty = lost_page(market)
    assert (empty["push_message_list"], empty["has_next_page"]) == ([], False)


def test_lost_pushes_are_forgotten_after_three_days(market: Market, receiver: Receiver) -> None:
    rule(market, kind="lost_push")
    market.create_order(market.shop_ids[0], status="READY_TO_SHIP")
    assert lost_page(market)["push_message_list"]
    market.control("POST", "/clock", {"advance_seconds": 3 * 86_400})
    assert lost_page(market)["push_message_list"] == []


def test_a_push_that_failed_four_times_is_in_the_lost_queue(market: Market, receiver: Receiver) -> None:
    receiver.manner.status = 500
    order_sn = market.create_order(market.shop_ids[0], status="READY_TO_SHIP")["order_sn"]
    for wait in (300, 1_800, 10_800):
        (delivery,) = settled(market, order_sn, 1)
        count = len(delivery["attempts"])
        market.control("POST", "/clock", {"advance_seconds": wait + 1})
        wait_until(lambda count=count: len(receiver.received) > count, message="the next attempt")
    (delivery,) = settled(market, order_sn, 1)
    assert delivery["state"] == "failed"
    assert any(order_sn in row["data"] for row in lost_page(market)["push_message_list"])


def test_journal_keeps_bodies_without_secrets_and_is_queried(market: Market, seller: Seller) -> None:
    path = "/api/v2/auth/token/get"
    code = market.authorize(seller.shop_id)
    market.exchange(code, seller.shop_id)
    exchange = market.control("GET", f"/calls/journal?path={path}")["calls"][-1]
    assert code not in json.dumps(exchange)
    assert str(seller.shop_id) in exchange["body"]
    Seller(market).post("order/set_note", order_sn="NOSUCH", note="x")
    query = f"shop_id={seller.shop_id}&error=error_not_found&after={exchange['call_id']}"
    (found,) = market.control("GET", f"/calls/journal?{query}")["calls"]
    assert (found["path"], json.loads(found["body"])["order_sn"]) == ("/api/v2/order/set_note", "NOSUCH")
