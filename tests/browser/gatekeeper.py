"""A reverse proxy in front of Kedai that can be told to let no push through, as a wrongly set one does."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

_HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "date", "server"}


class Gatekeeper(ThreadingHTTPServer):
    """Passes everything on to ``target_port``; pushes only while ``lets_pushes_in``."""

    daemon_threads = True
    lets_pushes_in = True
    target_port = 0


class _Passing(BaseHTTPRequestHandler):
    protocol_version: ClassVar[str] = "HTTP/1.1"
    server: Gatekeeper

    def do_GET(self) -> None:
        self._pass_on(b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if "/webhook" in self.path and not self.server.lets_pushes_in:
            self._answer(404, [("Content-Type", "text/html")], b"<h1>Not here</h1>")
        else:
            self._pass_on(body)

    def do_PATCH(self) -> None:
        self.do_POST()

    def log_message(self, *_args: object) -> None:
        """Stay silent."""

    def _pass_on(self, body: bytes) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.target_port, timeout=60)
        try:
            connection.request(self.command, self.path, body=body or None, headers=dict(self.headers.items()))
            answer = connection.getresponse()
            headers = [pair for pair in answer.getheaders() if pair[0].lower() not in _HOP_BY_HOP]
            self._answer(answer.status, headers, answer.read())
        finally:
            connection.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def gatekeeping(port: int, target_port: int) -> Iterator[Gatekeeper]:
    """Stand in front of a server for as long as the block lasts."""
    server = Gatekeeper(("127.0.0.1", port), _Passing)
    server.target_port = target_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
