"""Lets calls out at a marketplace's pace, per app and shop; processes share their tokens through a store, in blocks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from kedai.connectors.pacing.bucket import START, Bucket, Pace
from kedai.errors import RateLimited
from kedai.kit.clock import Clock

BLOCK: Final = 5
LONGEST_WAIT_SECONDS: Final = 30.0
_BLOCK_SECONDS: Final = 2.0
_MOST_LANES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Block:
    """Tokens that a process may use up by itself; without any, the wait for the next."""

    tokens: int
    wait_seconds: float


class BucketStore(Protocol):
    """Where buckets are kept for all processes; each method is one short unit of work."""

    async def take(self, key: Hashable, wanted: int) -> Block:
        """Take up to ``wanted`` tokens."""
        ...

    async def slow_down(self, key: Hashable) -> None:
        """Too many calls were made."""
        ...

    async def pause(self, key: Hashable, seconds: float) -> None:
        """No call may be made for so long."""
        ...


class MemoryBuckets:
    """Implements `BucketStore` for one process alone."""

    def __init__(self, clock: Clock, pace: Pace = START) -> None:
        self._clock = clock
        self._pace = pace
        self._buckets: dict[Hashable, Bucket] = {}

    async def take(self, key: Hashable, wanted: int) -> Block:
        bucket, given, wait = self._bucket(key).take(wanted, self._clock.now())
        self._keep(key, bucket)
        return Block(given, wait)

    async def slow_down(self, key: Hashable) -> None:
        self._keep(key, self._bucket(key).slowed(self._clock.now()))

    async def pause(self, key: Hashable, seconds: float) -> None:
        now = self._clock.now()
        self._keep(key, self._bucket(key).paused(now + timedelta(seconds=seconds), now))

    def _bucket(self, key: Hashable) -> Bucket:
        return self._buckets.get(key) or Bucket.full(self._pace, self._clock.now())

    def _keep(self, key: Hashable, bucket: Bucket) -> None:
        self._buckets.pop(key, None)
        self._buckets[key] = bucket
        while len(self._buckets) > _MOST_LANES:
            self._buckets.pop(next(iter(self._buckets)))  # the one that was asked for longest ago


@dataclass(slots=True)
class _Lane:
    """This process's rest of a block, and the line of those who wait for the next."""

    tokens: int = 0
    taken_at: datetime | None = None
    waiting: int = 0
    line: asyncio.Lock = field(default_factory=asyncio.Lock)


class Limiter:
    """Hands out one token a call, in the order in which they were asked for."""

    def __init__(
        self,
        store: BucketStore,
        clock: Clock,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        block: int = BLOCK,
        longest_wait_seconds: float = LONGEST_WAIT_SECONDS,
    ) -> None:
        self._store = store
        self._clock = clock
        self._sleep = sleep
        self._block = block
        self._longest_wait = timedelta(seconds=longest_wait_seconds)
        self._lanes: dict[Hashable, _Lane] = {}

    async def acquire(self, key: Hashable) -> None:
        """Wait for a token.

        Raises:
            RateLimited: none will be there in time (a pause, a long line): nothing was sent.
        """
        lane = self._lane(key)
        if not lane.waiting and self._use(lane):  # nobody overtakes those who wait
            return
        lane.waiting += 1
        latest_at = self._clock.now() + self._longest_wait
        try:
            async with lane.line:
                await self._wait(lane, key, latest_at)
        finally:
            lane.waiting -= 1

    async def _wait(self, lane: _Lane, key: Hashable, latest_at: datetime) -> None:
        while not self._use(lane):
            block = await self._store.take(key, self._block)
            if block.tokens:
                lane.tokens, lane.taken_at = block.tokens, self._clock.now()
                continue
            if self._clock.now() + timedelta(seconds=block.wait_seconds) > latest_at:
                text = "The marketplace's limit is reached; the call was not sent."
                raise RateLimited(text, retry_after=block.wait_seconds)
            await self._sleep(block.wait_seconds)

    async def slow_down(self, key: Hashable) -> None:
        """Heed that a call was one too many; the rest of the block is given up."""
        self._lane(key).tokens = 0
        await self._store.slow_down(key)

    async def pause(self, key: Hashable, seconds: float) -> None:
        """Heed that calls are refused for so long, as at the end of a day's quota."""
        self._lane(key).tokens = 0
        await self._store.pause(key, seconds)

    def _use(self, lane: _Lane) -> bool:
        """One token of the block, unless it is so old that another process may have been told to slow down."""
        if lane.tokens <= 0 or lane.taken_at is None:
            return False
        if (self._clock.now() - lane.taken_at).total_seconds() > _BLOCK_SECONDS:
            lane.tokens = 0
            return False
        lane.tokens -= 1
        return True

    def _lane(self, key: Hashable) -> _Lane:
        lane = self._lanes.get(key)
        if lane is None:
            if len(self._lanes) >= _MOST_LANES:
                self._lanes = {old: one for old, one in self._lanes.items() if one.waiting}
            lane = self._lanes[key] = _Lane()
        return lane
