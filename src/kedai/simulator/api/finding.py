"""Finds what a call names among the calling shop's own, and cuts lists into pages by cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from kedai.simulator.api import texts
from kedai.simulator.api.answers import START_CURSOR
from kedai.simulator.api.errors import ApiError
from kedai.simulator.api.texts import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kedai.simulator.api.call import ShopCall
    from kedai.simulator.state.orders import Order, Package
    from kedai.simulator.state.shelf import Item, Shelf

T = TypeVar("T")
ITEM_NOT_FOUND = Refusal("error_item_not_found", "Product not found.")


def find_order(call: ShopCall, order_sn: str) -> Order:
    """Return the calling shop's order."""
    order = call.world.book.find(order_sn, call.shop.shop_id)
    if order is None:
        raise ApiError(texts.ORDERS_NOT_FOUND)
    return order


class Parcel(NamedTuple):
    """A package with the order it belongs to."""

    order: Order
    package: Package


def find_parcel(call: ShopCall, package_number: str) -> Parcel | None:
    """Return one of the calling shop's packages."""
    order = call.world.book.find_by_package(package_number, call.shop.shop_id)
    package = None if order is None else order.find_package(package_number)
    return None if order is None or package is None else Parcel(order, package)


def parcels(call: ShopCall) -> Iterable[Parcel]:
    """Go through all of the calling shop's packages."""
    return (
        Parcel(order, package) for order in call.world.book.of_shop(call.shop.shop_id) for package in order.packages
    )


class Cut(NamedTuple):
    """A page's rows, and the cursor of the next; empty at the end."""

    rows: list[Parcel]
    next_cursor: str


def cut(rows: Iterable[Parcel], key: Callable[[Parcel], int], *, cursor: str, size: int, ascending: bool = True) -> Cut:
    """Return the rows after a cursor in the order of their key; a cursor is key and package, with a comma between."""
    ordered = sorted(rows, key=lambda row: (key(row), row.package.package_number), reverse=not ascending)
    mark = _read(cursor)
    if mark is not None:
        ordered = [
            row
            for row in ordered
            if (
                (key(row), row.package.package_number) > mark
                if ascending
                else (key(row), row.package.package_number) < mark
            )
        ]
    page = ordered[:size]
    more = len(ordered) > size
    return Cut(page, f"{key(page[-1])},{page[-1].package.package_number}" if more else "")


def _read(cursor: str) -> tuple[int, str] | None:
    if cursor in ("", START_CURSOR):
        return None
    value, comma, number = cursor.partition(",")
    if not comma or not value.isascii() or not value.isdigit() or len(value) > 12:
        raise ApiError(texts.wrong_parameters("cursor is invalid"))
    return int(value), number


def shelf_of(call: ShopCall) -> Shelf:
    """Return what the calling shop sells."""
    return call.world.shelves[call.shop.shop_id]


def find_item(call: ShopCall, item_id: int) -> Item:
    """Return an item of the calling shop.

    Raises:
        ApiError: it has none of that id.
    """
    item = shelf_of(call).items.get(item_id)
    if item is None:
        raise ApiError(ITEM_NOT_FOUND)
    return item
