"""Orders by the control API: their steps, what is refused, and how times move."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.simulator.market import Market

LIFE = {
    "pay": ("READY_TO_SHIP", "LOGISTICS_READY"),
    "ship": ("PROCESSED", "LOGISTICS_REQUEST_CREATED"),
    "pickup": ("SHIPPED", "LOGISTICS_PICKUP_DONE"),
    "deliver": ("TO_CONFIRM_RECEIVE", "LOGISTICS_DELIVERY_DONE"),
    "complete": ("COMPLETED", "LOGISTICS_DELIVERY_DONE"),
}


def test_an_order_walks_its_whole_life_and_update_time_always_grows(market: Market) -> None:
    order = market.create_order(market.shop_ids[0])
    assert order["order_status"] == "UNPAID"
    assert order["shop_id"] == market.shop_ids[0]
    assert len(order["order_sn"]) == 14
    for verb, expected in LIFE.items():
        before = order["update_time"]
        order = market.control("POST", f"/orders/{order['order_sn']}/{verb}")
        assert (order["order_status"], order["package_list"][0]["logistics_status"]) == expected
        assert order["update_time"] > before
    assert order["pay_time"] < order["pickup_done_time"] < order["update_time"]
    assert order["ship_by_date"] == order["pay_time"] + order["days_to_ship"] * 86_400


@pytest.mark.parametrize(
    ("steps", "package"),
    [
        ([], "LOGISTICS_NOT_START"),
        (["pay"], "LOGISTICS_INVALID"),
        (["pay", "ship"], "LOGISTICS_REQUEST_CANCELED"),
    ],
)
def test_cancel_from_every_early_state(market: Market, steps: list[str], package: str) -> None:
    order_sn = market.create_order(market.shop_ids[0])["order_sn"]
    for verb in steps:
        market.control("POST", f"/orders/{order_sn}/{verb}")
    order = market.control("POST", f"/orders/{order_sn}/cancel", {"by": "buyer"})
    assert order["order_status"] == "CANCELLED"
    assert order["package_list"][0]["logistics_status"] == package
    assert (order["cancel_by"], order["cancel_reason"]) == ("buyer", "CUSTOMER_REQUEST")


def test_a_step_in_the_wrong_state_changes_nothing(market: Market) -> None:
    order = market.create_order(market.shop_ids[0])
    for verb in ("ship", "pickup", "deliver", "complete"):
        refusal = market.control("POST", f"/orders/{order['order_sn']}/{verb}", status=409)
        assert refusal["error"] == "wrong_state"
        assert "is UNPAID" in refusal["message"]
    assert market.control("GET", f"/orders/{order['order_sn']}") == order
    market.control("POST", f"/orders/{order['order_sn']}/cancel")
    assert market.control("POST", f"/orders/{order['order_sn']}/cancel", status=409)["error"] == "wrong_state"


def test_a_given_number_is_kept_and_taken_once(market: Market) -> None:
    odd = "260801'\"<b>%F0 Ω"
    assert market.create_order(market.shop_ids[0], order_sn=odd)["order_sn"] == odd
    wish = {"shop_id": market.shop_ids[0], "order_sn": odd}
    assert market.control("POST", "/orders", wish, status=409)["error"] == "duplicate_order"


def test_a_batch_is_spread_over_the_past_when_asked(market: Market) -> None:
    wish = {"shop_id": market.shop_ids[0], "count": 300, "spread_seconds": 86_400, "status": "UNPAID"}
    made = market.control("POST", "/orders/batch", wish)
    assert made["created"] == len(set(made["order_sns"])) == 300
    first, last = (market.control("GET", f"/orders/{made['order_sns'][place]}") for place in (0, -1))
    assert 86_000 < last["create_time"] - first["create_time"] < 86_401
    assert first["order_status"] == "UNPAID"


def test_an_order_can_appear_later_and_is_not_forgotten_meanwhile(market: Market) -> None:
    wish = {"shop_id": market.shop_ids[0], "delay_seconds": 300, "status": "READY_TO_SHIP"}
    promised = market.control("POST", "/orders", wish, status=202)
    place = f"/orders/{promised['order_sn']}"
    market.control("GET", place, status=404)
    market.control("PUT", "/snapshot", market.control("GET", "/snapshot"))
    market.control("POST", "/clock", {"advance_seconds": 301})
    assert market.control("GET", place)["order_status"] == "READY_TO_SHIP"
    market.control("POST", "/orders", {**wish, "channel_id": 5}, status=404)


@pytest.mark.parametrize(
    ("before", "verb", "package"),
    [
        (["ship"], "fail_pickup", "LOGISTICS_PICKUP_RETRY"),
        (["ship", "pickup"], "fail_delivery", "LOGISTICS_DELIVERY_FAILED"),
        (["ship", "pickup"], "lose", "LOGISTICS_LOST"),
    ],
)
def test_things_go_wrong_on_the_way(market: Market, before: list[str], verb: str, package: str) -> None:
    order_sn = market.create_order(market.shop_ids[0], status="READY_TO_SHIP")["order_sn"]
    for step in before:
        market.control("POST", f"/orders/{order_sn}/{step}")
    order = market.control("POST", f"/orders/{order_sn}/{verb}")
    assert order["package_list"][0]["logistics_status"] == package
    assert order["order_status"] == ("RETRY_SHIP" if verb == "fail_pickup" else "SHIPPED")
