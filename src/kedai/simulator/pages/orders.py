"""The orders as a board of states, and one order with its packages, returns and pushes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from aiohttp import web

from kedai.simulator.api.params import parse_uint
from kedai.simulator.pages.console import STEP_WORDS, console_page, go_back, read_console_form, simulation_of
from kedai.simulator.state.lifecycle import STEPS, WrongState, can_take
from kedai.simulator.state.money import to_number
from kedai.simulator.state.order_draft import OrderWish
from kedai.simulator.state.orders import render
from kedai.simulator.state.returns import RETURN_STEPS, RETURNABLE, WrongReturnState

if TYPE_CHECKING:
    from kedai.simulator.state.orders import Order

CARDS = 8
MOST_AT_ONCE = 200
_ALWAYS = ("UNPAID", "READY_TO_SHIP", "PROCESSED", "SHIPPED", "TO_CONFIRM_RECEIVE", "COMPLETED")
_SOMETIMES = ("PENDING", "INVOICE_PENDING", "RETRY_SHIP", "IN_CANCEL", "TO_RETURN", "CANCELLED")
_PUSHES_SHOWN = 2_000


async def get_board(request: web.Request) -> web.Response:
    """Show the newest orders of each state, of all shops or one."""
    world = simulation_of(request).world
    shop_id = parse_uint(request.query.get("shop_id", ""))
    orders = [order for order in world.book.orders.values() if shop_id in (None, order.shop_id)]
    counts = Counter(order.status for order in orders)
    columns: dict[str, list[dict[str, Any]]] = {
        status: [] for status in (*_ALWAYS, *_SOMETIMES) if status in _ALWAYS or counts[status]
    }
    for order in reversed(orders):
        cards = columns[order.status]
        if len(cards) < CARDS:
            cards.append(_card(order))
    return console_page(
        request,
        "orders.html.j2",
        columns=columns,
        counts=counts,
        shops=list(world.shops.values()),
        chosen=shop_id,
        most=MOST_AT_ONCE,
    )


async def get_order_page(request: web.Request) -> web.Response:
    """Show one order."""
    world = simulation_of(request).world
    order = _find(request)
    deliveries = [one for one in world.deliveries.latest(_PUSHES_SHOWN) if one.order_sn == order.order_sn]
    return console_page(
        request,
        "order.html.j2",
        order=order,
        card=_card(order),
        shop=world.shops[order.shop_id],
        total=_money(order, order.total_minor),
        lines=[(line, _money(order, line.discounted_minor)) for line in order.lines],
        returns=[
            (found, [verb for verb, step in RETURN_STEPS.items() if found.status in step.allowed_from])
            for found in world.returns.values()
            if found.order_sn == order.order_sn
        ],
        deliveries=deliveries,
        wire=render(order),
    )


async def post_orders(request: web.Request) -> web.Response:
    """Place some orders."""
    form = await read_console_form(request)
    simulation = simulation_of(request)
    shop = simulation.world.shops.get(parse_uint(form.get("shop_id", "")) or 0)
    count = parse_uint(form.get("count", ""), maximum=MOST_AT_ONCE)
    if shop is None or not count:
        return go_back(form, f"Choose a shop and 1 to {MOST_AT_ONCE} orders.")
    for _ in range(count):
        simulation.create_order(shop, OrderWish(is_paid=form.get("status") == "READY_TO_SHIP"))
    return go_back(form)


async def post_step(request: web.Request) -> web.Response:
    """Take a step of an order, of one package if it is named."""
    form = await read_console_form(request)
    order, verb = _find(request), request.match_info["verb"]
    simulation = simulation_of(request)
    try:
        if verb == "return":
            simulation.returning.open(order, reason="CHANGE_MIND", text="", needs_logistics=True, lines=[])
        elif verb in STEPS:
            by = "buyer" if order.status == "IN_CANCEL" else None
            simulation.step(order, verb, by=by, package_number=form.get("package_number") or None)
    except WrongState as refusal:
        return go_back(form, str(refusal))
    return go_back(form)


async def post_return_step(request: web.Request) -> web.Response:
    """Take a step of a return."""
    form = await read_console_form(request)
    simulation = simulation_of(request)
    found = simulation.world.returns.get(request.match_info["return_sn"])
    verb = request.match_info["verb"]
    if found is None or verb not in RETURN_STEPS:
        raise web.HTTPNotFound
    try:
        simulation.returning.step(found, verb)
    except WrongReturnState as refusal:
        return go_back(form, str(refusal))
    return go_back(form)


def _find(request: web.Request) -> Order:
    order = simulation_of(request).world.book.orders.get(request.match_info["order_sn"])
    if order is None:
        raise web.HTTPNotFound
    return order


def _card(order: Order) -> dict[str, Any]:
    steps = [(verb, words) for verb, words in STEP_WORDS.items() if can_take(order, verb)]
    if order.status in RETURNABLE:
        steps.append(("return", "Buyer returns it"))
    return {
        "order_sn": order.order_sn,
        "buyer": order.buyer_username,
        "pieces": sum(line.active for line in order.lines),
        "total": _money(order, order.total_minor),
        "packages": len(order.packages),
        # What usually comes next; a return is the exception.
        "next": steps[0] if steps and steps[0][0] != "return" else None,
        "others": [step for place, step in enumerate(steps) if place or step[0] == "return"],
    }


def _money(order: Order, minor: int) -> str:
    amount = to_number(minor, order.decimals)
    return f"{order.currency} {amount:,.{order.decimals}f}"
