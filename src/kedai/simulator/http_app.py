"""Puts one environment's routes together: the API, the control API and the pages, under the simulated clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from kedai.simulator.api.http import handle
from kedai.simulator.control.routes import build_control
from kedai.simulator.keys import SIMULATION
from kedai.simulator.pages.consent import PATHS, get_consent, post_consent
from kedai.simulator.pages.console_routes import CONSOLE
from kedai.simulator.pages.home import get_home

if TYPE_CHECKING:
    from kedai.simulator.simulation import Simulation

# A test push may carry a body larger than any receiver should take.
_MAX_BODY_BYTES = 32 * 1024 * 1024
_LOOKING = frozenset({"GET", "HEAD"})


def build_app(simulation: Simulation) -> web.Application:
    """Return the application that serves one environment."""
    app = web.Application(client_max_size=_MAX_BODY_BYTES)
    app[SIMULATION] = simulation
    control = build_control()
    control[SIMULATION] = simulation
    app.router.add_get("/", get_home)
    app.add_routes(CONSOLE)
    for path in PATHS:
        app.router.add_get(path, get_consent)
        app.router.add_post(path, post_consent)
    app.router.add_route("*", "/api/v2/{path:.*}", handle)
    app.add_subapp("/control", control)
    app.on_response_prepare.append(_stamp)
    return app


async def _stamp(request: web.Request, response: web.StreamResponse) -> None:
    """Clients correct their clock by this header, so it must follow the simulated one.

    Whoever keeps the state must know what may have changed it; calls of the API that only read are in the journal.
    """
    response.headers["Date"] = request.app[SIMULATION].world.clock.http_date()
    response.headers["Server"] = "kedai-simulator"
    if request.method not in _LOOKING or request.path.startswith("/api/"):
        request.app[SIMULATION].touched += 1
