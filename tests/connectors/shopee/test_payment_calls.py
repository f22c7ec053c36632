"""What the calls about payment make of Shopee's answers (contract §5.3): exact, and tolerant of its spellings."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from kedai.connectors.shopee.api.escrow_shapes import OrderIncome
from kedai.connectors.shopee.api.words import IncomeStatus, ReportStatus
from kedai.errors import Invalid, RemoteNotFound, RemoteRejected, RemoteUnreadable
from kedai.values.money import Money
from tests.connectors.shopee.calls import BEGINS, ENDS, clients, ok, shops
from tests.connectors.shopee.suite import ORDER, SHOP, TOKEN
from tests.connectors.shopee.test_order_calls import all_of


def income_of(file: str) -> OrderIncome:
    payment = shops(file).payment
    if "batch" in file:
        (row,) = asyncio.run(payment.get_escrow_detail_batch([ORDER])).rows
        return row.escrow_detail.order_income
    return asyncio.run(payment.get_escrow_detail(ORDER)).order_income


def test_money_of_an_order_is_exact() -> None:
    income = income_of("answer__get_escrow_detail__settled.json")
    assert income.escrow_amount == Decimal("27.41")
    assert income.raw["fee_of_tomorrow"] == Decimal("0.07")
    (adjustment,) = income.order_adjustment
    assert adjustment.money(adjustment.amount) == Money(Decimal("-1.5"), "SGD")
    (item,) = income.items
    assert item.activity_id == 18446744073709551615
    assert [part.total_qty for part in item.kit_items] == [2]


def test_one_or_many_rules_are_read_alike() -> None:
    income = income_of("answer__get_escrow_detail__settled.json")
    assert [one.payment_channel_name for one in income.tenure_info_list] == ["Bank"]
    assert [one.rule_display_name for one in income.net_commission_fee_info_list] == ["Base", "Extra"]


def test_spellings_of_the_batch_are_read_as_those_of_the_single_call() -> None:
    single = income_of("answer__get_escrow_detail__settled.json")
    batch = income_of("answer__get_escrow_detail_batch__other_spellings.json")
    for income in (single, batch):
        assert income.shipping_fee_discount_from_3pl == Decimal("0.1")
        assert income.trade_in_bonus_by_seller == Decimal("0.2")
    assert (single.seller_voucher_code, batch.seller_voucher_code) == (("KOPI5",), ("5",))
    assert (single.buyer_payment_method, batch.buyer_payment_method) == ("Credit Card", "1.5")


def test_unknown_order_is_not_found() -> None:
    with pytest.raises(RemoteNotFound):
        income_of("answer__get_escrow_detail__not_found.json")


def test_too_many_orders_keep_their_code() -> None:
    with pytest.raises(RemoteRejected) as rejected:
        income_of("answer__get_escrow_detail_batch__too_many.json")
    assert rejected.value.remote_code == "exceed_max_limit"


def test_escrow_without_income_is_unreadable() -> None:
    """An empty one would read as an order that earned nothing."""
    with pytest.raises(RemoteUnreadable):
        asyncio.run(shops(ok({"order_sn": ORDER})).payment.get_escrow_detail(ORDER))


def test_released_escrows_are_walked_from_page_one() -> None:
    client, http = clients("answer__get_escrow_list__first_page.json", "answer__get_escrow_list__last_page.json")
    rows = all_of(client.for_shop(SHOP, TOKEN).payment.iter_escrows(BEGINS, ENDS))
    assert [one.payout_amount for one in rows] == [Decimal(27), Decimal("3.5")]
    assert [call.fields["page_no"] for call in http.sent] == ["1", "2"]


def test_overview_is_put_together_from_both_places() -> None:
    overview = asyncio.run(shops("answer__get_income_overview__split_in_two.json").payment.get_income_overview())
    assert overview.latest_payout_date == "2026-08-01"
    assert overview.total_income.released_amount == Decimal(20)


def test_income_is_read_as_in_sample_and_table() -> None:
    client, http = clients(
        "answer__get_income_detail__as_in_the_sample.json", "answer__get_income_detail__as_in_the_table.json"
    )
    span = (date(2026, 8, 1), date(2026, 8, 15))
    rows = all_of(client.for_shop(SHOP, TOKEN).payment.iter_income(IncomeStatus.RELEASED, *span))
    assert [one.money(one.released_amount) for one in rows] == [Money(Decimal("27.41"), "SGD")] * 2
    assert [one.estimated_payout_time for one in rows] == [None, None]
    assert [call.fields["cursor"] for call in http.sent] == ["", "abc"]


def test_report_in_a_state_of_tomorrow_is_unknown() -> None:
    report = asyncio.run(shops("answer__get_income_report__later_status.json").payment.get_income_report(5))
    assert (report.status, report.raw["status"]) == (ReportStatus.UNKNOWN, 9)


def test_payouts_are_read_and_walked() -> None:
    (payout,) = all_of(shops("answer__get_payout_info__one_object.json").payment.iter_payouts(BEGINS, ENDS))
    assert payout.exchange_rate == Decimal("1.605")
    assert payout.payout_time == datetime.fromtimestamp(1788000000, UTC)
    detail = {"payout_info": {"payout_amount": 5}, "escrow_list": [{"escrow_amount": 5, "currency": "CNY"}]}
    pages = [ok({"payout_list": [detail], "more": True}), ok({"payout_list": None, "more": False})]
    client, http = clients(*pages)
    (row,) = all_of(client.for_shop(SHOP, TOKEN).payment.iter_payout_details(BEGINS, ENDS))
    assert row.escrow_list[0].money(row.escrow_list[0].escrow_amount) == Money(Decimal(5), "CNY")
    assert [call.fields["page_no"] for call in http.sent] == ["1", "2"]


def test_wallet_is_walked_from_page_zero_window_by_window() -> None:
    moved = {"transaction_type": "ESCROW", "amount": "-3.50", "create_time": 1788000000}
    client, http = clients(
        ok({"transaction_list": [moved], "more": True}),
        ok({"transaction_list": [], "more": False}),
        ok({"transaction_list": [moved], "more": False}),
    )
    wallet = client.for_shop(SHOP, TOKEN).payment.iter_wallet_transactions(BEGINS, ENDS + timedelta(days=3))
    assert [one.amount for one in all_of(wallet)] == [Decimal("-3.50")] * 2
    assert [call.fields["page_no"] for call in http.sent] == ["0", "1", "0"]


def test_billing_is_walked() -> None:
    client, http = clients(
        ok({"transactions": {"amount": 1, "currency": "SGD"}, "more": True, "next_cursor": "n"}),
        ok({"transactions": [], "more": False, "next_cursor": ""}),
    )
    (row,) = all_of(client.for_shop(SHOP, TOKEN).payment.iter_billing_transactions(1))
    assert row.money(row.amount) == Money(Decimal(1), "SGD")
    assert b'"cursor":"n"' in http.sent[1].json


@pytest.mark.parametrize(
    "make",
    [
        lambda payment: payment.get_income_detail(IncomeStatus.RELEASED, date(2026, 8, 1), date(2026, 8, 16)),
        lambda payment: payment.get_income_detail(IncomeStatus.RELEASED, date(2026, 8, 2), date(2026, 8, 1)),
        lambda payment: payment.get_wallet_transaction_list(
            created_from=BEGINS, created_to=ENDS + timedelta(seconds=1)
        ),
        lambda payment: payment.get_payout_info(ENDS, BEGINS),
        lambda payment: payment.get_payout_detail(BEGINS, ENDS + timedelta(days=1)),
        lambda payment: payment.get_escrow_detail("a b"),
        lambda payment: payment.get_escrow_detail_batch([]),
        lambda payment: payment.get_escrow_list(BEGINS, ENDS, page_size=101),
    ],
)
def test_what_shopee_would_refuse_is_never_sent(make) -> None:
    client, http = clients()
    with pytest.raises(Invalid):
        asyncio.run(make(client.for_shop(SHOP, TOKEN).payment))
    assert http.sent == []
