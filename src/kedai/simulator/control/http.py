"""Shared by all control routes: typed bodies in, JSON out, and every refusal a sentence in JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from aiohttp import web

from kedai.simulator.incoming import read_raw
from kedai.simulator.keys import SIMULATION

if TYPE_CHECKING:
    from kedai.simulator.simulation import Simulation
    from kedai.simulator.state.apps import App, MainAccount, Merchant, Shop

T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_encode = msgspec.json.Encoder().encode


class ControlError(Exception):
    """A refusal: HTTP status, a short code and a sentence."""

    def __init__(self, status: int, error: str, message: str) -> None:
        """Hold them."""
        super().__init__(message)
        self.status = status
        self.error = error
        self.message = message


def answer(content: object, status: int = 200) -> web.Response:
    """Return a JSON answer."""
    return web.Response(body=_encode(content), status=status, content_type="application/json")


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn refusals, and the framework's own, into JSON."""
    try:
        return await handler(request)
    except ControlError as refusal:
        return answer({"error": refusal.error, "message": refusal.message}, refusal.status)
    except web.HTTPException as problem:
        code = problem.reason.lower().replace(" ", "_")
        return answer({"error": code, "message": f"{request.method} {request.path}: {problem.reason}."}, problem.status)


async def read_body(request: web.Request, shape: type[T]) -> T:
    """Return the JSON body as `shape`; an empty body counts as ``{}``."""
    raw = await read_raw(request) or b"{}"
    try:
        return msgspec.json.decode(raw, type=shape)
    except (msgspec.MsgspecError, RecursionError, ValueError) as problem:
        raise ControlError(400, "bad_request", f"The body is not as expected: {problem}.") from None


def query_number(request: web.Request, name: str, default: int) -> int:
    """Return a whole number of the query, 0 or more."""
    text = request.query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ControlError(400, "bad_request", f"{name} must be a whole number.")
    return int(text)


def simulation_of(request: web.Request) -> Simulation:
    """Return the environment this port serves."""
    return request.app[SIMULATION]


def find_app(request: web.Request, partner_id: int) -> App:
    """Return the app; one of the other environment is not known here."""
    return _known(simulation_of(request).world.apps.get(partner_id), "app", partner_id)


def find_shop(request: web.Request, shop_id: int) -> Shop:
    """Return the shop; one of the other environment is not known here."""
    return _known(simulation_of(request).world.shops.get(shop_id), "shop", shop_id)


def find_merchant(request: web.Request, merchant_id: int) -> Merchant:
    """Return the merchant; one of the other environment is not known here."""
    return _known(simulation_of(request).world.merchants.get(merchant_id), "merchant", merchant_id)


def find_main_account(request: web.Request, main_account_id: int) -> MainAccount:
    """Return the main account; one of the other environment is not known here."""
    return _known(simulation_of(request).world.main_accounts.get(main_account_id), "main account", main_account_id)


def _known(found: T | None, kind: str, number: int) -> T:
    if found is None:
        raise ControlError(404, f"unknown_{kind.replace(' ', '_')}", f"No {kind} {number} in this environment.")
    return found


def path_number(request: web.Request, name: str) -> int:
    """Return a whole number of the path."""
    text: Any = request.match_info[name]
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise ControlError(400, "bad_request", f"{name} must be a whole number.")
    return int(text)
