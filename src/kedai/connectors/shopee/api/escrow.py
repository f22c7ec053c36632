"""Calls about the money of orders (contract §5.3). Escrow amounts are line totals, and name no currency."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from kedai.connectors.shopee.api.caller import Area
from kedai.connectors.shopee.api.checks import (
    LARGEST_PAGE,
    MOST_ORDERS,
    check_number,
    check_numbers,
    check_page_size,
)
from kedai.connectors.shopee.api.escrow_shapes import EscrowBatch, EscrowDetail, EscrowList, ReleasedEscrow
from kedai.connectors.shopee.api.paging import after_page, walk
from kedai.connectors.shopee.api.query import write_query


class Escrows(Area):
    """What a shop receives for its orders. Besides what a method names, all raise what `Caller.ask` raises."""

    async def get_escrow_detail(self, order_sn: str) -> EscrowDetail:
        """The money of one order; it moves until the order completes.

        Raises:
            RemoteNotFound: Shopee knows no such order of this shop.
        """
        query = write_query(order_sn=check_number(order_sn, "order_sn"))
        return await self._get("/api/v2/payment/get_escrow_detail", EscrowDetail, query)

    async def get_escrow_detail_batch(self, order_sns: Sequence[str]) -> EscrowBatch:
        """The money of at most 50 orders; Shopee advises 20.

        Documented as a GET, but the live gateway wants a POST with a JSON body (contract §5.3).
        """
        body = {"order_sn_list": check_numbers(order_sns, "order_sn_list", MOST_ORDERS)}
        return await self._read("/api/v2/payment/get_escrow_detail_batch", EscrowBatch, body)

    async def get_escrow_list(
        self, released_from: datetime, released_to: datetime, *, page_no: int = 1, page_size: int = LARGEST_PAGE
    ) -> EscrowList:
        """One page of what was paid out, by the instant of release; pages count from 1.

        The unit of ``payout_amount`` is not documented: compare it with `get_escrow_detail` (open question 6).
        """
        query = write_query(
            release_time_from=released_from,
            release_time_to=released_to,
            page_size=check_page_size(page_size),
            page_no=page_no,
        )
        return await self._get("/api/v2/payment/get_escrow_list", EscrowList, query)

    async def iter_escrows(self, released_from: datetime, released_to: datetime) -> AsyncIterator[ReleasedEscrow]:
        """Everything that was paid out in a span."""

        async def read(page_no: int) -> tuple[Sequence[ReleasedEscrow], int | None]:
            page = await self.get_escrow_list(released_from, released_to, page_no=page_no)
            return page.escrow_list, after_page(page.more, page_no)

        async for row in walk(read, 1):
            yield row
