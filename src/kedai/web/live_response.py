"""An answer that goes on: words for one browser as they come, over a connection whose buffers are small and bounded."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AbstractContextManager

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kedai.web.live import Teller, Watcher

SEND_SECONDS = 5.0
_BUFFER = 16 * 1024
_RETRY = "retry: 1000\n\n"

log = structlog.get_logger("live")


class LiveResponse(Response):
    """A stream of server-sent events; it ends when the browser goes, does not read, or may no longer."""

    media_type = "text/event-stream"

    def __init__(self, teller: Teller, watch: AbstractContextManager[Watcher]) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._teller = teller
        self._watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport = scope.get("state", {}).get("connection")
        _narrow(transport)
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        with self._watch as watcher:
            gone = asyncio.create_task(_wait_gone(receive, watcher))
            try:
                await self._speak(watcher, send)
            except TimeoutError:
                log.info("a page that reads nothing was let go")
                if transport is not None:
                    transport.abort()  # closing it would wait for what is never read
                await asyncio.sleep(0)
            finally:
                gone.cancel()

    async def _speak(self, watcher: Watcher, send: Send) -> None:
        words: str | None = _RETRY
        while words is not None:
            async with asyncio.timeout(SEND_SECONDS):
                await send({"type": "http.response.body", "body": words.encode(), "more_body": True})
            words = await self._teller.tell(watcher)
        async with asyncio.timeout(SEND_SECONDS):
            await send({"type": "http.response.body", "body": b""})


async def _wait_gone(receive: Receive, watcher: Watcher) -> None:
    """Until the browser has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
    watcher.is_over = True


def _narrow(transport: asyncio.Transport | None) -> None:
    """What waits to be read by a browser waits in a small buffer, here and in the kernel."""
    if transport is None:
        return
    transport.set_write_buffer_limits(high=_BUFFER)
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
