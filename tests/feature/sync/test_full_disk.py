"""F16: the database has no room for what a worker has read; nothing of it stands, and it is written when there is."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.orm import Session

from kedai.db.database import Database
from kedai.errors import StorageUnavailable
from kedai.sync import process
from kedai.sync.process import process_next
from tests.support.factories import SANDBOX, House, incoming, snapshot
from tests.support.full_disk import NEEDS_ROOM, full_disk

TRIES = 3


class Counting:
    """A database that counts what it had to refuse."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.is_sqlite = database.is_sqlite
        self.refused = 0

    def read(self) -> AbstractContextManager[Session]:
        return self._database.read()

    def is_shared_with_intake(self) -> bool:
        return self._database.is_shared_with_intake()

    def transact(self, work: Callable[[Session], Any]) -> Any:
        try:
            return self._database.transact(work)
        except StorageUnavailable:
            self.refused += 1
            raise


def test_f16_order_that_finds_no_room_leaves_nothing_and_is_written_when_there_is_room(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again for as long as it is ours, and nobody is asked a second time."""
    monkeypatch.setattr(process, "_AWAY_SECONDS", 0.01)
    house.configure(SANDBOX)
    house.connect(SANDBOX)
    house.market.put(SANDBOX, snapshot("O1", answer=random.Random(1).randbytes(NEEDS_ROOM)))
    house.deliver(incoming("O1"))
    database: Any = Counting(house.parts.database)

    async def work_until_there_is_room() -> None:
        with full_disk(house.parts.database, "order_sync"):
            working = asyncio.create_task(process_next(replace(house.parts, database=database)))
            async with asyncio.timeout(20):
                while database.refused < TRIES and not working.done():
                    await asyncio.sleep(0.01)
            assert (house.orders(), house.states()) == ([], ["received"])
        await working

    asyncio.run(work_until_there_is_room())
    assert database.refused >= TRIES
    assert ([order.order_sn for order in house.orders()], house.states()) == (["O1"], ["applied"])
    assert house.market.count("get_orders") == 1
