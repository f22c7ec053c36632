"""Order list and detail as an app reads them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.simulator.market import Answer, Market

LIST = "/api/v2/order/get_order_list"
DETAIL = "/api/v2/order/get_order_detail"
ALWAYS = {
    "order_sn",
    "region",
    "currency",
    "cod",
    "order_status",
    "message_to_seller",
    "create_time",
    "update_time",
    "days_to_ship",
    "ship_by_date",
}


class Seller:
    """A connected shop of a market."""

    def __init__(self, market: Market, shop_id: int) -> None:
        self.market, self.shop_id = market, shop_id
        self.token = market.connect(shop_id)["access_token"]

    def details(self, numbers: object, **business: Any) -> Answer:
        return self.market.shop_get(DETAIL, self.token, self.shop_id, order_sn_list=numbers, **business)

    def listed(self, **changes: Any) -> Answer:
        now = self.market.now()
        wish = {"time_range_field": "create_time", "time_from": now - 600, "time_to": now + 600, "page_size": 100}
        wish = {name: value for name, value in {**wish, **changes}.items() if value is not None}
        return self.market.shop_get(LIST, self.token, self.shop_id, **wish)

    def all_pages(self, **changes: Any) -> list[list[str]]:
        pages, cursor = [], ""
        while True:
            response = self.listed(cursor=cursor, **changes).json["response"]
            pages.append([order["order_sn"] for order in response["order_list"]])
            cursor = response["next_cursor"]
            if not response["more"]:
                assert cursor == ""
                return pages


@pytest.fixture
def seller(market: Market) -> Seller:
    return Seller(market, market.shop_ids[0])


def test_fields_that_were_not_asked_for_are_absent(market: Market, seller: Seller) -> None:
    order_sn = market.create_order(seller.shop_id)["order_sn"]
    bare = seller.details(order_sn).json["response"]["order_list"][0]
    assert set(bare) == ALWAYS
    asked = seller.details(order_sn, response_optional_fields="item_list,total_amount,edt,nonsense").json
    assert set(asked["response"]["order_list"][0]) == ALWAYS | {"item_list", "total_amount", "edt_from", "edt_to"}


def test_detail_carries_items_package_and_masked_address(market: Market, seller: Seller) -> None:
    order_sn = market.create_order(seller.shop_id, items=3)["order_sn"]
    fields = "item_list,package_list,recipient_address,buyer_username,payment_method,total_amount,pay_time,invoice_data"
    order = seller.details(order_sn, response_optional_fields=fields).json["response"]["order_list"][0]
    assert len(order["item_list"]) == len(order["package_list"][0]["item_list"]) == 3
    assert {"item_id", "model_id", "model_sku", "model_quantity_purchased"} <= set(order["item_list"][0])
    assert order["recipient_address"]["name"] == "****"
    assert order["package_list"][0]["logistics_status"] == "LOGISTICS_NOT_START"
    assert (order["pay_time"], order["invoice_data"]) == (None, None)
    assert order["currency"] == "SGD"


def test_money_has_no_float_artefacts_and_adds_up(market: Market, live: Market) -> None:
    for port, decimals in ((market, 2), (live, 0)):
        shop_id = port.shop_ids[1] if port is live else port.shop_ids[0]
        port.control("POST", "/orders/batch", {"shop_id": shop_id, "count": 40})
        state = json.dumps(port.control("GET", "/state?deliveries=0")["orders"])
        for order in json.loads(state, parse_float=Decimal):
            if order["shop_id"] == shop_id:
                lines = order["item_list"]
                goods = sum(line["model_discounted_price"] * line["model_quantity_purchased"] for line in lines)
                assert order["total_amount"] == goods + order["estimated_shipping_fee"]
                assert order["total_amount"] == round(Decimal(order["total_amount"]), decimals)


def test_lists_are_taken_in_every_form(market: Market, seller: Seller) -> None:
    numbers = [market.create_order(seller.shop_id)["order_sn"] for _ in range(3)]
    for form in (",".join(numbers), numbers, f"[{','.join(numbers)}]", json.dumps(numbers)):
        found = seller.details(form).json["response"]["order_list"]
        assert [order["order_sn"] for order in found] == numbers


def test_unknown_numbers_are_left_out_and_all_unknown_is_an_error(market: Market, seller: Seller) -> None:
    order_sn = market.create_order(seller.shop_id)["order_sn"]
    other = market.create_order(market.shop_ids[1])["order_sn"]
    found = seller.details(f"NOSUCH,{order_sn},{other}").json["response"]["order_list"]
    assert [order["order_sn"] for order in found] == [order_sn]
    missing = seller.details(f"NOSUCH,{other}")
    assert (missing.status, missing.error) == (200, "error_not_found")
    assert missing.json["message"] == "Wrong parameters, detail: the order is not found."


def test_fifty_orders_at_most_in_one_call(market: Market, seller: Seller) -> None:
    made = market.control("POST", "/orders/batch", {"shop_id": seller.shop_id, "count": 51})
    market.control("DELETE", "/calls")
    answer = seller.details(",".join(made["order_sns"][:50])).json["response"]
    assert len(answer["order_list"]) == 50
    assert market.control("GET", "/calls") == {DETAIL: 1}
    assert seller.details(",".join(made["order_sns"])).error == "error_param"
    assert seller.details(",").error == "error_param"


def test_pages_hold_every_order_once(market: Market) -> None:
    seller = Seller(market, market.shop_ids[1])
    market.control("POST", "/clock", {"advance_seconds": 5000})
    made = market.control("POST", "/orders/batch", {"shop_id": seller.shop_id, "count": 25})["order_sns"]
    seller = Seller(market, market.shop_ids[1])
    pages = seller.all_pages(page_size=10)
    assert [len(page) for page in pages] == [10, 10, 5]
    assert sorted(number for page in pages for number in page) == sorted(made)
    exact = seller.all_pages(page_size=25)
    assert [len(page) for page in exact] == [25]


def test_update_time_window_finds_the_changed_order_only(market: Market) -> None:
    shop_id = market.shop_ids[0]
    market.control("POST", "/clock", {"advance_seconds": 5000})
    made = market.control("POST", "/orders/batch", {"shop_id": shop_id, "count": 3})["order_sns"]
    market.control("POST", "/clock", {"advance_seconds": 5000})
    market.control("POST", f"/orders/{made[1]}/ship")
    seller = Seller(market, shop_id)
    assert seller.all_pages(time_range_field="update_time") == [[made[1]]]
    assert seller.all_pages(time_range_field="create_time") == [[]]


def test_status_filter_and_optional_status(market: Market) -> None:
    shop_id = market.shop_ids[0]
    market.control("POST", "/clock", {"advance_seconds": 5000})
    unpaid = market.create_order(shop_id)["order_sn"]
    paid = market.create_order(shop_id, status="READY_TO_SHIP")["order_sn"]
    seller = Seller(market, shop_id)
    assert seller.all_pages(order_status="READY_TO_SHIP") == [[paid]]
    listed = seller.listed(order_status="UNPAID", response_optional_fields="order_status").json["response"]
    assert listed["order_list"] == [{"order_sn": unpaid, "order_status": "UNPAID"}]


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"page_size": 101}, "error_param", "Wrong parameters, detail: page_size must be 100 or less."),
        ({"page_size": 0}, "error_param", "page_size must be 1 or more"),
        ({"page_size": None}, "error_param", "Wrong parameters, detail: page_size is a required field."),
        ({"page_size": "x"}, "error_param", "Expected: integer, given: string"),
        ({"time_range_field": "pay_time"}, "error_param", "time_range_field must be one of create_time update_time"),
        ({"time_from": None}, "error_param", "time_from is a required field"),
        ({"time_to": "1e9"}, "error_param", "time_to: Invalid type"),
        ({"cursor": "???"}, "error_param", "cursor is invalid"),
        ({"order_status": "TO_RETURN"}, "error_param", "order_status must be one of"),
        (
            {"time_from": 0},
            "order.order_list_invalid_time",
            "Start time must be earlier than end time and diff in 15days.",
        ),
        (
            {"time_to": 1},
            "order.order_list_invalid_time",
            "Start time must be earlier than end time and diff in 15days.",
        ),
    ],
)
def test_list_refuses_in_the_documented_words(seller: Seller, changes: dict[str, Any], error: str, text: str) -> None:
    answer = seller.listed(**changes).json
    assert answer["error"] == error
    assert text in answer["message"]


def test_order_from_the_past_can_be_placed_and_listed(market: Market, seller: Seller) -> None:
    past = market.now() - 5 * 86_400
    order_sn = market.create_order(seller.shop_id, create_time=past)["order_sn"]
    window = {"time_from": past - 100, "time_to": past + 100}
    assert seller.all_pages(**window) == [[order_sn]]
