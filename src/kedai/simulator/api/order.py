"""Order list and detail (contract §5.1)."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any, cast

from kedai.simulator.api import texts
from kedai.simulator.api.errors import ApiError
from kedai.simulator.api.params import one_of, page_size, required_number, required_text, text_list
from kedai.simulator.state.order_book import PageWish
from kedai.simulator.state.orders import render

if TYPE_CHECKING:
    from kedai.simulator.api.call import Answer, ShopCall
    from kedai.simulator.state.order_book import Mark, TimeField
    from kedai.simulator.state.orders import Order

WINDOW_SECONDS = 15 * 86_400
MAX_DETAILS = 50
_FILTERS = (
    "UNPAID",
    "READY_TO_SHIP",
    "PROCESSED",
    "SHIPPED",
    "COMPLETED",
    "IN_CANCEL",
    "CANCELLED",
    "INVOICE_PENDING",
)
_ALWAYS = (
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
)
_OPTIONAL = (
    "buyer_user_id",
    "buyer_username",
    "estimated_shipping_fee",
    "recipient_address",
    "actual_shipping_fee",
    "goods_to_declare",
    "note",
    "note_update_time",
    "item_list",
    "pay_time",
    "dropshipper",
    "dropshipper_phone",
    "split_up",
    "buyer_cancel_reason",
    "cancel_by",
    "cancel_reason",
    "actual_shipping_fee_confirmed",
    "buyer_cpf_id",
    "fulfillment_flag",
    "pickup_done_time",
    "package_list",
    "shipping_carrier",
    "payment_method",
    "total_amount",
    "invoice_data",
    "order_chargeable_weight_gram",
    "return_request_due_date",
    "payment_info",
)
# Two names bring fields of other names.
_FIELDS = {name: (name,) for name in _OPTIONAL} | {
    "edt": ("edt_from", "edt_to"),
    "international_label": ("is_international",),
}


def get_order_list(call: ShopCall) -> Answer:
    """List order numbers by time of creation or change, page by page."""
    query = call.query
    field = cast("TimeField", one_of(query, "time_range_field", ("create_time", "update_time")))
    time_from, time_to = required_number(query, "time_from"), required_number(query, "time_to")
    limit = page_size(query)
    if time_from >= time_to or time_to - time_from > WINDOW_SECONDS:
        raise ApiError(texts.ORDER_WINDOW)
    status = one_of(query, "order_status", _FILTERS) if query.get("order_status") else None
    after = _read_cursor(query.get("cursor", ""))
    page = call.world.book.page(call.shop.shop_id, PageWish(field, time_from, time_to, status, after, limit))
    with_status = "order_status" in text_list(query, "response_optional_fields")
    return {
        "response": {
            "more": page.more,
            "next_cursor": _write_cursor(page.orders[-1], field) if page.more else "",
            "order_list": [_listed(order, with_status=with_status) for order in page.orders],
        }
    }


def get_order_detail(call: ShopCall) -> Answer:
    """Return up to 50 orders; fields that were not asked for are absent, unknown numbers are left out."""
    required_text(call.query, "order_sn_list")
    numbers = text_list(call.query, "order_sn_list")
    if not 1 <= len(numbers) <= MAX_DETAILS:
        detail = f"order_sn_list must hold 1 to {MAX_DETAILS} order numbers"
        raise ApiError(texts.wrong_parameters(detail))
    found = [order for sn in numbers if (order := call.world.book.find(sn, call.shop.shop_id)) is not None]
    if not found:
        raise ApiError(texts.ORDERS_NOT_FOUND)
    names = list(_ALWAYS)
    for asked in text_list(call.query, "response_optional_fields"):
        names += _FIELDS.get(asked, ())
    return {"response": {"order_list": [_chosen(order, names) for order in found]}}


def _listed(order: Order, *, with_status: bool) -> dict[str, Any]:
    listed = {"order_sn": order.order_sn}
    if with_status:
        listed["order_status"] = order.status
    return listed


def _chosen(order: Order, names: list[str]) -> dict[str, Any]:
    full = render(order)
    return {name: full[name] for name in names}


def _write_cursor(order: Order, field: TimeField) -> str:
    moment = order.create_time if field == "create_time" else order.update_time
    return urlsafe_b64encode(f"{moment}:{order.order_sn}".encode()).decode()


def _read_cursor(text: str) -> Mark | None:
    if not text:
        return None
    try:
        moment, _, order_sn = urlsafe_b64decode(text.encode()).decode().partition(":")
        return int(moment), order_sn
    except (binascii.Error, ValueError):
        raise ApiError(texts.wrong_parameters("cursor is invalid")) from None
