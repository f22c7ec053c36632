"""Running the web application under granian, which is written in Rust, instead of uvicorn; an extra of the package."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from kedai.errors import SettingsInvalid, Unavailable
from kedai.kit import interpreter
from kedai.web.edge import WebhookEdge
from kedai.web.server import BACKLOG, DRAIN_SECONDS

if TYPE_CHECKING:
    from granian.server.embed import Server

_LOOK_SECONDS = 0.02


def serve(app: WebhookEdge, *, host: str, port: int, on_started: Callable[[], None] = lambda: None) -> None:
    """As `kedai.web.server.serve`: until SIGTERM or SIGINT, then an orderly end; a second signal forces it.

    Raises:
        SettingsInvalid: granian is not installed. Unavailable: the address cannot be had.
    """
    server = _make_server(app, host, port)
    _refuse_taken(host, port)
    asyncio.run(_run(app, server, host, port, on_started))


def _make_server(app: WebhookEdge, host: str, port: int) -> Server:
    try:
        from granian.constants import HTTPModes, Interfaces
        from granian.server.embed import Server
    except ImportError:
        raise SettingsInvalid(
            "granian is not installed: pip install 'kedai[granian]', or leave --server out."
        ) from None
    return Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        backlog=BACKLOG,
        log_enabled=False,
    )


def _refuse_taken(host: str, port: int) -> None:
    """Granian shares a port with whoever listens there already: two installations would each get half of the pushes."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((host, port))
        except OSError:
            raise Unavailable(f"The web server cannot listen on {host} port {port}.") from None


async def _run(app: WebhookEdge, server: Server, host: str, port: int, on_started: Callable[[], None]) -> None:
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.Event()

    def stop() -> None:
        if stopping.is_set():
            serving.cancel()
        elif not serving.done():
            stopping.set()
            app.begin_to_stop()
            server.stop()  # type: ignore[no-untyped-call]

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    watcher = asyncio.create_task(_announce(host, port, on_started))
    await asyncio.wait({serving, asyncio.create_task(stopping.wait())}, return_when=asyncio.FIRST_COMPLETED)
    watcher.cancel()
    with contextlib.suppress(TimeoutError, asyncio.CancelledError):
        await asyncio.wait_for(serving, DRAIN_SECONDS)


async def _announce(host: str, port: int, on_started: Callable[[], None]) -> None:
    """It says nowhere that it listens."""
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            break
        await asyncio.sleep(_LOOK_SECONDS)
    interpreter.settle()
    on_started()
