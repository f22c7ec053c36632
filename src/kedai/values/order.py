"""An order as a marketplace stated it at one reading.

Structs: to make a frozen dataclass takes five times as long, and a worker makes thousands of these a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Generic, TypeVar

import msgspec

Row = TypeVar("Row")


class OrderLine(msgspec.Struct, frozen=True):
    """One line of an order; ``unit_price`` in major units of the order's currency."""

    item_id: str
    model_id: str
    name: str
    model_name: str
    sku: str
    quantity: int
    unit_price: Decimal | None


class PackageItem(msgspec.Struct, frozen=True):
    """What of an order lies in a package."""

    item_id: str
    model_id: str
    quantity: int


class OrderPackage(msgspec.Struct, frozen=True):
    """A package of an order. ``status`` is the marketplace's own word; the number is `None` where it does not say."""

    package_number: str
    status: str
    carrier: str | None
    tracking_number: str | None
    items: tuple[PackageItem, ...]


class Recipient(msgspec.Struct, frozen=True):
    """Who gets an order, and where: personal data."""

    name: str | None = None
    phone: str | None = None
    address: str | None = None


class OrderSnapshot(msgspec.Struct, frozen=True):
    """An order at one reading. ``status`` is the marketplace's own word, kept raw if unknown to us.

    ``read_started_at`` is when our call began: of two readings with the same ``remote_updated_at`` the later one wins.
    ``answer`` is the order's part of the exact answer, as bytes. ``surprising_after`` holds the statuses that cannot
    come before this one as the marketplace describes an order's life; it is still the marketplace that is right.
    """

    order_sn: str
    status: str
    currency: str
    total_amount: Decimal | None
    buyer_username: str | None
    remote_created_at: datetime
    remote_updated_at: datetime
    ship_by_at: datetime | None
    tracking_number: str | None
    shipping_carrier: str | None
    payment_method: str | None
    lines: tuple[OrderLine, ...]
    read_started_at: datetime
    answer: bytes
    packages: tuple[OrderPackage, ...] = ()
    recipient: Recipient = Recipient()
    buyer_message: str | None = None
    booking_sn: str | None = None
    surprising_after: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class OrderListEntry:
    """One row of a marketplace's order list."""

    order_sn: str
    status: str | None


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a longer list; ``next_cursor`` is ``None`` on the last one."""

    rows: tuple[Row, ...]
    next_cursor: str | None
