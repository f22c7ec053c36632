"""Running the web application under uvicorn, with our own signal handling and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from kedai.errors import Unavailable
from kedai.kit import interpreter

DRAIN_SECONDS = 20
BACKLOG = 2048
KEEP_ALIVE_SECONDS = 65  # longer than the minute after which proxies and senders let an idle connection go


class _Protocol(AutoHTTPProtocol):  # type: ignore[misc,valid-type]  # which of two it is depends on the machine
    """Lets an answer that goes on for long reach its connection (`state.connection`): to bound it, and to cut it."""

    app_state: dict[str, Any]

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, "connection": transport}


class _Server(uvicorn.Server):
    """Leaves the signals alone: uvicorn would raise them again at the end, and the exit status would not be 0.

    ``on_stop`` is called first of all when it ends: it would wait for streams that end only when told to.
    """

    def __init__(self, config: uvicorn.Config, on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_stop = on_stop

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_stop()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def make_server(app: ASGIApp, *, host: str, port: int) -> uvicorn.Server:
    """A server that whoever runs it also stops, by `should_exit`."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=_Protocol,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        timeout_graceful_shutdown=DRAIN_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        h11_max_incomplete_event_size=64 * 1024,
        backlog=BACKLOG,
    )
    return _Server(config, getattr(app, "begin_to_stop", lambda: None))


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
    interpreter.settle()
    on_started()
