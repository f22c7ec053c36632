"""What a shop offers at a marketplace: an item, or one variant of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class ListingKey(NamedTuple):
    """What names a listing inside one environment of a marketplace; ``model_id`` is ``0`` without variants."""

    shop_id: str
    item_id: str
    model_id: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A listing as the marketplace states it; ``sku`` is the text of the marketplace's own SKU field, often blank."""

    item_id: str
    model_id: str
    name: str
    model_name: str
    sku: str
