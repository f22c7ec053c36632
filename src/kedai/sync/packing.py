"""What a packing list says: orders that wait to be shipped, each line with the merchant's own SKU. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from kedai.catalog.queries import find_listings
from kedai.orders.packing import OrderToPack, PackingWish, count_to_pack, list_to_pack
from kedai.values.environment import ConnectorName, Environment
from kedai.values.listing import ListingKey

if TYPE_CHECKING:
    from kedai.orders.models import OrderItem

MOST = 100
"""Orders of one list: about fifty sheets. Whoever packs more does it in portions, the most urgent first."""

COUNTED = 2_000


@dataclass(frozen=True, slots=True)
class PackingLine:
    """A line of an order and the merchant's SKU of it; ``None`` where nobody mapped it."""

    item: OrderItem
    sku: str | None


@dataclass(frozen=True, slots=True)
class PackingSlip:
    """An order, and its lines as they are packed."""

    packed: OrderToPack
    lines: tuple[PackingLine, ...]


@dataclass(frozen=True, slots=True)
class PackingList:
    """The most urgent orders, `MOST` at most; ``fitting`` is how many there are, counted no further than `COUNTED`."""

    slips: tuple[PackingSlip, ...]
    fitting: int


def read_packing_list(db: Session, wish: PackingWish, *, environment: Environment) -> PackingList:
    """The orders to pack in one environment.

    The number of statements does not grow with the orders, but for one more for every 400 products.
    """
    orders = list_to_pack(db, wish, environment=environment, limit=MOST)
    skus = _skus_of(db, orders, environment)
    slips = tuple(
        PackingSlip(one, tuple(PackingLine(item, skus.get(_product(item))) for item in one.items)) for one in orders
    )
    return PackingList(slips, count_to_pack(db, wish, environment=environment, at_most=COUNTED))


def _skus_of(
    db: Session, orders: Sequence[OrderToPack], environment: Environment
) -> dict[tuple[str, ListingKey], str | None]:
    products = {_product(item) for one in orders for item in one.items}
    found: dict[tuple[str, ListingKey], str | None] = {}
    for connector in sorted({connector for connector, _key in products}):
        keys = {key for name, key in products if name == connector}
        listings = find_listings(db, ConnectorName(connector), environment, keys)
        found |= {(connector, key): row.sku for key, row in listings.items()}
    return found


def _product(item: OrderItem) -> tuple[str, ListingKey]:
    return item.connector, ListingKey(item.shop_id, item.item_id, item.model_id)
