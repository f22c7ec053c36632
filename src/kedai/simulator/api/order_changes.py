"""What a seller changes about an order: cancelled, decided, noted, split and put together again (contract §5.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kedai.simulator.api import texts
from kedai.simulator.api.errors import ApiError
from kedai.simulator.api.finding import Parcel, find_order
from kedai.simulator.api.packages import can_unsplit
from kedai.simulator.api.params import body_number, body_objects, body_optional_number, body_text
from kedai.simulator.api.texts import Refusal
from kedai.simulator.state.lifecycle import READY
from kedai.simulator.state.order_draft import package_number
from kedai.simulator.state.orders import Order, Package, Portion

if TYPE_CHECKING:
    from kedai.simulator.api.call import Answer, ShopCall

OUT_OF_STOCK = "OUT_OF_STOCK"
CANCEL_REASONS = (OUT_OF_STOCK, "CUSTOMER_REQUEST", "UNDELIVERABLE_AREA", "COD_NOT_SUPPORTED")
_AREA_REGIONS = ("TW", "MY")
MAX_NOTE = 500
MAX_PACKAGES = 30
# The stray spaces are the wire's own.
CANNOT_CANCEL = Refusal("order.error_limit", "Can not cancel this order")
CANCEL_PARAM = "order. error_param"
NOT_IN_CANCEL = Refusal("order.order_status_invalid", "Invalid order_status.The order status should be IN_CANCEL.")
CANNOT_SPLIT = Refusal("order.order_cannot_split", "This order cannot be split.")
HAS_BEEN_SPLIT = Refusal("order.order_has_been_split", "This order has been split.")
SPLIT_DUPLICATE = Refusal("order.order_split_duplicate_item", "The same item is twice in one package.")
SPLIT_NO_ITEM = Refusal("order.order_split_item_not_exist", "The item does not exist in this order.")
SPLIT_MISSING = Refusal("order.order_split_package_missing_item", "Every item of the order must be in a package.")
SPLIT_QUANTITY = Refusal("order.order_split_wrong_item_quantity", "The item quantity is wrong.")
CANNOT_UNSPLIT = Refusal("order.order_cannot_undo_split", "The split of this order can not be undone.")


def cancel_order(call: ShopCall) -> Answer:
    """Cancel an order that waits to be shipped, or some of its items."""
    order = find_order(call, body_text(call.body, "order_sn"))
    reason = body_text(call.body, "cancel_reason")
    _check_reason(order, reason)
    items = body_objects(call.body, "item_list", required=reason == OUT_OF_STOCK)
    for item in items:
        _line_of(order, item, Refusal(CANCEL_PARAM, "The item is not in this order."))
    if order.status != "READY_TO_SHIP":
        raise ApiError(CANNOT_CANCEL)
    parts = body_objects(call.body, "partial_cancel_item_list", required=False)
    if not parts or not _cancel_some(call, order, parts):
        call.simulation.step(order, "cancel", by="seller")
    order.cancel_reason = reason
    order.rendered = None
    return {"response": {"update_time": order.update_time}}


def _check_reason(order: Order, reason: str) -> None:
    if reason not in CANCEL_REASONS:
        raise ApiError(Refusal(CANCEL_PARAM, f"cancel_reason must be one of {' '.join(CANCEL_REASONS)}"))
    elsewhere = reason == "UNDELIVERABLE_AREA" and order.region not in _AREA_REGIONS
    if elsewhere or (reason == "COD_NOT_SUPPORTED" and not order.cod):
        raise ApiError(Refusal(CANCEL_PARAM, f"cancel_reason {reason} is not for this order"))


def _cancel_some(call: ShopCall, order: Order, parts: list[dict[str, Any]]) -> bool:
    """Cancel some pieces; False if that leaves nothing, which is the whole order's end."""
    wrong = Refusal(CANCEL_PARAM, "partial_cancel_item_list does not fit this order.")
    wished = [(_line_of(order, part, wrong), body_number(part, "model_quantity")) for part in parts]
    for place, quantity in wished:
        if not 1 <= quantity <= order.lines[place].active:
            raise ApiError(wrong)
    if sum(line.active for line in order.lines) <= sum(quantity for _, quantity in wished):
        return False
    call.world.book.touch(order, call.world.clock.now())
    for place, quantity in wished:
        line = order.lines[place]
        line.cancelled += quantity
        _leave_out(order, place, quantity)
        call.world.shelves[order.shop_id].put_back(line.item_id, line.model_id, quantity)
    return True


def _leave_out(order: Order, place: int, quantity: int) -> None:
    """Take pieces out of the packages they are in."""
    for package in order.packages:
        for portion in package.portions:
            if portion.line == place:
                taken = min(portion.quantity, quantity)
                portion.quantity -= taken
                quantity -= taken


def handle_buyer_cancellation(call: ShopCall) -> Answer:
    """Let a buyer's wish to cancel stand, or refuse it: the order then goes on where it was."""
    order = find_order(call, body_text(call.body, "order_sn"))
    operation = body_text(call.body, "operation")
    if operation not in ("ACCEPT", "REJECT"):
        raise ApiError(texts.wrong_parameters("operation must be one of ACCEPT REJECT"))
    if order.status != "IN_CANCEL":
        raise ApiError(NOT_IN_CANCEL)
    call.simulation.step(order, "cancel" if operation == "ACCEPT" else "reject_cancel", by="buyer")
    return {"response": {"update_time": order.update_time}}


def set_note(call: ShopCall) -> Answer:
    """Write the seller's own note; the order's update time stays, as only the seller sees it."""
    order = find_order(call, body_text(call.body, "order_sn"))
    note = call.body.get("note")
    if not isinstance(note, str):
        raise ApiError(texts.required_field("note"))
    if len(note) > MAX_NOTE:
        raise ApiError(texts.wrong_parameters(f"note must hold {MAX_NOTE} characters or less"))
    order.note, order.note_update_time = note, call.world.clock.now()
    order.rendered = None
    return {}


def split_order(call: ShopCall) -> Answer:
    """Put an order's items into several packages."""
    order = find_order(call, body_text(call.body, "order_sn"))
    wished = body_objects(call.body, "package_list", most=MAX_PACKAGES)
    if len(order.packages) > 1:
        raise ApiError(HAS_BEEN_SPLIT)
    if order.status != "READY_TO_SHIP" or len(wished) < 2:
        raise ApiError(CANNOT_SPLIT)
    portions = [_portions(order, package) for package in wished]
    _check_complete(order, portions)
    first = order.packages[0]
    call.world.book.touch(order, call.world.clock.now())
    order.packages = [
        Package(
            package_number(call.world.seed, order.order_sn, "split", order.update_time, place),
            first.channel_id,
            first.carrier,
            READY,
            portions=part,
            update_time=order.update_time,
        )
        for place, part in enumerate(portions)
    ]
    call.world.book.index_packages(order)
    return {
        "response": {
            "order_sn": order.order_sn,
            "package_list": [_split_package(order, package) for package in order.packages],
        }
    }


def unsplit_order(call: ShopCall) -> Answer:
    """Put a split order's items into one package again."""
    order = find_order(call, body_text(call.body, "order_sn"))
    first = order.packages[0]
    if order.status != "READY_TO_SHIP" or not can_unsplit(Parcel(order, first)):
        raise ApiError(CANNOT_UNSPLIT)
    call.world.book.touch(order, call.world.clock.now())
    number = package_number(call.world.seed, order.order_sn, "unsplit", order.update_time)
    portions = [Portion(place, line.active) for place, line in enumerate(order.lines) if line.active]
    order.packages = [
        Package(number, first.channel_id, first.carrier, READY, portions=portions, update_time=order.update_time)
    ]
    call.world.book.index_packages(order)
    return {}


def _portions(order: Order, package: dict[str, Any]) -> list[Portion]:
    portions: list[Portion] = []
    for item in body_objects(package, "item_list"):
        place = _line_of(order, item, SPLIT_NO_ITEM)
        if any(portion.line == place for portion in portions):
            raise ApiError(SPLIT_DUPLICATE)
        quantity = body_optional_number(item, "model_quantity", order.lines[place].active)
        if quantity < 1:
            raise ApiError(SPLIT_QUANTITY)
        portions.append(Portion(place, quantity))
    return portions


def _check_complete(order: Order, packages: list[list[Portion]]) -> None:
    for place, line in enumerate(order.lines):
        total = sum(portion.quantity for part in packages for portion in part if portion.line == place)
        if total == 0 and line.active:
            raise ApiError(SPLIT_MISSING)
        if total != line.active:
            raise ApiError(SPLIT_QUANTITY)


def _line_of(order: Order, item: dict[str, Any], missing: Refusal) -> int:
    item_id, model_id = body_number(item, "item_id"), body_optional_number(item, "model_id", 0)
    for place, line in enumerate(order.lines):
        if (line.item_id, line.model_id) == (item_id, model_id):
            return place
    raise ApiError(missing)


def _split_package(order: Order, package: Package) -> dict[str, Any]:
    return {
        "package_number": package.package_number,
        "item_list": [
            {
                "item_id": order.lines[portion.line].item_id,
                "model_id": order.lines[portion.line].model_id,
                "order_item_id": order.lines[portion.line].item_id,
                "promotion_group_id": 0,
                "model_quantity": portion.quantity,
            }
            for portion in package.portions
        ],
    }
