"""Control routes for what shops offer: items and stock, promotions, holidays and penalties."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from kedai.simulator.control.http import ControlError, answer, find_shop, path_number, read_body, simulation_of
from kedai.simulator.state.lifecycle import Push
from kedai.simulator.state.money import to_number
from kedai.simulator.state.shelf import ITEM_STATUSES, RESERVED_STOCK_PUSH

if TYPE_CHECKING:
    from aiohttp import web

    from kedai.simulator.state.apps import Shop
    from kedai.simulator.state.shelf import Item, Model

Stock = Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]
_PROMOTION_ID = 2_000_000_001


class ShelfChange(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST /control/shops/{shop_id}/shelf``; what is absent stays."""

    on_holiday: bool | None = None
    under_penalty: bool | None = None


class ItemChange(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST /control/shops/{shop_id}/items/{item_id}``: of the item, or of one of its models."""

    status: str | None = None
    in_promotion: bool | None = None
    model_id: int | None = None
    stock: Stock | None = None
    # What a promotion holds back: push 8 tells of it.
    reserved: Stock | None = None


async def get_items(request: web.Request) -> web.Response:
    """Return a shop's items with stock and prices."""
    shop = find_shop(request, path_number(request, "shop_id"))
    items = simulation_of(request).world.shelves[shop.shop_id].items.values()
    return answer({"items": [_shown(shop, item) for item in items]})


async def change_shelf(request: web.Request) -> web.Response:
    """Send a shop on holiday, or put it under penalty: its stock cannot be changed then."""
    change = await read_body(request, ShelfChange)
    shop = find_shop(request, path_number(request, "shop_id"))
    shelf = simulation_of(request).world.shelves[shop.shop_id]
    shelf.on_holiday = shelf.on_holiday if change.on_holiday is None else change.on_holiday
    shelf.under_penalty = shelf.under_penalty if change.under_penalty is None else change.under_penalty
    return answer({"on_holiday": shelf.on_holiday, "under_penalty": shelf.under_penalty})


async def change_item(request: web.Request) -> web.Response:
    """Change an item's status, or a model's stock and what promotions hold of it."""
    change = await read_body(request, ItemChange)
    simulation = simulation_of(request)
    shop = find_shop(request, path_number(request, "shop_id"))
    item_id = path_number(request, "item_id")
    item = simulation.world.shelves[shop.shop_id].items.get(item_id)
    if item is None:
        raise ControlError(404, "unknown_item", f"Shop {shop.shop_id} has no item {item_id}.")
    model = item.models[0] if change.model_id is None else item.find(change.model_id)
    if model is None:
        raise ControlError(404, "unknown_model", f"Item {item_id} has no model {change.model_id}.")
    if change.status is not None:
        if change.status not in ITEM_STATUSES:
            raise ControlError(400, "bad_request", f"status is one of {', '.join(ITEM_STATUSES)}.")
        item.status = change.status
    item.in_promotion = item.in_promotion if change.in_promotion is None else change.in_promotion
    model.stock = model.stock if change.stock is None else change.stock
    item.update_time = simulation.world.clock.now()
    if change.reserved is not None and change.reserved != model.reserved:
        _reserve(request, shop, item, model, change.reserved)
    return answer(_shown(shop, item))


def _reserve(request: web.Request, shop: Shop, item: Item, model: Model, reserved: int) -> None:
    simulation = simulation_of(request)
    old, model.reserved = model.reserved, reserved
    data = {
        "shop_id": shop.shop_id,
        "item_id": item.item_id,
        "variation_id": model.model_id,
        "changed_values": [{"name": "reserved_stock", "old": old, "new": reserved}],
        "promotion_type": "flash_sale",
        "promotion_id": _PROMOTION_ID,
        "action": "place_order" if reserved < old else "cancel_order",
        "ordersn": "",
        "update_time": item.update_time,
    }
    for app in simulation.world.apps.values():
        simulation.courier.emit(app, shop.shop_id, [Push(RESERVED_STOCK_PUSH, data)])


def _shown(shop: Shop, item: Item) -> dict[str, Any]:
    return {
        "item_id": item.item_id,
        "item_name": item.name,
        "item_sku": item.sku,
        "status": item.status,
        "in_promotion": item.in_promotion,
        "models": [
            {
                "model_id": model.model_id,
                "name": model.name,
                "model_sku": model.sku,
                "price": to_number(model.price_minor, shop.decimals),
                "stock": model.stock,
                "reserved": model.reserved,
            }
            for model in item.models
        ],
    }
