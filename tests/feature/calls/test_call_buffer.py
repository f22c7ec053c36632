"""Calls on their way into the log: nobody waits for it, nobody fails by it, and what is lost is counted."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestServer

from kedai.calls.buffer import CallBuffer
from kedai.calls.models import OutgoingCall
from kedai.db.database import Database
from kedai.errors import StorageUnavailable
from kedai.runtime import _http_client
from kedai.values.call import CallRecord
from kedai.values.credentials import Credentials
from kedai.values.secret import Secret
from tests.feature.calls.test_call_log import CALL, call
from tests.support.factories import FAKE, SANDBOX, House
from tests.support.processes import wait_until


class Away(Database):
    """A database that can go away, refuse single rows, or keep its writer busy."""

    is_away = False
    refused = ""
    gate: threading.Event | None = None
    batches: list[int]

    def transact(self, work: Callable[..., Any]) -> Any:
        batch: list[CallRecord] = work.keywords["records"]  # type: ignore[attr-defined]
        if self.gate is not None:
            self.gate.wait(10)
        if self.is_away:
            raise StorageUnavailable
        if self.refused in {one.request_id for one in batch}:
            raise ValueError("a row that no database takes")
        self.batches.append(len(batch))
        return super().transact(work)


@pytest.fixture
def database(database_url: str) -> Iterator[Away]:
    opened = Away(database_url)
    opened.batches = []
    yield opened
    opened.close()


@contextmanager
def buffer_on(database: Away, **given: Any) -> Iterator[CallBuffer]:
    buffer = CallBuffer(database, **{"gather_seconds": 0.01, **given})
    try:
        yield buffer
    finally:
        buffer.close()


def stored(database: Database) -> list[str]:
    with database.read() as db:
        return list(db.scalars(sa.select(OutgoingCall.request_id).order_by(OutgoingCall.id)))


def test_calls_arrive_by_themselves_in_their_order_and_in_small_transactions(database: Away) -> None:
    with buffer_on(database, gather_seconds=0.2) as buffer:
        for number in range(450):
            buffer.add(call(number))
        wait_until(lambda: len(stored(database)) == 450, timeout=20, message="not written")
    assert stored(database) == [f"r{number}" for number in range(450)]
    assert max(database.batches) <= 200
    assert buffer.dropped == 0


def test_closing_writes_what_waits(database: Away) -> None:
    buffer = CallBuffer(database, gather_seconds=60)
    for number in range(5):
        buffer.add(call(number))
    buffer.close()
    assert len(stored(database)) == 5


def test_whoever_calls_never_waits_for_the_database_and_the_oldest_is_dropped(database: Away) -> None:
    """Its writer hangs meanwhile: `add` comes back all the same."""
    database.gate = threading.Event()
    with buffer_on(database, capacity=10) as buffer:
        buffer.add(call(0))
        wait_until(lambda: not buffer._waiting, timeout=10, message="the first was not taken")
        for number in range(1, 26):
            buffer.add(call(number))
        assert buffer.dropped == 15
        database.gate.set()
        database.gate = None
    assert stored(database) == ["r0", *(f"r{number}" for number in range(16, 26))]


def test_what_could_not_be_written_waits_and_comes_in_its_order(database: Away) -> None:
    database.is_away = True
    buffer = CallBuffer(database, gather_seconds=60)
    for number in range(3):
        buffer.add(call(number))
    with pytest.raises(StorageUnavailable):
        buffer.flush()
    buffer.add(call(3))
    database.is_away = False
    buffer.flush()
    assert stored(database) == ["r0", "r1", "r2", "r3"]
    buffer.close()


def test_what_comes_back_never_makes_it_larger(database: Away) -> None:
    database.is_away = True
    buffer = CallBuffer(database, capacity=4, gather_seconds=60)
    for number in range(4):
        buffer.add(call(number))
    taken = buffer._take()
    for number in range(4, 7):
        buffer.add(call(number))
    buffer._give_back(taken)
    assert ([one.request_id for one in buffer._waiting], buffer.dropped) == (["r3", "r4", "r5", "r6"], 3)
    buffer.close()
    assert len(buffer._waiting) == 4, "still away at the end: lost, and no error"


def test_rows_that_no_database_takes_hold_nobody_up(database: Away) -> None:
    database.refused = "r1"
    with buffer_on(database) as buffer:
        buffer.add(call(1))
        wait_until(lambda: buffer.dropped == 1, timeout=10, message="not given up")
        buffer.add(call(2))
    assert stored(database) == ["r2"]


def test_after_the_end_nothing_is_started(database: Away) -> None:
    buffer = CallBuffer(database)
    buffer.close()
    buffer.add(CALL)
    assert buffer._thread is None


@pytest.mark.enable_socket
def test_every_call_is_in_the_log_without_secrets(house: House) -> None:
    """Through the real outgoing function, to the row; what is in the query and in the bodies is nowhere in it."""

    async def answer(_request: web.Request) -> web.Response:
        body = {"error": "error_auth", "message": "s3cr3t-message", "request_id": "req-1", "access_token": "s3cr3t-4"}
        return web.json_response(body, status=403)

    http = real_http(house)

    async def ask() -> None:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", answer)
        async with TestServer(application) as server:
            url = str(server.make_url("")).rstrip("/")
            app = Credentials(FAKE, SANDBOX, "1", Secret("s3cr3t-1"), url, url, "SG", 1)
            query = [("access_token", "s3cr3t-2"), ("sign", "s3cr3t-3")]
            await http.send(app, "POST", "/api/v2/x", query, json=b'{"refresh_token": "s3cr3t-5"}', shop_id="7")
            await http.close()

    asyncio.run(ask())
    house.runtime.calls.flush()
    with house.db.read() as db:
        (row,) = db.execute(sa.text("SELECT * FROM outgoing_call")).mappings().all()
    assert (row["path"], row["status"], row["code"], row["request_id"], row["shop_id"], row["outcome"]) == (
        *("/api/v2/x", 403, "error_auth", "req-1"),
        *("7", "failed"),
    )
    assert "s3cr3t" not in repr(dict(row))


def real_http(house: Any) -> Any:
    """What `open_runtime` makes where nobody hands in a substitute."""
    return _http_client(house.clock, house.runtime.calls)
