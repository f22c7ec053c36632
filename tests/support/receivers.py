"""Receivers of messages on this machine: a web server that keeps what is posted to it, and a mail server."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast


@dataclass(frozen=True)
class Posted:
    """One request; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class WebReceiver:
    """What came, and what is answered: a status, and where a redirect would lead."""

    url: str
    posted: list[Posted] = field(default_factory=list)
    status: int = 204
    location: str = ""


@dataclass
class MailReceiver:
    """What came, from whom to whom; ``refusing`` is answered to each recipient, if set."""

    host: str
    port: int
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    refusing: str = ""


@contextmanager
def receive_posts() -> Iterator[WebReceiver]:
    """A web server on loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.posted.append(Posted(self.path, headers, body))
            self.send_response(receiver.status)
            if receiver.location:
                self.send_header("Location", receiver.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = WebReceiver(f"http://127.0.0.1:{server.server_port}")
    with _serving(server):
        yield receiver


@contextmanager
def receive_mail() -> Iterator[MailReceiver]:
    """A mail server on loopback, in the open."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 receiver")
            sender, recipients = "", cast("list[str]", [])
            while line := self.rfile.readline():
                word, rest = line[:4].upper(), line.decode().partition(":")[2].strip().partition(" ")[0].strip("<>")
                if word == b"MAIL":
                    sender = rest
                elif word == b"RCPT":
                    if receiver.refusing:
                        self.say(receiver.refusing)
                        continue
                    recipients.append(rest)
                elif word == b"DATA":
                    self.say("354 go on")
                    mail = message_from_bytes(b"".join(self.body()), policy=policy.default)
                    receiver.mails.append(cast("EmailMessage", mail))
                    receiver.envelopes.append((sender, recipients))
                elif word == b"QUIT":
                    self.say("221 bye")
                    return
                self.say("250 ok")

        def body(self) -> Iterator[bytes]:
            while (line := self.rfile.readline()) not in {b".\r\n", b""}:
                yield line

        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    receiver = MailReceiver("127.0.0.1", server.server_address[1])
    with _serving(server):
        yield receiver


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    cast("Any", server).daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
