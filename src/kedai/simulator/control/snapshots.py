"""Control routes that keep the whole state, put it back, or begin anew."""

from __future__ import annotations

from typing import Annotated

import msgspec
from aiohttp import web

from kedai.simulator.control.http import ControlError, answer, read_body, simulation_of
from kedai.simulator.incoming import read_raw
from kedai.simulator.state.snapshot import BadSnapshot


class Beginning(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST /control/reset``; without a seed it stays what it was."""

    seed: Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | None = None


async def get_snapshot(request: web.Request) -> web.Response:
    """Return the whole state of this environment, keys and tokens included: all of them are made up."""
    return web.Response(body=simulation_of(request).snapshot(), content_type="application/json")


async def put_snapshot(request: web.Request) -> web.Response:
    """Put a state back that was got here before; what waited to be pushed since then is dropped."""
    simulation = simulation_of(request)
    try:
        await simulation.restore(await read_raw(request))
    except BadSnapshot as problem:
        raise ControlError(400, "bad_snapshot", str(problem)) from None
    return answer({"orders": len(simulation.world.book.orders), "now": simulation.world.clock.now()})


async def reset(request: web.Request) -> web.Response:
    """Begin anew: no orders, no consents, the first keys and settings of the seed, in real time."""
    wish = await read_body(request, Beginning)
    simulation = simulation_of(request)
    await simulation.reset(simulation.world.seed if wish.seed is None else wish.seed)
    return answer({"seed": simulation.world.seed, "now": simulation.world.clock.now()})
