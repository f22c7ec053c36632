"""Calls about products, their variants, stock and prices (contract §5.4).

Shopee's product calls use ``error_auth`` for business refusals too: it does not mean that the token is bad.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec

from kedai.connectors.shopee.api.caller import Area
from kedai.connectors.shopee.api.checks import LARGEST_PAGE, check_count, check_id, check_page_size
from kedai.connectors.shopee.api.paging import walk
from kedai.connectors.shopee.api.product_shapes import FoundItems, ItemBaseInfo, ItemExtraInfo, ItemList, ItemRow
from kedai.connectors.shopee.api.query import Repeated, write_query
from kedai.connectors.shopee.api.reading import Done
from kedai.connectors.shopee.api.stock_shapes import (
    ModelList,
    PriceResults,
    PromotionResults,
    StockResults,
    UnlistResults,
)
from kedai.connectors.shopee.api.words import ItemStatus
from kedai.errors import Invalid, RemoteUnreadable

MOST_ITEMS: Final = 50


class PlacedStock(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How many there are, and at which place where the shop has several."""

    stock: int
    location_id: str | None = None


class VariantStock(msgspec.Struct, frozen=True):
    """The stock of a variant; ``model_id`` 0 is an item without variants."""

    model_id: int
    seller_stock: tuple[PlacedStock, ...]


class VariantPrice(msgspec.Struct, frozen=True):
    """The price of a variant in major units; two decimals in SG, MY, BR and MX, whole numbers elsewhere (§7.2)."""

    model_id: int
    original_price: Decimal


class ItemListing(msgspec.Struct, frozen=True):
    """Whether a product is to be taken off the shelves, or put on them again."""

    item_id: int
    unlist: bool


class ParcelSize(msgspec.Struct, frozen=True, kw_only=True):
    """The size of a parcel in centimetres."""

    package_height: int
    package_length: int
    package_width: int


class Waiting(msgspec.Struct, frozen=True):
    """Whether buyers wait, and how many days."""

    is_pre_order: bool
    days_to_ship: int


class VariantChange(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a variant shall be from now on; the article number is wanted always."""

    model_id: int
    model_sku: str
    pre_order: Waiting | None = None
    gtin_code: str | None = None
    model_status: str | None = None
    weight: Decimal | None = None
    dimension: ParcelSize | None = None


class Products(Area):
    """A shop's products. Besides what a method names, all raise what `Caller.ask` raises."""

    async def get_item_list(
        self,
        item_status: Sequence[ItemStatus],
        *,
        updated_from: datetime | None = None,
        updated_to: datetime | None = None,
        offset: int = 0,
        page_size: int = LARGEST_PAGE,
    ) -> ItemList:
        """One page of the products in these states; a deep offset is refused: follow ``next_offset``."""
        query = write_query(
            offset=offset,
            page_size=check_page_size(page_size),
            update_time_from=updated_from,
            update_time_to=updated_to,
            item_status=Repeated(item_status),
        )
        return await self._get("/api/v2/product/get_item_list", ItemList, query)

    async def iter_items(
        self,
        item_status: Sequence[ItemStatus],
        *,
        updated_from: datetime | None = None,
        updated_to: datetime | None = None,
    ) -> AsyncIterator[ItemRow]:
        """Every product in these states."""

        async def read(offset: int) -> tuple[Sequence[ItemRow], int | None]:
            page = await self.get_item_list(
                item_status, updated_from=updated_from, updated_to=updated_to, offset=offset
            )
            if page.has_next_page and page.next_offset is None:
                raise RemoteUnreadable("Shopee's list goes on, but does not say from where.")
            return page.item, page.next_offset if page.has_next_page else None

        async for row in walk(read, 0):
            yield row

    async def get_item_base_info(
        self, item_ids: Sequence[int], *, need_tax_info: bool = False, need_complaint_policy: bool = False
    ) -> ItemBaseInfo:
        """At most 50 products; unknown ones are left out."""
        query = write_query(
            item_id_list=_ids(item_ids),
            need_tax_info=need_tax_info or None,
            need_complaint_policy=need_complaint_policy or None,
        )
        return await self._get("/api/v2/product/get_item_base_info", ItemBaseInfo, query)

    async def get_item_extra_info(self, item_ids: Sequence[int]) -> ItemExtraInfo:
        """How at most 50 products are doing."""
        return await self._get(
            "/api/v2/product/get_item_extra_info", ItemExtraInfo, write_query(item_id_list=_ids(item_ids))
        )

    async def get_model_list(self, item_id: int) -> ModelList:
        """The variants of a product, with their prices and stock."""
        query = write_query(item_id=check_id(item_id, "item_id"))
        return await self._get("/api/v2/product/get_model_list", ModelList, query)

    async def search_item(
        self,
        *,
        item_name: str | None = None,
        item_sku: str | None = None,
        item_status: Sequence[ItemStatus] = (),
        attribute_status: int | None = None,
        deboost_only: bool | None = None,
        offset: str = "",
        page_size: int = LARGEST_PAGE,
    ) -> FoundItems:
        """One page of the products that fit; places are texts here."""
        query = write_query(
            offset=offset,
            page_size=check_page_size(page_size),
            item_name=item_name,
            attribute_status=attribute_status,
            item_sku=item_sku,
            item_status=Repeated(item_status) if item_status else None,
            deboost_only=deboost_only,
        )
        return await self._get("/api/v2/product/search_item", FoundItems, query)

    async def iter_found_items(
        self, *, item_name: str | None = None, item_sku: str | None = None, item_status: Sequence[ItemStatus] = ()
    ) -> AsyncIterator[int]:
        """The ids of every product that fits; the list ends where no next place is given."""

        async def read(offset: str) -> tuple[Sequence[int], str | None]:
            page = await self.search_item(
                item_name=item_name, item_sku=item_sku, item_status=item_status, offset=offset
            )
            return page.item_id_list, (page.next_offset or None) if page.item_id_list else None

        async for item_id in walk(read, ""):
            yield item_id

    async def get_item_promotion(self, item_ids: Sequence[int]) -> PromotionResults:
        """The promotions that at most 50 products are in, or will be."""
        return await self._get(
            "/api/v2/product/get_item_promotion", PromotionResults, write_query(item_id_list=_ids(item_ids))
        )

    async def update_stock(self, item_id: int, stocks: Sequence[VariantStock]) -> StockResults:
        """Set the stock of at most 50 variants; what could not be set is in ``failure_list``.

        Raises:
            Invalid: a stock below nothing. OutcomeUnknown: read the stock before setting it again.
        """
        check_count(stocks, MOST_ITEMS, "stock_list")
        if any(placed.stock < 0 for one in stocks for placed in one.seller_stock):
            raise Invalid("There cannot be less than nothing.", field="stock")
        if not all(one.seller_stock for one in stocks):
            raise Invalid("Say how many there are.", field="seller_stock")
        body = {"item_id": check_id(item_id, "item_id"), "stock_list": list(stocks)}
        return await self._write("/api/v2/product/update_stock", StockResults, body)

    async def update_price(self, item_id: int, prices: Sequence[VariantPrice]) -> PriceResults:
        """Set the prices of at most 50 variants; what could not be set is in ``failure_list``."""
        check_count(prices, MOST_ITEMS, "price_list")
        if not all(one.original_price.is_finite() and one.original_price > 0 for one in prices):
            raise Invalid("A price is more than nothing.", field="original_price")
        body = {"item_id": check_id(item_id, "item_id"), "price_list": list(prices)}
        return await self._write("/api/v2/product/update_price", PriceResults, body)

    async def unlist_item(self, listings: Sequence[ItemListing]) -> UnlistResults:
        """Take at most 50 products off the shelves, or put them on again."""
        check_count(listings, MOST_ITEMS, "item_list")
        return await self._write("/api/v2/product/unlist_item", UnlistResults, {"item_list": list(listings)})

    async def update_model(self, item_id: int, changes: Sequence[VariantChange]) -> Done:
        """Change variants of a product."""
        check_count(changes, MOST_ITEMS, "model")
        body = {"item_id": check_id(item_id, "item_id"), "model": list(changes)}
        return await self._write("/api/v2/product/update_model", Done, body)


def _ids(item_ids: Sequence[int]) -> list[int]:
    check_count(item_ids, MOST_ITEMS, "item_id_list")
    return [check_id(item_id, "item_id_list") for item_id in item_ids]
