"""What the calls about products make of Shopee's answers (contract §5.4)."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from kedai.connectors.shopee.api.product import PlacedStock, VariantPrice, VariantStock
from kedai.connectors.shopee.api.words import ItemStatus
from kedai.errors import Invalid, OutcomeUnknown, RemoteRejected, RemoteUnreadable
from kedai.values.money import Money
from tests.connectors.shopee.calls import clients, ok, said, shops
from tests.connectors.shopee.suite import SHOP, TOKEN
from tests.connectors.shopee.test_order_calls import all_of

STOCK = [VariantStock(7, (PlacedStock(stock=5, location_id="SGZ"),)), VariantStock(8, (PlacedStock(stock=1),))]


def test_products_are_walked_by_the_offset_that_is_given() -> None:
    client, http = clients("answer__get_item_list__next_offset.json", "answer__get_item_list__last_page.json")
    rows = all_of(client.for_shop(SHOP, TOKEN).product.iter_items([ItemStatus.NORMAL]))
    assert [(one.item_id, one.item_status) for one in rows] == [(1, ItemStatus.NORMAL), (2, ItemStatus.UNKNOWN)]
    assert rows[1].raw["item_status"] == "DREAMT_OF"
    assert [call.fields["offset"] for call in http.sent] == ["0", "1"]


def test_list_that_would_never_end_is_refused() -> None:
    for offset in (0, None):
        page = ok({"item": [], "has_next_page": True, "next_offset": offset})
        with pytest.raises(RemoteUnreadable):
            all_of(shops(page).product.iter_items([ItemStatus.NORMAL]))


def test_too_deep_an_offset_keeps_its_reason() -> None:
    with pytest.raises(RemoteRejected) as rejected:
        asyncio.run(shops("answer__get_item_list__offset_too_deep.json").product.get_item_list([ItemStatus.NORMAL]))
    assert "please use the next field" in rejected.value.message


def test_price_and_stock_stand_where_there_are_no_variants() -> None:
    file = "answer__get_item_base_info__with_and_without_variants.json"
    first, second = asyncio.run(shops(file).product.get_item_base_info([1, 2])).item_list
    (price,) = first.price_info
    assert price.money(price.current_price) == Money(Decimal("14.5"), "SGD")
    assert first.stock_info_v2.summary_info.total_available_stock == 9
    assert first.stock_info_v2.shopee_stock == ()
    assert (first.weight, second.weight) == (Decimal("0.25"), None)
    assert (second.has_model, second.price_info, second.stock_info_v2) == (True, (), None)


def test_stock_as_a_text_is_a_number() -> None:
    (variant,) = asyncio.run(shops("answer__get_model_list__stock_as_text.json").product.get_model_list(1)).model
    assert variant.stock_info_v2.shopee_stock[0].stock == 4
    assert variant.promotion_id == 18446744073709551615
    assert variant.weight == Decimal("0.30")


def test_failures_are_read_before_the_error() -> None:
    results = asyncio.run(shops("answer__update_stock__some_failed.json").product.update_stock(1, STOCK))
    assert results.refusal == "error_busi_update_stock_failed"
    assert [(one.model_id, one.stock) for one in results.success_list] == [(7, 5)]
    assert [one.failed_reason for one in results.failure_list] == ["Total stock must be more than reserved stock."]


def test_business_refusal_is_no_bad_token() -> None:
    """Product calls use `error_auth` for both."""
    with pytest.raises(RemoteRejected) as rejected:
        asyncio.run(shops("answer__update_stock__location_wanted.json").product.update_stock(1, STOCK))
    assert rejected.value.remote_code == "error_auth"


def test_busy_shopee_leaves_the_outcome_of_a_change_unknown() -> None:
    with pytest.raises(OutcomeUnknown):
        asyncio.run(shops(said("error_system_busy")).product.update_price(1, [VariantPrice(0, Decimal(5))]))


def test_price_is_sent_by_its_own_digits() -> None:
    client, http = clients(ok({"success_list": [{"model_id": 0, "original_price": 0.1}]}))
    prices = [VariantPrice(0, Decimal("0.10"))]
    results = asyncio.run(client.for_shop(SHOP, TOKEN).product.update_price(1, prices))
    assert b'"original_price":0.10' in http.sent[0].json
    assert results.success_list[0].original_price == Decimal("0.1")


def test_found_products_are_walked_by_text_places() -> None:
    client, http = clients("answer__search_item__text_places.json", "answer__search_item__last_page.json")
    assert all_of(client.for_shop(SHOP, TOKEN).product.iter_found_items(item_name="kopi")) == [1, 2, 3]
    assert [call.fields["offset"] for call in http.sent] == ["", "eyJuIjoy"]


@pytest.mark.parametrize(
    "make",
    [
        lambda product: product.get_item_base_info([]),
        lambda product: product.get_item_base_info(list(range(51))),
        lambda product: product.get_item_base_info([-1]),
        lambda product: product.get_model_list(2**63),
        lambda product: product.get_item_list([]),
        lambda product: product.update_stock(1, []),
        lambda product: product.update_stock(1, STOCK * 26),
        lambda product: product.update_stock(1, [VariantStock(0, ())]),
        lambda product: product.update_stock(1, [VariantStock(0, (PlacedStock(stock=-1),))]),
        lambda product: product.update_price(1, [VariantPrice(0, Decimal(0))]),
        lambda product: product.update_price(1, [VariantPrice(0, Decimal("NaN"))]),
        lambda product: product.unlist_item([]),
        lambda product: product.update_model(1, []),
    ],
)
def test_what_shopee_would_refuse_is_never_sent(make) -> None:
    client, http = clients()
    with pytest.raises(Invalid):
        asyncio.run(make(client.for_shop(SHOP, TOKEN).product))
    assert http.sent == []
