"""A small proxy of the tests' own that stands before a server and spoils what passes through it (F31)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

_CHUNK = 4096


@dataclass(slots=True)
class FaultProxy:
    """How the network behaves, from one connection to the next; ``open_now`` and ``opened`` count connections.

    ``latency`` seconds before an answer begins; ``loss``: how likely a connection is closed when a request comes;
    ``drip`` seconds before each byte of an answer; ``reset_after`` so many bytes of one; ``is_half_open``: it accepts,
    and never says anything again.
    """

    latency: float = 0.0
    loss: float = 0.0
    drip: float = 0.0
    reset_after: int | None = None
    is_half_open: bool = False
    chance: random.Random = field(default_factory=lambda: random.Random(31))
    opened: int = 0
    open_now: int = 0

    @asynccontextmanager
    async def before(self, port: int) -> AsyncIterator[str]:
        """Stand before the server on a port; the address to call instead."""
        connections: set[asyncio.Task[None]] = set()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            connections.add(task)
            task.add_done_callback(connections.discard)
            await self._serve(reader, writer, port)

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            for task in list(connections):
                task.cancel()
            await asyncio.gather(*connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        self.opened += 1
        self.open_now += 1
        onward, upstream = await asyncio.open_connection("127.0.0.1", port)
        answers = asyncio.create_task(self._answer(onward, writer))
        try:
            while request := await reader.read(_CHUNK):
                if self.chance.random() < self.loss:
                    break
                if not self.is_half_open:
                    upstream.write(request)
        except OSError:
            pass
        finally:
            self.open_now -= 1
            answers.cancel()
            for one in (writer, upstream):
                one.transport.abort()
            with suppress(asyncio.CancelledError):
                await answers

    async def _answer(self, onward: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passed = 0
        while answer := await onward.read(_CHUNK):
            await asyncio.sleep(self.latency)
            for piece in self._pieces(answer):
                if self.reset_after is not None and passed >= self.reset_after:
                    writer.transport.abort()
                    return
                await asyncio.sleep(self.drip)
                writer.write(piece)
                passed += len(piece)

    def _pieces(self, answer: bytes) -> list[bytes]:
        """Byte by byte where that makes a difference."""
        if self.drip or self.reset_after is not None:
            return [answer[place : place + 1] for place in range(len(answer))]
        return [answer]
