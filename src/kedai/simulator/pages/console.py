"""What all console pages share: the bar with the clock, forms that come back where they were, words for verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from aiohttp import web

from kedai.simulator.incoming import read_form
from kedai.simulator.keys import SIMULATION
from kedai.simulator.pages.render import page

if TYPE_CHECKING:
    from kedai.simulator.simulation import Simulation

STEP_WORDS = {
    "pay": "Pay",
    "release": "Release",
    "invoice": "Upload invoice",
    "ship": "Arrange shipment",
    "pickup": "Pick up",
    "deliver": "Deliver",
    "complete": "Complete",
    "reject_cancel": "Seller refuses",
    "cancel": "Cancel",
    "request_cancel": "Buyer asks to cancel",
    "hold": "Hold for checks",
    "fail_pickup": "Pickup fails",
    "fail_delivery": "Delivery fails",
    "lose": "Lose the parcel",
}
CLOCK_JUMPS = ((300, "+5 min"), (1_800, "+30 min"), (10_800, "+3 h"), (86_400, "+1 day"), (604_800, "+7 days"))
_PLACES = (
    ("/", "Overview"),
    ("/console/orders", "Orders"),
    ("/console/deliveries", "Pushes"),
    ("/console/calls", "Calls"),
    ("/console/faults", "Faults"),
)
_LONGEST_PROBLEM = 300


def console_page(request: web.Request, name: str, **content: Any) -> web.Response:
    """Return a page of the console, with the bar that all have."""
    simulation = simulation_of(request)
    world = simulation.world
    return page(
        name,
        environment=world.environment,
        date=world.clock.http_date(),
        advanced_seconds=int(world.clock.advanced_seconds),
        places=_PLACES,
        here=_place(request.path),
        back=request.path_qs.partition("problem=")[0].rstrip("?&"),
        jumps=CLOCK_JUMPS,
        problem=request.query.get("problem", "")[:_LONGEST_PROBLEM],
        rule_count=len(world.switches.fail),
        **content,
    )


def simulation_of(request: web.Request) -> Simulation:
    """Return the environment this port serves."""
    return request.app[SIMULATION]


async def read_console_form(request: web.Request) -> dict[str, str]:
    """Return the fields of a form that was sent from one of these pages, not from some other site.

    Raises:
        HTTPForbidden: it came from elsewhere.
    """
    origin = request.headers.get("Origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.host
    if foreign or request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise web.HTTPForbidden(text="This form was sent from another site.")
    return await read_form(request)


def go_back(form: dict[str, str], problem: str = "") -> web.Response:
    """Send the browser back to the page its form was on, with what went wrong if anything did."""
    back = form.get("back", "/")
    # Only ever a path of this server: two slashes would be another host.
    if not back.startswith("/") or back.startswith(("//", "/\\")) or not back.isprintable():
        back = "/"
    if problem:
        back += f"{'&' if '?' in back else '?'}problem={quote(problem[:_LONGEST_PROBLEM], safe='')}"
    return web.Response(status=303, headers={"Location": back})


def _place(path: str) -> str:
    """Return the longest of the bar's places that leads to a path."""
    return max((place for place, _ in _PLACES if path == place or path.startswith(f"{place}/")), key=len, default="/")
