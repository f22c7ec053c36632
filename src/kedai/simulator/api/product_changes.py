"""What a seller changes about items: stock, prices, SKUs, and whether they are listed (contract §5.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kedai.simulator.api import texts
from kedai.simulator.api.errors import ApiError
from kedai.simulator.api.finding import ITEM_NOT_FOUND, find_item, shelf_of
from kedai.simulator.api.params import body_amount, body_number, body_objects, body_optional_number
from kedai.simulator.api.texts import Refusal
from kedai.simulator.state.money import to_number
from kedai.simulator.state.shelf import NO_MODEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from kedai.simulator.api.call import Answer, ShopCall
    from kedai.simulator.state.shelf import Item, Model

LARGEST_STOCK = 10_000_000
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


def update_stock(call: ShopCall) -> Answer:
    """Set the stock of models; what fails is listed with why, beside an error once any did."""
    item = _named(call)
    shelf = shelf_of(call)
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
    item = _named(call)
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
    item = _named(call)
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
        item = shelf_of(call).items.get(body_number(wish, "item_id"))
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


def _named(call: ShopCall) -> Item:
    if call.body.get("item_id") in (None, 0):
        raise ApiError(NO_ITEM)
    return find_item(call, body_number(call.body, "item_id"))
