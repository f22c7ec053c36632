"""What a seller changes about orders, and the package-centred lists."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.simulator.seller import Seller
from tests.simulator.test_pushes import settled

if TYPE_CHECKING:
    from tests.simulator.market import Market
    from tests.simulator.receiver import Receiver


@pytest.fixture
def seller(market: Market) -> Seller:
    return Seller(market)


def lines(order: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"item_id": item["item_id"], "model_id": item["model_id"]} for item in order["item_list"]]


def stock(seller: Seller, item: dict[str, Any]) -> int:
    models = seller.get("product/get_model_list", item_id=item["item_id"]).json["response"]["model"]
    found = next(model for model in models if model["model_id"] == item["model_id"])
    return int(found["stock_info_v2"]["seller_stock"][0]["stock"])


def test_seller_cancels_with_the_reason_and_items(seller: Seller) -> None:
    order = seller.order(items=2)
    wish = {"order_sn": order["order_sn"], "cancel_reason": "OUT_OF_STOCK"}
    assert seller.post("order/cancel_order", **wish).error == "error_param"
    strange = [{"item_id": 1, "model_id": 1}]
    assert seller.post("order/cancel_order", **wish, item_list=strange).error == "order. error_param"
    answer = seller.post("order/cancel_order", **wish, item_list=lines(order)[:1]).json
    shown = seller.shown(order["order_sn"])
    assert (shown["order_status"], shown["cancel_by"], shown["cancel_reason"]) == (
        "CANCELLED",
        "seller",
        "OUT_OF_STOCK",
    )
    assert answer["response"] == {"update_time": shown["update_time"]}
    again = seller.post("order/cancel_order", **wish, item_list=lines(order)[:1]).json
    assert (again["error"], again["message"]) == ("order.error_limit", "Can not cancel this order")


@pytest.mark.parametrize("reason", ["NOT_A_REASON", "UNDELIVERABLE_AREA", "COD_NOT_SUPPORTED"])
def test_reasons_that_do_not_fit_are_refused(seller: Seller, reason: str) -> None:
    answer = seller.post("order/cancel_order", order_sn=seller.order()["order_sn"], cancel_reason=reason)
    assert answer.error == "order. error_param"


def test_some_pieces_can_be_cancelled(seller: Seller) -> None:
    item = seller.order(items=2)["item_list"][0]
    wish = [{"item_id": item["item_id"], "model_id": item["model_id"], "quantity": 5}]
    order = seller.order(lines=wish)
    part = {"item_id": item["item_id"], "model_id": item["model_id"], "model_quantity": 2}
    answer = seller.post(
        "order/cancel_order",
        order_sn=order["order_sn"],
        cancel_reason="CUSTOMER_REQUEST",
        partial_cancel_item_list=[part],
    )
    assert answer.error == ""
    shown = seller.shown(order["order_sn"])
    assert shown["order_status"] == "READY_TO_SHIP"
    assert (shown["item_list"][0]["active_qty"], shown["item_list"][0]["cancelled_qty"]) == (3, 2)
    assert shown["total_amount"] < order["total_amount"]
    assert shown["package_list"][0]["item_list"][0]["model_quantity"] == 3


@pytest.mark.parametrize("before", [[], ["ship"], ["ship", "fail_pickup"]])
@pytest.mark.parametrize("operation", ["ACCEPT", "REJECT"])
def test_buyers_wish_to_cancel_is_decided(
    market: Market, receiver: Receiver, before: list[str], operation: str
) -> None:
    seller = Seller(market)
    order = seller.order(*before)
    order_sn, earlier = order["order_sn"], order["order_status"]
    wish = {"order_sn": order_sn, "operation": operation}
    refused = seller.post("order/handle_buyer_cancellation", **wish).json
    assert refused["message"] == "Invalid order_status.The order status should be IN_CANCEL."
    asked = seller.step(order_sn, "request_cancel")
    assert (asked["order_status"], asked["buyer_cancel_reason"]) == ("IN_CANCEL", "CUSTOMER_REQUEST")
    assert seller.post("order/handle_buyer_cancellation", **wish).error == ""
    after = "CANCELLED" if operation == "ACCEPT" else earlier
    assert seller.shown(order_sn)["order_status"] == after
    told = [json.loads(delivery["body"]) for delivery in market.deliveries(order_sn=order_sn)]
    statuses = [body["data"]["status"] for body in told if body["code"] == 3]
    assert statuses[-2:] == ["IN_CANCEL", after]


def test_cancelling_puts_the_stock_back(seller: Seller) -> None:
    order = seller.order(items=1)
    item = order["item_list"][0]
    left = stock(seller, item)
    seller.step(order["order_sn"], "cancel")
    assert stock(seller, item) == left + item["model_quantity_purchased"]


def test_note_is_kept_without_moving_the_order(seller: Seller) -> None:
    order = seller.order()
    answer = seller.post("order/set_note", order_sn=order["order_sn"], note="pack twice")
    assert "response" not in answer.json
    shown = seller.shown(order["order_sn"])
    assert (shown["note"], shown["update_time"]) == ("pack twice", order["update_time"])
    assert shown["note_update_time"] > 0
    assert seller.post("order/set_note", order_sn="NOSUCH", note="").error == "error_not_found"


def test_a_split_order_ships_package_by_package_and_shows_its_slowest(market: Market, receiver: Receiver) -> None:
    seller = Seller(market)
    order = seller.order(items=2, channel_id=18025)
    order_sn = order["order_sn"]
    parts = [{"item_list": [line]} for line in lines(order)]
    split = seller.post("order/split_order", order_sn=order_sn, package_list=parts).json["response"]
    first, second = (package["package_number"] for package in split["package_list"])
    assert seller.post("order/split_order", order_sn=order_sn, package_list=parts).error == (
        "order.order_has_been_split"
    )
    unnamed = seller.post("logistics/ship_order", order_sn=order_sn, dropoff={})
    assert unnamed.error == "logistics.ship_order_need_pacakge_number"
    missing = seller.get("logistics/get_shipping_parameter", order_sn=order_sn).json
    assert missing["message"] == "Please request with package_number for this split order."
    for number, status in ((first, "READY_TO_SHIP"), (second, "PROCESSED")):
        shipped = seller.post("logistics/ship_order", order_sn=order_sn, package_number=number, dropoff={})
        assert (shipped.error, seller.shown(order_sn)["order_status"]) == ("", status)
    assert seller.shown(order_sn)["split_up"] is True
    assert seller.step(order_sn, "pickup", package_number=first)["order_status"] == "PROCESSED"
    assert seller.step(order_sn, "pickup")["order_status"] == "SHIPPED"
    told = [json.loads(delivery["body"])["code"] for delivery in settled(market, order_sn, 8)]
    assert sorted(told) == [3, 3, 4, 4, 30, 30, 30, 30]


def test_unsplit_before_anything_is_arranged(seller: Seller) -> None:
    order = seller.order(items=3)
    order_sn = order["order_sn"]
    assert seller.post("order/unsplit_order", order_sn=order_sn).error == "order.order_cannot_undo_split"
    one, *others = lines(order)
    parts = [{"item_list": [one]}, {"item_list": others}]
    assert seller.post("order/split_order", order_sn=order_sn, package_list=parts).error == ""
    assert seller.post("order/unsplit_order", order_sn=order_sn).error == ""
    assert len(seller.shown(order_sn)["package_list"]) == 1


def test_a_split_that_does_not_fit_is_refused(seller: Seller) -> None:
    order = seller.order(items=2)
    one, two = lines(order)
    for parts, error in (
        ([[one, two]], "order.order_cannot_split"),
        ([[one, one], [two]], "order.order_split_duplicate_item"),
        ([[one], [one]], "order.order_split_package_missing_item"),
        ([[one], [{"item_id": 5, "model_id": 5}]], "order.order_split_item_not_exist"),
        ([[one], [one, two]], "order.order_split_wrong_item_quantity"),
    ):
        wish = [{"item_list": part} for part in parts]
        assert seller.post("order/split_order", order_sn=order["order_sn"], package_list=wish).error == error or (
            error == "order.order_split_package_missing_item"
        )


def test_shipment_list_holds_what_waits_page_by_page(market: Market) -> None:
    seller = Seller(market, market.shop_ids[1])
    waiting = [seller.order()["order_sn"] for _ in range(5)]
    seller.order("ship")
    found, cursor = [], ""
    while True:
        page = seller.get("order/get_shipment_list", page_size=2, cursor=cursor).json["response"]
        found += [row["order_sn"] for row in page["order_list"]]
        cursor = page["next_cursor"]
        if not page["more"]:
            break
    assert set(waiting) <= set(found)
    assert len(found) == len(set(found))
    over = seller.get("order/get_shipment_list", page_size=101).json
    assert over["message"] == "Wrong parameters, detail: page_size must be 100 or less."


def test_packages_are_searched_by_how_far_they_are(market: Market) -> None:
    seller = Seller(market, market.shop_ids[1])
    waiting, arranged, gone = seller.order(), seller.order("ship"), seller.order("ship", "pickup")

    def found(**wish: Any) -> tuple[set[str], dict[str, Any]]:
        numbers: set[str] = set()
        cursor = ""
        while True:
            pagination = {"page_size": 2, "cursor": cursor}
            page = seller.post("order/search_package_list", pagination=pagination, **wish).json["response"]
            numbers |= {row["order_sn"] for row in page["packages_list"]}
            cursor = page["pagination"]["next_cursor"]
            if not page["pagination"]["more"]:
                return numbers, page
            assert "," in cursor

    numbers = [order["order_sn"] for order in (waiting, arranged, gone)]
    for status, expected in ((None, [0]), (2, [0]), (3, [1]), (0, [0, 1])):
        wish = {} if status is None else {"filter": {"package_status": status}}
        got, _ = found(**wish)
        assert got & set(numbers) == {numbers[place] for place in expected}
    _, page = found(sort={"sort_type": 2, "ascending": False})
    assert page["sort"] == {"sort_type": 2, "is_asc": False}


def test_package_detail_knows_the_newer_view(seller: Seller) -> None:
    order = seller.order("ship")
    number = order["package_list"][0]["package_number"]
    detail = seller.get("order/get_package_detail", package_number_list=f"{number},OFG0").json["response"]
    (package,) = detail["package_list"]
    assert (package["order_sn"], package["fulfillment_status"]) == (order["order_sn"], "LOGISTICS_REQUEST_CREATED")
    assert package["is_shipment_arranged"] is True
    assert seller.get("order/get_package_detail", package_number_list="OFG0").error == "error_not_found"


def test_pending_is_shown_only_to_who_asks_and_pushes_nothing(market: Market, receiver: Receiver) -> None:
    seller = Seller(market)
    order_sn = seller.order("hold", status="UNPAID")["order_sn"]
    detail = {"order_sn_list": order_sn}
    plain = seller.get("order/get_order_detail", **detail).json["response"]["order_list"][0]
    asked = seller.get("order/get_order_detail", **detail, request_order_status_pending="true").json["response"]
    assert plain["order_status"] == "UNPAID"
    assert asked["order_list"][0]["order_status"] == "PENDING"
    assert asked["order_list"][0]["pending_terms"]
    assert market.deliveries(order_sn=order_sn) == []
    assert seller.step(order_sn, "release")["order_status"] == "READY_TO_SHIP"


def test_brazil_waits_for_its_invoice(market: Market) -> None:
    shop_id = market.control("POST", "/shops", {"region": "BR", "shop_name": "Café BR"})["shop_id"]
    seller = Seller(market, shop_id)
    order = seller.order()
    assert order["order_status"] == "INVOICE_PENDING"
    listed = seller.get("order/get_pending_buyer_invoice_order_list", page_size=10).json["response"]
    assert listed["order_list"] == [{"order_sn": order["order_sn"]}]
    assert seller.step(order["order_sn"], "invoice")["order_status"] == "READY_TO_SHIP"
