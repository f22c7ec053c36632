"""What a shop has on offer just now: items, models, prices in minor units, stock and what promotions hold of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from kedai.simulator.state.catalog import price_minor, variants
from kedai.simulator.state.dice import digest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kedai.simulator.state.apps import Shop
    from kedai.simulator.state.orders import Line

RESERVED_STOCK_PUSH = 8
NO_MODEL = 0
ITEM_STATUSES = ("NORMAL", "BANNED", "UNLIST", "REVIEWING", "SELLER_DELETE", "SHOPEE_DELETE")
_LISTED_BEFORE_SECONDS = 90 * 86_400


@dataclass(slots=True)
class Model:
    """One thing to buy; of an item without variants there is one, of id 0."""

    model_id: int
    name: str
    sku: str
    price_minor: int
    grams: int
    stock: int
    reserved: int = 0


@dataclass(slots=True)
class Item:
    """A product page."""

    item_id: int
    name: str
    sku: str
    status: str
    create_time: int
    update_time: int
    models: list[Model] = field(default_factory=list)
    in_promotion: bool = False

    @property
    def has_model(self) -> bool:
        """Whether it comes in variants, whose prices and stock are read elsewhere (contract §5.4)."""
        return self.models[0].model_id != NO_MODEL

    def find(self, model_id: int) -> Model | None:
        """Return one of its models."""
        return next((model for model in self.models if model.model_id == model_id), None)


@dataclass(slots=True)
class Shelf:
    """All items of a shop."""

    location_id: str
    items: dict[int, Item]
    on_holiday: bool = False
    under_penalty: bool = False

    def model(self, item_id: int, model_id: int) -> Model | None:
        """Return one model."""
        item = self.items.get(item_id)
        return None if item is None else item.find(model_id)

    def take(self, lines: Iterable[Line]) -> None:
        """Take what was bought from the stock, which does not go below nothing: overselling is the order's trouble."""
        for line in lines:
            model = self.model(line.item_id, line.model_id)
            if model is not None:
                model.stock = max(0, model.stock - line.quantity)

    def put_back(self, item_id: int, model_id: int, quantity: int) -> None:
        """Put what was cancelled back."""
        model = self.model(item_id, model_id)
        if model is not None:
            model.stock += quantity


def found_shelf(seed: int, shop: Shop, now: int) -> Shelf:
    """Return a shop's first offer: everything of the catalogue, some of each, and one item without variants."""
    listed = now - _LISTED_BEFORE_SECONDS
    items: dict[int, Item] = {}
    for item_id, group in groupby(variants(seed, shop.shop_id), key=lambda variant: variant.item_id):
        models = list(group)
        items[item_id] = Item(
            item_id,
            models[0].item_name,
            models[0].item_sku,
            "NORMAL",
            listed,
            listed,
            [
                Model(
                    variant.model_id,
                    variant.model_name,
                    variant.model_sku,
                    price_minor(variant.cents, factor=shop.price_factor, decimals=shop.decimals),
                    variant.grams,
                    50 + int(digest(seed, shop.shop_id, "stock", variant.model_id), 16) % 450,
                )
                for variant in models
            ],
        )
    plain = _plain_item(seed, shop, listed)
    items[plain.item_id] = plain
    return Shelf(f"{shop.region}Z", items)


def _plain_item(seed: int, shop: Shop, listed: int) -> Item:
    item_id = 29_000_000_000 + int(digest(seed, shop.shop_id, "plain item"), 16) % 900_000_000
    price = price_minor(350, factor=shop.price_factor, decimals=shop.decimals)
    model = Model(NO_MODEL, "", "KDI-900", price, 60, 1_000)
    return Item(item_id, "Gift wrap, one sheet", "KDI-900", "NORMAL", listed, listed, [model])
