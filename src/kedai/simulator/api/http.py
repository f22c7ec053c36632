"""Carries API calls between HTTP and the endpoints: envelope out, every call into the journal (contract §6.1)."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from kedai.simulator.api import gateway, texts
from kedai.simulator.api.answers import spoil_answer, spoil_code
from kedai.simulator.api.call import (
    Answer,
    Call,
    Download,
    Endpoint,
    MerchantCall,
    MerchantEndpoint,
    PublicEndpoint,
    ShopCall,
    ShopEndpoint,
)
from kedai.simulator.api.endpoints import ENDPOINTS, ESCROW_BATCH
from kedai.simulator.api.errors import ApiError, GatewayError
from kedai.simulator.api.params import parse_uint
from kedai.simulator.api.texts import Refusal
from kedai.simulator.incoming import read_raw, read_upload
from kedai.simulator.keys import SIMULATION
from kedai.simulator.state.faults import Target, take
from kedai.simulator.state.journal import CallRecord

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from kedai.simulator.simulation import Simulation
    from kedai.simulator.state.apps import App
    from kedai.simulator.state.authorizations import Kind, Subject

_encode = msgspec.json.Encoder().encode
_HTML_PAGE = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"
_HTML_STATUS = 502
_BODY_KEPT = 4_000


class _NoAnswer(Exception):
    """The connection ends without a word."""


class _PageAnswer(Exception):
    """The edge answers with a page instead of the gateway."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


async def handle(request: web.Request) -> web.Response:
    """Answer one call under ``/api/v2/``."""
    simulation = request.app[SIMULATION]
    endpoint = ENDPOINTS.get(request.path)
    request_id = os.urandom(16).hex()
    started = time.perf_counter()
    if simulation.world.switches.latency_ms:
        await asyncio.sleep(simulation.world.switches.latency_ms / 1000)
    if endpoint is None:
        # Not the envelope: a bare 404, as the real gateway gives.
        record(request, 404, "", request_id, known=False, started=started)
        return web.Response(status=404, text="404 page not found")
    raw, body = await _read(request)
    response, error = await _respond(simulation, endpoint, request, body, request_id)
    record(request, response.status, error, request_id, known=True, started=started, body=raw)
    return response


def record(
    request: web.Request,
    status: int,
    error: str,
    request_id: str,
    *,
    known: bool,
    started: float = 0.0,
    body: bytes = b"",
) -> None:
    """Write the call into the journal."""
    world = request.app[SIMULATION].world
    call = CallRecord(
        world.journal.next_id(),
        world.clock.now(),
        request.method,
        request.path,
        dict(request.query),
        body[:_BODY_KEPT],
        status,
        error,
        request_id,
        round((time.perf_counter() - started) * 1000, 2) if started else 0.0,
    )
    world.journal.record(call, known=known)


async def _read(request: web.Request) -> tuple[bytes, dict[str, Any] | None]:
    """Return the body as it came, and parsed; None where it is no JSON object."""
    if request.method != "POST":
        return b"", {}
    if request.content_type == "multipart/form-data":
        return b"", await read_upload(request)
    raw = await read_raw(request)
    if not raw:
        return raw, {}
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return raw, None
    return raw, body if isinstance(body, dict) else None


async def _respond(
    simulation: Simulation, endpoint: Endpoint, request: web.Request, body: dict[str, Any] | None, request_id: str
) -> tuple[web.Response, str]:
    """Return the answer and its error code."""
    switches = simulation.world.switches
    target = _target(request, body or {})
    status, error = 200, ""
    try:
        answer = await _run(simulation, endpoint, request, body, target)
        if isinstance(answer, Download):
            return _file(answer), ""
        if switches.fail:
            cursor = request.query.get("cursor", "")
            answer = spoil_answer(switches.fail, target, answer, cursor, simulation.world.clock)
        payload = {"error": "", "message": "", **answer}
    except ApiError as refused:
        status = refused.http_status(switches.http_status_mode)
        error = refused.refusal.error
        if switches.fail:
            error = spoil_code(switches.fail, target, error)
        payload = {"error": error, "message": refused.refusal.message, **refused.beside}
    except _PageAnswer as page:
        return web.Response(status=page.status, text=_HTML_PAGE, content_type="text/html"), "(HTML page)"
    except _NoAnswer:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=499), "(no answer)"
    encoded = _encode({"request_id": request_id, **payload})
    return web.Response(status=status, body=encoded, content_type="application/json"), payload["error"]


def _file(download: Download) -> web.Response:
    headers = {"Content-Disposition": f'attachment; filename="{download.name}"'}
    return web.Response(body=download.content, content_type=download.content_type, headers=headers)


def _target(request: web.Request, body: dict[str, Any]) -> Target:
    named = parse_uint(request.query.get("shop_id", "")) if "shop_id" in request.query else body.get("shop_id")
    partner_id = parse_uint(request.query.get("partner_id", ""))
    return Target(request.path, partner_id or 0, named if isinstance(named, int) else None)


async def _run(
    simulation: Simulation, endpoint: Endpoint, request: web.Request, body: dict[str, Any] | None, target: Target
) -> Answer | Download:
    world, query, path = simulation.world, request.query, request.path
    if world.switches.legacy_host_mode:
        raise GatewayError(texts.SIGN_WRONG)
    app = gateway.check_app(world, query)
    gateway.check_timestamp(world, query)
    if isinstance(endpoint, PublicEndpoint):
        gateway.check_public_sign(app, path, query)
        await _fail_if_asked(simulation, target, after=False)
        _check_method(simulation, endpoint, request)
        answer: Answer | Download | Awaitable[Answer] = endpoint.run(Call(simulation, app, query, _parsed(body)))
    else:
        kind: Kind = "shop" if isinstance(endpoint, ShopEndpoint) else "merchant"
        subject = gateway.check_subject_sign(app, path, query, kind)
        await _fail_if_asked(simulation, target, after=False)
        answer = _run_for_subject(simulation, app, endpoint, request, subject, body)
    answered = answer if isinstance(answer, dict | Download) else await answer
    await _fail_if_asked(simulation, target, after=True)
    return answered


def _run_for_subject(
    simulation: Simulation,
    app: App,
    endpoint: ShopEndpoint | MerchantEndpoint,
    request: web.Request,
    subject: Subject,
    body: dict[str, Any] | None,
) -> Answer | Download:
    world, query = simulation.world, request.query
    link = gateway.check_link(world, app, query, subject)
    _check_method(simulation, endpoint, request)
    if isinstance(endpoint, ShopEndpoint):
        return endpoint.run(ShopCall(simulation, app, query, _parsed(body), world.shops[subject.number], link))
    return endpoint.run(MerchantCall(simulation, app, query, _parsed(body), world.merchants[subject.number], link))


async def _fail_if_asked(simulation: Simulation, target: Target, *, after: bool) -> None:
    rules = simulation.world.switches.fail
    if not rules:
        return
    slow = take(rules, ("slow",), target, after=after)
    if slow is not None:
        await asyncio.sleep(slow.seconds)
    rule = take(rules, ("error", "html", "drop"), target, after=after)
    if rule is None:
        return
    if rule.kind == "html":
        raise _PageAnswer(rule.status or _HTML_STATUS)
    if rule.kind == "drop":
        raise _NoAnswer
    raise GatewayError(Refusal(rule.error, rule.message), status=rule.status)


def _check_method(simulation: Simulation, endpoint: Endpoint, request: web.Request) -> None:
    wanted = endpoint.method
    if request.path == ESCROW_BATCH:
        wanted = simulation.world.switches.escrow_batch_method
    if request.method != wanted:
        raise GatewayError(texts.API_OFFLINE)


def _parsed(body: dict[str, Any] | None) -> dict[str, Any]:
    if body is None:
        raise ApiError(texts.BODY_UNREADABLE)
    return body
