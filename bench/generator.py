"""The load generator for every peer alike: a process of its own on raw sockets, one request in flight per connection.

It shares the machine with the server it measures, so its loop does as little as it can: no HTTP library, requests
read from a file beforehand, no garbage collection while it counts.
"""

from __future__ import annotations

import argparse
import gc
import json
import re
import resource
import select
import socket
import sys
import time
from collections import Counter
from pathlib import Path

from bench.bodies import read_requests

ANSWER_LIMIT_SECONDS = 30.0
_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Connection:
    """One keep-alive connection and the answer it is reading."""

    __slots__ = ("buffer", "socket", "started")

    def __init__(self, address: tuple[str, int]) -> None:
        """Connect; the request is sent by `send`."""
        self.socket = socket.create_connection(address, timeout=ANSWER_LIMIT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(0)
        self.buffer = b""
        self.started = 0.0

    def send(self, request: bytes, started: float) -> None:
        """Send a whole request (it fits any socket buffer); `started` is where its latency counts from."""
        self.started = started
        if self.socket.send(request) != len(request):
            message = "a request did not fit into the socket's buffer"
            raise RuntimeError(message)

    def status(self) -> str:
        """Read what came; return the status once the answer is whole, '' before, 'closed' if the peer hung up."""
        received = self.socket.recv(65536)
        if not received:
            return "closed"
        data = self.buffer + received if self.buffer else received
        end = data.find(b"\r\n\r\n")
        if end >= 0:
            length = _CONTENT_LENGTH.search(data, 0, end)
            if length is None:
                message = f"an answer without Content-Length: {data[:200]!r}"
                raise RuntimeError(message)
            if len(data) >= end + 4 + int(length[1]):
                self.buffer = b""
                return data[9:12].decode()
        self.buffer = data
        return ""


class Load:
    """Sends requests and notes when each was answered, and how."""

    def __init__(self, address: tuple[str, int], requests: list[bytes], connections: int) -> None:
        """Open the connections."""
        self.address = address
        self.requests = iter(requests)
        self.expected = len(requests)
        self.statuses: list[str] = []
        self.latencies: list[float] = []
        self.ended: list[float] = []
        self.poll = select.epoll()
        self.connections: dict[int, Connection] = {}
        self.idle = [self._connect() for _ in range(min(connections, self.expected))]

    def closed_loop(self) -> None:
        """Keep one request in flight on every connection until all are answered."""
        idle, self.idle = self.idle, []
        for connection in idle:
            connection.send(next(self.requests), time.perf_counter())
        while len(self.statuses) < self.expected:
            for connection in self._answered(ANSWER_LIMIT_SECONDS):
                request = next(self.requests, None)
                if request is not None:
                    connection.send(request, time.perf_counter())

    def open_loop(self, rate: float) -> None:
        """Send `rate` requests a second whatever the answers do; a latency counts from when its turn was."""
        due = time.perf_counter()
        request = next(self.requests, None)
        while len(self.statuses) < self.expected:
            now = time.perf_counter()
            while request is not None and due <= now and self.idle:
                self.idle.pop().send(request, due)
                request = next(self.requests, None)
                due += 1.0 / rate
            waiting = request is not None and bool(self.idle)
            self.idle.extend(
                self._answered(max(0.0, due - now) if waiting else ANSWER_LIMIT_SECONDS, may_be_none=waiting)
            )

    def _answered(self, timeout: float, *, may_be_none: bool = False) -> list[Connection]:
        events = self.poll.poll(timeout)
        if not events and not may_be_none:
            message = f"no answer for {ANSWER_LIMIT_SECONDS:g} s; {len(self.statuses)} of {self.expected} were answered"
            raise TimeoutError(message)
        free = []
        for descriptor, _ in events:
            connection = self.connections[descriptor]
            status = connection.status()
            if status:
                now = time.perf_counter()
                self.statuses.append(status)
                self.latencies.append(now - connection.started)
                self.ended.append(now)
                free.append(self._reconnect(descriptor) if status == "closed" else connection)
        return free

    def _connect(self) -> Connection:
        connection = Connection(self.address)
        self.connections[connection.socket.fileno()] = connection
        self.poll.register(connection.socket, select.EPOLLIN)
        return connection

    def _reconnect(self, descriptor: int) -> Connection:
        self.connections.pop(descriptor).socket.close()
        return self._connect()

    def report(self, warm_up: int) -> dict[str, object]:
        """Sum up what came after the first `warm_up` answers."""
        latencies = sorted(self.latencies[warm_up:])
        seconds = self.ended[-1] - (self.ended[warm_up - 1] if warm_up else self.ended[0] - self.latencies[0])
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "count": len(latencies),
            "seconds": round(seconds, 3),
            "per_second": round(len(latencies) / seconds, 1),
            "statuses": dict(Counter(self.statuses)),
            "p50_ms": _milliseconds(latencies, 0.5),
            "p99_ms": _milliseconds(latencies, 0.99),
            "max_ms": _milliseconds(latencies, 1.0),
            "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3),
        }


def _milliseconds(ordered: list[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 2)


def main() -> None:
    """Read the requests, send them, print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("requests", type=Path, help="a file written by bench.bodies")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--skip", type=int, default=0, help="requests of the file to pass over")
    parser.add_argument("--warm-up", type=int, default=0, help="answers that are not counted")
    parser.add_argument("--count", type=int, required=True, help="answers that are counted")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rate", type=float, default=0.0, help="requests a second; 0: as fast as answers come")
    chosen = parser.parse_args()
    requests = read_requests(chosen.requests, skip=chosen.skip, count=chosen.warm_up + chosen.count)
    gc.disable()
    load = Load(("127.0.0.1", chosen.port), requests, chosen.connections)
    if chosen.rate:
        load.open_loop(chosen.rate)
    else:
        load.closed_loop()
    json.dump(load.report(chosen.warm_up), sys.stdout)


if __name__ == "__main__":
    main()
