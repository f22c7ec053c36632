"""The front page of a port: which environment this is, its apps and shops, and how to steer it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kedai.simulator.control.routes import ROUTES
from kedai.simulator.keys import SIMULATION
from kedai.simulator.pages.console import console_page

if TYPE_CHECKING:
    from aiohttp import web


async def get_home(request: web.Request) -> web.Response:
    """Show the environment."""
    world = request.app[SIMULATION].world
    now = world.clock.now()
    linked = {subject for (_, subject), link in world.ledger.links.items() if link.is_alive(now)}
    return console_page(
        request,
        "home.html.j2",
        apps=list(world.apps.values()),
        shops=list(world.shops.values()),
        linked={subject.number for subject in linked if subject.kind == "shop"},
        merchants=list(world.merchants.values()),
        linked_merchants={subject.number for subject in linked if subject.kind == "merchant"},
        main_accounts=list(world.main_accounts.values()),
        order_count=len(world.book.orders),
        call_count=world.journal.counts.total(),
        delivery_counts=world.deliveries.counts(),
        routes=[
            (route.method, f"/control{route.path}", (route.handler.__doc__ or "").replace("``", "")) for route in ROUTES
        ],
    )
