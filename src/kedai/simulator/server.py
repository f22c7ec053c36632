"""Runs both environments in one process and one event loop: the sandbox on a port, live on the next."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from aiohttp import web

from kedai.simulator.http_app import build_app
from kedai.simulator.simulation import Simulation
from kedai.simulator.state.apps import ENVIRONMENTS

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 9100
PUSH_RETRY_SECONDS = (300.0, 1_800.0, 10_800.0)
# How long open connections may hold up the end.
_SHUTDOWN_SECONDS = 1.0
_EXIT_UNAVAILABLE = 69


def serve(*, host: str, port: int, seed: int = 1, push_retry_seconds: tuple[float, ...] = PUSH_RETRY_SECONDS) -> None:
    """Serve until SIGTERM or SIGINT, then return; one line per environment is printed once it listens.

    `push_retry_seconds` are the waits after each failed push, on the simulated clock.

    Raises:
        SystemExit: 69, when an address cannot be had.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        try:
            runner.run(_serve(host, port, seed, push_retry_seconds))
        except OSError as problem:
            sys.stderr.write(f"The simulator cannot listen: {problem}\n")
            raise SystemExit(_EXIT_UNAVAILABLE) from None


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        # Not there on every platform.
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _serve(host: str, port: int, seed: int, push_retry_seconds: tuple[float, ...]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        for offset, environment in enumerate(ENVIRONMENTS):
            simulation = Simulation(seed, environment, push_retry_seconds)
            stack.push_async_callback(simulation.close)
            runner = web.AppRunner(build_app(simulation), access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, host, port + offset).start()
            sys.stdout.write(f"Simulator, {environment}: http://{host}:{port + offset}\n")
            sys.stdout.flush()
        await stop.wait()
