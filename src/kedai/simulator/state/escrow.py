"""What an order earns its seller: the parts first, and the amount from them, so that the identity holds (§5.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kedai.simulator.state.escrow_fields import AMOUNTS, BATCH_SPELLING, NOT_IN_BATCH
from kedai.simulator.state.money import to_number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kedai.simulator.state.orders import Line, Order
    from kedai.simulator.state.returns import Return

# Percent of the goods, or of what the buyer pays.
COMMISSION, SERVICE, TRANSACTION = 6, 2, 2
REBATE = 20
# The fields that make up the amount, and which way.
ADDED = (
    "original_cost_of_goods_sold",
    "seller_return_refund",
    "shopee_discount",
    "buyer_paid_shipping_fee",
    "shopee_shipping_rebate",
    "shipping_fee_discount_from_3pl",
    "rsf_seller_protection_fee_claim_amount",
    "buyer_paid_packaging_fee",
)
TAKEN_OFF = (
    "original_shopee_discount",
    "voucher_from_seller",
    "seller_coin_cash_back",
    "actual_shipping_fee",
    "reverse_shipping_fee",
    "final_return_to_seller_shipping_fee",
    "seller_transaction_fee",
    "service_fee",
    "commission_fee",
    "campaign_fee",
    "trade_in_bonus_by_seller",
    "fbs_fee",
    "ads_escrow_top_up_fee_or_technical_support_fee",
    "th_import_duty",
)


def refunded(order: Order, returns: Iterable[Return]) -> int:
    """Return what accepted returns gave back of an order, in minor units."""
    return sum(one.refund_minor for one in returns if one.order_sn == order.order_sn and one.was_accepted)


def amounts(order: Order, refund_minor: int) -> dict[str, int]:
    """Return every amount in minor units; those not named are zero."""
    goods = sum(line.discounted_minor * line.active for line in order.lines)
    original = sum(line.original_minor * line.active for line in order.lines)
    rebate = order.shipping_minor * REBATE // 100
    parts = {
        "original_price": original,
        "order_original_price": original,
        "order_discounted_price": goods,
        "order_selling_price": original,
        "order_seller_discount": original - goods,
        "seller_discount": original - goods,
        "original_cost_of_goods_sold": goods,
        "cost_of_goods_sold": goods - refund_minor,
        "seller_return_refund": -refund_minor,
        "buyer_total_amount": goods + order.shipping_minor,
        "buyer_paid_shipping_fee": order.shipping_minor,
        "estimated_shipping_fee": order.shipping_minor,
        "actual_shipping_fee": order.shipping_minor + rebate,
        "final_shipping_fee": -rebate,
        "shopee_shipping_rebate": rebate,
        "commission_fee": goods * COMMISSION // 100,
        "net_commission_fee": goods * COMMISSION // 100,
        "service_fee": goods * SERVICE // 100,
        "net_service_fee": goods * SERVICE // 100,
        "seller_transaction_fee": (goods + order.shipping_minor) * TRANSACTION // 100,
        "drc_adjustable_refund": refund_minor,
    }
    every = dict.fromkeys(AMOUNTS, 0) | parts
    escrow = sum(every[name] for name in ADDED) - sum(every[name] for name in TAKEN_OFF)
    return every | {
        "escrow_amount": escrow,
        "escrow_amount_after_adjustment": escrow + every["total_adjustment_amount"],
    }


def escrow_minor(order: Order, returns: Iterable[Return]) -> int:
    """Return what the seller gets, in minor units."""
    return amounts(order, refunded(order, returns))["escrow_amount"]


def render_escrow(order: Order, returns: Iterable[Return], *, as_batch: bool) -> dict[str, Any]:
    """Return an order's escrow as the wire has it; the answer for many spells some fields differently."""
    own = [one for one in returns if one.order_sn == order.order_sn]
    minor = amounts(order, refunded(order, own))
    income: dict[str, Any] = {name: to_number(amount, order.decimals) for name, amount in minor.items()}
    income |= {
        "order_chargeable_weight": sum(line.grams * line.active for line in order.lines),
        "seller_voucher_code": [],
        "items": [_item(order, line) for line in order.lines if line.active],
        "order_adjustment": [],
        "buyer_payment_method": order.payment_method,
        "instalment_plan": "",
        "tenure_info_list": {"payment_channel_name": "", "instalment_plan": ""},
        "tax_registration_code": "",
        "net_commission_fee_info_list": [],
        "net_service_fee_info_list": [],
        "seller_product_rebate": {"amount": 0, "commission_fee_offset": 0, "service_fee_offset": 0},
    }
    if as_batch:
        income = {BATCH_SPELLING.get(name, name): value for name, value in income.items() if name not in NOT_IN_BATCH}
        income["refund_amount_to_buyer"] = to_number(refunded(order, own), order.decimals)
    return {
        "order_sn": order.order_sn,
        "buyer_user_name": order.buyer_username,
        "return_order_sn_list": [one.return_sn for one in own],
        "order_income": income,
        "buyer_payment_info": _paid(order),
    }


def _item(order: Order, line: Line) -> dict[str, Any]:
    # Totals of the line, where the order's own detail has prices of a piece.
    original = to_number(line.original_minor * line.active, order.decimals)
    discounted = to_number(line.discounted_minor * line.active, order.decimals)
    off = to_number((line.original_minor - line.discounted_minor) * line.active, order.decimals)
    return {
        "item_id": line.item_id,
        "item_name": line.item_name,
        "item_sku": line.item_sku,
        "model_id": line.model_id,
        "model_name": line.model_name,
        "model_sku": line.model_sku,
        "line_item_id": line.item_id * 100 + line.model_id % 100,
        "original_price": original,
        "original_price_pri": 0,
        "selling_price": original,
        "discounted_price": discounted,
        "seller_discount": off,
        "shopee_discount": 0,
        "discount_from_coin": 0,
        "discount_from_voucher_shopee": 0,
        "discount_from_voucher_seller": 0,
        "activity_type": "",
        "activity_id": 0,
        "is_main_item": False,
        "quantity_purchased": line.active,
        "is_b2c_shop_item": False,
        "ams_commission_fee": 0,
        "is_kit": False,
        "kit_items": [],
        "promotion_list": [],
    }


def _paid(order: Order) -> dict[str, Any]:
    goods = sum(line.discounted_minor * line.active for line in order.lines)
    return {
        "buyer_payment_method": order.payment_method,
        "buyer_service_fee": 0,
        "buyer_tax_amount": 0,
        "buyer_total_amount": to_number(order.total_minor, order.decimals),
        "credit_card_promotion": 0,
        "insurance_premium": 0,
        "is_paid_by_credit_card": order.payment_method == "Credit/Debit Card",
        "merchant_subtotal": to_number(goods, order.decimals),
        "seller_voucher": 0,
        "shipping_fee": to_number(order.shipping_minor, order.decimals),
        "shopee_voucher": 0,
        "shopee_coins_redeemed": 0,
    }
