"""Waybills: which kinds, started, asked for, and fetched as a file or an error in JSON (contract §5.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kedai.simulator.api import texts
from kedai.simulator.api.call import Download
from kedai.simulator.api.errors import ApiError
from kedai.simulator.api.finding import Parcel, find_order
from kedai.simulator.api.params import body_objects, body_optional_text, body_text
from kedai.simulator.api.shipping import batch_answer, result
from kedai.simulator.api.texts import Refusal
from kedai.simulator.pdf import write_pdf
from kedai.simulator.state.lifecycle import REQUESTED

if TYPE_CHECKING:
    from collections.abc import Callable

    from kedai.simulator.api.call import Answer, ShopCall

KINDS = (
    "NORMAL_AIR_WAYBILL",
    "THERMAL_AIR_WAYBILL",
    "NORMAL_JOB_AIR_WAYBILL",
    "THERMAL_JOB_AIR_WAYBILL",
    "THERMAL_UNPACKAGED_LABEL",
)
SUGGESTED = KINDS[0]
SELECTABLE = KINDS[:2]


def _refusal(name: str, message: str) -> Refusal:
    return Refusal(f"logistics.{name}", message)


NUMBER_NOT_EXIST = _refusal("package_number_not_exist", "Please request with package_number for this split order.")
NUMBER_NOT_FOUND = _refusal("package_number_not_found", "The package_number is not found.")
ORDER_NOT_EXIST = _refusal("order_not_exist", "The order does not exist.")
CANNOT_PRINT = _refusal("package_can_not_print", "The package can not print now.")
BAD_KIND = _refusal("shipping_document_type_invalid", "The shipping_document_type is invalid.")
BAD_TRACKING = _refusal("tracking_number_invalid", "The tracking_number is invalid.")
PRINT_FIRST = _refusal("shipping_document_should_print_first", "The shipping document should be created first.")
PRINT_FAILED = _refusal("package_print_failed", "The package print failed.")
LATER = _refusal("download_later", "The document is not ready, please download later.")
NOT_TOGETHER = _refusal("packages_can_not_download_together", "These packages can not be downloaded together.")


def get_shipping_document_parameter(call: ShopCall) -> Answer:
    """Say which kinds of waybill each order can have."""

    def look(parcel: Parcel, _wish: dict[str, Any]) -> dict[str, Any]:
        return {
            "package_number": parcel.package.package_number,
            "suggest_shipping_document_type": SUGGESTED,
            "selectable_shipping_document_type": list(SELECTABLE),
        }

    return _for_each(call, look, missing=NUMBER_NOT_FOUND)


def create_shipping_document(call: ShopCall) -> Answer:
    """Start the waybills of arranged packages; push 15 tells when one is ready, or has failed."""

    def start(parcel: Parcel, wish: dict[str, Any]) -> dict[str, Any]:
        kind = body_optional_text(wish, "shipping_document_type") or SUGGESTED
        if kind not in SELECTABLE:
            raise ApiError(BAD_KIND)
        if not _can_print(parcel):
            raise ApiError(CANNOT_PRINT)
        # Needed by the documents, yet what is wrong with a missing one is not said: only another one is refused.
        given = body_optional_text(wish, "tracking_number")
        number = parcel.package.tracking_number
        if not number or given not in ("", number):
            raise ApiError(BAD_TRACKING)
        call.simulation.shipping.print(parcel.order, parcel.package, kind, call.app.partner_id)
        return {"package_number": parcel.package.package_number}

    return _for_each(call, start, missing=NUMBER_NOT_FOUND)


def get_shipping_document_result(call: ShopCall) -> Answer:
    """Say how far each waybill is."""

    def look(parcel: Parcel, wish: dict[str, Any]) -> dict[str, Any]:
        kind = body_optional_text(wish, "shipping_document_type") or SUGGESTED
        document = parcel.package.documents.get(kind)
        if document is None:
            raise ApiError(PRINT_FIRST)
        return {"package_number": parcel.package.package_number, "status": document.status}

    return _for_each(call, look, missing=NUMBER_NOT_EXIST)


def download_shipping_document(call: ShopCall) -> Download:
    """Return the waybills as one file; anything in the way is an error in JSON, whatever the HTTP status."""
    wishes = body_objects(call.body, "order_list")
    kind = body_optional_text(call.body, "shipping_document_type") or SUGGESTED
    parcels = [_find(call, wish, NUMBER_NOT_EXIST) for wish in wishes]
    if len({parcel.package.channel_id for parcel in parcels}) > 1:
        raise ApiError(NOT_TOGETHER)
    for parcel in parcels:
        document = parcel.package.documents.get(kind)
        if document is None:
            raise ApiError(PRINT_FIRST)
        if document.status == "PROCESSING":
            raise ApiError(LATER)
        if document.status == "FAILED":
            raise ApiError(PRINT_FAILED)
    pages = [_label(parcel, kind) for parcel in parcels]
    return Download(write_pdf(pages), "application/pdf", "shipping_document.pdf")


def _for_each(call: ShopCall, work: Callable[[Parcel, dict[str, Any]], dict[str, Any]], *, missing: Refusal) -> Answer:
    results = []
    for wish in body_objects(call.body, "order_list"):
        order_sn, number = body_text(wish, "order_sn"), body_optional_text(wish, "package_number")
        try:
            results.append({**result(order_sn, number, None), **work(_find(call, wish, missing), wish)})
        except ApiError as refused:
            results.append(result(order_sn, number, refused.refusal))
    return batch_answer(results)


def _find(call: ShopCall, wish: dict[str, Any], missing: Refusal) -> Parcel:
    number = body_optional_text(wish, "package_number")
    try:
        order = find_order(call, body_text(wish, "order_sn"))
    except ApiError as problem:
        raise ApiError(ORDER_NOT_EXIST if problem.refusal == texts.ORDERS_NOT_FOUND else problem.refusal) from None
    if not number and len(order.packages) > 1:
        raise ApiError(missing)
    package = order.find_package(number) if number else order.packages[0]
    if package is None:
        raise ApiError(missing)
    return Parcel(order, package)


def _can_print(parcel: Parcel) -> bool:
    """From arranged until picked up, any number of times."""
    return parcel.package.logistics_status == REQUESTED and parcel.order.status not in ("IN_CANCEL", "CANCELLED")


def _label(parcel: Parcel, kind: str) -> list[str]:
    order, package = parcel
    items = [f"{order.lines[part.line].model_sku} x {part.quantity}" for part in package.portions]
    return [
        f"{package.carrier}  {package.tracking_number}",
        f"Order {order.order_sn}",
        f"Package {package.package_number}",
        kind,
        *items,
    ]
