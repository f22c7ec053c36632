"""Control routes for the clock, the switches, test pushes and busy days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from kedai.simulator.control.http import ControlError, answer, find_app, find_shop, read_body, simulation_of
from kedai.simulator.script.busy_day import BusyDay
from kedai.simulator.script.plan import plan_day
from kedai.simulator.state.lifecycle import Push
from kedai.simulator.state.switches import Switches

if TYPE_CHECKING:
    from aiohttp import web

_TEN_YEARS = 10 * 365 * 86_400
_IDLE = {"running": False, "created": 0, "planned": 0, "steps_done": 0, "steps_planned": 0}


# What an answer can carry as a JSON integer.
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class ClockChange(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST /control/clock``; negative goes back."""

    advance_seconds: Annotated[float, msgspec.Meta(ge=-_TEN_YEARS, le=_TEN_YEARS)]


class TestPush(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST /control/pushes``: any code and payload; `body` is sent as it stands, `key` signs instead."""

    code: Int64 = 0
    data: Any = None
    shop_id: Int64 | None = None
    partner_id: Int64 | None = None
    body: str | None = None
    key: str | None = None


class BusyDayWish(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST /control/busy-day``."""

    seed: Int64 = 1
    orders: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 100
    duration_seconds: Annotated[float, msgspec.Meta(ge=0, le=7 * 86_400)] = 60
    shops: Annotated[list[int], msgspec.Meta(min_length=1)] | None = None


async def change_clock(request: web.Request) -> web.Response:
    """Advance the environment's clock; what falls due goes out at once."""
    change = await read_body(request, ClockChange)
    clock = simulation_of(request).world.clock
    clock.advance(change.advance_seconds)
    return answer({"now": clock.now(), "advanced_seconds": clock.advanced_seconds})


async def get_settings(request: web.Request) -> web.Response:
    """Return the switches."""
    return answer(simulation_of(request).world.switches)


async def change_settings(request: web.Request) -> web.Response:
    """Change the switches that are given; the others stay."""
    wish = await read_body(request, dict[str, Any])
    world = simulation_of(request).world
    try:
        world.switches = msgspec.convert({**msgspec.to_builtins(world.switches), **wish}, Switches)
    except msgspec.ValidationError as problem:
        raise ControlError(400, "bad_request", f"The settings are not as expected: {problem}.") from None
    return answer(world.switches)


async def create_push(request: web.Request) -> web.Response:
    """Send one push of any code and content, as the console's "Push Test Data" does."""
    wish = await read_body(request, TestPush)
    simulation = simulation_of(request)
    partner_id = next(iter(simulation.world.apps)) if wish.partner_id is None else wish.partner_id
    push = Push(wish.code, {} if wish.data is None else wish.data)
    raw = None if wish.body is None else wish.body.encode()
    delivery = simulation.courier.send(find_app(request, partner_id), wish.shop_id, push, body=raw, key=wish.key)
    return answer(delivery.to_json(), 202)


async def start_busy_day(request: web.Request) -> web.Response:
    """Start a scripted day in the background."""
    wish = await read_body(request, BusyDayWish)
    simulation = simulation_of(request)
    shops = list(simulation.world.shops) if wish.shops is None else wish.shops
    for shop_id in shops:
        find_shop(request, shop_id)
    if simulation.busy_day is not None and simulation.busy_day.is_running:
        raise ControlError(409, "busy_already", "A busy day is running; stop it with DELETE first.")
    simulation.busy_day = BusyDay(simulation, plan_day(wish.seed, wish.orders, shops), wish.duration_seconds)
    simulation.busy_day.start()
    return answer(simulation.busy_day.report(), 202)


async def get_busy_day(request: web.Request) -> web.Response:
    """Say how far the busy day is; a finished one keeps its figures."""
    day = simulation_of(request).busy_day
    return answer(_IDLE if day is None else day.report())


async def stop_busy_day(request: web.Request) -> web.Response:
    """Stop the busy day where it is."""
    day = simulation_of(request).busy_day
    if day is not None:
        await day.stop()
    return answer(_IDLE if day is None else day.report())
