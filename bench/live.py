"""A hundred pages that watch while ten pushes a second come in: what that costs the server, and when it is seen.

The same pushes come in once with nobody watching: the difference is what watching costs.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.bodies import Target, invented_orders, read_requests, write_requests
from bench.kedai_app import KedaiApp
from bench.machine import cpu_seconds, wait_quiet
from bench.table import Row
from kedai.db.database import Database
from kedai.kit.clock import SystemClock
from kedai.staff.passwords import hash_password
from kedai.staff.roles import Role
from kedai.staff.service import create_staff, start_session
from kedai.values.actor import COMMAND_LINE
from kedai.web.security import session_cookie_name
from tests.support.processes import free_port

if TYPE_CHECKING:
    from collections.abc import Sequence

CLIENTS = 100
RATE = 10.0
SECONDS = 20


def measure() -> list[Row]:
    """On SQLite, server and worker in one process."""
    with tempfile.TemporaryDirectory(prefix="kedai-bench-") as directory:
        push_key = os.urandom(32).hex()
        app = KedaiApp(Path(directory) / "data", port=free_port())
        app.prepare({"sandbox": push_key})
        cookie = _sign_in(app)
        file = Path(directory) / "requests"
        count = int(RATE * SECONDS)
        write_requests(file, Target(app.base_url, "sandbox", push_key), invented_orders(2 * count))
        with app.serve() as process:
            wait_quiet(process.pid)
            alone, _ = asyncio.run(_round(app.port, process.pid, read_requests(file, skip=0, count=count), "", 0))
            watched, seen = asyncio.run(
                _round(app.port, process.pid, read_requests(file, skip=count, count=count), cookie, CLIENTS)
            )
    print(f"  one core: {alone:.1%} for the pushes alone, {watched:.1%} with {CLIENTS} who watch", flush=True)
    print(f"  seen: median {statistics.median(seen):.2f} s, at the latest {max(seen):.2f} s", flush=True)
    load = f"{CLIENTS} pages watch, {RATE:g} pushes/s"
    return [
        Row(f"{load}: whole server, of one core", watched * 100, "%", target=30.0, bound="at most"),
        Row(f"{load}: what watching costs", (watched - alone) * 100, "%"),
        Row(f"{load}: seen by all at the latest", max(seen), "s", target=2.0, bound="at most"),
    ]


def _sign_in(app: KedaiApp) -> str:
    """A session as a sign-in makes it; the cookie of its browser."""
    given = {**os.environ, **app.environment}
    database = Database(f"sqlite:///{given['KEDAI_DATA_DIR']}/kedai.sqlite3")
    now, password_hash = SystemClock().now(), hash_password(os.urandom(16).hex())
    with contextlib.closing(database), database.write() as db:
        person = create_staff(
            db,
            "bench@example.com",
            role=Role.VIEWER,
            password_hash=password_hash,
            actor=COMMAND_LINE,
            now=now,
        )
        _session, token = start_session(db, person, now=now, address="127.0.0.1", user_agent="bench")
    return f"{session_cookie_name(secure=False)}={token.reveal()}"


async def _round(port: int, pid: int, pushes: Sequence[bytes], cookie: str, clients: int) -> tuple[float, list[float]]:
    """The share of one core, and for each word that a client heard how late it was."""
    sent: list[float] = []
    seen: list[float] = []
    heard = [asyncio.Event() for _ in range(clients)]
    watching = [asyncio.create_task(_watch(port, cookie, one, sent, seen)) for one in heard]
    await asyncio.gather(*(one.wait() for one in heard))
    began, used = time.perf_counter(), cpu_seconds(pid)
    await asyncio.to_thread(_push, port, pushes, sent)
    share = (cpu_seconds(pid) - used) / (time.perf_counter() - began)
    await asyncio.sleep(3)
    for one in watching:
        one.cancel()
    await asyncio.gather(*watching, return_exceptions=True)
    return share, seen


async def _watch(port: int, cookie: str, ready: asyncio.Event, sent: list[float], seen: list[float]) -> None:
    """Read the stream; after each word that tells of pushes, note how long the oldest of them had been waiting."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    asked = f"GET /e/sandbox/live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/event-stream\r\nCookie: {cookie}"
    writer.write(f"{asked}\r\n\r\n".encode())
    told = 0
    while line := await reader.readline():
        if line.startswith(b"data: "):
            ready.set()
            new = json.loads(line[6:])["new"].get("events", 0)
            if new:
                seen.append(time.perf_counter() - sent[told])
                told += new
    writer.close()


def _push(port: int, pushes: Sequence[bytes], sent: list[float]) -> None:
    """One after another at the rate; ``sent`` gets when each was answered."""
    began = time.perf_counter()
    for number, push in enumerate(pushes):
        time.sleep(max(0.0, began + number / RATE - time.perf_counter()))
        head, _, body = push.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        sent.append(time.perf_counter())
        connection.request("POST", lines[0].split(" ")[1], body=body, headers=headers)
        if connection.getresponse().status != 200:
            message = "a push was refused"
            raise RuntimeError(message)
        connection.close()
