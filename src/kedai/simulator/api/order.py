"""Order list and detail (contract §5.1)."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any, cast

from kedai.simulator.api import texts
from kedai.simulator.api.answers import START_CURSOR
from kedai.simulator.api.errors import ApiError
from kedai.simulator.api.params import is_true, one_of, page_size, required_number, required_text, text_list
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
_PENDING = "PENDING"
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
    with_pending = is_true(query, "request_order_status_pending")
    return {
        "response": {
            "more": page.more,
            "next_cursor": _write_cursor(page.orders[-1], field) if page.more else "",
            "order_list": [_listed(order, with_status=with_status, with_pending=with_pending) for order in page.orders],
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
    with_pending = is_true(call.query, "request_order_status_pending")
    return {"response": {"order_list": [_chosen(order, names, with_pending=with_pending) for order in found]}}


def get_pending_buyer_invoice_order_list(call: ShopCall) -> Answer:
    """List the orders that wait for the seller's invoice, page by page."""
    limit = page_size(call.query)
    after = _read_cursor(call.query.get("cursor", ""))
    book = call.world.book
    page = book.page(call.shop.shop_id, PageWish("create_time", 0, texts.UINT32_MAX, "INVOICE_PENDING", after, limit))
    return {
        "response": {
            "more": page.more,
            "next_cursor": _write_cursor(page.orders[-1], "create_time") if page.more else "",
            "order_list": [{"order_sn": order.order_sn} for order in page.orders],
        }
    }


def _listed(order: Order, *, with_status: bool, with_pending: bool) -> dict[str, Any]:
    listed = {"order_sn": order.order_sn}
    if with_status:
        listed["order_status"] = _shown_status(order, with_pending=with_pending)
    return listed


def _chosen(order: Order, names: list[str], *, with_pending: bool) -> dict[str, Any]:
    full = render(order)
    chosen = {name: full[name] for name in names}
    if order.status == _PENDING:
        chosen["order_status"] = _shown_status(order, with_pending=with_pending)
        if with_pending:
            chosen |= {"pending_terms": ["SYSTEM_PENDING"], "pending_description": ["The order is being checked."]}
    return chosen


def _shown_status(order: Order, *, with_pending: bool) -> str:
    # Whoever does not ask for it must not meet a status it cannot know; which one stands for it is not documented.
    return "UNPAID" if order.status == _PENDING and not with_pending else order.status


def _write_cursor(order: Order, field: TimeField) -> str:
    moment = order.create_time if field == "create_time" else order.update_time
    return urlsafe_b64encode(f"{moment}:{order.order_sn}".encode()).decode()


def _read_cursor(text: str) -> Mark | None:
    if text in ("", START_CURSOR):
        return None
    try:
        moment, _, order_sn = urlsafe_b64decode(text.encode()).decode().partition(":")
        return int(moment), order_sn
    except (binascii.Error, ValueError):
        raise ApiError(texts.wrong_parameters("cursor is invalid")) from None
