"""What a shop offers, as listings: each item, or each of its variants, by pages that end (contract §5.4)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kedai.connectors.base import HttpAnswer, ReadsListings
from kedai.connectors.shopee.listings import ITEMS_PER_PAGE
from kedai.errors import Invalid, RemoteUnreadable
from kedai.values.listing import Listing
from kedai.values.order import Page
from tests.connectors.shopee.calls import clients, ok
from tests.connectors.shopee.suite import SHOP, TOKEN


def read(*answers: HttpAnswer | str, cursor: str | None = None) -> tuple[Page[Listing], Any]:
    client, http = clients(*answers)
    assert isinstance(client, ReadsListings)
    return asyncio.run(client.list_listings(SHOP, TOKEN, cursor=cursor)), http.sent


def test_items_and_variants_become_listings_with_the_names_that_orders_use() -> None:
    page, sent = read(
        "answer__get_item_list__next_offset.json",
        "answer__get_item_base_info__with_and_without_variants.json",
        "answer__get_model_list__stock_as_text.json",
    )
    assert page.rows == (Listing("1", "0", "Kopi", "", ""), Listing("2", "7", "Teh", "S", "K-S"))
    assert page.next_cursor == "1"
    assert [call.path.rpartition("/")[2] for call in sent] == ["get_item_list", "get_item_base_info", "get_model_list"]
    assert dict(sent[0].query)["page_size"] == str(ITEMS_PER_PAGE)
    assert {value for name, value in sent[0].query if name == "item_status"} >= {"NORMAL", "UNLIST"}


def test_the_place_that_the_list_named_is_where_the_next_page_begins_and_the_last_one_says_so() -> None:
    page, sent = read("answer__get_item_list__last_page.json", ok({"item_list": []}), cursor="40")
    assert (page.rows, page.next_cursor) == ((), None), "an item that is gone meanwhile is left out"
    assert dict(sent[0].query)["offset"] == "40"


def test_a_shop_without_products_asks_no_more() -> None:
    page, sent = read(ok({"item": [], "has_next_page": False, "total_count": 0}))
    assert (page, len(sent)) == (Page((), None), 1)


def test_two_tiers_are_named_as_orders_name_them_and_odd_places_are_left_out() -> None:
    tiers = [
        {"name": "Size", "option_list": [{"option": "S"}, {"option": "L"}]},
        {"option_list": [{"option": "Red\n"}]},
    ]
    models = [{"model_id": 5, "tier_index": [1, 0]}, {"model_id": 6, "tier_index": [9]}, {"model_id": 7}]
    page, _ = read(
        ok({"item": [{"item_id": 3}], "has_next_page": False}),
        ok({"item_list": [{"item_id": 3, "item_name": " Cup\x00 ", "item_sku": "CUP", "has_model": True}]}),
        ok({"tier_variation": tiers, "model": models}),
    )
    assert [(one.model_id, one.model_name, one.name, one.sku) for one in page.rows] == [
        ("5", "L,Red", "Cup", "CUP"),
        ("6", "", "Cup", "CUP"),
        ("7", "", "Cup", "CUP"),
    ]


@pytest.mark.parametrize("offset", [None, 0, 20])
def test_a_list_that_leads_nowhere_new_is_refused(offset: int | None) -> None:
    with pytest.raises(RemoteUnreadable):
        read(ok({"item": [], "has_next_page": True, "next_offset": offset}), cursor="20")


@pytest.mark.parametrize("cursor", ["", "-1", "x", "٣"])
def test_a_place_that_is_no_number_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid):
        read(cursor=cursor)
