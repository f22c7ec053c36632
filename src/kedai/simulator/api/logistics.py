"""Tracking, addresses and channels (contract §5.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kedai.simulator.api import texts
from kedai.simulator.api.errors import ApiError
from kedai.simulator.api.finding import find_order, find_parcel
from kedai.simulator.api.params import body_objects, body_text, required_text
from kedai.simulator.api.texts import Refusal
from kedai.simulator.state import channels
from kedai.simulator.state.faults import Target, take
from kedai.simulator.state.money import to_number

if TYPE_CHECKING:
    from kedai.simulator.api.call import Answer, ShopCall
    from kedai.simulator.state.channels import Channel
    from kedai.simulator.state.orders import Order, Package

TRACKING_PATH = "/api/v2/logistics/get_tracking_number"
MASS_TRACKING_PATH = "/api/v2/logistics/get_mass_tracking_number"
NEED_PACKAGE = Refusal("logistics.package_number_not_exist", "Please request with package_number for this split order.")
NOT_ARRANGED = Refusal("logistics.invalid_error", "The shipment of this order is not arranged yet.")
NO_TRACK_YET = Refusal("logistics.error_status_limit", "The order's status does not support tracking.")
_STORY = {
    "LOGISTICS_REQUEST_CREATED": "Seller is preparing to ship your parcel",
    "LOGISTICS_PICKUP_RETRY": "Courier could not pick up the parcel",
    "LOGISTICS_PICKUP_DONE": "Parcel has been picked up by our logistics partner",
    "LOGISTICS_DELIVERY_FAILED": "Delivery attempt was not successful",
    "LOGISTICS_DELIVERY_DONE": "Parcel has been delivered",
    "LOGISTICS_LOST": "Parcel is lost",
}


def get_tracking_number(call: ShopCall) -> Answer:
    """Return the tracking number, which may be empty for a while after shipping was arranged."""
    order = find_order(call, required_text(call.query, "order_sn"))
    package = _package(order, call.query.get("package_number", ""))
    if not package.is_arranged:
        raise ApiError(NOT_ARRANGED)
    return {"response": _tracking(call, package, TRACKING_PATH)}


def get_mass_tracking_number(call: ShopCall) -> Answer:
    """Return the tracking numbers of many packages; those that have none to come are listed apart."""
    found, failed = [], []
    for wish in body_objects(call.body, "package_list"):
        number = body_text(wish, "package_number")
        parcel = find_parcel(call, number)
        if parcel is None or not parcel.package.is_arranged:
            reason = texts.PACKAGE_NOT_EXIST if parcel is None else NOT_ARRANGED
            failed.append({"package_number": number, "fail_reason": reason.message})
        else:
            found.append({"package_number": number, **_tracking(call, parcel.package, MASS_TRACKING_PATH)})
    return {"response": {"success_list": found, "fail_list": failed}}


def get_tracking_info(call: ShopCall) -> Answer:
    """Tell how the parcel has moved, newest first."""
    order = find_order(call, required_text(call.query, "order_sn"))
    package = _package(order, call.query.get("package_number", ""))
    if not package.is_arranged:
        raise ApiError(NO_TRACK_YET)
    steps = [
        {"update_time": moment, "description": _STORY[status], "logistics_status": status}
        for moment, status in reversed(package.events)
        if status in _STORY
    ]
    return {
        "response": {
            "order_sn": order.order_sn,
            "package_number": package.package_number,
            "logistics_status": package.logistics_status,
            "tracking_info": steps,
        }
    }


def get_address_list(call: ShopCall) -> Answer:
    """List the shop's addresses."""
    types = (["DEFAULT_ADDRESS", "PICK_UP_ADDRESS"], ["RETURN_ADDRESS"])
    rows = zip(channels.addresses(call.shop), types, strict=True)
    listed = [{**address, "address_type": kinds} for address, kinds in rows]
    return {"response": {"show_pickup_address": True, "address_list": listed}}


def get_channel_list(call: ShopCall) -> Answer:
    """List the channels of the shop's region."""
    return {
        "response": {
            "logistics_channel_list": [_channel(call, channel) for channel in channels.channels_of(call.shop.region)]
        }
    }


def _package(order: Order, number: str) -> Package:
    if not number and len(order.packages) > 1:
        raise ApiError(NEED_PACKAGE)
    package = order.find_package(number) if number else order.packages[0]
    if package is None:
        raise ApiError(texts.PACKAGE_NOT_EXIST)
    return package


def _tracking(call: ShopCall, package: Package, path: str) -> dict[str, Any]:
    target = Target(path, call.app.partner_id, call.shop.shop_id)
    hidden = take(call.world.switches.fail, ("empty_tracking",), target) is not None
    number = "" if hidden else package.tracking_number
    return {
        "tracking_number": number,
        "plp_number": "",
        "first_mile_tracking_number": "",
        "last_mile_tracking_number": "",
        "hint": "" if number else "The tracking number is being generated, please try again later.",
        "pickup_code": "",
    }


def _channel(call: ShopCall, channel: Channel) -> dict[str, Any]:
    fee = channel.fee_cents * call.shop.price_factor // 100
    return {
        "logistics_channel_id": channel.channel_id,
        "logistics_channel_name": channel.carrier,
        "cod_enabled": channel.is_integrated,
        "enabled": True,
        "fee_type": "SIZE_INPUT",
        "size_list": [{"size_id": "1", "name": "Parcel", "default_price": to_number(fee, call.shop.decimals)}],
        "weight_limit": {"item_max_weight": 30, "item_min_weight": 0},
        "item_max_dimension": {"height": 100, "width": 100, "length": 100, "unit": "cm", "dimension_sum": 200},
        "volume_limit": {"item_max_volume": 0, "item_min_volume": 0},
        "logistics_description": "",
        "force_enable": False,
        "mask_channel_id": 0,
        "block_seller_cover_shipping_fee": False,
        "support_cross_border": False,
        "seller_logistic_has_configuration": None,
        "logistics_capability": {"seller_logistics": not channel.is_integrated},
        "preprint": False,
        "service_type_identifier": "",
    }
