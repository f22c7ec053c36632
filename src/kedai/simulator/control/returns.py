"""Control routes for returns: what buyers and the marketplace do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from kedai.simulator.api.return_rows import summary
from kedai.simulator.control.http import ControlError, answer, read_body, simulation_of
from kedai.simulator.control.orders import find_order
from kedai.simulator.state.lifecycle import WrongState
from kedai.simulator.state.returns import RETURN_FIELDS, RETURN_STEPS, ReturnLine, WrongReturnState

if TYPE_CHECKING:
    from aiohttp import web

    from kedai.simulator.state.orders import Order
    from kedai.simulator.state.returns import Return

_MOST_LINES = 30


class NewReturnLine(msgspec.Struct, forbid_unknown_fields=True):
    """One line that comes back."""

    item_id: int
    model_id: int = 0
    quantity: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 1


class NewReturn(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST /control/orders/{order_sn}/returns``; no lines is all of them."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] = "NOT_RECEIPT"
    text: Annotated[str, msgspec.Meta(max_length=1_000)] = ""
    needs_logistics: bool = False
    lines: Annotated[list[NewReturnLine], msgspec.Meta(max_length=_MOST_LINES)] = []


class Note(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a step that only sets one of the fields push 29 tells of."""

    field: str = ""
    value: Annotated[str, msgspec.Meta(max_length=100)] = ""


async def create_return(request: web.Request) -> web.Response:
    """Raise a return for an order, as its buyer does; pushes 3 and 29."""
    new = await read_body(request, NewReturn)
    order = find_order(request)
    lines = [_line(order, wish) for wish in new.lines]
    returning = simulation_of(request).returning
    try:
        raised = returning.open(
            order, reason=new.reason, text=new.text, needs_logistics=new.needs_logistics, lines=lines
        )
    except WrongState as refusal:
        raise ControlError(409, "wrong_state", str(refusal)) from None
    return answer(_shown(request, raised), 201)


async def get_returns(request: web.Request) -> web.Response:
    """Return all returns of the environment."""
    return answer({"returns": [_shown(request, found) for found in simulation_of(request).world.returns.values()]})


async def step_return(request: web.Request) -> web.Response:
    """Carry out a step of a return, or ``note`` a change of one of its fields; push 29."""
    note = await read_body(request, Note)
    verb = request.match_info["verb"]
    found = simulation_of(request).world.returns.get(request.match_info["return_sn"])
    if found is None:
        raise ControlError(404, "unknown_return", f"No return {request.match_info['return_sn']} in this environment.")
    if verb == "note":
        if note.field not in RETURN_FIELDS[1:]:
            raise ControlError(400, "bad_request", f"field is one of {', '.join(RETURN_FIELDS[1:])}.")
        simulation_of(request).returning.note(found, note.field, note.value)
        return answer(_shown(request, found))
    if verb not in RETURN_STEPS:
        steps = ", ".join(RETURN_STEPS)
        raise ControlError(404, "unknown_step", f"A return can be told to {steps} or note; not {verb}.")
    try:
        simulation_of(request).returning.step(found, verb)
    except WrongReturnState as refusal:
        raise ControlError(409, "wrong_state", str(refusal)) from None
    return answer(_shown(request, found))


def _line(order: Order, wish: NewReturnLine) -> ReturnLine:
    for place, line in enumerate(order.lines):
        if (line.item_id, line.model_id) == (wish.item_id, wish.model_id) and wish.quantity <= line.active:
            return ReturnLine(place, wish.quantity)
    raise ControlError(400, "bad_request", f"The order has not {wish.quantity} of item {wish.item_id}.")


def _shown(request: web.Request, found: Return) -> dict[str, Any]:
    world = simulation_of(request).world
    return {"shop_id": found.shop_id, **summary(world.book.orders[found.order_sn], found)}
