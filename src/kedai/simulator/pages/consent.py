"""The pages on which a seller gives or takes back consent, behind signed links and unsigned ones (contract §3.1)."""

from __future__ import annotations

import os
from dataclasses import dataclass
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
from kedai.simulator.state.authorizations import LONGEST_LINK_DAYS, Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kedai.simulator.simulation import Simulation
    from kedai.simulator.state.apps import App
    from kedai.simulator.state.world import World

CONSENT_PATH = "/api/v2/shop/auth_partner"
SIGN_IN_PATH = "/auth"
CANCEL_PATH = "/api/v2/shop/cancel_auth_partner"
UNSIGNED_CANCEL_PATH = "/cancel_auth"
PATHS = (CONSENT_PATH, SIGN_IN_PATH, CANCEL_PATH, UNSIGNED_CANCEL_PATH)
_UNSIGNED = (SIGN_IN_PATH, UNSIGNED_CANCEL_PATH)
_CANCEL = (CANCEL_PATH, UNSIGNED_CANCEL_PATH)
# The signed link dies after five minutes; a page once open may be read for longer.
READING_SECONDS = 1_800
DAYS_OFFERED = (365, 180, 90, 30, 7)
_SIGNED_FIELDS = ("partner_id", "timestamp", "sign", "redirect")
_UNSIGNED_FIELDS = ("partner_id", "auth_type", "redirect_uri", "response_type", "state", "timestamp")
_SELLER = "seller"
_CODE = "code"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which app asks, by which link, and where the seller goes afterwards; `state` is echoed."""

    app: App
    path: str
    redirect: str
    state: str | None
    timestamp: str

    @property
    def ticket(self) -> str:
        """What proves that a form came with the page: a link's signature does not cover the redirect."""
        parts = (self.path, self.app.partner_id, self.timestamp, self.redirect, self.state or "")
        return sign_call(self.app.partner_key, "|".join(["consent page", *map(str, parts)]))

    def send_back(self, **answer: str) -> web.Response:
        """Return the browser to the app."""
        state = {} if self.state is None else {"state": self.state}
        location = with_answer(self.redirect, {**answer, **state})
        return web.Response(status=302, headers={"Location": location, "Referrer-Policy": "no-referrer"})


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
    query = dict(request.query)
    if request.path in _UNSIGNED:
        # An unsigned link has no age of its own; the page's is what its form must not outlive.
        query["timestamp"] = str(world.clock.now())
    asked = _check_link(world, request.path, query, gateway.CLOCK_SECONDS)
    fields = _UNSIGNED_FIELDS if asked.path in _UNSIGNED else _SIGNED_FIELDS
    carried = {name: query[name] for name in fields if name in query}
    linked = {link.subject.number for link in world.ledger.alive(asked.app.partner_id, "shop", world.clock.now())}
    cancels = asked.path in _CANCEL
    return page(
        "cancel.html.j2" if cancels else "consent.html.j2",
        environment=world.environment,
        app=asked.app,
        shops=[shop for shop in world.shops.values() if not cancels or shop.shop_id in linked],
        linked=linked,
        main_accounts=list(world.main_accounts.values()),
        days_offered=DAYS_OFFERED,
        carried={**carried, "ticket": asked.ticket},
        action=asked.path,
        target=asked.redirect.partition("?")[0],
    )


def _decide(request: web.Request, form: Mapping[str, str]) -> web.Response:
    simulation = request.app[SIMULATION]
    asked = _check_link(simulation.world, request.path, form, READING_SECONDS)
    if not is_same(asked.ticket, form.get("ticket", "")):
        raise GatewayError(texts.SIGN_WRONG)
    decision = form.get("decision")
    if asked.path in _CANCEL:
        return _revoke(simulation, asked, form) if decision == "revoke" else asked.send_back(error="access_denied")
    if decision == "approve":
        return _approve_shop(simulation, asked, form)
    if decision == "approve_main_account":
        return _approve_main_account(simulation, asked, form)
    return asked.send_back(error="access_denied")


def _approve_shop(simulation: Simulation, asked: Asked, form: Mapping[str, str]) -> web.Response:
    shop = simulation.world.shops.get(parse_uint(form.get("shop_id", "")) or 0)
    if shop is None:
        raise ApiError(texts.required_field("shop_id"))
    code = simulation.consents.approve_shop(asked.app, shop.shop_id, days=_days(form))
    return asked.send_back(code=code, shop_id=str(shop.shop_id))


def _approve_main_account(simulation: Simulation, asked: Asked, form: Mapping[str, str]) -> web.Response:
    account = simulation.world.main_accounts.get(parse_uint(form.get("main_account_id", "")) or 0)
    if account is None:
        raise ApiError(texts.required_field("main_account_id"))
    subjects = account.subjects(with_merchants="merchants" in form)
    code = simulation.consents.approve_main_account(asked.app, account, subjects, days=_days(form))
    return asked.send_back(code=code, main_account_id=str(account.main_account_id))


def _revoke(simulation: Simulation, asked: Asked, form: Mapping[str, str]) -> web.Response:
    shop_id = parse_uint(form.get("shop_id", "")) or 0
    simulation.consents.revoke(Subject("shop", shop_id), partner_id=asked.app.partner_id)
    return asked.send_back(shop_id=str(shop_id))


def _days(form: Mapping[str, str]) -> int:
    days = parse_uint(form.get("days", str(LONGEST_LINK_DAYS)), maximum=LONGEST_LINK_DAYS)
    if not days:
        raise ApiError(texts.wrong_parameters(f"days must be from 1 to {LONGEST_LINK_DAYS}"))
    return days


def _check_link(world: World, path: str, given: Mapping[str, str], tolerance: int) -> Asked:
    app = gateway.check_app(world, given)
    gateway.check_timestamp(world, given, tolerance=tolerance)
    if path not in _UNSIGNED:
        gateway.check_public_sign(app, path, given)
    elif path == SIGN_IN_PATH:
        _check_sign_in(given)
    redirect = given.get("redirect_uri" if path in _UNSIGNED else "redirect", "")
    try:
        check_redirect(redirect, app.redirect_domain)
    except BadRedirect as problem:
        raise ApiError(Refusal("error_param", str(problem))) from None
    state = given.get("state") if path in _UNSIGNED else None
    return Asked(app, path, redirect, state, given["timestamp"])


def _check_sign_in(given: Mapping[str, str]) -> None:
    for name, only in (("auth_type", _SELLER), ("response_type", _CODE)):
        if given.get(name) != only:
            raise ApiError(texts.wrong_parameters(f"{name} must be {only}"))
