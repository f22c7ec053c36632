"""Faults as toggles: the switches, the rules there are, and ready-made ones at a press; and the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import msgspec

from kedai.simulator.api.endpoints import ENDPOINTS
from kedai.simulator.pages.console import console_page, go_back, read_console_form, simulation_of
from kedai.simulator.state.authorizations import Subject
from kedai.simulator.state.faults import FailRule, FaultKind
from kedai.simulator.state.switches import Switches

if TYPE_CHECKING:
    from aiohttp import web

_REFRESH = "/api/v2/auth/access_token/get"
_TEN_YEARS = 10 * 365 * 86_400
# Ready-made rules: what it is called, and what it is.
PRESETS: dict[str, dict[str, Any]] = {
    "Rate limit, 20 calls": {"error": "error_rate_limit", "message": "Too many requests.", "times": 20},
    "Daily limit, until removed": {"error": "error_limit", "message": "Daily limit reached.", "times": None},
    "Busy, every third call": {"error": "error_system_busy", "probability": 0.33, "times": None},
    "HTML error page, 5 calls": {"kind": "html", "times": 5},
    "Slow answers, 5 s, 5 calls": {"kind": "slow", "seconds": 5, "times": 5},
    "Connection dropped, 3 calls": {"kind": "drop", "times": 3},
    "Refresh answer lost once": {"kind": "drop", "path": _REFRESH, "after": True},
    "Expiry as a moment": {"kind": "epoch_expiry", "times": None},
    "Empty pages with more to come": {"kind": "empty_page", "times": 3},
    "Fields of tomorrow": {"kind": "unknown_fields", "times": None},
    "Null instead of empty lists": {"kind": "null_lists", "times": None},
    "Prefixed error codes": {"kind": "prefixed_code", "times": None},
    "Error codes with stray spaces": {"kind": "spaced_code", "times": None},
    "No tracking number for 5 polls": {"kind": "empty_tracking", "times": 5},
    "Next waybill fails": {"kind": "failed_document"},
    "Pushes signed with a wrong key": {"kind": "wrong_push_key", "path": "push:*", "times": 5},
    "Pushes doubled": {"kind": "duplicate_push", "path": "push:*", "times": None},
    "Pushes an hour late": {"kind": "late_push", "path": "push:*", "seconds": 3600, "times": 5},
    "Pushes lost": {"kind": "lost_push", "path": "push:*", "times": 5},
    "Answers to pushes lost": {"kind": "lost_answer", "path": "push:*", "times": 5},
}
# The switches that are on or off, and what is said of them.
TOGGLES = {
    "event_pushes": "Events are pushed (the real sandbox pushes none)",
    "unpaid_pushes": "An unpaid order is pushed too",
    "shuffle_pushes": "Pushes of one event come in any order",
    "intranet_callbacks": "Callback addresses on an intranet are taken",
    "legacy_host_mode": "Be the retired sandbox host: every signature is wrong",
    "lost_data_as_text": "Lost pushes hold their envelope as text",
}
CHOICES = {
    "http_status_mode": ("HTTP status of refusals", ("mixed", "always_200")),
    "refresh_replay_mode": ("A used refresh token, once again", ("strict", "same_pair_4h")),
    "escrow_batch_method": ("Escrow of many is read by", ("POST", "GET")),
}
NUMBERS = {
    "latency_ms": "Every call takes so many milliseconds longer",
    "tracking_delay_seconds": "A tracking number comes after so many seconds",
    "document_delay_seconds": "A waybill takes so many seconds",
}


async def get_faults(request: web.Request) -> web.Response:
    """Show switches and rules."""
    world = simulation_of(request).world
    switches = msgspec.to_builtins(world.switches)
    return console_page(
        request,
        "faults.html.j2",
        rules=list(enumerate(switches["fail"])),
        switches=switches,
        presets=list(PRESETS),
        toggles=TOGGLES,
        choices=CHOICES,
        numbers=NUMBERS,
        kinds=get_args(FaultKind),
        paths=list(ENDPOINTS),
        shops=list(world.shops.values()),
    )


async def post_rule(request: web.Request) -> web.Response:
    """Add a ready-made rule, or one of the form's own."""
    form = await read_console_form(request)
    wish = PRESETS.get(form.get("preset", "")) or _wish(form)
    try:
        rule = msgspec.convert(wish, FailRule)
    except msgspec.ValidationError as problem:
        return go_back(form, f"This is no rule: {problem}.")
    simulation_of(request).world.switches.fail.append(rule)
    return go_back(form)


async def post_rule_end(request: web.Request) -> web.Response:
    """Take one rule away, or all."""
    form = await read_console_form(request)
    rules = simulation_of(request).world.switches.fail
    number = form.get("number", "")
    if number == "all":
        rules.clear()
    elif number.isascii() and number.isdigit() and len(number) < 6 and int(number) < len(rules):
        del rules[int(number)]
    return go_back(form)


async def post_switches(request: web.Request) -> web.Response:
    """Set the switches of the form."""
    form = await read_console_form(request)
    world = simulation_of(request).world
    wish: dict[str, Any] = {name: name in form for name in TOGGLES}
    wish |= {name: form[name] for name in CHOICES if name in form}
    wish |= {name: form[name] for name in NUMBERS if name in form}
    try:
        world.switches = msgspec.convert({**msgspec.to_builtins(world.switches), **wish}, Switches, strict=False)
    except msgspec.ValidationError as problem:
        return go_back(form, f"The switches are not as expected: {problem}.")
    return go_back(form)


async def post_clock(request: web.Request) -> web.Response:
    """Move the clock."""
    form = await read_console_form(request)
    try:
        seconds = float(form.get("seconds", ""))
    except ValueError:
        seconds = _TEN_YEARS + 1
    if not -_TEN_YEARS <= seconds <= _TEN_YEARS:
        return go_back(form, "Give the clock a number of seconds.")
    simulation_of(request).world.clock.advance(seconds)
    return go_back(form)


async def post_shop(request: web.Request) -> web.Response:
    """Do to a shop's consent what its seller or the marketplace could."""
    form = await read_console_form(request)
    simulation = simulation_of(request)
    shop_id = int(request.match_info["shop_id"])
    subject = Subject("shop", shop_id)
    if shop_id not in simulation.world.shops:
        return go_back(form, f"No shop {shop_id} in this environment.")
    deed = form.get("deed")
    if deed == "revoke":
        simulation.consents.revoke(subject)
    elif deed == "expire":
        simulation.world.ledger.expire_access(subject, simulation.world.clock.now())
    elif deed == "end_soon":
        simulation.consents.end_in(subject, 86_400)
    return go_back(form)


def _wish(form: dict[str, str]) -> dict[str, Any]:
    """Return the rule that a filled-in form means; text is turned into numbers where a rule has them."""
    wish: dict[str, Any] = {name: form[name] for name in ("kind", "path", "error", "message") if form.get(name)}
    for name in ("times", "status", "shop_id", "seed"):
        if form.get(name):
            wish[name] = int(form[name]) if form[name].isascii() and form[name].isdigit() else form[name]
    for name in ("probability", "seconds"):
        if form.get(name):
            wish[name] = _number(form[name])
    if "endless" in form:
        wish["times"] = None
    return {**wish, "after": "after" in form}


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
