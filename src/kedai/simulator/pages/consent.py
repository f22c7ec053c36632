"""The consent page of a signed authorization link, "format B" (contract §3.1): only signed links reach it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aiohttp import web

from kedai.simulator.api import gateway, texts
from kedai.simulator.api.errors import ApiError, GatewayError
from kedai.simulator.api.http import record
from kedai.simulator.api.params import parse_uint
from kedai.simulator.api.texts import Refusal
from kedai.simulator.incoming import read_form
from kedai.simulator.keys import SIMULATION
from kedai.simulator.pages.render import page
from kedai.simulator.redirects import BadRedirect, check_redirect, with_answer
from kedai.simulator.signing import is_same, sign_call

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kedai.simulator.state.apps import App
    from kedai.simulator.state.world import World

CONSENT_PATH = "/api/v2/shop/auth_partner"
# The link dies after five minutes; a page once open may be read for longer.
READING_SECONDS = 1_800
_CARRIED = ("partner_id", "timestamp", "sign", "redirect")


async def get_consent(request: web.Request) -> web.Response:
    """Show who asks for what, and the shops to choose from."""
    return _answer(request, lambda: _ask(request))


async def post_consent(request: web.Request) -> web.Response:
    """Take the answer and send the browser back to the app."""
    form = await read_form(request)
    return _answer(request, lambda: _decide(request, form))


def _answer(request: web.Request, run: Callable[[], web.Response]) -> web.Response:
    request_id = os.urandom(16).hex()
    world = request.app[SIMULATION].world
    code = ""
    try:
        response = run()
    except ApiError as error:
        code = error.refusal.error
        response = page(
            "refused.html.j2",
            status=error.http_status(world.switches.http_status_mode),
            environment=world.environment,
            error=code,
            message=error.refusal.message,
            request_id=request_id,
        )
    record(request, response.status, code, request_id, known=True)
    return response


def _ask(request: web.Request) -> web.Response:
    world = request.app[SIMULATION].world
    app = _check_link(world, request.query, gateway.CLOCK_SECONDS)
    carried = {name: request.query[name] for name in _CARRIED}
    carried["ticket"] = _ticket(app, carried["redirect"], carried["timestamp"])
    links = world.ledger.links.values()
    linked = {link.shop_id for link in links if link.partner_id == app.partner_id and not link.revoked}
    return page(
        "consent.html.j2",
        environment=world.environment,
        app=app,
        shops=list(world.shops.values()),
        linked=linked,
        carried=carried,
        action=CONSENT_PATH,
        target=carried["redirect"].partition("?")[0],
    )


def _decide(request: web.Request, form: Mapping[str, str]) -> web.Response:
    simulation = request.app[SIMULATION]
    app = _check_link(simulation.world, form, READING_SECONDS)
    redirect = form["redirect"]
    # The link's signature does not cover the redirect; the page's own ticket does.
    if not is_same(_ticket(app, redirect, form["timestamp"]), form.get("ticket", "")):
        raise GatewayError(texts.SIGN_WRONG)
    if form.get("decision") != "approve":
        return _send_to(with_answer(redirect, {"error": "access_denied"}))
    shop = simulation.world.shops.get(parse_uint(form.get("shop_id", "")) or 0)
    if shop is None:
        raise ApiError(texts.required_field("shop_id"))
    code = simulation.approve(app, shop)
    return _send_to(with_answer(redirect, {"code": code, "shop_id": str(shop.shop_id)}))


def _check_link(world: World, query: Mapping[str, str], tolerance: int) -> App:
    app = gateway.check_app(world, query)
    gateway.check_timestamp(world, query, tolerance=tolerance)
    gateway.check_public_sign(app, CONSENT_PATH, query)
    try:
        check_redirect(query.get("redirect", ""), app.redirect_domain)
    except BadRedirect as problem:
        raise ApiError(Refusal("error_param", str(problem))) from None
    return app


def _ticket(app: App, redirect: str, timestamp: str) -> str:
    return sign_call(app.partner_key, f"consent page|{app.partner_id}|{timestamp}|{redirect}")


def _send_to(location: str) -> web.Response:
    return web.Response(status=302, headers={"Location": location, "Referrer-Policy": "no-referrer"})
