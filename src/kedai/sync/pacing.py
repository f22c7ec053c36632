"""The pace of outgoing calls, its buckets in the database, so that all processes keep to it together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kedai.calls import rates
from kedai.connectors.pacing.limiter import Limiter
from kedai.connectors.pacing.pacer import Pacer
from kedai.db.database import Database
from kedai.kit.clock import Clock
from kedai.values.pace import Block, BucketKey, Pace

if TYPE_CHECKING:
    from kedai.sync.parts import Parts


class SharedBuckets:
    """Implements `BucketStore`: each method is one short transaction in a thread."""

    def __init__(self, database: Database, pace: Pace) -> None:
        self._database = database
        self._pace = pace

    async def take(self, key: BucketKey, wanted: int) -> Block:
        """One statement, a transaction of its own."""
        return await asyncio.to_thread(self._take, key, wanted)

    async def slow_down(self, key: BucketKey, seconds: float) -> None:
        await asyncio.to_thread(self._database.transact, lambda db: rates.slow_down(db, key, seconds, self._pace))

    async def rest_for_the_day(self, key: BucketKey, seconds: float) -> None:
        await asyncio.to_thread(
            self._database.transact, lambda db: rates.rest_for_the_day(db, key, seconds, self._pace)
        )

    def _take(self, key: BucketKey, wanted: int) -> Block:
        with self._database.connect() as connection:
            return rates.take(connection, key, wanted, self._pace)


def open_pacing(database: Database, pace: Pace, clock: Clock) -> Pacer:
    """One role's pacing, on that role's own connections."""
    return Pacer(Limiter(SharedBuckets(database, pace), pace), clock)


def calling_seconds(parts: Parts) -> float:
    """How long a piece of claimed work may ask and wait its turn: what it learnt must be written while it is ours."""
    return parts.settings.lease_seconds * 2 / 3
