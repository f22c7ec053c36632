"""Items, their models, and what changes stock and prices (contract §5.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kedai.simulator.api import texts
from kedai.simulator.api.errors import ApiError
from kedai.simulator.api.params import (
    body_amount,
    body_number,
    body_objects,
    body_optional_number,
    optional_number,
    page_size,
    parse_uint,
    required_number,
    required_text,
    text_list,
)
from kedai.simulator.api.texts import Refusal
from kedai.simulator.state.money import to_number
from kedai.simulator.state.shelf import ITEM_STATUSES, NO_MODEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from kedai.simulator.api.call import Answer, ShopCall
    from kedai.simulator.state.shelf import Item, Model, Shelf

MAX_ITEMS = 50
# Deeper offsets are refused, and a page's own next offset is the way on.
DEEPEST_OFFSET = 10_000
LARGEST_STOCK = 10_000_000
_INT64 = 2**63 - 1
ITEM_NOT_FOUND = Refusal("error_item_not_found", "Product not found.")
TOO_DEEP = Refusal("error_param", "get items offset over limit, please use the next field")
BAD_STATUS = Refusal("error_param_item_status", f"item_status must be one of {' '.join(ITEM_STATUSES)}")
NO_ITEM = Refusal("product.error_param", "invalid field ItemId: value must  Not Null")
ON_HOLIDAY = Refusal("error_holiday_mode_change_stock", "Cannot change stock in holiday mode.")
UNDER_PENALTY = Refusal("error_seller_under_penalty", "Seller is under penalty.")
IN_PROMOTION = Refusal("error_cannt_edit_stock_in_promotion", "Cannot edit stock of an item in promotion.")
PRICE_IN_PROMOTION = Refusal("error_cannt_edit_price_in_promotion", "Cannot edit price of an item in promotion.")
BELOW_RESERVED = Refusal("error_auth", "Total stock must be more than reserved stock.")
WRONG_LOCATION = Refusal("error_auth", "Lack of location_id, please double check.")
STOCK_FAILED = Refusal(
    "error_busi_update_stock_failed", "Update stock failed, please check failure_list for detailed reason"
)
PRICE_FAILED = Refusal("error_update_price_fail", "Update price failed, please check failure_list for detailed reason")
UNLIST_ALL_FAILED = Refusal("error_unlist_item_all_failed", "Unlist item failed, please check failure_list.")


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
    found = [item for item in _shelf(call).items.values() if item.status in statuses]
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
    item = _item(call, _query_id(call))
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
        for item in _shelf(call).items.values()
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


def update_stock(call: ShopCall) -> Answer:
    """Set the stock of models; what fails is listed with why, beside an error once any did."""
    item = _item(call, _body_id(call))
    shelf = _shelf(call)
    if shelf.on_holiday:
        raise ApiError(ON_HOLIDAY)
    if shelf.under_penalty:
        raise ApiError(UNDER_PENALTY)
    if item.in_promotion:
        raise ApiError(IN_PROMOTION)

    def change(model: Model, wish: dict[str, Any]) -> dict[str, Any]:
        given = body_objects(wish, "seller_stock", most=1)[0]
        stock = body_number(given, "stock")
        if given.get("location_id") not in (None, "", shelf.location_id):
            raise ApiError(WRONG_LOCATION)
        if not 0 <= stock <= LARGEST_STOCK:
            raise ApiError(texts.wrong_parameters("stock is out of range"))
        if stock < model.reserved:
            raise ApiError(BELOW_RESERVED)
        model.stock = stock
        return {"location_id": shelf.location_id, "stock": stock}

    return _change_models(call, item, "stock_list", change, STOCK_FAILED)


def update_price(call: ShopCall) -> Answer:
    """Set the price of models, likewise; what is finer than the currency is rounded."""
    item = _item(call, _body_id(call))
    if item.in_promotion:
        raise ApiError(PRICE_IN_PROMOTION)

    def change(model: Model, wish: dict[str, Any]) -> dict[str, Any]:
        price = body_amount(wish, "original_price", call.shop.decimals)
        if price == 0:
            raise ApiError(Refusal("error_invalid_price", "Invalid price."))
        model.price_minor = price
        return {"original_price": to_number(price, call.shop.decimals)}

    return _change_models(call, item, "price_list", change, PRICE_FAILED)


def update_model(call: ShopCall) -> Answer:
    """Set the SKU of models; nothing is given back."""
    item = _item(call, _body_id(call))
    wishes = body_objects(call.body, "model")
    models = [item.find(body_number(wish, "model_id")) for wish in wishes]
    if None in models:
        raise ApiError(Refusal("error_model_invalid_model_id", "Invalid model id."))
    for model, wish in zip(models, wishes, strict=True):
        sku = wish.get("model_sku")
        if model is not None and isinstance(sku, str):
            model.sku = sku[:100]
    item.update_time = call.world.clock.now()
    return {}


def unlist_item(call: ShopCall) -> Answer:
    """Take items off the shop's page, or put them back."""
    done, failed = [], []
    for wish in body_objects(call.body, "item_list"):
        item = _shelf(call).items.get(body_number(wish, "item_id"))
        unlist = wish.get("unlist")
        if not isinstance(unlist, bool):
            raise ApiError(texts.required_field("unlist"))
        if item is None or item.status not in ("NORMAL", "UNLIST"):
            reason = ITEM_NOT_FOUND.message if item is None else "Cannot unlist reviewing or banned item."
            failed.append({"item_id": wish["item_id"], "failed_reason": reason})
            continue
        item.status = "UNLIST" if unlist else "NORMAL"
        item.update_time = call.world.clock.now()
        done.append({"item_id": item.item_id, "unlist": unlist})
    answer = {"response": {"success_list": done, "failure_list": failed}}
    if not done:
        raise ApiError(UNLIST_ALL_FAILED, beside=answer)
    return answer


def _change_models(
    call: ShopCall,
    item: Item,
    field: str,
    change: Callable[[Model, dict[str, Any]], dict[str, Any]],
    failure: Refusal,
) -> Answer:
    done, failed = [], []
    for wish in body_objects(call.body, field):
        model_id = body_optional_number(wish, "model_id", NO_MODEL)
        model = item.find(model_id)
        try:
            if model is None:
                raise ApiError(Refusal("error_item_not_found", "Model not found."))
            done.append({"model_id": model_id, **change(model, wish)})
        except ApiError as refused:
            failed.append({"model_id": model_id, "failed_reason": refused.refusal.message})
    if done:
        item.update_time = call.world.clock.now()
    answer = {"response": {"success_list": done, "failure_list": failed}}
    if failed:
        # An error and a response together: some of it may have been done.
        raise ApiError(failure, beside=answer)
    return answer


def _shelf(call: ShopCall) -> Shelf:
    return call.world.shelves[call.shop.shop_id]


def _query_id(call: ShopCall) -> int:
    number = parse_uint(required_text(call.query, "item_id"), maximum=_INT64)
    if number is None:
        raise ApiError(texts.wrong_type("item_id", expected="integer", given="string"))
    return number


def _body_id(call: ShopCall) -> int:
    if call.body.get("item_id") in (None, 0):
        raise ApiError(NO_ITEM)
    return body_number(call.body, "item_id")


def _item(call: ShopCall, item_id: int) -> Item:
    item = _shelf(call).items.get(item_id)
    if item is None:
        raise ApiError(ITEM_NOT_FOUND)
    return item


def _asked(call: ShopCall) -> list[Item]:
    required_text(call.query, "item_id_list")
    listed = text_list(call.query, "item_id_list")
    numbers = [parse_uint(text, maximum=_INT64) for text in listed]
    if not 1 <= len(numbers) <= MAX_ITEMS:
        raise ApiError(Refusal("error_query_over_itemid_size", f"item_id_list must hold 1 to {MAX_ITEMS} ids"))
    items = _shelf(call).items
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
            "seller_stock": [{"location_id": _shelf(call).location_id, "stock": model.stock, "if_saleable": True}],
            "shopee_stock": [warehouse],
            "advance_stock": {"sellable_advance_stock": 0, "in_transit_advance_stock": 0},
        },
    }
