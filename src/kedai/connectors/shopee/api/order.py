"""Calls about orders and their packages (contract §5.1): typed, paged, and refused here where Shopee surely would."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from kedai.connectors.shopee.api.caller import Area
from kedai.connectors.shopee.api.checks import (
    LARGEST_PAGE,
    MOST_ORDERS,
    check_count,
    check_number,
    check_numbers,
    check_page_size,
    check_window,
)
from kedai.connectors.shopee.api.order_shapes import (
    OrderChanged,
    OrderDetail,
    OrderList,
    OrderRow,
    PendingInvoice,
    PendingInvoiceList,
)
from kedai.connectors.shopee.api.package_shapes import (
    PackageDetail,
    PackagePage,
    PackageRow,
    Shipment,
    ShipmentList,
    SplitOrder,
)
from kedai.connectors.shopee.api.paging import after_cursor, split_window, walk
from kedai.connectors.shopee.api.query import write_query
from kedai.connectors.shopee.api.reading import Done
from kedai.connectors.shopee.api.words import (
    FILTERABLE_STATUSES,
    BuyerCancellation,
    CancelReason,
    OrderStatus,
    PackageFilter,
    PackageSort,
    TimeRangeField,
)
from kedai.errors import Invalid

ORDER_FIELDS: Final = (
    "buyer_user_id",
    "buyer_username",
    "estimated_shipping_fee",
    "recipient_address",
    "actual_shipping_fee",
    "goods_to_declare",
    "note",
    "note_update_time",
    "item_list",
    "pay_time",
    "dropshipper",
    "dropshipper_phone",
    "split_up",
    "buyer_cancel_reason",
    "cancel_by",
    "cancel_reason",
    "actual_shipping_fee_confirmed",
    "buyer_cpf_id",
    "fulfillment_flag",
    "pickup_done_time",
    "package_list",
    "shipping_carrier",
    "payment_method",
    "total_amount",
    "invoice_data",
    "order_chargeable_weight_gram",
    "return_request_due_date",
    "edt",
    "payment_info",
    "international_label",
)
"""Every optional field of ``get_order_detail``: what is not named is absent from the answer (contract §5.1)."""


class CancelledItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """An item that is out of stock; ``model_id`` 0 is an item without variants."""

    item_id: int
    model_id: int


class PartlyCancelledItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """An item of which some pieces are cancelled."""

    item_id: int
    model_id: int
    model_quantity: int
    order_item_id: int | None = None
    promotion_group_id: int | None = None


class PackedItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """An item, and how many pieces of it go into one package of a split order."""

    item_id: int
    model_id: int
    order_item_id: int | None = None
    promotion_group_id: int | None = None
    model_quantity: int | None = None


class PackageSearch(msgspec.Struct, frozen=True, omit_defaults=True):
    """What ``search_package_list`` looks for; Shopee looks for `PackageFilter.TO_PROCESS` unless told otherwise."""

    package_status: PackageFilter | None = None
    product_location_ids: tuple[str, ...] = ()
    logistics_channel_ids: tuple[int, ...] = ()
    fulfillment_type: int | None = None
    invoice_pending: bool | None = None
    sorting_group: int | None = None
    order_type: int | None = None
    is_pre_order: int | None = None
    shipping_priority: int | None = None


class Orders(Area):
    """A shop's orders. Besides what a method names, all raise what `Caller.ask` raises."""

    async def get_order_list(
        self,
        time_from: datetime,
        time_to: datetime,
        *,
        time_range_field: TimeRangeField = TimeRangeField.UPDATE_TIME,
        order_status: OrderStatus | None = None,
        cursor: str = "",
        page_size: int = LARGEST_PAGE,
        logistics_channel_id: int | None = None,
    ) -> OrderList:
        """One page of the orders created or changed in a window of at most 15 days.

        Raises:
            Invalid: the window, the size or the status is one that Shopee refuses.
        """
        check_window(time_from, time_to, "time_to")
        if order_status is not None and order_status not in FILTERABLE_STATUSES:
            raise Invalid(f"Orders cannot be listed by the status {order_status}.", field="order_status")
        query = write_query(
            time_range_field=time_range_field,
            time_from=time_from,
            time_to=time_to,
            page_size=check_page_size(page_size),
            cursor=cursor,
            order_status=order_status,
            response_optional_fields="order_status",
            request_order_status_pending=True,
            logistics_channel_id=logistics_channel_id,
        )
        return await self._get("/api/v2/order/get_order_list", OrderList, query)

    async def iter_orders(
        self,
        time_from: datetime,
        time_to: datetime,
        *,
        time_range_field: TimeRangeField = TimeRangeField.UPDATE_TIME,
        order_status: OrderStatus | None = None,
    ) -> AsyncIterator[OrderRow]:
        """Every order of a span of any length, read in windows of 15 days; one on an edge may come twice."""
        for begins_at, ends_at in split_window(time_from, time_to):

            async def read(
                cursor: str, begins_at: datetime = begins_at, ends_at: datetime = ends_at
            ) -> tuple[Sequence[OrderRow], str | None]:
                page = await self.get_order_list(
                    begins_at, ends_at, time_range_field=time_range_field, order_status=order_status, cursor=cursor
                )
                return page.order_list, after_cursor(page.more, page.next_cursor)

            async for row in walk(read, ""):
                yield row

    async def get_order_detail(
        self, order_sn_list: Sequence[str], *, response_optional_fields: Sequence[str] = ORDER_FIELDS
    ) -> OrderDetail:
        """At most 50 orders, with every optional field unless told otherwise; unknown ones are left out.

        Raises:
            RemoteNotFound: Shopee knows none of them.
        """
        query = write_query(
            order_sn_list=check_numbers(order_sn_list, "order_sn_list"),
            response_optional_fields=response_optional_fields or None,
            request_order_status_pending=True,
        )
        return await self._get("/api/v2/order/get_order_detail", OrderDetail, query)

    async def get_shipment_list(self, *, cursor: str = "", page_size: int = LARGEST_PAGE) -> ShipmentList:
        """One page of what waits to be shipped."""
        query = write_query(cursor=cursor, page_size=check_page_size(page_size))
        return await self._get("/api/v2/order/get_shipment_list", ShipmentList, query)

    async def iter_shipments(self) -> AsyncIterator[Shipment]:
        """Everything that waits to be shipped."""

        async def read(cursor: str) -> tuple[Sequence[Shipment], str | None]:
            page = await self.get_shipment_list(cursor=cursor)
            return page.order_list, after_cursor(page.more, page.next_cursor)

        async for row in walk(read, ""):
            yield row

    async def search_package_list(
        self,
        search: PackageSearch | None = None,
        *,
        sort: PackageSort | None = None,
        ascending: bool = True,
        cursor: str = "",
        page_size: int = LARGEST_PAGE,
    ) -> PackagePage:
        """One page of the packages that fit."""
        body: dict[str, Any] = {
            "filter": search,
            "pagination": {"page_size": check_page_size(page_size), "cursor": cursor},
            "sort": None if sort is None else {"sort_type": sort, "ascending": ascending},
        }
        return await self._read("/api/v2/order/search_package_list", PackagePage, body)

    async def iter_packages(
        self, search: PackageSearch | None = None, *, sort: PackageSort | None = None, ascending: bool = True
    ) -> AsyncIterator[PackageRow]:
        """Every package that fits."""

        async def read(cursor: str) -> tuple[Sequence[PackageRow], str | None]:
            page = await self.search_package_list(search, sort=sort, ascending=ascending, cursor=cursor)
            return page.packages_list, after_cursor(page.pagination.more, page.pagination.next_cursor)

        async for row in walk(read, ""):
            yield row

    async def get_package_detail(self, package_number_list: Sequence[str]) -> PackageDetail:
        """At most 50 packages with all that is known of them."""
        query = write_query(package_number_list=check_numbers(package_number_list, "package_number_list"))
        return await self._get("/api/v2/order/get_package_detail", PackageDetail, query)

    async def cancel_order(
        self,
        order_sn: str,
        cancel_reason: CancelReason,
        *,
        item_list: Sequence[CancelledItem] = (),
        partial_cancel_item_list: Sequence[PartlyCancelledItem] = (),
    ) -> OrderChanged:
        """Cancel an order, or some pieces of it.

        Raises:
            Invalid: out of stock, but ``item_list`` is empty (contract §5.1).
            RemoteRejected: it can no longer be cancelled.
        """
        if cancel_reason is CancelReason.OUT_OF_STOCK and not item_list:  # also beside those partly cancelled
            raise Invalid("Name the items that are out of stock.", field="item_list")
        body = {
            "order_sn": check_number(order_sn, "order_sn"),
            "cancel_reason": cancel_reason,
            "item_list": item_list or None,
            "partial_cancel_item_list": partial_cancel_item_list or None,
        }
        return await self._write("/api/v2/order/cancel_order", OrderChanged, body)

    async def handle_buyer_cancellation(self, order_sn: str, operation: BuyerCancellation) -> OrderChanged:
        """Answer a buyer's wish to cancel."""
        body = {"order_sn": check_number(order_sn, "order_sn"), "operation": operation}
        return await self._write("/api/v2/order/handle_buyer_cancellation", OrderChanged, body)

    async def set_note(self, order_sn: str, note: str) -> Done:
        """Write the seller's own note to an order; an empty one takes it away."""
        body = {"order_sn": check_number(order_sn, "order_sn"), "note": note}
        return await self._write("/api/v2/order/set_note", Done, body)

    async def split_order(self, order_sn: str, packages: Sequence[Sequence[PackedItem]]) -> SplitOrder:
        """Split an order into packages, each given by what goes into it."""
        check_count(packages, MOST_ORDERS, "packages")
        body = {
            "order_sn": check_number(order_sn, "order_sn"),
            "package_list": [{"item_list": items} for items in packages],
        }
        return await self._write("/api/v2/order/split_order", SplitOrder, body)

    async def unsplit_order(self, order_sn: str) -> Done:
        """Put a split order together again."""
        body = {"order_sn": check_number(order_sn, "order_sn")}
        return await self._write("/api/v2/order/unsplit_order", Done, body)

    async def get_pending_buyer_invoice_order_list(
        self, *, cursor: str = "", page_size: int = LARGEST_PAGE
    ) -> PendingInvoiceList:
        """One page of the orders that wait for the buyer's invoice."""
        query = write_query(cursor=cursor, page_size=check_page_size(page_size))
        return await self._get("/api/v2/order/get_pending_buyer_invoice_order_list", PendingInvoiceList, query)

    async def iter_pending_invoices(self) -> AsyncIterator[PendingInvoice]:
        """Every order that waits for the buyer's invoice."""

        async def read(cursor: str) -> tuple[Sequence[PendingInvoice], str | None]:
            page = await self.get_pending_buyer_invoice_order_list(cursor=cursor)
            return page.order_list, after_cursor(page.more, page.next_cursor)

        async for row in walk(read, ""):
            yield row
