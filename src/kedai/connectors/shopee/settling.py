"""What orders earned, in Kedai's values: from the fields of an escrow (contract §5.3)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from decimal import Decimal

import msgspec

from kedai.connectors.base import HttpAnswer
from kedai.connectors.shopee.api.escrow_shapes import EscrowDetail, EscrowItem, EscrowList, OrderIncome
from kedai.connectors.shopee.api.reading import read_answer
from kedai.connectors.shopee.mapping import ORDER_NUMBER, to_amount
from kedai.connectors.shopee.schemas import clean_text, read_json
from kedai.errors import RemoteUnreadable
from kedai.values.order import Page
from kedai.values.settlement import PARTS, Amounts, ReleasedOrder, SettledLine, Settlement
from kedai.values.wording import N_

_INT64_MAX = 2**63 - 1
_VOUCHERS = (("voucher_from_seller", -1), ("seller_coin_cash_back", -1))
_SHIPPING = (
    ("buyer_paid_shipping_fee", 1),
    ("shopee_shipping_rebate", 1),
    ("shipping_fee_discount_from_3pl", 1),
    ("rsf_seller_protection_fee_claim_amount", 1),
    ("actual_shipping_fee", -1),
    ("reverse_shipping_fee", -1),
    ("final_return_to_seller_shipping_fee", -1),
)


class _Row(msgspec.Struct, frozen=True):
    """One order of ``get_escrow_detail_batch``, as the exact bytes that came."""

    escrow_detail: msgspec.Raw


def to_released_page(listed: EscrowList, page_no: int) -> Page[ReleasedOrder]:
    """One page of what was paid out; numbers that cannot be are left out."""
    rows = tuple(
        ReleasedOrder(one.order_sn, to_amount(one.payout_amount, N_("escrow list")), one.escrow_release_time)
        for one in listed.escrow_list
        if ORDER_NUMBER.fullmatch(one.order_sn)
    )
    return Page(rows, str(page_no + 1) if listed.more else None)


def to_settlements(
    raw: bytes | msgspec.Raw, asked: Collection[str], read_started_at: datetime
) -> tuple[Settlement, ...]:
    """Each order that was asked for and given, once.

    Raises:
        RemoteUnreadable: an order's money lacks what it always holds, or is no money.
    """
    found: dict[str, Settlement] = {}
    for row in read_json(raw, list[_Row]):
        exact = bytes(row.escrow_detail)
        detail = read_answer(HttpAnswer(200, {}, exact), EscrowDetail)
        if detail.order_sn in asked and detail.order_sn not in found:
            lines = tuple(_to_line(item, detail.order_sn) for item in detail.order_income.items)
            amounts = _to_amounts(detail.order_income, detail.order_sn)
            found[detail.order_sn] = Settlement(detail.order_sn, amounts, lines, read_started_at, exact)
    return tuple(found.values())


def _to_amounts(income: OrderIncome, order_sn: str) -> Amounts:
    place = N_("escrow of order %(order_sn)s", order_sn=order_sn)

    def total(*fields: tuple[str, int]) -> Decimal | None:
        """What these fields add up to; None where Shopee says none of them."""
        known = [
            sign * amount for name, sign in fields if (amount := to_amount(getattr(income, name), place)) is not None
        ]
        return sum(known, Decimal()) if known else None

    goods = total(("original_cost_of_goods_sold", 1))
    parts = {
        "goods": total(("cost_of_goods_sold", 1)) if goods is None else goods,
        "vouchers": total(*_VOUCHERS),
        "shipping": total(*_SHIPPING),
        "refunds": total(("seller_return_refund", 1)),
        "commission_fee": total(("commission_fee", -1)),
        "service_fee": total(("service_fee", -1)),
        "transaction_fee": total(("seller_transaction_fee", -1)),
        "adjustments": total(("total_adjustment_amount", 1)),
    }
    earned = total(("escrow_amount_after_adjustment", 1))
    if earned is None:
        earned = (
            total(("escrow_amount", 1), ("total_adjustment_amount", 1)) if income.escrow_amount is not None else None
        )
    other = None if earned is None or parts["goods"] is None else earned - _sum(parts[name] for name in PARTS[:-1])
    return Amounts(**parts, other=other, earned=earned)


def _to_line(item: EscrowItem, order_sn: str) -> SettledLine:
    """Amounts are totals of the line, where the order's own detail has prices of a piece."""
    weight = item.selling_price if item.discounted_price is None else item.discounted_price
    quantity = item.quantity_purchased or 0
    if not 0 <= quantity <= _INT64_MAX:
        raise RemoteUnreadable(
            N_("Shopee's escrow of order %(order_sn)s holds an unusable quantity.", order_sn=order_sn)
        )
    return SettledLine(
        item_id=str(item.item_id or 0),
        model_id=str(item.model_id or 0),
        sku=clean_text(item.model_sku or item.item_sku or ""),
        quantity=quantity,
        weight=to_amount(weight, N_("escrow of order %(order_sn)s", order_sn=order_sn)),
    )


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    return sum((one for one in amounts if one is not None), Decimal())
