"""Control routes that look: health, state, calls and deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kedai.simulator.control.http import ControlError, answer, path_number, query_number, simulation_of
from kedai.simulator.state.journal import CallFilter
from kedai.simulator.state.orders import render

if TYPE_CHECKING:
    from aiohttp import web

DELIVERIES_SHOWN = 1_000
CALLS_SHOWN = 200


async def get_health(request: web.Request) -> web.Response:
    """Say that this environment answers, and its time."""
    world = simulation_of(request).world
    return answer({"status": "ok", "environment": world.environment, "now": world.clock.now()})


async def get_state(request: web.Request) -> web.Response:
    """Return all there is and the last deliveries; ``orders=0``, ``deliveries=0``, ``limit=N`` keep it small."""
    world = simulation_of(request).world
    limit = query_number(request, "limit", DELIVERIES_SHOWN)
    with_orders = query_number(request, "orders", 1)
    with_deliveries = query_number(request, "deliveries", 1)
    orders = world.book.orders.values() if with_orders else ()
    return answer(
        {
            "environment": world.environment,
            "now": world.clock.now(),
            "apps": [world.app_json(app) for app in world.apps.values()],
            "shops": [world.shop_json(shop) for shop in world.shops.values()],
            "merchants": [world.merchant_json(merchant) for merchant in world.merchants.values()],
            "main_accounts": [world.main_account_json(account) for account in world.main_accounts.values()],
            "orders": [world.order_json(order.shop_id, render(order)) for order in orders],
            "deliveries": [item.to_json() for item in world.deliveries.latest(limit)] if with_deliveries else [],
            "delivery_counts": world.deliveries.counts(),
        }
    )


async def get_calls(request: web.Request) -> web.Response:
    """Return how often each API path was called."""
    return answer(dict(simulation_of(request).world.journal.counts))


async def clear_calls(request: web.Request) -> web.Response:
    """Start counting again."""
    simulation_of(request).world.journal.clear()
    return answer({})


async def get_journal(request: web.Request) -> web.Response:
    """Return the last API calls; ``path``, ``shop_id``, ``error`` and ``after`` (a call's id) choose among them."""
    limit = query_number(request, "limit", CALLS_SHOWN)
    query = request.query
    wish = CallFilter(query.get("path"), query.get("shop_id"), query.get("error"), query_number(request, "after", 0))
    found = simulation_of(request).world.journal.latest(limit, wish)
    return answer({"calls": [call.to_json() for call in found]})


async def get_deliveries(request: web.Request) -> web.Response:
    """Return the last deliveries, or the first ``after`` an id; of one ``order_sn`` or ``state`` if given."""
    log = simulation_of(request).world.deliveries
    limit = query_number(request, "limit", DELIVERIES_SHOWN)
    chosen = log.after(query_number(request, "after", 0), limit) if "after" in request.query else log.latest(limit)
    order_sn, state = request.query.get("order_sn"), request.query.get("state")
    found = [
        delivery.to_json()
        for delivery in chosen
        if order_sn in (None, delivery.order_sn) and state in (None, delivery.state)
    ]
    return answer({"deliveries": found, "counts": log.counts()})


async def get_delivery(request: web.Request) -> web.Response:
    """Return one delivery."""
    delivery_id = path_number(request, "delivery_id")
    delivery = simulation_of(request).world.deliveries.find(delivery_id)
    if delivery is None:
        raise ControlError(404, "unknown_delivery", f"No delivery {delivery_id} is remembered.")
    return answer(delivery.to_json())
