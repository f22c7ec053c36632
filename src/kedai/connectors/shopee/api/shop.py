"""Calls about a shop itself, and about a merchant and its shops (contract §5.5)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from kedai.connectors.shopee.api.caller import Area
from kedai.connectors.shopee.api.checks import LARGEST_PAGE, check_page_size
from kedai.connectors.shopee.api.paging import after_page, walk
from kedai.connectors.shopee.api.query import write_query
from kedai.connectors.shopee.api.shop_shapes import (
    Merchant,
    MerchantShop,
    MerchantShopPage,
    Notification,
    Notifications,
    Profile,
    Shop,
    Warehouses,
)
from kedai.errors import Invalid

MOST_SHOPS: Final = 500


class Shops(Area):
    """A shop itself. All raise what `Caller.ask` raises."""

    async def get_shop_info(self) -> Shop:
        """Name, market, state and the span of the authorisation; no ``response`` around it."""
        return await self._get("/api/v2/shop/get_shop_info", Shop)

    async def get_profile(self) -> Profile:
        """What buyers see of the shop."""
        return await self._get("/api/v2/shop/get_profile", Profile)

    async def update_profile(
        self, *, shop_name: str | None = None, shop_logo: str | None = None, description: str | None = None
    ) -> Profile:
        """Change what buyers see; what is None stays.

        Raises:
            Invalid: nothing would change.
        """
        body = {"shop_name": shop_name, "shop_logo": shop_logo, "description": description}
        if all(value is None for value in body.values()):
            raise Invalid("Nothing of the profile would change.", field="shop_name")
        return await self._write("/api/v2/shop/update_profile", Profile, body)

    async def get_warehouse_detail(self, *, warehouse_type: int | None = None) -> Warehouses:
        """The shop's warehouses; a shop that has none is refused with a code of its own."""
        query = write_query(warehouse_type=warehouse_type)
        return await self._get("/api/v2/shop/get_warehouse_detail", Warehouses, query)

    async def get_shop_notification(self, *, cursor: int | None = None, page_size: int = LARGEST_PAGE) -> Notifications:
        """One page of Shopee's notices to the shop; no ``response`` around it."""
        query = write_query(cursor=cursor, page_size=check_page_size(page_size))
        return await self._get("/api/v2/shop/get_shop_notification", Notifications, query)

    async def iter_notifications(self) -> AsyncIterator[Notification]:
        """Every notice. There is no ``more``: it ends where a page is empty, or names no cursor that is new."""
        seen: set[int] = set()

        async def read(cursor: int) -> tuple[Sequence[Notification], int | None]:
            page = await self.get_shop_notification(cursor=cursor or None)
            if page.cursor in seen or not page.notices:
                return (), None
            seen.add(page.cursor or 0)
            return page.notices, page.cursor or None

        async for row in walk(read, 0):
            yield row


class Merchants(Area):
    """A merchant. All raise what `Caller.ask` raises."""

    async def get_merchant_info(self) -> Merchant:
        """Name, market and the span of the authorisation; no ``response`` around it."""
        return await self._get("/api/v2/merchant/get_merchant_info", Merchant)

    async def get_shop_list_by_merchant(self, *, page_no: int = 1, page_size: int = MOST_SHOPS) -> MerchantShopPage:
        """One page of the merchant's shops; pages count from 1."""
        query = write_query(page_no=page_no, page_size=check_page_size(page_size, MOST_SHOPS))
        return await self._get("/api/v2/merchant/get_shop_list_by_merchant", MerchantShopPage, query)

    async def iter_shops(self) -> AsyncIterator[MerchantShop]:
        """Every shop of the merchant."""

        async def read(page_no: int) -> tuple[Sequence[MerchantShop], int | None]:
            page = await self.get_shop_list_by_merchant(page_no=page_no)
            return page.shop_list, after_page(page.more, page_no)

        async for row in walk(read, 1):
            yield row
