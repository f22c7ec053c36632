"""Carries API calls between HTTP and the endpoints: envelope out, every call into the journal (contract §6.1)."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from kedai.simulator.api import gateway, texts
from kedai.simulator.api.call import (
    Answer,
    Call,
    Endpoint,
    MerchantCall,
    MerchantEndpoint,
    PublicEndpoint,
    ShopCall,
    ShopEndpoint,
)
from kedai.simulator.api.endpoints import ENDPOINTS
from kedai.simulator.api.errors import ApiError, GatewayError
from kedai.simulator.api.texts import Refusal
from kedai.simulator.incoming import read_raw
from kedai.simulator.keys import SIMULATION
from kedai.simulator.state.journal import CallRecord

if TYPE_CHECKING:
    from kedai.simulator.simulation import Simulation
    from kedai.simulator.state.apps import App
    from kedai.simulator.state.authorizations import Kind

_encode = msgspec.json.Encoder().encode


async def handle(request: web.Request) -> web.Response:
    """Answer one call under ``/api/v2/``."""
    simulation = request.app[SIMULATION]
    endpoint = ENDPOINTS.get(request.path)
    request_id = os.urandom(16).hex()
    if simulation.world.switches.latency_ms:
        await asyncio.sleep(simulation.world.switches.latency_ms / 1000)
    if endpoint is None:
        # Not the envelope: a bare 404, as the real gateway gives.
        record(request, 404, "", request_id, known=False)
        return web.Response(status=404, text="404 page not found")
    raw = await read_raw(request) if request.method == "POST" else b""
    status, error, payload = await _answer(simulation, endpoint, request, raw)
    record(request, status, error, request_id, known=True)
    body = _encode({"request_id": request_id, "error": error, **payload})
    return web.Response(status=status, body=body, content_type="application/json")


def record(request: web.Request, status: int, error: str, request_id: str, *, known: bool) -> None:
    """Write the call into the journal."""
    world = request.app[SIMULATION].world
    query = dict(request.query)
    call = CallRecord(world.clock.now(), request.method, request.path, query, status, error, request_id)
    world.journal.record(call, known=known)


async def _answer(
    simulation: Simulation, endpoint: Endpoint, request: web.Request, raw: bytes
) -> tuple[int, str, dict[str, Any]]:
    """Return status, error code and the rest of the body."""
    try:
        payload = await _run(simulation, endpoint, request, raw)
    except ApiError as error:
        status = error.http_status(simulation.world.switches.http_status_mode)
        return status, error.refusal.error, {"message": error.refusal.message}
    return 200, "", {"message": "", **payload}


async def _run(simulation: Simulation, endpoint: Endpoint, request: web.Request, raw: bytes) -> Answer:
    world, query, path = simulation.world, request.query, request.path
    app = gateway.check_app(world, query)
    gateway.check_timestamp(world, query)
    if isinstance(endpoint, PublicEndpoint):
        gateway.check_public_sign(app, path, query)
        _fail_if_asked(simulation, path, after=False)
        _check_method(endpoint, request)
        answer = endpoint.run(Call(simulation, app, query, _parse(raw)))
    else:
        answer = _run_for_subject(simulation, app, endpoint, request, raw)
    answered = answer if isinstance(answer, dict) else await answer
    _fail_if_asked(simulation, path, after=True)
    return answered


def _run_for_subject(
    simulation: Simulation, app: App, endpoint: ShopEndpoint | MerchantEndpoint, request: web.Request, raw: bytes
) -> Answer:
    world, query, path = simulation.world, request.query, request.path
    kind: Kind = "shop" if isinstance(endpoint, ShopEndpoint) else "merchant"
    subject = gateway.check_subject_sign(app, path, query, kind)
    _fail_if_asked(simulation, path, after=False)
    link = gateway.check_link(world, app, query, subject)
    _check_method(endpoint, request)
    if isinstance(endpoint, ShopEndpoint):
        return endpoint.run(ShopCall(simulation, app, query, _parse(raw), world.shops[subject.number], link))
    return endpoint.run(MerchantCall(simulation, app, query, _parse(raw), world.merchants[subject.number], link))


def _fail_if_asked(simulation: Simulation, path: str, *, after: bool) -> None:
    if simulation.world.switches.fail:
        rule = simulation.world.switches.take_failure(path, after=after)
        if rule is not None:
            raise GatewayError(Refusal(rule.error, rule.message), status=rule.status)


def _check_method(endpoint: Endpoint, request: web.Request) -> None:
    if request.method != endpoint.method:
        raise GatewayError(texts.API_OFFLINE)


def _parse(raw: bytes) -> dict[str, Any]:
    if not raw:
        return {}
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        raise ApiError(texts.BODY_UNREADABLE) from None
    if not isinstance(body, dict):
        raise ApiError(texts.BODY_UNREADABLE)
    return body
