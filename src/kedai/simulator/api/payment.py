"""What orders earn: escrow of one and many, released amounts, and the income pages (contract §5.3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from kedai.simulator.api import texts
from kedai.simulator.api.errors import ApiError
from kedai.simulator.api.params import body_texts, checked_page_size, optional_number, required_number, required_text
from kedai.simulator.api.params import text_list as query_list
from kedai.simulator.api.texts import Refusal
from kedai.simulator.state.escrow import escrow_minor, render_escrow
from kedai.simulator.state.money import to_number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kedai.simulator.api.call import Answer, ShopCall
    from kedai.simulator.state.orders import Order

MAX_BATCH = 50
USUAL_PAGE = 40
INCOME_DAYS = 14
RELEASED, PENDING = 1, 2
_EARNING = ("READY_TO_SHIP", "RETRY_SHIP", "PROCESSED", "SHIPPED", "TO_CONFIRM_RECEIVE", "TO_RETURN", "IN_CANCEL")
ORDER_NOT_FOUND = Refusal(
    "order_not_found",
    "Order SN provided is invalid or does not belong to you. Please check and use a valid order SN.",
)
TOO_MANY = Refusal("exceed_max_limit", f"order_sn_list must hold {MAX_BATCH} or less.")
BATCH_NOT_FOUND = Refusal("common.error_not_found", "Wrong parameters, detail: the order is not found.")


def get_escrow_detail(call: ShopCall) -> Answer:
    """Return the escrow of one order."""
    order = _find(call, required_text(call.query, "order_sn"))
    if order is None:
        raise ApiError(ORDER_NOT_FOUND)
    return {"response": render_escrow(order, call.world.returns.values(), as_batch=False)}


def get_escrow_detail_batch(call: ShopCall) -> Answer:
    """Return the escrow of up to 50 orders; unknown ones are left out."""
    numbers = body_texts(call.body, "order_sn_list") or query_list(call.query, "order_sn_list")
    if not numbers:
        raise ApiError(texts.required_field("order_sn_list"))
    if len(numbers) > MAX_BATCH:
        raise ApiError(TOO_MANY)
    found = [order for number in numbers if (order := _find(call, number)) is not None]
    if not found:
        raise ApiError(BATCH_NOT_FOUND)
    returns = call.world.returns.values()
    return {"response": [{"escrow_detail": render_escrow(order, returns, as_batch=True)} for order in found]}


def get_escrow_list(call: ShopCall) -> Answer:
    """List what was released in a time; pages count from 1."""
    since = required_number(call.query, "release_time_from")
    until = required_number(call.query, "release_time_to")
    size = checked_page_size(optional_number(call.query, "page_size", USUAL_PAGE))
    page_no = optional_number(call.query, "page_no", 1)
    if page_no < 1:
        raise ApiError(texts.wrong_parameters("page_no must be 1 or more"))
    if since > until:
        raise ApiError(texts.wrong_parameters("release_time_from must be before release_time_to"))
    found = released(call, since, until)
    page = found[(page_no - 1) * size : page_no * size]
    rows = [
        {
            "order_sn": order.order_sn,
            "payout_amount": earned(call, order),
            "escrow_release_time": order.complete_time,
        }
        for order in page
    ]
    return {"response": {"escrow_list": rows, "more": page_no * size < len(found)}}


def get_income_overview(call: ShopCall) -> Answer:
    """Sum up what is released and what is to come; the sum stands at top level, as in the sample."""
    done = released(call, 0, texts.UINT32_MAX)
    return {
        "response": {"latest_payout_date": _day(done[-1].complete_time) if done else ""},
        "total_income": {
            "pending_amount": _sum(call, _to_come(call)),
            "to_release_amount": 0,
            "released_amount": _sum(call, done),
        },
    }


def get_income_detail(call: ShopCall) -> Answer:
    """List the orders behind the overview; at top level, without ``response``."""
    status = required_number(call.query, "income_status")
    if status not in (0, RELEASED, PENDING):
        raise ApiError(texts.wrong_parameters("income_status must be one of 0 1 2"))
    since, until = _days(call)
    size = checked_page_size(required_number(call.query, "page_size"))
    cursor = call.query.get("cursor", "") or "0"
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise ApiError(texts.wrong_parameters("cursor is invalid"))
    # Only cross-border shops have amounts to release.
    found = [] if status == 0 else released(call, since, until) if status == RELEASED else _to_come(call)
    first = int(cursor)
    page, more = found[first : first + size], first + size < len(found)
    return {
        "income_detail_list": {
            "next_page": {"cursor": str(first + size) if more else "", "page_size": size},
            "list": [_income(call, order, is_released=status == RELEASED) for order in page],
        }
    }


def released(call: ShopCall, since: int, until: int) -> list[Order]:
    """Return the orders whose money was released between two moments, in that order."""
    found = [
        order
        for order in call.world.book.of_shop(call.shop.shop_id)
        if order.status == "COMPLETED" and since <= order.complete_time <= until
    ]
    return sorted(found, key=lambda order: (order.complete_time, order.order_sn))


def earned(call: ShopCall, order: Order) -> int | float:
    """Return what an order earns; in major units, which is not stated but fits the escrow detail (question 6)."""
    return to_number(escrow_minor(order, call.world.returns.values()), order.decimals)


def _to_come(call: ShopCall) -> list[Order]:
    return [order for order in call.world.book.of_shop(call.shop.shop_id) if order.status in _EARNING]


def _sum(call: ShopCall, orders: Iterable[Order]) -> int | float:
    returns = call.world.returns.values()
    return to_number(sum(escrow_minor(order, returns) for order in orders), call.shop.decimals)


def _find(call: ShopCall, order_sn: str) -> Order | None:
    order = call.world.book.find(order_sn, call.shop.shop_id)
    # Nothing is earned before it is paid.
    return order if order is not None and order.pay_time else None


def _days(call: ShopCall) -> tuple[int, int]:
    """Return the first and last second of the days asked for."""
    names = ("date_from", "date_to")
    try:
        days = [datetime.strptime(required_text(call.query, name), "%Y-%m-%d").replace(tzinfo=UTC) for name in names]
    except ValueError:
        raise ApiError(texts.wrong_parameters("date_from and date_to must be YYYY-MM-DD")) from None
    if not timedelta(0) <= days[1] - days[0] <= timedelta(days=INCOME_DAYS):
        raise ApiError(texts.wrong_parameters(f"date_from and date_to must be within {INCOME_DAYS} days"))
    return int(days[0].timestamp()), int(days[1].timestamp()) + 86_399


def _day(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")


def _income(call: ShopCall, order: Order, *, is_released: bool) -> dict[str, Any]:
    amount = earned(call, order)
    return {
        "payment_method": order.payment_method,
        "order_sn": order.order_sn,
        "description": "",
        "status": "Released" if is_released else "Pending",
        "currency": order.currency,
        "estimated_escrow_amount": 0 if is_released else amount,
        "estimated_payout_time": 0,
        "to_release_amount": 0,
        "creation_date": order.create_time,
        "released_amount": amount if is_released else 0,
        "actual_payout_time": order.complete_time if is_released else 0,
    }
