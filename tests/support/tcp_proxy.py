"""A proxy before a server, in a thread of its own: its connections can be cut, or held so that nothing passes."""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import Self


class TcpProxy:
    """Stands before a loopback port while the block is open; ``port`` is where to connect instead."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self.cuts = 0
        self._target = target
        self._ends: set[_End] = set()
        self._is_held = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tcp-proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            self._loop.create_server(lambda: _Client(self), "127.0.0.1", 0), self._loop
        ).result()
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> int:
        """Reset every connection at once, whatever is on its way; how many there were."""
        return asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result()

    def hold(self) -> None:
        """Let nothing pass any more; connections stay open, and new ones are taken."""
        asyncio.run_coroutine_threadsafe(self._set_held(held=True), self._loop).result()

    def release(self) -> None:
        """Let what was held pass, and everything after it."""
        asyncio.run_coroutine_threadsafe(self._set_held(held=False), self._loop).result()

    async def _close(self) -> None:
        self._server.close()
        await self._cut()

    async def _cut(self) -> int:
        ends = list(self._ends)
        for end in ends:
            end.transport.abort()
        clients = sum(isinstance(end, _Client) for end in ends)
        self.cuts += clients
        return clients

    async def _set_held(self, *, held: bool) -> None:
        self._is_held = held
        for end in self._ends:
            end.heed()

    def _join(self, client: _Client) -> None:
        task = self._loop.create_task(self._connect(client))
        client.connecting = task

    async def _connect(self, client: _Client) -> None:
        try:
            await self._loop.create_connection(lambda: _Server(self, client), "127.0.0.1", self._target)
        except OSError:  # nobody listens there: nor here
            client.transport.abort()


class _End(asyncio.Protocol):
    """One side of a connection: what it hears goes to the other side."""

    transport: asyncio.Transport

    def __init__(self, proxy: TcpProxy) -> None:
        self._proxy = proxy
        self._is_full = False
        self.other: _End | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._proxy._ends.add(self)

    def data_received(self, data: bytes) -> None:
        assert self.other is not None
        self.other.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._proxy._ends.discard(self)
        if self.other is not None:
            # a connection that was reset is reset on both sides, one that was closed is closed
            (self.other.transport.close if exc is None else self.other.transport.abort)()

    def pause_writing(self) -> None:
        self._set_full(full=True)

    def resume_writing(self) -> None:
        self._set_full(full=False)

    def _set_full(self, *, full: bool) -> None:
        self._is_full = full
        if self.other is not None:
            self.other.heed()

    def heed(self) -> None:
        """Read only while what is read can go on."""
        if self.other is None or self.other._is_full or self._proxy._is_held:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()


class _Client(_End):
    connecting: asyncio.Task[None]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.heed()
        self._proxy._join(self)


class _Server(_End):
    def __init__(self, proxy: TcpProxy, client: _Client) -> None:
        super().__init__(proxy)
        self._client = client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.other, self._client.other = self._client, self
        if self._client.transport.is_closing():
            self.transport.abort()
            return
        self.heed()
        self._client.heed()
