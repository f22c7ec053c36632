"""What orders earned, from Shopee's own shapes: the parts add up, spellings do not matter, unknown is not zero."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from kedai.connectors.base import HttpAnswer, Settles
from kedai.connectors.shopee.settling import to_settlements
from kedai.errors import RemoteUnreadable
from kedai.values.settlement import PARTS, Settlement, spread
from tests.connectors.shopee.calls import clients
from tests.connectors.shopee.suite import ORDER, SHOP, TOKEN, answer

NOW = datetime(2026, 9, 1, tzinfo=UTC)


def batch(income: dict[str, Any], *items: dict[str, Any], order_sn: str = ORDER) -> bytes:
    detail = {"order_sn": order_sn, "order_income": {**income, "items": list(items)}}
    return msgspec.json.encode([{"escrow_detail": detail}])


def settled(income: dict[str, Any], *items: dict[str, Any]) -> Settlement:
    (found,) = to_settlements(batch(income, *items), {ORDER}, NOW)
    return found


INCOME = {
    "escrow_amount": 25.41,
    "original_cost_of_goods_sold": 29.11,
    "voucher_from_seller": 1,
    "seller_coin_cash_back": 0.5,
    "buyer_paid_shipping_fee": 2,
    "actual_shipping_fee": 2.4,
    "shopee_shipping_rebate": 0.4,
    "commission_fee": 1.16,
    "service_fee": 0.54,
    "seller_transaction_fee": 0.3,
    "campaign_fee": 0.2,
}


def test_fees_are_taken_off_and_the_rest_is_told_as_other_so_that_all_adds_up() -> None:
    """Break a sign in `settling`: the parts would not be what the seller sees."""
    amounts = settled(INCOME).amounts
    assert asdict(amounts) == {
        "goods": Decimal("29.11"),
        "vouchers": Decimal("-1.5"),
        "shipping": Decimal("0.0"),
        "refunds": None,
        "commission_fee": Decimal("-1.16"),
        "service_fee": Decimal("-0.54"),
        "transaction_fee": Decimal("-0.3"),
        "adjustments": None,
        "other": Decimal("-0.2"),
        "earned": Decimal("25.41"),
    }
    assert sum(one for name in PARTS if (one := getattr(amounts, name)) is not None) == amounts.earned


def test_an_adjustment_after_the_payout_is_part_of_what_was_earned() -> None:
    amounts = settled({**INCOME, "total_adjustment_amount": -1.5, "escrow_amount_after_adjustment": 23.91}).amounts
    assert (amounts.adjustments, amounts.earned, amounts.other) == (Decimal("-1.5"), Decimal("23.91"), Decimal("-0.2"))
    without_sum = settled({**INCOME, "total_adjustment_amount": -1.5}).amounts
    assert without_sum == amounts


def test_what_shopee_does_not_say_is_unknown_and_what_it_says_is_zero_is_zero() -> None:
    amounts = settled({"escrow_amount": 5}).amounts
    assert {name for name, one in asdict(amounts).items() if one is not None} == {"earned"}
    assert settled({**INCOME, "service_fee": 0}).amounts.service_fee == 0
    assert settled({}).amounts.earned is None


def test_lines_are_weighed_by_their_totals() -> None:
    items = ({"item_id": 1, "model_id": 2, "discounted_price": 29.11, "selling_price": 31, "quantity_purchased": 2},)
    (line,) = settled(INCOME, *items).lines
    assert (line.item_id, line.model_id, line.quantity, line.weight) == ("1", "2", 2, Decimal("29.11"))
    (share,) = spread(settled(INCOME, *items), "SGD")
    assert share.earned == Decimal("25.41")


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[{}]",
        b'[{"escrow_detail": 5}]',
        b'[{"escrow_detail": {"order_sn": "A1"}}]',
        batch({"escrow_amount": "a lot"}),
        batch({"escrow_amount": 1.00001}),
        batch({"escrow_amount": 1e300}),
        batch({"commission_fee": {}}),
        batch(INCOME, {"item_id": 1, "quantity_purchased": -1}),
    ],
)
def test_an_answer_that_cannot_be_is_refused_and_never_half_read(body: bytes) -> None:
    with pytest.raises(RemoteUnreadable):
        to_settlements(body, {ORDER, "A1"}, NOW)


def test_orders_that_were_not_asked_for_are_left_out() -> None:
    assert to_settlements(batch(INCOME, order_sn="OTHER"), {ORDER}, NOW) == ()


def test_the_client_asks_by_post_and_keeps_each_orders_exact_bytes() -> None:
    client, http = clients("answer__get_escrow_detail_batch__other_spellings.json")
    assert isinstance(client, Settles)
    (found,) = asyncio.run(client.get_settlements(SHOP, TOKEN, [ORDER]))
    assert (found.order_sn, found.amounts.earned, found.amounts.shipping) == (ORDER, Decimal("25.91"), Decimal("0.1"))
    assert found.answer in answer("answer__get_escrow_detail_batch__other_spellings.json").body
    (call,) = http.sent
    assert (call.method, call.path) == ("POST", "/api/v2/payment/get_escrow_detail_batch")


def test_none_known_is_an_empty_answer() -> None:
    refusal = {"error": "common.error_not_found", "message": "the order is not found.", "request_id": "r"}
    client, _ = clients(HttpAnswer(200, {}, msgspec.json.encode(refusal)))
    assert asyncio.run(client.get_settlements(SHOP, TOKEN, [ORDER])) == ()


def test_the_list_of_released_orders_is_read_page_by_page() -> None:
    client, http = clients("answer__get_escrow_list__first_page.json", "answer__get_escrow_list__last_page.json")
    window = {"released_from": NOW, "released_to": NOW}
    first = asyncio.run(client.list_released(SHOP, TOKEN, **window, cursor=None))
    last = asyncio.run(client.list_released(SHOP, TOKEN, **window, cursor=first.next_cursor))
    assert (first.next_cursor, last.next_cursor) == ("2", None)
    assert all(row.released_at is not None and row.payout is not None for row in (*first.rows, *last.rows))
    assert [dict(call.query)["page_no"] for call in http.sent] == ["1", "2"]
