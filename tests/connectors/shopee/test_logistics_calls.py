"""What the calls about shipping make of Shopee's answers (contract §5.2)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from kedai.connectors.base import HttpAnswer
from kedai.connectors.shopee.api.documents import DocumentOrder, FileKind
from kedai.connectors.shopee.api.logistics import Dropoff, NonIntegrated, OrderOrPackage, Pickup
from kedai.connectors.shopee.api.words import DocumentStatus, PackageStatus
from kedai.errors import (
    Invalid,
    OutcomeUnknown,
    RateLimited,
    RemoteMisconfigured,
    RemoteRejected,
    RemoteUnavailable,
    RemoteUnreadable,
)
from tests.connectors.shopee.calls import clients, ok, said, shops
from tests.connectors.shopee.suite import ORDER, SHOP, TOKEN, read
from tests.connectors.shopee.wire_orders import ONE, PACKAGE


def test_ways_that_are_not_offered_are_none() -> None:
    parameter = asyncio.run(
        shops("answer__get_shipping_parameter__pickup_only.json").logistics.get_shipping_parameter(ORDER)
    )
    assert parameter.info_needed.pickup == ("address_id", "pickup_time_id")
    assert (parameter.info_needed.dropoff, parameter.dropoff) == (None, None)
    first, second = parameter.pickup.address_list
    assert first.time_slot_list[0].date == datetime.fromtimestamp(1788048000, UTC)
    assert second.time_slot_list == ()


def test_a_way_without_fields_is_not_the_same_as_none() -> None:
    file = "answer__get_shipping_parameter__no_fields_needed.json"
    needed = asyncio.run(shops(file).logistics.get_shipping_parameter(ORDER)).info_needed
    assert (needed.dropoff, needed.pickup) == ((), None)
    file = "answer__get_shipping_parameter__non_integrated.json"
    needed = asyncio.run(shops(file).logistics.get_shipping_parameter(ORDER)).info_needed
    assert needed.non_integrated == ("tracking_no",)


@pytest.mark.parametrize(
    ("way", "sent"),
    [
        (Pickup(5), b'"pickup":{"address_id":5}'),
        (Dropoff(), b'"dropoff":{}'),
        (NonIntegrated("T1"), b'"non_integrated":{"tracking_number":"T1"}'),
    ],
)
def test_exactly_one_way_is_sent(way: object, sent: bytes) -> None:
    client, http = clients(ok())
    asyncio.run(client.for_shop(SHOP, TOKEN).logistics.ship_order(ORDER, way, package_number=PACKAGE))
    (call,) = http.sent
    assert sent in call.json
    assert sum(name in call.json for name in (b'"pickup"', b'"dropoff"', b'"non_integrated"')) == 1


def test_lost_answer_of_a_shipment_leaves_its_outcome_unknown() -> None:
    for trouble in (OutcomeUnknown(), said("error_inner"), HttpAnswer(504, {}, b"<html>")):
        with pytest.raises(OutcomeUnknown):
            asyncio.run(shops(trouble).logistics.ship_order(ORDER, Dropoff()))


def test_lost_answer_of_a_post_that_reads_may_be_repeated() -> None:
    for trouble in (OutcomeUnknown(), said("error_inner"), HttpAnswer(504, {}, b"<html>")):
        with pytest.raises(RemoteUnavailable):
            asyncio.run(shops(trouble).documents.get_shipping_document_result([DocumentOrder(ORDER)]))


def test_failure_of_some_is_told_one_by_one() -> None:
    results = asyncio.run(
        shops("answer__batch_ship_order__some_failed.json").logistics.batch_ship_order(ONE, Pickup(5))
    )
    assert [one.fail_error for one in results.result_list] == ["", "logistics.ship_order_not_ready_to_ship"]
    assert results.warning[0]["order_sn"] == "260801EFGH5678"
    assert results.refusal == ""


def test_failure_of_all_is_told_one_by_one_too() -> None:
    results = asyncio.run(shops("answer__batch_ship_order__all_failed.json").logistics.batch_ship_order(ONE, Pickup(5)))
    assert results.refusal == "common.batch_api_all_failed"
    assert results.result_list[0].fail_error == "logistics.package_already_shipped"


@pytest.mark.parametrize("response", [None, {}, {"result_list": []}, {"result_list": None}])
def test_failure_without_results_is_raised(response: object) -> None:
    with pytest.raises(RemoteRejected) as rejected:
        asyncio.run(shops(said("common.batch_api_all_failed", "", response)).logistics.batch_ship_order(ONE, Pickup(5)))
    assert rejected.value.remote_code == "common.batch_api_all_failed"


@pytest.mark.parametrize("place", ["top_level", "under_response"])
def test_results_of_a_mass_shipment_are_read_in_both_places(place: str) -> None:
    results = asyncio.run(
        shops(f"answer__mass_ship_order__{place}.json").logistics.mass_ship_order([PACKAGE], Dropoff())
    )
    assert [one.package_number for one in results.success_list] == [PACKAGE]
    assert [one.fail_reason for one in results.fail_list] == ["invalid package status"]


def test_tracking_number_may_not_be_there_yet() -> None:
    tracking = asyncio.run(shops("answer__get_tracking_number__not_yet.json").logistics.get_tracking_number(ORDER))
    assert tracking.tracking_number == ""
    assert "allocated" in tracking.hint


def test_tracking_tells_known_and_unknown_states() -> None:
    info = asyncio.run(shops("answer__get_tracking_info__delivered.json").logistics.get_tracking_info(ORDER))
    assert info.logistics_status is PackageStatus.LOGISTICS_DELIVERY_DONE
    first, _ = info.tracking_info
    assert (first.logistics_status, first.raw["logistics_status"]) == (PackageStatus.UNKNOWN, "DELIVERED")


def test_document_results_tell_each_state() -> None:
    file = "answer__get_shipping_document_result__each_state.json"
    results = asyncio.run(shops(file).documents.get_shipping_document_result([DocumentOrder(ORDER)]))
    assert [one.status for one in results.result_list] == [
        DocumentStatus.READY,
        DocumentStatus.PROCESSING,
        DocumentStatus.FAILED,
        DocumentStatus.UNKNOWN,
    ]


def test_channels_are_read() -> None:
    channels = asyncio.run(shops("answer__get_channel_list__two.json").logistics.get_channel_list())
    first, second = channels.logistics_channel_list
    assert first.weight_limit.item_max_weight == Decimal(30)
    assert (second.enabled, second.weight_limit) == (False, None)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.7\n%\xe2\xe3", FileKind.PDF),
        (b"PK\x03\x04\x14\x00", FileKind.ZIP),
        (b"\n<!DOCTYPE html><html>", FileKind.HTML),
        (b"^XA^FO20,20", FileKind.UNKNOWN),
    ],
)
@pytest.mark.parametrize("declared", ["application/json", "application/pdf", ""])
def test_file_is_told_by_its_content(content: bytes, kind: FileKind, declared: str) -> None:
    given = HttpAnswer(200, {"content-type": declared}, content)
    document = asyncio.run(shops(given).documents.download_shipping_document(ONE))
    assert (document.content, document.kind) == (content, kind)


@pytest.mark.parametrize("declared", ["application/pdf", "application/octet-stream", "application/json"])
def test_refused_download_is_told_by_its_content(declared: str) -> None:
    body = read("answer__download_shipping_document__print_first.json")
    refused = HttpAnswer(200, {"content-type": declared}, body)
    with pytest.raises(RemoteRejected) as rejected:
        asyncio.run(shops(refused).documents.download_shipping_document(ONE))
    assert rejected.value.remote_code == "logistics.shipping_document_should_print_first"


@pytest.mark.parametrize(
    ("given", "family"),
    [
        (HttpAnswer(200, {}, b""), RemoteUnreadable),
        (HttpAnswer(200, {}, b" \n"), RemoteUnreadable),
        (HttpAnswer(200, {}, b"{}"), RemoteUnreadable),
        (HttpAnswer(200, {}, b'{"error":"","mess'), RemoteUnreadable),
        (HttpAnswer(200, {}, b"[1]"), RemoteUnreadable),
        (ok(), RemoteUnreadable),
        (HttpAnswer(502, {}, b"<html>Bad Gateway</html>"), RemoteUnavailable),
        (HttpAnswer(403, {}, b"<html>blocked</html>"), RemoteMisconfigured),
        (HttpAnswer(429, {}, b"slow down"), RateLimited),
        (said("logistics.error_network"), RemoteUnavailable),
    ],
)
def test_what_is_no_file_is_never_taken_for_one(given: HttpAnswer, family: type) -> None:
    with pytest.raises(family):
        asyncio.run(shops(given).documents.download_shipping_document(ONE))


@pytest.mark.parametrize(
    "make",
    [
        lambda shop: shop.logistics.ship_order("", Dropoff()),
        lambda shop: shop.logistics.ship_order(ORDER, Dropoff(), package_number=""),
        lambda shop: shop.logistics.batch_ship_order([], Pickup(5)),
        lambda shop: shop.logistics.batch_ship_order(ONE * 51, Pickup(5)),
        lambda shop: shop.logistics.mass_ship_order([PACKAGE, "a b"], Dropoff()),
        lambda shop: shop.logistics.mass_ship_order([PACKAGE], Dropoff(), product_location_id=""),
        lambda shop: shop.documents.download_shipping_document([OrderOrPackage(ORDER, "")]),
    ],
)
def test_what_shopee_would_refuse_is_never_sent(make) -> None:
    client, http = clients()
    with pytest.raises(Invalid):
        asyncio.run(make(client.for_shop(SHOP, TOKEN)))
    assert http.sent == []
