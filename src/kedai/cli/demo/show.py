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
    day = 0
    try:
        while True:
            for environment, orders in _ORDERS.items():
                if not world.simulator(environment, "/control/busy-day")["running"]:
                    day += 1
                    plan = {"seed": day, "orders": orders, "duration_seconds": _DAY_SECONDS}
                    shops = {"shops": [int(world.shops[environment])]}
                    world.tell_simulator(environment, "/control/busy-day", plan | shops)
            time.sleep(2)
    except KeyboardInterrupt:
        typer.echo("Stopping.")


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
