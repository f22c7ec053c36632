"""A push receiver on a loopback port: keeps what came, answers as it is told."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


@dataclass(frozen=True)
class Received:
    """One push as it arrived."""

    path: str
    authorization: str
    content_type: str
    body: bytes


@dataclass
class Manner:
    """How the receiver answers, from now on."""

    status: int = 200
    body: bytes = b""
    hold: threading.Event | None = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@dataclass
class Receiver:
    """Runs in a thread between enter and exit."""

    manner: Manner = field(default_factory=Manner)
    received: list[Received] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Start listening on a free port."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                authorization, kind = self.headers.get("Authorization", ""), self.headers.get("Content-Type", "")
                receiver.received.append(Received(self.path, authorization, kind, body))
                manner = receiver.manner
                if manner.hold is not None:
                    manner.hold.wait(10)
                self.send_response(manner.status)
                self.send_header("Content-Length", str(len(manner.body)))
                self.end_headers()
                self.wfile.write(manner.body)

            def log_message(self, *_: object) -> None:
                """Stay quiet."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        # The query and the upper-case letters belong to the signed text, exactly as configured.
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/Hooks/shopee/?env=x"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        if self.manner.hold is not None:
            self.manner.hold.set()
        self._server.shutdown()
        self._server.server_close()
