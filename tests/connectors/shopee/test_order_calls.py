"""What the calls about orders make of Shopee's answers, and what they never send (contract §5.1)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from kedai.connectors.shopee.api.order import CancelledItem
from kedai.connectors.shopee.api.words import CancelReason, OrderStatus, PackageStatus
from kedai.errors import Invalid, RemoteRejected, RemoteUnreadable
from kedai.values.money import Money
from tests.connectors.shopee.calls import BEGINS, ENDS, clients, ok, shops
from tests.connectors.shopee.suite import ORDER, SHOP, TOKEN


def all_of(rows: AsyncIterator[Any]) -> list[Any]:
    async def collect() -> list[Any]:
        return [row async for row in rows]

    return asyncio.run(collect())


def test_an_order_with_every_trap_is_read() -> None:
    detail = asyncio.run(shops("answer__get_order_detail__every_trap.json").order.get_order_detail([ORDER]))
    (order,) = detail.order_list
    assert detail.warning == ["the package is being prepared"]
    assert detail.request_id == "3f0a2b4c5d6e7f8091a2b3c4d5e6f7aa"
    assert order.create_time == datetime.fromtimestamp(1788000000, UTC)
    assert (order.pickup_done_time, order.note_update_time, order.edt_from) == (None, None, None)
    assert (order.invoice_data, order.payment_info, order.note) == (None, (), None)
    assert order.actual_shipping_fee == Decimal(0)
    assert order.money(order.total_amount) == Money(Decimal("31.1"), "SGD")
    (line,) = order.item_list
    assert (line.product_location_id, line.promotion_list) == (("SGZ",), ())
    assert line.promotion_id == 9007199254740993, "above 2^53, and exact"
    first, second = order.package_list
    assert first.item_list[0].product_location_id == ("SGZ",)
    assert (first.parcel_chargeable_weight_gram, second.parcel_chargeable_weight_gram) == (250, 300)
    assert first.logistics_status is PackageStatus.LOGISTICS_READY


def test_unknown_words_and_fields_are_kept_as_they_came() -> None:
    detail = asyncio.run(shops("answer__get_order_detail__every_trap.json").order.get_order_detail([ORDER]))
    (order,) = detail.order_list
    assert order.order_status is OrderStatus.UNKNOWN
    assert order.raw["order_status"] == "on_the_moon"
    assert order.item_list[0].raw["a_field_of_tomorrow"] == {"deep": Decimal("1.50")}
    assert order.raw["note"] is None, "null is kept in the raw answer"


def test_no_amount_is_a_float() -> None:
    detail = asyncio.run(shops("answer__get_order_detail__every_trap.json").order.get_order_detail([ORDER]))

    def floats(value: Any) -> list[Any]:
        if isinstance(value, dict):
            return [found for one in value.values() for found in floats(one)]
        if isinstance(value, list):
            return [found for one in value for found in floats(one)]
        return [value] if isinstance(value, float) else []

    assert floats(dict(detail.raw)) == []


def test_personal_data_is_not_in_the_representation() -> None:
    detail = asyncio.run(shops("answer__get_order_detail__every_trap.json").order.get_order_detail([ORDER]))
    assert "P******n" not in repr(detail)
    assert "258065" not in f"{detail.order_list[0]!r} {detail.order_list}"


def test_every_order_of_a_long_span_is_walked_window_by_window() -> None:
    row = {"order_sn": ORDER, "order_status": "SHIPPED"}
    client, http = clients(
        ok({"more": True, "next_cursor": "20", "order_list": [row]}),
        ok({"more": True, "next_cursor": "40", "order_list": []}),
        ok({"more": False, "next_cursor": "", "order_list": [row, row]}),
        ok({"more": False, "next_cursor": "", "order_list": None}),
    )
    rows = all_of(client.for_shop(SHOP, TOKEN).order.iter_orders(BEGINS, ENDS + timedelta(days=1)))
    assert [one.order_status for one in rows] == [OrderStatus.SHIPPED] * 3
    sent = [(call.fields["time_from"], call.fields["time_to"], call.fields["cursor"]) for call in http.sent]
    begins, edge, ends = (str(int(at.timestamp())) for at in (BEGINS, ENDS, ENDS + timedelta(days=1)))
    assert sent == [(begins, edge, ""), (begins, edge, "20"), (begins, edge, "40"), (edge, ends, "")]


@pytest.mark.parametrize("cursor", ["", "a"])
def test_list_that_leads_back_is_refused(cursor: str) -> None:
    pages = [ok({"more": True, "next_cursor": one, "order_list": []}) for one in ("a", "b", cursor)]
    with pytest.raises(RemoteUnreadable):
        all_of(shops(*pages).order.iter_orders(BEGINS, ENDS))


@pytest.mark.parametrize("cursor", ["", None])
def test_list_that_goes_on_nowhere_is_refused(cursor: str | None) -> None:
    """Whoever took it for the end would lose orders."""
    with pytest.raises(RemoteUnreadable):
        all_of(shops(ok({"more": True, "next_cursor": cursor, "order_list": []})).order.iter_orders(BEGINS, ENDS))


def test_search_goes_on_with_its_opaque_cursor() -> None:
    client, http = clients(
        "answer__search_package_list__opaque_cursor.json", "answer__search_package_list__last_page.json"
    )
    first, second = all_of(client.for_shop(SHOP, TOKEN).order.iter_packages())
    assert (first.product_location_id, second.product_location_id) == (("SGZ",), ("SGZ", "SGY"))
    assert b'"cursor":"1730437200,184066343203459"' in http.sent[1].json
    page = asyncio.run(shops("answer__search_package_list__opaque_cursor.json").order.search_package_list())
    assert page.sort.ascending is True
    assert "mesage" in page.raw


def test_empty_page_is_not_the_last() -> None:
    pages = ("answer__get_shipment_list__empty_but_more.json", "answer__get_shipment_list__last_page.json")
    assert [one.order_sn for one in all_of(shops(*pages).order.iter_shipments())] == [ORDER]


def test_pending_invoices_are_walked() -> None:
    page = ok({"more": False, "next_cursor": "", "order_list": [{"order_sn": ORDER}]})
    assert [one.order_sn for one in all_of(shops(page).order.iter_pending_invoices())] == [ORDER]


def test_refused_cancellation_keeps_the_damaged_code() -> None:
    call = shops("answer__cancel_order__space_in_code.json").order.cancel_order(ORDER, CancelReason.CUSTOMER_REQUEST)
    with pytest.raises(RemoteRejected) as rejected:
        asyncio.run(call)
    assert rejected.value.remote_code == "order. error_param"


@pytest.mark.parametrize(
    "make",
    [
        lambda order: order.get_order_detail([]),
        lambda order: order.get_order_detail([f"A{n}" for n in range(51)]),
        lambda order: order.get_order_detail([ORDER, "a,b"]),
        lambda order: order.get_order_list(BEGINS, BEGINS),
        lambda order: order.get_order_list(BEGINS, ENDS + timedelta(seconds=1)),
        lambda order: order.get_order_list(BEGINS.replace(tzinfo=None), ENDS.replace(tzinfo=None)),
        lambda order: order.get_order_list(BEGINS, ENDS, page_size=101),
        lambda order: order.get_order_list(BEGINS, ENDS, page_size=0),
        lambda order: order.get_order_list(BEGINS, ENDS, order_status=OrderStatus.PENDING),
        lambda order: order.get_package_detail(["OFG 1"]),
        lambda order: order.cancel_order(ORDER, CancelReason.OUT_OF_STOCK),
        lambda order: order.cancel_order("", CancelReason.OUT_OF_STOCK, item_list=[CancelledItem(1, 0)]),
        lambda order: order.split_order(ORDER, []),
        lambda order: order.set_note("A\n", "x"),
    ],
)
def test_what_shopee_would_refuse_is_never_sent(make: Any) -> None:
    client, http = clients()
    with pytest.raises(Invalid) as invalid:
        asyncio.run(make(client.for_shop(SHOP, TOKEN).order))
    assert invalid.value.field
    assert http.sent == []


def test_page_without_more_is_unreadable() -> None:
    """Whoever took it for the last page would lose orders."""
    with pytest.raises(RemoteUnreadable):
        asyncio.run(shops(ok({"order_list": []})).order.get_order_list(BEGINS, ENDS))
