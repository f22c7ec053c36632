"""How the calls about orders and shipping look on the wire (contract §2.4, §5.1, §5.2, appendix A)."""

from __future__ import annotations

from typing import Any

from kedai.connectors.shopee.api.documents import DocumentOrder
from kedai.connectors.shopee.api.logistics import Dropoff, NonIntegrated, NumberedPackage, OrderOrPackage, Pickup
from kedai.connectors.shopee.api.order import ORDER_FIELDS, CancelledItem, PackageSearch, PackedItem
from kedai.connectors.shopee.api.words import (
    BuyerCancellation,
    CancelReason,
    DocumentType,
    OrderStatus,
    PackageFilter,
    PackageSort,
    TimeRangeField,
)
from tests.connectors.shopee.calls import BEGINS, ENDS, FROM, TO, Wire
from tests.connectors.shopee.suite import ORDER, SHOP, TOKEN

PACKAGE = "OFG200000000000001"
ONE = [OrderOrPackage(ORDER, PACKAGE)]
SENT_ONE = {"order_list": [{"order_sn": ORDER, "package_number": PACKAGE}]}
LAST_PAGE = {"more": False, "next_cursor": "", "order_list": []}


def shop(client: Any) -> Any:
    return client.for_shop(SHOP, TOKEN)


ORDERS = (
    Wire(
        "order/get_order_list",
        lambda c: shop(c).order.get_order_list(
            BEGINS,
            ENDS,
            time_range_field=TimeRangeField.CREATE_TIME,
            order_status=OrderStatus.READY_TO_SHIP,
            page_size=20,
            cursor="a b",
        ),
        (
            ("time_range_field", "create_time"),
            ("time_from", FROM),
            ("time_to", TO),
            ("page_size", "20"),
            ("cursor", "a b"),
            ("order_status", "READY_TO_SHIP"),
            ("response_optional_fields", "order_status"),
            ("request_order_status_pending", "true"),
        ),
        answer=LAST_PAGE,
    ),
    Wire(
        "order/get_order_detail",
        lambda c: shop(c).order.get_order_detail([ORDER, "260801EFGH5678"]),
        (
            ("order_sn_list", f"{ORDER},260801EFGH5678"),
            ("response_optional_fields", ",".join(ORDER_FIELDS)),
            ("request_order_status_pending", "true"),
        ),
        answer={"order_list": []},
    ),
    Wire(
        "order/get_shipment_list",
        lambda c: shop(c).order.get_shipment_list(),
        (("cursor", ""), ("page_size", "100")),
        answer=LAST_PAGE,
    ),
    Wire(
        "order/search_package_list",
        lambda c: shop(c).order.search_package_list(
            PackageSearch(package_status=PackageFilter.ALL, logistics_channel_ids=(18001,)),
            sort=PackageSort.SHIP_BY_DATE,
            ascending=False,
        ),
        body={
            "filter": {"package_status": 0, "logistics_channel_ids": [18001]},
            "pagination": {"page_size": 100, "cursor": ""},
            "sort": {"sort_type": 1, "ascending": False},
        },
        answer={"packages_list": [], "pagination": {"more": False}},
    ),
    Wire(
        "order/get_package_detail",
        lambda c: shop(c).order.get_package_detail([PACKAGE, "OFG2"]),
        (("package_number_list", f"{PACKAGE},OFG2"),),
        answer={"package_list": []},
    ),
    Wire(
        "order/cancel_order",
        lambda c: shop(c).order.cancel_order(ORDER, CancelReason.OUT_OF_STOCK, item_list=[CancelledItem(7, 0)]),
        body={"order_sn": ORDER, "cancel_reason": "OUT_OF_STOCK", "item_list": [{"item_id": 7, "model_id": 0}]},
        answer={"update_time": 1788000000},
    ),
    Wire(
        "order/handle_buyer_cancellation",
        lambda c: shop(c).order.handle_buyer_cancellation(ORDER, BuyerCancellation.REJECT),
        body={"order_sn": ORDER, "operation": "REJECT"},
        answer={"update_time": 1788000000},
    ),
    Wire(
        "order/set_note",
        lambda c: shop(c).order.set_note(ORDER, "über\nall"),
        body={"order_sn": ORDER, "note": "über\nall"},
    ),
    Wire(
        "order/split_order",
        lambda c: shop(c).order.split_order(ORDER, [[PackedItem(7, 0)], [PackedItem(8, 9, model_quantity=2)]]),
        body={
            "order_sn": ORDER,
            "package_list": [
                {"item_list": [{"item_id": 7, "model_id": 0}]},
                {"item_list": [{"item_id": 8, "model_id": 9, "model_quantity": 2}]},
            ],
        },
        answer={"order_sn": ORDER, "package_list": []},
    ),
    Wire("order/unsplit_order", lambda c: shop(c).order.unsplit_order(ORDER), body={"order_sn": ORDER}),
    Wire(
        "order/get_pending_buyer_invoice_order_list",
        lambda c: shop(c).order.get_pending_buyer_invoice_order_list(cursor="x", page_size=1),
        (("cursor", "x"), ("page_size", "1")),
        answer=LAST_PAGE,
    ),
)

LOGISTICS = (
    Wire(
        "logistics/get_shipping_parameter",
        lambda c: shop(c).logistics.get_shipping_parameter(ORDER, package_number=PACKAGE),
        (("order_sn", ORDER), ("package_number", PACKAGE)),
        answer={"info_needed": {"dropoff": []}},
    ),
    Wire(
        "logistics/ship_order",
        lambda c: shop(c).logistics.ship_order(ORDER, Dropoff()),
        body={"order_sn": ORDER, "dropoff": {}},
    ),
    Wire(
        "logistics/batch_ship_order",
        lambda c: shop(c).logistics.batch_ship_order(ONE, Pickup(5, "slot-1")),
        body=SENT_ONE | {"pickup": {"address_id": 5, "pickup_time_id": "slot-1"}},
        answer={"result_list": []},
    ),
    Wire(
        "logistics/mass_ship_order",
        lambda c: shop(c).logistics.mass_ship_order(
            [PACKAGE], [NumberedPackage(PACKAGE, "T1")], logistics_channel_id=18001, product_location_id="SGZ"
        ),
        body={
            "logistics_channel_id": 18001,
            "product_location_id": "SGZ",
            "package_list": [{"package_number": PACKAGE}],
            "non_integrated": {"tracking_number": [{"package_number": PACKAGE, "tracking_number": "T1"}]},
        },
    ),
    Wire(
        "logistics/get_mass_shipping_parameter",
        lambda c: shop(c).logistics.get_mass_shipping_parameter([PACKAGE]),
        body={"package_list": [{"package_number": PACKAGE}]},
        answer={"info_needed": {}},
    ),
    Wire(
        "logistics/update_shipping_order",
        lambda c: shop(c).logistics.update_shipping_order(ORDER, address_id=5, pickup_time_id="slot-2"),
        body={"order_sn": ORDER, "pickup": {"address_id": 5, "pickup_time_id": "slot-2"}},
    ),
    Wire(
        "logistics/get_tracking_number",
        lambda c: shop(c).logistics.get_tracking_number(ORDER),
        (
            ("order_sn", ORDER),
            ("response_optional_fields", "plp_number,first_mile_tracking_number,last_mile_tracking_number"),
        ),
        answer={"tracking_number": ""},
    ),
    Wire(
        "logistics/get_mass_tracking_number",
        lambda c: shop(c).logistics.get_mass_tracking_number([PACKAGE], response_optional_fields=()),
        body={"package_list": [{"package_number": PACKAGE}]},
        answer={"success_list": []},
    ),
    Wire(
        "logistics/get_tracking_info",
        lambda c: shop(c).logistics.get_tracking_info(ORDER),
        (("order_sn", ORDER),),
        answer={"order_sn": ORDER},
    ),
    Wire("logistics/get_address_list", lambda c: shop(c).logistics.get_address_list(), answer={"address_list": []}),
    Wire(
        "logistics/get_channel_list",
        lambda c: shop(c).logistics.get_channel_list(),
        answer={"logistics_channel_list": []},
    ),
    Wire(
        "logistics/get_shipping_document_parameter",
        lambda c: shop(c).documents.get_shipping_document_parameter(ONE),
        body=SENT_ONE,
        answer={"result_list": []},
    ),
    Wire(
        "logistics/create_shipping_document",
        lambda c: shop(c).documents.create_shipping_document(
            [DocumentOrder(ORDER, tracking_number="T1", shipping_document_type=DocumentType.NORMAL_AIR_WAYBILL)]
        ),
        body={
            "order_list": [
                {"order_sn": ORDER, "tracking_number": "T1", "shipping_document_type": "NORMAL_AIR_WAYBILL"},
            ]
        },
        answer={"result_list": []},
    ),
    Wire(
        "logistics/get_shipping_document_result",
        lambda c: shop(c).documents.get_shipping_document_result([DocumentOrder(ORDER, PACKAGE)]),
        body=SENT_ONE,
        answer={"result_list": []},
    ),
    Wire(
        "logistics/download_shipping_document",
        lambda c: shop(c).documents.download_shipping_document(
            [DocumentOrder(ORDER, tracking_number="T1")],
            shipping_document_type=DocumentType.THERMAL_AIR_WAYBILL,
        ),
        body={"shipping_document_type": "THERMAL_AIR_WAYBILL", "order_list": [{"order_sn": ORDER}]},
        answer=b"%PDF-1.7 ...",
    ),
)

NON_INTEGRATED = NonIntegrated("T1")
