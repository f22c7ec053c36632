"""The demo for a person: print the address and login, and keep orders arriving until Ctrl-C."""

from __future__ import annotations

import signal
import time
from types import FrameType

import typer

from kedai.cli.demo.world import EMAIL, World
from kedai.values.environment import Environment

_ORDERS = {Environment.SANDBOX: 240, Environment.LIVE: 60}
_DAY_SECONDS = 600
_FIRST_DAY_SECONDS = 15


def show(world: World) -> None:
    """Run busy days one after the other in both environments; the inactive one's pushes are parked."""
    typer.echo(
        f"\n  Kedai is running at  {world.url}"
        f"\n  Sign in with         {EMAIL}"
        f"\n  Password             {world.password}\n"
        f"\n  Sandbox simulator    {world.simulators[Environment.SANDBOX]}"
        f"\n  Live simulator       {world.simulators[Environment.LIVE]}\n"
        "\n  Orders are arriving in both environments; those of the inactive one are parked."
        "\n  Stop with Ctrl-C; everything the demo made is removed then.\n"
    )
    signal.signal(signal.SIGTERM, _leave)
    days = dict.fromkeys(_ORDERS, 0)
    try:
        while True:
            for environment in _ORDERS:
                if not world.simulator(environment, "/control/busy-day")["running"]:
                    days[environment] += 1
                    _begin_day(world, environment, days[environment])
            time.sleep(1)
    except KeyboardInterrupt:
        typer.echo("Stopping.")


def _begin_day(world: World, environment: Environment, day: int) -> None:
    """The first day is short, so that there is something to see at once."""
    plan = {"seed": day, "orders": _ORDERS[environment], "duration_seconds": _DAY_SECONDS}
    if day == 1:
        plan |= {"orders": _ORDERS[environment] // 4, "duration_seconds": _FIRST_DAY_SECONDS}
    world.tell_simulator(environment, "/control/busy-day", plan | {"shops": [int(world.shops[environment])]})


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
