"""Runs both environments in one process and one event loop: the sandbox on a port, live on the next."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from kedai.simulator.http_app import build_app
from kedai.simulator.simulation import Simulation
from kedai.simulator.state.apps import ENVIRONMENTS
from kedai.simulator.state_file import BadStateFile, StateFile, StateNotKept, load_states

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 9100
PUSH_RETRY_SECONDS = (300.0, 1_800.0, 10_800.0)
# How long open connections may hold up the end.
_SHUTDOWN_SECONDS = 1.0
_EXIT_DATA = 65
_EXIT_UNAVAILABLE = 69
_EXIT_IO = 74


def serve(
    *,
    host: str,
    port: int,
    seed: int = 1,
    state: Path | None = None,
    push_retry_seconds: tuple[float, ...] = PUSH_RETRY_SECONDS,
) -> None:
    """Serve until SIGTERM or SIGINT, then return; one line per environment is printed once it listens.

    `state` is a file that the state is read from, if it is there, and kept in: every few seconds and at the end.
    `push_retry_seconds` are the waits after each failed push, on the simulated clock.

    Raises:
        SystemExit: 69 when an address cannot be had, 65 when the state file cannot be read, 74 when it cannot be
            written at the end.
    """
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        try:
            runner.run(_serve(host, port, seed, state, push_retry_seconds))
        except BadStateFile as problem:
            sys.stderr.write(f"{problem}\n")
            raise SystemExit(_EXIT_DATA) from None
        except StateNotKept as problem:
            sys.stderr.write(f"{problem}\n")
            raise SystemExit(_EXIT_IO) from None
        except OSError as problem:
            sys.stderr.write(f"The simulator cannot listen: {problem}\n")
            raise SystemExit(_EXIT_UNAVAILABLE) from None


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the quickest event loop there is here."""
    try:
        # Not there on every platform.
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _serve(host: str, port: int, seed: int, state: Path | None, push_retry_seconds: tuple[float, ...]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    ports = tuple(port + offset for offset in range(len(ENVIRONMENTS)))
    async with running(host, ports, seed, state=state, push_retry_seconds=push_retry_seconds) as simulations:
        for simulation, at in zip(simulations, ports, strict=True):
            sys.stdout.write(f"Simulator, {simulation.world.environment}: http://{host}:{at}\n")
        sys.stdout.flush()
        if state is None:
            await stop.wait()
        else:
            await _keep_until(stop, StateFile(state, simulations))


async def _keep_until(stop: asyncio.Event, file: StateFile) -> None:
    keeping = asyncio.create_task(file.keep())
    await stop.wait()
    keeping.cancel()
    await asyncio.wait([keeping])
    await file.finish()


@asynccontextmanager
async def running(
    host: str,
    ports: tuple[int, ...],
    seed: int,
    *,
    state: Path | None = None,
    push_retry_seconds: tuple[float, ...] = PUSH_RETRY_SECONDS,
) -> AsyncIterator[list[Simulation]]:
    """Serve one environment on each port while the block runs, going on from the state file if there is one."""
    async with AsyncExitStack() as stack:
        simulations = [Simulation(seed, environment, push_retry_seconds) for environment in ENVIRONMENTS]
        for simulation in simulations:
            stack.push_async_callback(simulation.close)
        if state is not None:
            await load_states(state, simulations)
        for simulation, port in zip(simulations, ports, strict=True):
            runner = web.AppRunner(build_app(simulation), access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, host, port).start()
        yield simulations
