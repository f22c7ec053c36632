"""What went over the wire: pushes with every attempt, and the calls that came in."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from kedai.simulator.pages.console import console_page, simulation_of
from kedai.simulator.state.journal import CallFilter

SHOWN = 100
_STATES = ("pending", "delivered", "waiting_retry", "failed", "not_sent", "evicted")


async def get_deliveries(request: web.Request) -> web.Response:
    """Show the newest pushes, of one state if it is named."""
    world = simulation_of(request).world
    state = request.query.get("state", "")
    state = state if state in _STATES else ""
    every = reversed(world.deliveries.all())
    found = [delivery for delivery in every if state in ("", delivery.state)][:SHOWN]
    return console_page(
        request,
        "deliveries.html.j2",
        deliveries=found,
        counts=world.deliveries.counts(),
        state=state,
        shown=SHOWN,
        apps=list(world.apps.values()),
        lost={app.partner_id: len(app.lost.messages) for app in world.apps.values()},
    )


async def get_delivery(request: web.Request) -> web.Response:
    """Show one push: what was sent, and what came back each time."""
    text = request.match_info["delivery_id"]
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
    delivery = simulation_of(request).world.deliveries.find(number)
    if delivery is None:
        raise web.HTTPNotFound
    shown = delivery.body.decode(errors="replace")
    return console_page(request, "delivery.html.j2", delivery=delivery, body=shown, pretty=_pretty(shown))


async def get_calls(request: web.Request) -> web.Response:
    """Show the newest calls, those that failed if asked for."""
    journal = simulation_of(request).world.journal
    only_failed = "failed" in request.query
    path = request.query.get("path") or None
    calls = [call for call in journal.latest(10 * SHOWN, CallFilter(path=path)) if call.error or not only_failed]
    rows = [_call(call.to_json()) for call in reversed(calls[-SHOWN:])]
    return console_page(
        request,
        "calls.html.j2",
        calls=rows,
        counts=journal.counts.most_common(),
        only_failed=only_failed,
        path=path or "",
        shown=SHOWN,
    )


def _call(call: dict[str, Any]) -> dict[str, Any]:
    hidden = ("partner_id", "timestamp", "sign", "access_token")
    asked = {name: value for name, value in call["query"].items() if name not in hidden}
    return {**call, "asked": asked, "short": call["path"].removeprefix("/api/v2/")}


def _pretty(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text
