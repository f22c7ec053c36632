"""Running the web application under uvicorn, with our own signal handling and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

from kedai.errors import Unavailable

DRAIN_SECONDS = 20
_COLLECT_AFTER = 10_000
_SWITCH_SECONDS = 0.0005
KEEP_ALIVE_SECONDS = 65  # longer than the minute after which proxies and senders let an idle connection go


class _Server(uvicorn.Server):
    """Leaves the signals alone: uvicorn would raise them again at the end, and the exit status would not be 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def make_server(app: ASGIApp, *, host: str, port: int) -> uvicorn.Server:
    """A server that whoever runs it also stops, by `should_exit`."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        timeout_graceful_shutdown=DRAIN_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        h11_max_incomplete_event_size=64 * 1024,
        backlog=2048,
    )
    return _Server(config)


def serve(app: ASGIApp, *, host: str, port: int, on_started: Callable[[], None] = lambda: None) -> None:
    """Serve until SIGTERM or SIGINT, then stop accepting, drain at most 20 s, and return; a second signal forces it.

    Raises:
        Unavailable: the address cannot be had.
    """
    server = make_server(app, host=host, port=port)

    async def run() -> None:
        loop = asyncio.get_running_loop()

        def stop() -> None:
            server.force_exit = server.should_exit
            server.should_exit = True

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        watcher = asyncio.create_task(_announce(server, on_started))
        await server.serve()
        watcher.cancel()

    try:
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(run())
    except SystemExit:  # uvicorn's word for an address that cannot be had; it has logged why
        raise Unavailable(f"The web server cannot listen on {host} port {port}.") from None


async def _announce(server: uvicorn.Server, on_started: Callable[[], None]) -> None:
    while not server.started:
        await asyncio.sleep(0.01)
    _settle_interpreter()
    on_started()


def _settle_interpreter() -> None:
    """What was imported stays for good: the collector need not walk over it again and again.

    And the intake's writer, back from the database, need not wait 5 ms for the event loop to let it go on.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
    sys.setswitchinterval(_SWITCH_SECONDS)
