"""What waits to be shipped, and the package-centred view of orders (contract §5.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kedai.simulator.api import texts
from kedai.simulator.api.errors import ApiError
from kedai.simulator.api.finding import Parcel, cut, find_parcel, parcels
from kedai.simulator.api.params import (
    body_number,
    body_numbers,
    body_object,
    body_optional_number,
    body_optional_text,
    body_texts,
    checked_page_size,
    page_size,
    required_text,
    text_list,
)
from kedai.simulator.state.lifecycle import PICKUP_RETRY, READY, REQUESTED
from kedai.simulator.state.orders import package_grams, package_items, render

if TYPE_CHECKING:
    from collections.abc import Callable

    from kedai.simulator.api.call import Answer, ShopCall

MAX_PACKAGES = 50
_WAITING = (READY, PICKUP_RETRY)
_HELD = ("PENDING", "INVOICE_PENDING")
_ALL, _PENDING, _TO_PROCESS, _PROCESSED = range(4)
_ON_HOLD = ("IN_CANCEL", "CANCELLED")


def get_shipment_list(call: ShopCall) -> Answer:
    """List every package that waits to be shipped, page by page."""
    size = page_size(call.query)
    waiting = (parcel for parcel in parcels(call) if _stage(parcel) == _TO_PROCESS)
    page = cut(waiting, _created, cursor=call.query.get("cursor", ""), size=size)
    return {
        "response": {
            "order_list": [
                {"order_sn": row.order.order_sn, "package_number": row.package.package_number} for row in page.rows
            ],
            "more": bool(page.next_cursor),
            "next_cursor": page.next_cursor,
        }
    }


def search_package_list(call: ShopCall) -> Answer:
    """Search packages by how far they are; the sort is echoed under another name than it was given."""
    wish = body_object(call.body, "filter") or {}
    pagination = body_object(call.body, "pagination")
    if pagination is None:
        raise ApiError(texts.required_field("pagination"))
    size = checked_page_size(body_number(pagination, "page_size"))
    sort = body_object(call.body, "sort") or {}
    sort_type = body_optional_number(sort, "sort_type", 1)
    if sort_type not in _SORTS:
        raise ApiError(texts.wrong_parameters("sort_type must be one of 1 2 3"))
    ascending = sort.get("ascending", True) is not False
    found = [parcel for parcel in parcels(call) if _is_wished(parcel, wish)]
    cursor = body_optional_text(pagination, "cursor")
    page = cut(found, _SORTS[sort_type], cursor=cursor, size=size, ascending=ascending)
    return {
        "response": {
            "packages_list": [_searched(row) for row in page.rows],
            "pagination": {
                "total_count": len(found),
                "next_cursor": page.next_cursor,
                "more": bool(page.next_cursor),
            },
            "sort": {"sort_type": sort_type, "is_asc": ascending},
        }
    }


def get_package_detail(call: ShopCall) -> Answer:
    """Return up to 50 packages; unknown ones are left out."""
    required_text(call.query, "package_number_list")
    numbers = text_list(call.query, "package_number_list")
    if not 1 <= len(numbers) <= MAX_PACKAGES:
        raise ApiError(texts.wrong_parameters(f"package_number_list must hold 1 to {MAX_PACKAGES} package numbers"))
    found = [parcel for number in numbers if (parcel := find_parcel(call, number)) is not None]
    if not found:
        raise ApiError(texts.not_found("the package is not found"))
    return {"response": {"package_list": [_detail(parcel) for parcel in found]}}


def _stage(parcel: Parcel) -> int | None:
    """Return how far a package is, in the numbers of the search; None once it is under way or was never to go."""
    if parcel.order.status in _HELD:
        return _PENDING
    if parcel.order.status in _ON_HOLD:
        return None
    if parcel.package.logistics_status in _WAITING:
        return _TO_PROCESS
    return _PROCESSED if parcel.package.logistics_status == REQUESTED else None


def _is_wished(parcel: Parcel, wish: dict[str, Any]) -> bool:
    stage = _stage(parcel)
    status = body_optional_number(wish, "package_status", _TO_PROCESS)
    locations = body_texts(wish, "product_location_ids")
    channels = body_numbers(wish, "logistics_channel_ids")
    if wish.get("invoice_pending") is True and parcel.order.status != "INVOICE_PENDING":
        return False
    return (
        stage is not None
        and status in (_ALL, stage)
        and (not locations or parcel.order.location_id in locations)
        and (not channels or parcel.package.channel_id in channels)
    )


def _ship_by(parcel: Parcel) -> int:
    return parcel.order.ship_by_date


def _created(parcel: Parcel) -> int:
    return parcel.order.create_time


def _confirmed(parcel: Parcel) -> int:
    return parcel.order.pay_time or 0


_SORTS: dict[int, Callable[[Parcel], int]] = {1: _ship_by, 2: _created, 3: _confirmed}


def _searched(parcel: Parcel) -> dict[str, Any]:
    return {
        "order_sn": parcel.order.order_sn,
        "package_number": parcel.package.package_number,
        "logistics_channel_id": parcel.package.channel_id,
        "product_location_id": parcel.order.location_id,
        "sorting_group": "",
        "is_shipment_arranged": parcel.package.is_arranged,
    }


def _detail(parcel: Parcel) -> dict[str, Any]:
    order, package = parcel
    held = order.status in _HELD
    lines = {(line.item_id, line.model_id): line for line in order.lines}
    items = [
        {
            **item,
            "item_sku": lines[item["item_id"], item["model_id"]].item_sku,
            "model_sku": lines[item["item_id"], item["model_id"]].model_sku,
            "consultation_id": "",
            "is_prescription_item": False,
        }
        for item in package_items(order, package)
    ]
    return {
        "order_sn": order.order_sn,
        "package_number": package.package_number,
        "fulfillment_status": package.logistics_status,
        "update_time": max(order.update_time, package.update_time),
        "logistics_channel_id": package.channel_id,
        "shipping_carrier": package.carrier,
        "allow_self_design_awb": False,
        "days_to_ship": order.days_to_ship,
        "ship_by_date": order.ship_by_date,
        "pending_terms": ["SYSTEM_PENDING"] if held else [],
        "pending_description": ["The order is being checked."] if held else [],
        "tracking_number": package.tracking_number,
        "tracking_number_expiration_date": 0,
        "pickup_done_time": package.pickup_done_time,
        "is_split_up": len(order.packages) > 1,
        "item_list": items,
        "recipient_address": render(order)["recipient_address"],
        "parcel_chargeable_weight_gram": package_grams(order, package),
        "group_shipment_id": None,
        "virtual_contact_number": "",
        "package_query_number": "",
        "sorting_group": "",
        "is_shipment_arranged": package.is_arranged,
        "can_split_order": len(order.packages) == 1 and order.status == "READY_TO_SHIP",
        "can_unsplit_order": can_unsplit(parcel),
        "is_pre_order": False,
        "is_buyer_shop_collection": False,
        "buyer_proof_of_collection": [],
    }


def can_unsplit(parcel: Parcel) -> bool:
    """Whether the order's packages can be put together again: none has been arranged yet."""
    return len(parcel.order.packages) > 1 and not any(package.is_arranged for package in parcel.order.packages)
