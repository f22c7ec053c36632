"""Items and their models, as they are listed, searched and shown (contract §5.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kedai.simulator.api import texts
from kedai.simulator.api.errors import ApiError
from kedai.simulator.api.finding import ITEM_NOT_FOUND, find_item, shelf_of
from kedai.simulator.api.params import (
    optional_number,
    page_size,
    parse_uint,
    required_number,
    required_text,
    text_list,
)
from kedai.simulator.api.texts import Refusal
from kedai.simulator.state.money import to_number
from kedai.simulator.state.shelf import ITEM_STATUSES

if TYPE_CHECKING:
    from kedai.simulator.api.call import Answer, ShopCall
    from kedai.simulator.state.shelf import Item, Model

MAX_ITEMS = 50
# Deeper offsets are refused, and a page's own next offset is the way on.
DEEPEST_OFFSET = 10_000
_INT64 = 2**63 - 1
TOO_DEEP = Refusal("error_param", "get items offset over limit, please use the next field")
BAD_STATUS = Refusal("error_param_item_status", f"item_status must be one of {' '.join(ITEM_STATUSES)}")


def get_item_list(call: ShopCall) -> Answer:
    """List items of the wished states by offset."""
    offset = required_number(call.query, "offset")
    size = page_size(call.query)
    statuses = text_list(call.query, "item_status")
    if not statuses:
        raise ApiError(texts.required_field("item_status"))
    if any(status not in ITEM_STATUSES for status in statuses):
        raise ApiError(BAD_STATUS)
    if offset > DEEPEST_OFFSET:
        raise ApiError(TOO_DEEP)
    since = optional_number(call.query, "update_time_from", 0)
    until = optional_number(call.query, "update_time_to", texts.UINT32_MAX)
    if since > until:
        raise ApiError(Refusal("error_update_time_range", "update_time_from must be before update_time_to"))
    found = [item for item in shelf_of(call).items.values() if item.status in statuses]
    found = [item for item in found if since <= item.update_time <= until]
    page, more = found[offset : offset + size], offset + size < len(found)
    return {
        "response": {
            "item": [
                {
                    "item_id": item.item_id,
                    "item_status": item.status,
                    "update_time": item.update_time,
                    "tag": {"kit": False},
                }
                for item in page
            ],
            "total_count": len(found),
            "has_next_page": more,
            "next_offset": offset + size if more else 0,
        }
    }


def get_item_base_info(call: ShopCall) -> Answer:
    """Return up to 50 items; price and stock stand here only for an item without variants."""
    return {"response": {"item_list": [_base(call, item) for item in _asked(call)]}}


def get_item_extra_info(call: ShopCall) -> Answer:
    """Return how up to 50 items are seen and sold."""
    rows = [
        {
            "item_id": item.item_id,
            "sale": item.item_id % 500,
            "views": item.item_id % 5_000,
            "likes": item.item_id % 90,
            "rating_star": round(3 + item.item_id % 20 / 10, 1),
            "comment_count": item.item_id % 70,
        }
        for item in _asked(call)
    ]
    return {"response": {"item_list": rows}}


def get_model_list(call: ShopCall) -> Answer:
    """Return an item's models."""
    item = find_item(call, _query_id(call))
    if not item.has_model:
        return {"response": {"tier_variation": [], "model": []}}
    options = [{"option": model.name} for model in item.models]
    return {
        "response": {
            "tier_variation": [{"name": "Variant", "option_list": options}],
            "model": [_model(call, item, place) for place in range(len(item.models))],
        }
    }


def get_item_promotion(call: ShopCall) -> Answer:
    """Return what promotions hold of up to 50 items."""
    rows = [{"item_id": item.item_id, "promotion": []} for item in _asked(call)]
    return {"response": {"success_list": rows, "failure_list": []}}


def search_item(call: ShopCall) -> Answer:
    """Find items by name or SKU; offsets are texts here."""
    size = page_size(call.query)
    text = call.query.get("offset", "") or "0"
    offset = parse_uint(text)
    if offset is None:
        raise ApiError(texts.wrong_parameters("offset is invalid"))
    name, sku = call.query.get("item_name", "").lower(), call.query.get("item_sku", "")
    statuses = text_list(call.query, "item_status") or ["NORMAL"]
    found = [
        item.item_id
        for item in shelf_of(call).items.values()
        if name in item.name.lower() and sku in ("", item.sku) and item.status in statuses
    ]
    more = offset + size < len(found)
    return {
        "response": {
            "item_id_list": found[offset : offset + size],
            "total_count": len(found),
            "next_offset": str(offset + size) if more else "",
        }
    }


def _query_id(call: ShopCall) -> int:
    number = parse_uint(required_text(call.query, "item_id"), maximum=_INT64)
    if number is None:
        raise ApiError(texts.wrong_type("item_id", expected="integer", given="string"))
    return number


def _asked(call: ShopCall) -> list[Item]:
    required_text(call.query, "item_id_list")
    listed = text_list(call.query, "item_id_list")
    numbers = [parse_uint(text, maximum=_INT64) for text in listed]
    if not 1 <= len(numbers) <= MAX_ITEMS:
        raise ApiError(Refusal("error_query_over_itemid_size", f"item_id_list must hold 1 to {MAX_ITEMS} ids"))
    items = shelf_of(call).items
    found = [items[number] for number in numbers if number in items]
    if not found:
        raise ApiError(ITEM_NOT_FOUND)
    return found


def _base(call: ShopCall, item: Item) -> dict[str, Any]:
    base = {
        "item_id": item.item_id,
        "category_id": 100_000 + item.item_id % 900,
        "item_name": item.name,
        "description": f"{item.name}. An invented product of a simulated shop.",
        "item_sku": item.sku,
        "create_time": item.create_time,
        "update_time": item.update_time,
        "attribute_list": [],
        "image": {"image_url_list": [f"https://images.simulator.test/{item.item_id}.png"], "image_id_list": ["sim"]},
        # Text here, a number in orders.
        "weight": f"{item.models[0].grams / 1000:.3f}",
        "dimension": {"package_length": 20, "package_width": 15, "package_height": 10},
        "logistic_info": [],
        "pre_order": {"is_pre_order": False, "days_to_ship": 2},
        "condition": "NEW",
        "size_chart": "",
        "item_status": item.status,
        "deboost": False,
        "has_model": item.has_model,
        "has_promotion": item.in_promotion,
        "brand": {"brand_id": 0, "original_brand_name": "NoBrand"},
        "item_dangerous": 0,
        "description_type": "normal",
        "tag": {"kit": False},
    }
    if item.has_model:
        return base
    return {**base, **_price_and_stock(call, item.models[0], stock_as_text=False)}


def _model(call: ShopCall, item: Item, place: int) -> dict[str, Any]:
    model = item.models[place]
    return {
        "model_id": model.model_id,
        "tier_index": [place],
        "model_name": model.name,
        "model_sku": model.sku,
        "model_status": "MODEL_NORMAL",
        "promotion_id": 0,
        "has_promotion": item.in_promotion,
        "pre_order": {"is_pre_order": False, "days_to_ship": 2},
        "gtin_code": "",
        "weight": f"{model.grams / 1000:.3f}",
        **_price_and_stock(call, model, stock_as_text=True),
    }


def _price_and_stock(call: ShopCall, model: Model, *, stock_as_text: bool) -> dict[str, Any]:
    price = to_number(model.price_minor, call.shop.decimals)
    # The warehouse's own stock is a number in one answer and text in the other (contract §7.1).
    warehouse: dict[str, Any] = {"location_id": "", "stock": "0" if stock_as_text else 0}
    return {
        "price_info": [{"currency": call.shop.currency, "original_price": price, "current_price": price}],
        "stock_info_v2": {
            "summary_info": {"total_reserved_stock": model.reserved, "total_available_stock": model.stock},
            "seller_stock": [{"location_id": shelf_of(call).location_id, "stock": model.stock, "if_saleable": True}],
            "shopee_stock": [warehouse],
            "advance_stock": {"sellable_advance_stock": 0, "in_transit_advance_stock": 0},
        },
    }
