"""Control routes for orders: create one or many, and walk one along its life."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from kedai.simulator.control.http import ControlError, answer, find_shop, read_body, simulation_of
from kedai.simulator.state.lifecycle import STEPS, WrongState
from kedai.simulator.state.order_book import DuplicateOrder
from kedai.simulator.state.order_draft import MAX_ITEMS, LineWish, OrderWish, UnknownGoods, draft_order
from kedai.simulator.state.orders import render

if TYPE_CHECKING:
    from aiohttp import web

    from kedai.simulator.simulation import Simulation
    from kedai.simulator.state.apps import Shop
    from kedai.simulator.state.orders import Order

_BATCH_SLICE = 200

ShopId = Annotated[int, msgspec.Meta(ge=0)]
ItemCount = Annotated[int, msgspec.Meta(ge=1, le=MAX_ITEMS)]
# A comma would end the number inside the API's own lists.
OrderNumber = Annotated[str, msgspec.Meta(min_length=1, max_length=1000, pattern="^[^,]+$")]
# 2000-01-01 and the end of the wire's uint32.
UnixTime = Annotated[int, msgspec.Meta(ge=946_684_800, le=4_294_967_295)]
FirstState = Literal["UNPAID", "READY_TO_SHIP"]


class NewLine(msgspec.Struct, forbid_unknown_fields=True):
    """A line of an order that is asked for: one of the shop's items."""

    item_id: int
    model_id: int = 0
    quantity: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 1


class NewOrder(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST /control/orders``."""

    shop_id: ShopId
    items: ItemCount | None = None
    status: FirstState = "UNPAID"
    order_sn: OrderNumber | None = None
    create_time: UnixTime | None = None
    channel_id: int | None = None
    lines: Annotated[list[NewLine], msgspec.Meta(max_length=MAX_ITEMS)] = []
    # Shopee's own test orders take minutes to appear.
    delay_seconds: Annotated[int, msgspec.Meta(ge=0, le=30 * 86_400)] = 0
    pushes: bool = True


class NewOrders(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST /control/orders/batch``; `spread_seconds` lets them have been created evenly over that past."""

    shop_id: ShopId
    count: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    items: ItemCount | None = None
    status: FirstState = "READY_TO_SHIP"
    pushes: bool = False
    spread_seconds: Annotated[int, msgspec.Meta(ge=0, le=10 * 365 * 86_400)] = 0


class StepOptions(msgspec.Struct, forbid_unknown_fields=True):
    """Optional body of a step; `by` says who cancels, `package_number` that only one package moves."""

    package_number: str | None = None
    by: Literal["seller", "buyer", "system"] | None = None
    pushes: bool = True


async def create_order(request: web.Request) -> web.Response:
    """Place an order and return it in full."""
    new = await read_body(request, NewOrder)
    shop = find_shop(request, new.shop_id)
    simulation = simulation_of(request)
    try:
        lines = tuple(LineWish(line.item_id, line.model_id, line.quantity) for line in new.lines)
        paid = new.status != "UNPAID"
        wish = OrderWish(new.order_sn, new.items, paid, new.create_time, new.channel_id, lines)
        if new.delay_seconds:
            return answer(_announce(simulation, shop, wish, new), 202)
        order = simulation.create_order(shop, wish, pushes=new.pushes)
    except UnknownGoods as problem:
        raise ControlError(404, "unknown_goods", str(problem)) from None
    except DuplicateOrder:
        raise ControlError(409, "duplicate_order", f"Order {new.order_sn} exists already.") from None
    return _shown(simulation, order, 201)


def _announce(simulation: Simulation, shop: Shop, wish: OrderWish, new: NewOrder) -> dict[str, object]:
    world = simulation.world
    if wish.order_sn in world.book.orders or wish.order_sn in world.coming:
        raise DuplicateOrder
    # Found out now what would else be found out when nobody asks any more.
    draft_order(shop, world.shelves[shop.shop_id], wish, order_sn=wish.order_sn or "", seed=world.seed, now=0)
    number = simulation.announce_order(shop, wish, delay_seconds=new.delay_seconds, pushes=new.pushes)
    return {"order_sn": number, "appears_at": world.coming[number].due_at}


async def create_orders(request: web.Request) -> web.Response:
    """Place many orders and return their numbers."""
    new = await read_body(request, NewOrders)
    numbers = await _place(simulation_of(request), find_shop(request, new.shop_id), new)
    return answer({"created": len(numbers), "order_sns": numbers}, 201)


async def _place(simulation: Simulation, shop: Shop, new: NewOrders) -> list[str]:
    numbers: list[str] = []
    first = simulation.world.clock.now() - new.spread_seconds
    for index in range(new.count):
        create_time = first + new.spread_seconds * index // new.count if new.spread_seconds else None
        wish = OrderWish(items=new.items, is_paid=new.status != "UNPAID", create_time=create_time)
        order = simulation.create_order(shop, wish, pushes=new.pushes)
        numbers.append(order.order_sn)
        if index % _BATCH_SLICE == 0:
            # Calls and pushes go on meanwhile.
            await asyncio.sleep(0)
    return numbers


async def get_order(request: web.Request) -> web.Response:
    """Return one order in full."""
    return _shown(simulation_of(request), find_order(request))


async def step_order(request: web.Request) -> web.Response:
    """Carry out one step of the order's life and return the order."""
    options = await read_body(request, StepOptions)
    order = find_order(request)
    verb = request.match_info["verb"]
    if verb not in STEPS:
        raise ControlError(404, "unknown_step", f"An order can be told to {', '.join(STEPS)}; not {verb}.")
    try:
        simulation_of(request).step(
            order, verb, by=options.by, pushes=options.pushes, package_number=options.package_number
        )
    except WrongState as refusal:
        raise ControlError(409, "wrong_state", str(refusal)) from None
    return _shown(simulation_of(request), order)


def find_order(request: web.Request) -> Order:
    """Return the order that the path names."""
    order_sn = request.match_info["order_sn"]
    order = simulation_of(request).world.book.orders.get(order_sn)
    if order is None:
        raise ControlError(404, "unknown_order", f"No order {order_sn} in this environment.")
    return order


def _shown(simulation: Simulation, order: Order, status: int = 200) -> web.Response:
    return answer(simulation.world.order_json(order.shop_id, render(order)), status)
