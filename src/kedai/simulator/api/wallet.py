"""The seller's wallet, payouts, and the reports that are made for download (contract §5.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kedai.simulator.api import texts
from kedai.simulator.api.errors import ApiError
from kedai.simulator.api.params import (
    body_number,
    body_optional_text,
    checked_page_size,
    optional_number,
    page_size,
    required_number,
)
from kedai.simulator.api.payment import earned, released
from kedai.simulator.api.texts import Refusal
from kedai.simulator.state.catalog import payment_methods

if TYPE_CHECKING:
    from kedai.simulator.api.call import Answer, Call, ShopCall
    from kedai.simulator.state.orders import Order

WINDOW_SECONDS = 15 * 86_400
PROCESSING, DOWNLOADABLE = 1, 2
# How long a report is in the making, in simulated seconds.
REPORT_SECONDS = 5
TOO_LARGE = Refusal("time_period_too_large", "The time period is too large, it must be within 15 days.")
TIME_INVALID = Refusal("time_invalid", "The time is invalid.")
NO_REPORT = Refusal("error_not_found", "Wrong parameters, detail: the report is not found.")
_PAYOUT_ACCOUNT = "SIM-PAYEE"


def get_wallet_transaction_list(call: ShopCall) -> Answer:
    """List what came into the wallet; pages count from 0."""
    size = checked_page_size(required_number(call.query, "page_size"))
    page_no = required_number(call.query, "page_no")
    since = optional_number(call.query, "create_time_from", 0)
    until = optional_number(call.query, "create_time_to", texts.UINT32_MAX)
    _check_window(call, since, until, "create_time")
    every = released(call, 0, texts.UINT32_MAX)
    balances = _balances(call, every)
    found = [order for order in every if since <= order.complete_time <= until]
    page = found[page_no * size : (page_no + 1) * size]
    rows = [_transaction(call, order, balances[order.order_sn]) for order in page]
    return {"response": {"transaction_list": rows, "more": (page_no + 1) * size < len(found)}}


def get_payout_info(call: ShopCall) -> Answer:
    """List payouts by cursor: here each released order is one."""
    since, until = _payout_window(call)
    size = page_size(call.query)
    first = _offset(call.query.get("cursor", ""))
    found = released(call, since, until)
    page, more = found[first : first + size], first + size < len(found)
    rows = [{**_payout(call, order), "encrypted_payout_id": f"SIM{order.order_sn}"} for order in page]
    return {"response": {"payout_list": rows, "more": more, "next_cursor": str(first + size) if more else ""}}


def get_payout_detail(call: ShopCall) -> Answer:
    """List payouts with what they are made of; pages count from 1."""
    since, until = _payout_window(call)
    size = page_size(call.query)
    page_no = required_number(call.query, "page_no")
    if page_no < 1:
        raise ApiError(texts.wrong_parameters("page_no must be 1 or more"))
    found = released(call, since, until)
    rows = [
        {
            "payout_info": _payout(call, order),
            "escrow_list": [
                {"escrow_amount": earned(call, order), "currency": order.currency, "order_sn": order.order_sn}
            ],
            "offline_adjustment_list": [],
        }
        for order in found[(page_no - 1) * size : page_no * size]
    ]
    return {"response": {"more": page_no * size < len(found), "payout_list": rows}}


def get_billing_transaction_info(call: ShopCall) -> Answer:
    """List what makes up payouts, by cursor."""
    body_number(call.body, "billing_transaction_info_type")
    size = checked_page_size(body_number(call.body, "page_size"))
    first = _offset(body_optional_text(call.body, "cursor"))
    found = released(call, 0, texts.UINT32_MAX)
    page, more = found[first : first + size], first + size < len(found)
    rows = [
        {
            "amount": earned(call, order),
            "currency": order.currency,
            "order_sn": order.order_sn,
            "cost_header": "Order Income",
            "scenario": "Order",
            "remark": "",
            "level": "ORDER",
            "billing_transaction_type": "ESCROW",
            "billing_transaction_status": "RELEASED",
        }
        for order in page
    ]
    return {"response": {"transactions": rows, "more": more, "next_cursor": str(first + size) if more else ""}}


def get_payment_method_list(call: Call) -> Answer:
    """List how buyers can pay, by region; a public call."""
    regions = sorted({shop.region for shop in call.world.shops.values()})
    return {"response": [{"payment_method": list(payment_methods(region)), "region": region} for region in regions]}


def generate_income_report(call: ShopCall) -> Answer:
    """Start a report; the number is what to ask for later."""
    return {"msg": "", **_generate(call, "report")}


def get_income_report(call: ShopCall) -> Answer:
    """Say how far a report is."""
    return {"msg": "", **_report(call, "report", "income_report_id")}


def generate_income_statement(call: ShopCall) -> Answer:
    """Start a statement, likewise."""
    required_number(call.query, "statement_type")
    return _generate(call, "statement")


def get_income_statement(call: ShopCall) -> Answer:
    """Say how far a statement is."""
    return _report(call, "statement", "income_statement_id")


def _generate(call: ShopCall, kind: str) -> Answer:
    since = required_number(call.query, "release_time_from")
    until = required_number(call.query, "release_time_to")
    if since > until:
        raise ApiError(texts.wrong_parameters("release_time_from must be before release_time_to"))
    return {"response": {"id": call.world.start_report(kind, call.shop.shop_id)}}


def _report(call: ShopCall, kind: str, name: str) -> Answer:
    number = required_number(call.query, name)
    started = call.world.reports.get(f"{kind}:{call.shop.shop_id}:{number}")
    if started is None:
        raise ApiError(NO_REPORT)
    done = call.world.clock.now() >= started + REPORT_SECONDS
    file_name = f"income_{kind}_{number}.xlsx"
    return {
        "response": {
            "id": number,
            "file_name": file_name,
            "status": DOWNLOADABLE if done else PROCESSING,
            "generated_time": started,
            "file_link": f"https://files.simulator.test/{file_name}" if done else "",
        }
    }


def _payout_window(call: ShopCall) -> tuple[int, int]:
    since = required_number(call.query, "payout_time_from")
    until = required_number(call.query, "payout_time_to")
    _check_window(call, since, until, "payout_time")
    return since, until


def _check_window(call: ShopCall, since: int, until: int, name: str) -> None:
    if since > until:
        raise ApiError(TIME_INVALID)
    named = bool(call.query.get(f"{name}_from")) and bool(call.query.get(f"{name}_to"))
    if named and until - since > WINDOW_SECONDS:
        raise ApiError(TOO_LARGE)


def _offset(cursor: str) -> int:
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise ApiError(texts.wrong_parameters("cursor is invalid"))
    return int(cursor)


def _balances(call: ShopCall, orders: list[Order]) -> dict[str, int | float]:
    total: int | float = 0
    balances = {}
    for order in orders:
        total = round(total + earned(call, order), call.shop.decimals)
        balances[order.order_sn] = total
    return balances


def _transaction(call: ShopCall, order: Order, balance: float) -> dict[str, Any]:
    return {
        "status": "COMPLETED",
        "transaction_type": "ESCROW_VERIFIED_ADD",
        "txn_title": f"Income from order #{order.order_sn}",
        "amount": earned(call, order),
        "current_balance": balance,
        "create_time": order.complete_time,
        "order_sn": order.order_sn,
        "refund_sn": "",
        "withdrawal_type": "",
        "transaction_fee": 0,
        "description": "",
        "buyer_name": order.buyer_username,
        "pay_order_list": [],
        "shop_name": call.shop.shop_name,
        "withdrawal_id": 0,
        "reason": "",
        "root_withdrawal_id": 0,
        "transaction_tab_type": "wallet_order_income",
        "money_flow": "MONEY_IN",
        "outlet_shop_name": "",
    }


def _payout(call: ShopCall, order: Order) -> dict[str, Any]:
    amount = earned(call, order)
    return {
        "from_currency": order.currency,
        "payout_currency": order.currency,
        "from_amount": amount,
        "payout_amount": amount,
        "exchange_rate": "1",
        "payout_time": order.complete_time,
        "pay_service": "Simulated Bank",
        "payee_id": _PAYOUT_ACCOUNT,
    }
