"""Many senders at once over kept connections: what each was told and how long it took. Adds no header of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.support.installation import raw_request, sign_push

PATIENCE_SECONDS = 20.0


@dataclass(frozen=True)
class Sent:
    """One push: its body, when it was sent, what came back (None: the connection broke first)."""

    body: bytes
    at: float
    seconds: float
    status: int | None
    retry_after: str | None = None


@dataclass
class Senders:
    """Signed pushes to one webhook address of one server."""

    port: int
    public_url: str
    key: str
    environment: str = "sandbox"
    done: list[Sent] = field(default_factory=list)

    @property
    def acknowledged(self) -> set[bytes]:
        """The bodies that were answered with 200."""
        return {one.body for one in self.done if one.status == 200}

    @property
    def statuses(self) -> set[int | None]:
        return {one.status for one in self.done}

    def written(self, body: bytes) -> bytes:
        """A push as it goes over the wire."""
        path = f"/connectors/shopee/webhook/{self.environment}"
        headers = [
            ("Host", f"127.0.0.1:{self.port}"),
            ("Authorization", sign_push(self.key, self.public_url + path, body)),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
        ]
        return raw_request("POST", path, headers, body)

    def send_all(self, bodies: Sequence[bytes], *, connections: int, together: bool = False) -> list[Sent]:
        """Send these once each; ``together``: nobody sends before all are connected."""
        before = len(self.done)
        asyncio.run(self._send_all(bodies, connections, together=together))
        return self.done[before:]

    async def _send_all(self, bodies: Sequence[bytes], connections: int, *, together: bool) -> None:
        waiting = iter(bodies)
        gate = asyncio.Barrier(connections) if together else None
        async with asyncio.timeout(120):
            await asyncio.gather(*(self._line(waiting, gate) for _ in range(connections)))

    async def _line(self, bodies: Iterator[bytes], gate: asyncio.Barrier | None) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            if gate is not None:
                await gate.wait()
            for body in bodies:
                self.done.append(await exchange(reader, writer, self.written(body), body))
        finally:
            writer.close()

    async def keep_sending(
        self, bodies: Callable[[], bytes], is_over: Callable[[], bool], *, connections: int, pause: float = 0.0
    ) -> None:
        """Send new pushes until `is_over` or nobody listens any more; a broken connection is opened anew."""
        await asyncio.gather(*(self._keep_sending(bodies, is_over, pause) for _ in range(connections)))

    async def _keep_sending(self, bodies: Callable[[], bytes], is_over: Callable[[], bool], pause: float) -> None:
        while not is_over():
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                return
            try:
                while not is_over():
                    body = bodies()
                    sent = await exchange(reader, writer, self.written(body), body)
                    self.done.append(sent)
                    if sent.status is None:
                        break
                    await asyncio.sleep(pause)
            finally:
                writer.close()


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, body: bytes = b""
) -> Sent:
    """One request and its answer; a connection that breaks is an answer too."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            writer.write(request)
            await writer.drain()
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
            await reader.readexactly(int(fields.get("content-length", "0")))
    except (OSError, asyncio.IncompleteReadError):
        return Sent(body, began, time.monotonic() - began, None)
    return Sent(body, began, time.monotonic() - began, int(head.split(" ")[1]), fields.get("retry-after"))


async def until(condition: Callable[[], object], *, timeout: float, message: str) -> None:
    """Poll beside running senders; TimeoutError with `message` when the time is over."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() >= deadline:
            raise TimeoutError(f"{message} (waited {timeout:g} s)")
        await asyncio.sleep(0.02)


async def in_thread(work: Callable[[], object]) -> None:
    """Something that blocks, beside running senders."""
    await asyncio.to_thread(work)


Acts = Callable[[], Awaitable[None]]
