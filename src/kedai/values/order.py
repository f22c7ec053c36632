"""An order as a marketplace stated it at one reading."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Generic, TypeVar

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line of an order; ``unit_price`` in major units of the order's currency."""

    item_id: str
    model_id: str
    name: str
    model_name: str
    sku: str
    quantity: int
    unit_price: Decimal | None


@dataclass(frozen=True, slots=True)
class OrderSnapshot:
    """An order at one reading. ``status`` is the marketplace's own word, kept raw if unknown to us.

    ``read_started_at`` is when our call began: of two readings with the same ``remote_updated_at`` the later one wins.
    ``answer`` is the order's part of the exact answer, as bytes.
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
