"""A marketplace that always gives the same answer, as a process of its own: it is there to be called, not measured."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path


class Answering(asyncio.Protocol):
    """Answers every request of a connection with the same bytes; bodies of requests are not expected."""

    def __init__(self, answer: bytes) -> None:
        """Keep the answer."""
        self.answer = answer
        self.transport: asyncio.Transport | None = None
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Answer each whole head of a request."""
        heads = (self.buffer + data).split(b"\r\n\r\n")
        self.buffer = heads.pop()
        if heads and self.transport is not None:
            self.transport.write(self.answer * len(heads))


async def serve(port: int, body: bytes) -> None:
    """Serve until the process is ended."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    answer = head.encode() + body
    server = await asyncio.get_running_loop().create_server(lambda: Answering(answer), "127.0.0.1", port, backlog=512)
    await server.serve_forever()


def main() -> None:
    """Serve the file's content on a port."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("body", type=Path)
    parser.add_argument("--port", type=int, required=True)
    chosen = parser.parse_args()
    asyncio.run(serve(chosen.port, chosen.body.read_bytes()))


if __name__ == "__main__":
    main()
