"""Arranging shipment: what is needed, one order, several of a kind, and another pickup time (contract §5.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kedai.simulator.api import texts
from kedai.simulator.api.errors import ApiError
from kedai.simulator.api.finding import Parcel, find_order, find_parcel
from kedai.simulator.api.params import (
    body_object,
    body_objects,
    body_optional_number,
    body_optional_text,
    body_text,
    required_text,
)
from kedai.simulator.api.texts import Refusal
from kedai.simulator.state import channels
from kedai.simulator.state.channels import DROPOFF, METHODS, NON_INTEGRATED, PICKUP
from kedai.simulator.state.lifecycle import PICKUP_RETRY, READY, REQUESTED, WrongState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kedai.simulator.api.call import Answer, ShopCall
    from kedai.simulator.state.channels import Channel
    from kedai.simulator.state.orders import Order, Package

_LONGEST_TRACKING = 30
_LONGEST_NAME = 30


def _refusal(name: str, message: str) -> Refusal:
    return Refusal(f"logistics.{name}", message)


NOT_SHIPPABLE = Refusal("error_param", "Shipping parameters can only be obtained when package is ready to be shipped")
NEED_PACKAGE_FOR_PARAMETER = _refusal(
    "package_number_not_exist", "Please request with package_number for this split order."
)
# The spelling is the wire's.
NEED_PACKAGE = _refusal("ship_order_need_pacakge_number", "Please request with package_number for this split order.")
NO_PACKAGE_NEEDED = _refusal("ship_order_not_need_pacakge_number", "This order is not split, leave package_number out.")
ONE_TYPE = _refusal("ship_order_only_support_one_type", "Only one of pickup, dropoff and non_integrated can be given.")
NEED_ADDRESS = _refusal("ship_order_need_address_pickup_time", "Parameter address_id and pickup_time_id are needed.")
NEED_BRANCH = _refusal("ship_order_need_branch_id", "Parameter branch_id can not be null.")
NEED_NAME = _refusal("ship_order_need_sender_real_name", "Parameter sender_real_name can not be null.")
LONG_NAME = _refusal("ship_order_long_sender_real_name", "Parameter sender_real_name is too long.")
NEED_TRACKING = _refusal("ship_order_need_tracking_number", "Parameter tracking_number can not be null.")
LONG_TRACKING = _refusal("ship_order_long_tracking_number", "Parameter tracking_number is too long.")
NOT_READY = _refusal("ship_order_not_ready_to_ship", "The order is not ready to ship.")
# The table's code has a space before it.
ALREADY_SHIPPED = Refusal(" logistics.package_already_shipped", "The package has been shipped.")
BAD_SLOT = _refusal("ship_order_pickup_time_invalid", "The pickup time is invalid.")
BAD_ADDRESS = _refusal("address_not_found", "The address is not found.")
NOT_RESCHEDULABLE = _refusal("ship_order_unsupport_pickup", "The package is not waiting for its pickup.")


def get_shipping_parameter(call: ShopCall) -> Answer:
    """Say what the package's channel needs to ship it; a half that is not offered is null."""
    order = find_order(call, required_text(call.query, "order_sn"))
    package = _chosen(order, call.query.get("package_number", ""), NEED_PACKAGE_FOR_PARAMETER)
    if not _is_waiting(order, package):
        raise ApiError(NOT_SHIPPABLE)
    return {"response": _parameters(call, _channel(call, package))}


def get_mass_shipping_parameter(call: ShopCall) -> Answer:
    """Say the same for many packages of one channel; those that cannot be shipped are listed apart."""
    good, bad = _mass(call)
    parameters = _parameters(call, _channel(call, good[0].package)) if good else _nothing()
    if parameters["dropoff"] is not None:
        parameters["dropoff"].pop("slug_list")
    return {
        "response": {
            **parameters,
            "success_list": [{"package_number": parcel.package.package_number} for parcel in good],
            "fail_list": bad,
        }
    }


def ship_order(call: ShopCall) -> Answer:
    """Arrange the shipment of one package, in exactly one of three ways."""
    order = find_order(call, body_text(call.body, "order_sn"))
    _ship(call, order, body_optional_text(call.body, "package_number"), call.body)
    return {}


def batch_ship_order(call: ShopCall) -> Answer:
    """Arrange many orders alike; each that fails says why, and is named again in the warning."""
    results = []
    for wish in body_objects(call.body, "order_list"):
        order_sn, number = body_text(wish, "order_sn"), body_optional_text(wish, "package_number")
        try:
            _ship(call, find_order(call, order_sn), number, call.body)
        except ApiError as refused:
            results.append(result(order_sn, number, refused.refusal))
        else:
            results.append(result(order_sn, number, None))
    return batch_answer(results)


def mass_ship_order(call: ShopCall) -> Answer:
    """Arrange many packages alike; the lists stand at top level, without ``response``."""
    good, bad = _mass(call)
    shipped = []
    for parcel in good:
        number = parcel.package.package_number
        try:
            _ship(call, parcel.order, number, _own_tracking(call.body, number), any_package=True)
        except ApiError as refused:
            bad.append({"package_number": number, "fail_reason": refused.refusal.message})
        else:
            shipped.append({"package_number": number})
    return {"success_list": shipped, "fail_list": bad}


def update_shipping_order(call: ShopCall) -> Answer:
    """Choose another pickup time for a package that waits for its pickup."""
    order = find_order(call, body_text(call.body, "order_sn"))
    package = _chosen(order, body_optional_text(call.body, "package_number"), NEED_PACKAGE)
    pickup = body_object(call.body, "pickup")
    if pickup is None:
        raise ApiError(texts.required_field("pickup"))
    if package.method != PICKUP or package.logistics_status not in (REQUESTED, PICKUP_RETRY):
        raise ApiError(NOT_RESCHEDULABLE)
    package.pickup_time_id = _checked_slot(call, pickup)
    return {}


def result(order_sn: str, number: str, refusal: Refusal | None) -> dict[str, Any]:
    """Return one line of a batch answer; the two failure fields are there only when it failed."""
    line = {"order_sn": order_sn, "package_number": number}
    return line if refusal is None else {**line, "fail_error": refusal.error, "fail_message": refusal.message}


def batch_answer(results: list[dict[str, Any]]) -> Answer:
    """Return a batch answer: failed ids again in ``warning``; when all failed, an error beside the results."""
    failed = [
        {"order_sn": line["order_sn"], "package_number": line["package_number"]}
        for line in results
        if "fail_error" in line
    ]
    beside: Answer = {"response": {"result_list": results}, **({"warning": failed} if failed else {})}
    if failed and len(failed) == len(results):
        refusal = Refusal("common.batch_api_all_failed", "Failed, please check result_list for more details.")
        raise ApiError(refusal, beside=beside)
    return beside


def _mass(call: ShopCall) -> tuple[list[Parcel], list[dict[str, str]]]:
    """Return the packages that can be shipped together, and the others with why."""
    good: list[Parcel] = []
    bad: list[dict[str, str]] = []
    channel_id = body_optional_number(call.body, "logistics_channel_id", 0)
    for wish in body_objects(call.body, "package_list"):
        number = body_text(wish, "package_number")
        parcel = find_parcel(call, number)
        reason = _why_not(parcel, channel_id or (good[0].package.channel_id if good else 0))
        if parcel is None or reason:
            bad.append({"package_number": number, "fail_reason": reason})
        else:
            good.append(parcel)
    return good, bad


def _why_not(parcel: Parcel | None, channel_id: int) -> str:
    if parcel is None:
        return "The package does not exist."
    if channel_id not in (0, parcel.package.channel_id):
        return "The package is of another logistics channel."
    return "" if _is_waiting(*parcel) else NOT_READY.message


def _own_tracking(body: dict[str, Any], number: str) -> dict[str, Any]:
    """Return the body with the package's own number, where the mass call lists one per package."""
    given = body_object(body, NON_INTEGRATED)
    if given is None:
        return body
    listed = body_objects(given, "tracking_number", required=False)
    mine = next((row.get("tracking_number") for row in listed if row.get("package_number") == number), None)
    return {**body, NON_INTEGRATED: {"tracking_number": mine}}


def _ship(call: ShopCall, order: Order, number: str, body: dict[str, Any], *, any_package: bool = False) -> None:
    if number and len(order.packages) == 1 and not any_package and order.packages[0].package_number != number:
        raise ApiError(NO_PACKAGE_NEEDED)
    package = _chosen(order, number, NEED_PACKAGE)
    if package.is_arranged and package.logistics_status != PICKUP_RETRY:
        raise ApiError(ALREADY_SHIPPED)
    if not _is_waiting(order, package):
        raise ApiError(NOT_READY)
    given = [method for method in METHODS if body.get(method) is not None]
    if len(given) != 1:
        raise ApiError(ONE_TYPE)
    method = given[0]
    channel = _channel(call, package)
    if method not in channel.needs:
        raise ApiError(_refusal(f"ship_order_unsupport_{method}", f"The channel does not support {method}."))
    details = body_object(body, method) or {}
    tracking, slot = _checked(call, channel, method, details)
    try:
        call.simulation.shipping.arrange(order, package, method=method, tracking_number=tracking, slot=slot)
    except WrongState:
        raise ApiError(NOT_READY) from None


def _checked(call: ShopCall, channel: Channel, method: str, details: Mapping[str, Any]) -> tuple[str, str]:
    """Return the seller's own tracking number and the pickup slot, each empty where the way has none."""
    if method == PICKUP:
        return "", _checked_slot(call, details)
    if method == DROPOFF:
        _check_dropoff(channel.needs[DROPOFF], details, call)
        return "", ""
    tracking = details.get("tracking_number")
    if not isinstance(tracking, str) or not tracking:
        raise ApiError(NEED_TRACKING)
    if len(tracking) > _LONGEST_TRACKING:
        raise ApiError(LONG_TRACKING)
    return tracking, ""


def _check_dropoff(needs: tuple[str, ...], details: Mapping[str, Any], call: ShopCall) -> None:
    branch_ids = [branch["branch_id"] for branch in channels.branches(call.shop)]
    if "branch_id" in needs and details.get("branch_id") not in branch_ids:
        raise ApiError(NEED_BRANCH)
    if "sender_real_name" in needs:
        name = details.get("sender_real_name")
        if not isinstance(name, str) or not name:
            raise ApiError(NEED_NAME)
        if len(name) > _LONGEST_NAME:
            raise ApiError(LONG_NAME)


def _checked_slot(call: ShopCall, details: Mapping[str, Any]) -> str:
    address_id, slot = details.get("address_id"), details.get("pickup_time_id")
    if not address_id or not slot:
        raise ApiError(NEED_ADDRESS)
    if address_id not in [address["address_id"] for address in channels.addresses(call.shop)]:
        raise ApiError(BAD_ADDRESS)
    if slot not in [offered["pickup_time_id"] for offered in channels.time_slots(call.world.clock.now())]:
        raise ApiError(BAD_SLOT)
    return str(slot)


def _chosen(order: Order, number: str, missing: Refusal) -> Package:
    if not number:
        if len(order.packages) > 1:
            raise ApiError(missing)
        return order.packages[0]
    package = order.find_package(number)
    if package is None:
        raise ApiError(texts.PACKAGE_NOT_EXIST)
    return package


def _is_waiting(order: Order, package: Package) -> bool:
    shippable = order.status in ("READY_TO_SHIP", "RETRY_SHIP", "PROCESSED", "SHIPPED")
    return shippable and package.logistics_status in (READY, PICKUP_RETRY)


def _channel(call: ShopCall, package: Package) -> Channel:
    channel = channels.find_channel(call.shop.region, package.channel_id)
    if channel is None:
        raise ApiError(_refusal("error_channel_exist", "The channel does not exist."))
    return channel


def _parameters(call: ShopCall, channel: Channel) -> dict[str, Any]:
    answer = _nothing()
    answer["info_needed"] = {method: list(needs) for method, needs in channel.needs.items()}
    if PICKUP in channel.needs:
        slots = channels.time_slots(call.world.clock.now())
        answer["pickup"] = {
            "address_list": [
                {
                    **address,
                    "address_flag": ["default_address", "pickup_address"] if place == 0 else [],
                    # Null, not empty, where an address has none.
                    "time_slot_list": slots if place == 0 else None,
                }
                for place, address in enumerate(channels.addresses(call.shop))
            ]
        }
    if DROPOFF in channel.needs:
        has_branches = "branch_id" in channel.needs[DROPOFF]
        answer["dropoff"] = {
            "branch_list": channels.branches(call.shop) if has_branches else None,
            "slug_list": None,
        }
    return answer


def _nothing() -> dict[str, Any]:
    return {"info_needed": {}, "dropoff": None, "pickup": None}
