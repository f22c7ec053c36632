"""Keeps all orders of an environment and finds them by number or by time, page by page (contract §5.1)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kedai.simulator.state.orders import Order

TimeField = Literal["create_time", "update_time"]
Mark = tuple[int, str]


class PageWish(NamedTuple):
    """Which orders: times with both ends included, one status or all, after a mark, so many at most."""

    time_field: TimeField
    time_from: int
    time_to: int
    status: str | None
    after: Mark | None
    limit: int


class OrderPage(NamedTuple):
    """Some orders in the order of time, and whether more follow."""

    orders: list[Order]
    more: bool


class DuplicateOrder(Exception):
    """An order of that number is there already."""


class OrderBook:
    """Orders by number, and two sorted time indexes per shop."""

    def __init__(self) -> None:
        """Start empty."""
        self.orders: dict[str, Order] = {}
        # How many numbers were drawn.
        self.issued = 0
        self._by_package: dict[str, Order] = {}
        self._created: dict[int, list[Mark]] = {}
        self._updated: dict[int, list[Mark]] = {}

    def add(self, order: Order) -> None:
        """Take the order in.

        Raises:
            DuplicateOrder: its number is taken.
        """
        if order.order_sn in self.orders:
            raise DuplicateOrder
        self.orders[order.order_sn] = order
        self.index_packages(order)
        insort(self._created.setdefault(order.shop_id, []), (order.create_time, order.order_sn))
        insort(self._updated.setdefault(order.shop_id, []), (order.update_time, order.order_sn))

    def restore(self, orders: list[Order], issued: int) -> None:
        """Become a book of these orders."""
        self.orders, self._by_package, self._created, self._updated = {}, {}, {}, {}
        self.issued = issued
        for order in orders:
            self.add(order)

    def find(self, order_sn: str, shop_id: int) -> Order | None:
        """Return the shop's order of that number."""
        order = self.orders.get(order_sn)
        return order if order is not None and order.shop_id == shop_id else None

    def index_packages(self, order: Order) -> None:
        """Take note of the order's packages, after they were put together anew."""
        for package in order.packages:
            self._by_package[package.package_number] = order

    def find_by_package(self, package_number: str, shop_id: int) -> Order | None:
        """Return the shop's order that a package belongs to now."""
        order = self._by_package.get(package_number)
        if order is None or order.shop_id != shop_id or order.find_package(package_number) is None:
            return None
        return order

    def of_shop(self, shop_id: int) -> Iterator[Order]:
        """Go through a shop's orders, oldest first."""
        return (self.orders[order_sn] for _, order_sn in self._created.get(shop_id, ()))

    def touch(self, order: Order, now: int) -> None:
        """Give the order a later update time than it had, whole seconds, and forget its rendering."""
        index = self._updated[order.shop_id]
        del index[bisect_left(index, (order.update_time, order.order_sn))]
        order.update_time = max(now, order.update_time + 1)
        insort(index, (order.update_time, order.order_sn))
        order.rendered = None

    def page(self, shop_id: int, wish: PageWish) -> OrderPage:
        """Return the next orders that the wish describes."""
        index = (self._created if wish.time_field == "create_time" else self._updated).get(shop_id, [])
        first = bisect_left(index, (wish.time_from, ""))
        if wish.after is not None:
            first = max(first, bisect_right(index, wish.after))
        found: list[Order] = []
        for place in range(first, len(index)):
            moment, order_sn = index[place]
            if moment > wish.time_to:
                break
            order = self.orders[order_sn]
            if wish.status in (None, order.status):
                if len(found) == wish.limit:
                    return OrderPage(found, more=True)
                found.append(order)
        return OrderPage(found, more=False)
