"""Shipping as a seller's program does it: parameters, the three ways, tracking, waybills, documented refusals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.simulator.seller import Seller
from tests.simulator.test_pushes import settled

if TYPE_CHECKING:
    from tests.simulator.market import Market
    from tests.simulator.receiver import Receiver

OWN_FLEET = 18099
PICKUP_ONLY = 18055
BOTH = 18025


@pytest.fixture
def seller(market: Market) -> Seller:
    return Seller(market)


def codes(market: Market, order_sn: str, count: int) -> list[tuple[int, Any]]:
    bodies = [json.loads(delivery["body"]) for delivery in settled(market, order_sn, count)]
    return [(body["code"], body["data"].get("status") or body["data"].get("fulfillment_status")) for body in bodies]


def test_parameters_say_what_is_needed_and_the_unused_half_is_null(seller: Seller) -> None:
    order_sn = seller.order(channel_id=PICKUP_ONLY)["order_sn"]
    response = seller.get("logistics/get_shipping_parameter", order_sn=order_sn).json["response"]
    assert response["info_needed"] == {"pickup": ["address_id", "pickup_time_id"]}
    assert response["dropoff"] is None
    first, second = response["pickup"]["address_list"]
    assert first["time_slot_list"]
    assert second["time_slot_list"] is None


def test_pickup_ships_before_there_is_a_tracking_number(market: Market, seller: Seller, receiver: Receiver) -> None:
    market.control("POST", "/settings", {"tracking_delay_seconds": 300})
    order_sn = seller.order(channel_id=PICKUP_ONLY)["order_sn"]
    shipped = seller.post("logistics/ship_order", order_sn=order_sn, pickup=seller.pickup(order_sn)).json
    assert set(shipped) == {"request_id", "error", "message"}
    assert (shipped["error"], seller.shown(order_sn)["order_status"]) == ("", "PROCESSED")
    empty = seller.get("logistics/get_tracking_number", order_sn=order_sn).json["response"]
    assert (empty["tracking_number"], bool(empty["hint"])) == ("", True)
    assert codes(market, order_sn, 2) == [(3, "PROCESSED"), (30, "LOGISTICS_REQUEST_CREATED")]
    market.control("POST", "/clock", {"advance_seconds": 301})
    assert codes(market, order_sn, 3)[2] == (4, None)
    assert seller.get("logistics/get_tracking_number", order_sn=order_sn).json["response"]["tracking_number"]


def test_own_fleet_goes_straight_to_picked_up_with_the_sellers_number(market: Market, seller: Seller) -> None:
    order_sn = seller.order(channel_id=OWN_FLEET)["order_sn"]
    given = {"tracking_number": "FLEET-7"}
    assert seller.post("logistics/ship_order", order_sn=order_sn, non_integrated=given).error == ""
    order = seller.shown(order_sn)
    assert (order["order_status"], order["package_list"][0]["logistics_status"]) == ("SHIPPED", "LOGISTICS_PICKUP_DONE")
    found = seller.get("logistics/get_tracking_number", order_sn=order_sn).json["response"]
    assert found["tracking_number"] == "FLEET-7"


def test_dropoff_without_fields_is_an_empty_object(seller: Seller) -> None:
    order_sn = seller.order(channel_id=BOTH)["order_sn"]
    assert seller.post("logistics/ship_order", order_sn=order_sn, dropoff={}).error == ""


@pytest.mark.parametrize(
    ("channel", "given", "error"),
    [
        (BOTH, {}, "logistics.ship_order_only_support_one_type"),
        (BOTH, {"dropoff": {}, "pickup": {}}, "logistics.ship_order_only_support_one_type"),
        (PICKUP_ONLY, {"dropoff": {}}, "logistics.ship_order_unsupport_dropoff"),
        (OWN_FLEET, {"pickup": {}}, "logistics.ship_order_unsupport_pickup"),
        (BOTH, {"non_integrated": {}}, "logistics.ship_order_unsupport_non_integrated"),
        (BOTH, {"pickup": {}}, "logistics.ship_order_need_address_pickup_time"),
        (BOTH, {"pickup": {"address_id": 1, "pickup_time_id": "x"}}, "logistics.address_not_found"),
        (OWN_FLEET, {"non_integrated": {}}, "logistics.ship_order_need_tracking_number"),
        (OWN_FLEET, {"non_integrated": {"tracking_number": "x" * 31}}, "logistics.ship_order_long_tracking_number"),
        (BOTH, {"dropoff": {}, "package_number": "OFG1"}, "logistics.ship_order_not_need_pacakge_number"),
    ],
)
def test_ship_order_refuses_in_the_documented_codes(
    seller: Seller, channel: int, given: dict[str, Any], error: str
) -> None:
    order_sn = seller.order(channel_id=channel)["order_sn"]
    answer = seller.post("logistics/ship_order", order_sn=order_sn, **given)
    assert (answer.status, answer.error) == (200, error)
    assert seller.shown(order_sn)["order_status"] == "READY_TO_SHIP"


def test_a_slot_of_the_past_is_refused(market: Market, seller: Seller) -> None:
    order_sn = seller.order(channel_id=PICKUP_ONLY)["order_sn"]
    pickup = {**seller.pickup(order_sn), "pickup_time_id": "1600000000"}
    assert (
        seller.post("logistics/ship_order", order_sn=order_sn, pickup=pickup).error
        == "logistics.ship_order_pickup_time_invalid"
    )


def test_branch_and_name_are_asked_for_where_the_channel_needs_them(market: Market) -> None:
    seller = Seller(market, market.shop_ids[1])
    order_sn = seller.order(channel_id=28050)["order_sn"]
    assert (
        seller.post("logistics/ship_order", order_sn=order_sn, dropoff={}).error
        == "logistics.ship_order_need_branch_id"
    )
    parameter = seller.get("logistics/get_shipping_parameter", order_sn=order_sn).json["response"]
    assert parameter["pickup"] is None
    branch = parameter["dropoff"]["branch_list"][0]["branch_id"]
    assert seller.post("logistics/ship_order", order_sn=order_sn, dropoff={"branch_id": branch}).error == ""
    named = seller.order(channel_id=28016)["order_sn"]
    refused = seller.post("logistics/ship_order", order_sn=named, dropoff={}).json
    assert refused["message"] == "Parameter sender_real_name can not be null."
    assert seller.post("logistics/ship_order", order_sn=named, dropoff={"sender_real_name": "Ayu"}).error == ""


def test_twice_shipped_and_not_yet_payable_are_told_apart(seller: Seller) -> None:
    order_sn = seller.order(channel_id=BOTH)["order_sn"]
    assert seller.post("logistics/ship_order", order_sn=order_sn, dropoff={}).error == ""
    again = seller.post("logistics/ship_order", order_sn=order_sn, dropoff={})
    assert again.error == " logistics.package_already_shipped"
    unpaid = seller.order(status="UNPAID")["order_sn"]
    assert seller.post("logistics/ship_order", order_sn=unpaid, dropoff={}).error == (
        "logistics.ship_order_not_ready_to_ship"
    )
    parameter = seller.get("logistics/get_shipping_parameter", order_sn=unpaid).json
    assert parameter["message"] == "Shipping parameters can only be obtained when package is ready to be shipped"


def test_failed_pickup_is_shipped_again_and_rescheduled(seller: Seller) -> None:
    order_sn = seller.order(channel_id=PICKUP_ONLY)["order_sn"]
    pickup = seller.pickup(order_sn)
    assert seller.post("logistics/ship_order", order_sn=order_sn, pickup=pickup).error == ""
    later = str(int(pickup["pickup_time_id"]) + 86_400)
    change = {**pickup, "pickup_time_id": later}
    assert seller.post("logistics/update_shipping_order", order_sn=order_sn, pickup=change).error == ""
    assert seller.step(order_sn, "fail_pickup")["order_status"] == "RETRY_SHIP"
    assert seller.post("logistics/ship_order", order_sn=order_sn, pickup=pickup).error == ""
    assert seller.shown(order_sn)["order_status"] == "PROCESSED"


def test_batch_names_failures_in_the_warning_and_fails_as_a_whole_only_when_all_did(seller: Seller) -> None:
    good, unpaid = seller.order(channel_id=BOTH)["order_sn"], seller.order(status="UNPAID")["order_sn"]
    wish = [{"order_sn": good}, {"order_sn": unpaid}]
    some = seller.post("logistics/batch_ship_order", order_list=wish, dropoff={}).json
    assert some["error"] == ""
    assert [bool(line.get("fail_error")) for line in some["response"]["result_list"]] == [False, True]
    assert [line["order_sn"] for line in some["warning"]] == [unpaid]
    none = seller.post("logistics/batch_ship_order", order_list=wish, dropoff={}).json
    assert none["error"] == "common.batch_api_all_failed"
    assert len(none["response"]["result_list"]) == 2
    many = [{"order_sn": good}] * 51
    assert seller.post("logistics/batch_ship_order", order_list=many, dropoff={}).error == "error_param"


def test_mass_ship_answers_at_top_level(seller: Seller) -> None:
    orders = [seller.order(channel_id=BOTH) for _ in range(2)]
    numbers = [order["package_list"][0]["package_number"] for order in orders]
    wish = [{"package_number": number} for number in [*numbers, "OFG0"]]
    parameter = seller.post("logistics/get_mass_shipping_parameter", package_list=wish).json["response"]
    assert [row["package_number"] for row in parameter["success_list"]] == numbers
    assert [row["package_number"] for row in parameter["fail_list"]] == ["OFG0"]
    shipped = seller.post("logistics/mass_ship_order", package_list=wish, dropoff={}).json
    assert "response" not in shipped
    assert [row["package_number"] for row in shipped["success_list"]] == numbers
    found = seller.post("logistics/get_mass_tracking_number", package_list=wish).json["response"]
    assert all(row["tracking_number"] for row in found["success_list"])
    assert [row["package_number"] for row in found["fail_list"]] == ["OFG0"]


def test_waybill_is_started_asked_for_and_fetched_as_pdf(market: Market, seller: Seller, receiver: Receiver) -> None:
    market.control("POST", "/settings", {"document_delay_seconds": 60})
    order_sn = seller.order("ship", channel_id=BOTH)["order_sn"]
    wish = [{"order_sn": order_sn}]
    parameter = seller.post("logistics/get_shipping_document_parameter", order_list=wish).json["response"]
    assert parameter["result_list"][0]["suggest_shipping_document_type"] == "NORMAL_AIR_WAYBILL"
    early = seller.post("logistics/download_shipping_document", order_list=wish)
    assert early.error == "logistics.shipping_document_should_print_first"
    assert seller.post("logistics/create_shipping_document", order_list=wish).error == ""
    result = seller.post("logistics/get_shipping_document_result", order_list=wish).json["response"]["result_list"]
    assert result[0]["status"] == "PROCESSING"
    assert seller.post("logistics/download_shipping_document", order_list=wish).error == "logistics.download_later"
    market.control("POST", "/clock", {"advance_seconds": 61})
    assert codes(market, order_sn, 4)[3] == (15, "READY")
    file = seller.post("logistics/download_shipping_document", order_list=wish)
    assert (file.status, file.headers["Content-Type"]) == (200, "application/pdf")
    assert file.raw.startswith(b"%PDF-")
    assert order_sn.encode() in file.raw


def test_a_waybill_can_fail_and_be_started_anew(market: Market, seller: Seller) -> None:
    market.control("POST", "/settings", {"fail": [{"kind": "failed_document"}]})
    order_sn = seller.order("ship", channel_id=BOTH)["order_sn"]
    wish = [{"order_sn": order_sn}]
    for status in ("FAILED", "READY"):
        assert seller.post("logistics/create_shipping_document", order_list=wish).error == ""
        result = seller.post("logistics/get_shipping_document_result", order_list=wish).json["response"]["result_list"]
        assert result[0]["status"] == status


def test_no_waybill_before_shipping_or_after_pickup(seller: Seller) -> None:
    waiting, gone = seller.order(), seller.order("ship", "pickup")
    for order in (waiting, gone):
        wish = [{"order_sn": order["order_sn"]}]
        refused = seller.post("logistics/create_shipping_document", order_list=wish).json
        assert refused["error"] == "common.batch_api_all_failed"
        assert refused["response"]["result_list"][0]["fail_error"] == "logistics.package_can_not_print"


def test_waybills_of_different_channels_are_not_fetched_together(seller: Seller) -> None:
    wish = [{"order_sn": seller.order("ship", channel_id=channel)["order_sn"]} for channel in (BOTH, PICKUP_ONLY)]
    assert seller.post("logistics/create_shipping_document", order_list=wish).error == ""
    together = seller.post("logistics/download_shipping_document", order_list=wish)
    assert together.error == "logistics.packages_can_not_download_together"


def test_tracking_info_addresses_and_channels(market: Market, seller: Seller) -> None:
    order_sn = seller.order("ship", "pickup", "deliver")["order_sn"]
    info = seller.get("logistics/get_tracking_info", order_sn=order_sn).json["response"]
    assert [step["logistics_status"] for step in info["tracking_info"]] == [
        "LOGISTICS_DELIVERY_DONE",
        "LOGISTICS_PICKUP_DONE",
        "LOGISTICS_REQUEST_CREATED",
    ]
    waiting = seller.order()["order_sn"]
    assert seller.get("logistics/get_tracking_info", order_sn=waiting).error == "logistics.error_status_limit"
    addresses = seller.get("logistics/get_address_list").json["response"]["address_list"]
    assert "DEFAULT_ADDRESS" in addresses[0]["address_type"]
    listed = seller.get("logistics/get_channel_list").json["response"]["logistics_channel_list"]
    assert {BOTH, PICKUP_ONLY, OWN_FLEET} == {channel["logistics_channel_id"] for channel in listed}


def test_empty_tracking_number_for_so_many_polls(market: Market, seller: Seller) -> None:
    order_sn = seller.order("ship")["order_sn"]
    market.control("POST", "/settings", {"fail": [{"kind": "empty_tracking", "times": 2}]})
    polls = [seller.get("logistics/get_tracking_number", order_sn=order_sn).json["response"] for _ in range(3)]
    assert [bool(poll["tracking_number"]) for poll in polls] == [False, False, True]
