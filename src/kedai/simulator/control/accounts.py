"""Control routes for apps, authorizations and shops: what the console and the sellers would do."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from kedai.simulator.control.http import (
    ControlError,
    answer,
    find_app,
    find_shop,
    path_number,
    read_body,
    simulation_of,
)
from kedai.simulator.redirects import BadRedirect, check_redirect, with_answer

if TYPE_CHECKING:
    from aiohttp import web

_PRINTABLE_FROM = "!"
_PRINTABLE_TO = "~"


class Authorization(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST /control/authorizations``."""

    partner_id: int
    shop_id: int
    redirect: str


class AppChange(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST /control/apps/{partner_id}``; null unsets, what is absent stays."""

    callback_url: str | msgspec.UnsetType | None = msgspec.UNSET
    redirect_domain: str | msgspec.UnsetType | None = msgspec.UNSET
    push_partner_key: str | msgspec.UnsetType = msgspec.UNSET


async def create_authorization(request: web.Request) -> web.Response:
    """Approve without a person; return the code and where the browser would be sent."""
    wish = await read_body(request, Authorization)
    app, shop = find_app(request, wish.partner_id), find_shop(request, wish.shop_id)
    try:
        check_redirect(wish.redirect, app.redirect_domain)
    except BadRedirect as problem:
        raise ControlError(400, "bad_redirect", str(problem)) from None
    code = simulation_of(request).approve(app, shop)
    location = with_answer(wish.redirect, {"code": code, "shop_id": str(shop.shop_id)})
    return answer({"code": code, "location": location}, 201)


async def change_app(request: web.Request) -> web.Response:
    """Set the app's callback URL, redirect domain or push key, and return the app."""
    app = find_app(request, path_number(request, "partner_id"))
    change = await read_body(request, AppChange)
    if change.callback_url is not msgspec.UNSET:
        app.callback_url = _checked_url(change.callback_url)
    if change.redirect_domain is not msgspec.UNSET:
        app.redirect_domain = change.redirect_domain
    if change.push_partner_key is not msgspec.UNSET:
        app.push_partner_key = change.push_partner_key
    return answer(simulation_of(request).world.app_json(app))


async def expire_tokens(request: web.Request) -> web.Response:
    """End the shop's access tokens now; refresh tokens live on."""
    shop = find_shop(request, path_number(request, "shop_id"))
    world = simulation_of(request).world
    return answer({"expired": world.ledger.expire_access(shop.shop_id, world.clock.now())})


async def revoke_shop(request: web.Request) -> web.Response:
    """Cut the shop's consent, as its seller can at any time."""
    shop = find_shop(request, path_number(request, "shop_id"))
    return answer({"revoked": simulation_of(request).revoke(shop)})


def _checked_url(url: str | None) -> str | None:
    if not url:
        return None
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    printable = all(_PRINTABLE_FROM <= letter <= _PRINTABLE_TO for letter in url)
    if not (host and printable and parts.scheme in ("http", "https")):
        raise ControlError(400, "bad_callback_url", "callback_url must be an http or https URL of plain characters.")
    return url
