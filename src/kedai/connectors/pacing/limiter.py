"""Lets calls out at a marketplace's pace; processes share their tokens through a store, in blocks."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from kedai.errors import QuotaExhausted, RateLimited
from kedai.kit.clock import monotonic
from kedai.values.pace import Block, BucketKey, Pace
from kedai.values.wording import N_

LONGEST_WAIT_SECONDS: Final = 10.0
_MOST_LANES: Final = 10_000
_JITTER: Final = 0.1
_LIMITED: Final = N_("The marketplace's limit is reached; the call was not sent.")
_USED_UP: Final = N_("The marketplace's calls of the day are used up; the call was not sent.")


class BucketStore(Protocol):
    """Where buckets are kept for all processes; each method is one short unit of work."""

    async def take(self, key: BucketKey, wanted: int) -> Block:
        """Take up to ``wanted`` tokens."""
        ...

    async def slow_down(self, key: BucketKey, seconds: float) -> None:
        """Calls came too fast: none for so long, and fewer afterwards."""
        ...

    async def rest_for_the_day(self, key: BucketKey, seconds: float) -> None:
        """The day's calls are used up: none for so long."""
        ...


@dataclass(slots=True)
class _Lane:
    """This process's rest of a block, of ``size`` when it was taken, and the line of those who wait for the next.

    Before ``more_at`` nobody need ask: the block was smaller than what was wanted, and so the bucket is empty.
    """

    tokens: int = 0
    size: int = 0
    taken_at: float = 0.0
    more_at: float = 0.0
    rate: float = 0.0
    waiting: int = 0
    line: asyncio.Lock = field(default_factory=asyncio.Lock)


class Limiter:
    """Hands out one token a call, in the order in which they were asked for.

    Any number of event loops may share one; each has lines of its own. ``now`` counts seconds and never goes back.
    """

    def __init__(
        self,
        store: BucketStore,
        pace: Pace,
        *,
        now: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._pace = pace
        self._now = now
        self._sleep = sleep
        self._draw = draw
        self._lanes: dict[asyncio.AbstractEventLoop, dict[BucketKey, _Lane]] = {}

    async def acquire(self, key: BucketKey, *, longest_wait: float = LONGEST_WAIT_SECONDS) -> None:
        """Wait for a token.

        Raises:
            RateLimited: none will be there in time (a pause, a long line); nothing was sent. `QuotaExhausted` where the
                day's calls are used up.
        """
        lane = self._lane(key)
        if not lane.waiting and self._use(lane):  # nobody overtakes those who wait
            return
        in_line = lane.waiting / lane.rate if lane.rate else 0.0
        if in_line > longest_wait:
            raise RateLimited(_LIMITED, retry_after=in_line)
        latest_at = self._now() + longest_wait
        lane.waiting += 1
        try:
            await self._wait_in_line(lane, key, latest_at, longest_wait)
        finally:
            lane.waiting -= 1

    async def _wait_in_line(self, lane: _Lane, key: BucketKey, latest_at: float, longest_wait: float) -> None:
        """Those in front may have more patience: who has none left goes."""
        try:
            async with asyncio.timeout(longest_wait):
                await lane.line.acquire()
        except TimeoutError:
            raise RateLimited(_LIMITED, retry_after=max(lane.waiting / (lane.rate or 1.0), 1.0)) from None
        try:
            await self._wait(lane, key, latest_at)
        finally:
            lane.line.release()

    async def _wait(self, lane: _Lane, key: BucketKey, latest_at: float) -> None:
        while not self._use(lane):
            block = Block(0, lane.rate, lane.more_at - self._now())
            if block.wait_seconds <= 0:
                block = await self._take(lane, key)
                if block.tokens:
                    return
            wait = block.wait_seconds * (1.0 + self._draw() * _JITTER)  # nobody comes back in the same moment
            if self._now() + wait > latest_at:
                raise _refusal(block)
            await self._sleep(wait)

    async def _take(self, lane: _Lane, key: BucketKey) -> Block:
        """The next block, one token of which is the asker's; it lasts from when it was asked for."""
        asked_at = self._now()
        block = await self._store.take(key, max(self._useful(lane), lane.waiting))
        lane.rate = block.rate
        if block.tokens:
            lane.tokens, lane.size, lane.taken_at = block.tokens - 1, block.tokens, asked_at
            lane.more_at = self._now() + block.wait_seconds
        return block

    async def slow_down(self, key: BucketKey, seconds: float) -> None:
        """Heed that a call was one too many; the rest of the block is given up."""
        self._lane(key).tokens = 0
        await self._store.slow_down(key, seconds)

    async def rest_for_the_day(self, key: BucketKey, seconds: float) -> None:
        """Heed that the day's calls are used up."""
        self._lane(key).tokens = 0
        await self._store.rest_for_the_day(key, seconds)

    def _use(self, lane: _Lane) -> bool:
        """One token of the block, unless it is so old that it would come on top of what was saved up since."""
        if lane.tokens <= 0 or not self._lasts(lane):
            return False
        lane.tokens -= 1
        return True

    def _useful(self, lane: _Lane) -> int:
        """How many to ask for: twice the last block if that was used up in time, else what was used of it."""
        if lane.tokens == 0 and lane.size and self._lasts(lane):
            return min(lane.size * 2, int(self._pace.saved))
        return max(lane.size - lane.tokens, 1)

    def _lasts(self, lane: _Lane) -> bool:
        return self._now() - lane.taken_at <= self._pace.block_seconds

    def _lane(self, key: BucketKey) -> _Lane:
        lanes = self._lanes.get(asyncio.get_running_loop())
        if lanes is None:
            self._lanes = {loop: kept for loop, kept in self._lanes.items() if not loop.is_closed()}
            lanes = self._lanes[asyncio.get_running_loop()] = {}
        lane = lanes.get(key)
        if lane is None:
            if len(lanes) >= _MOST_LANES:
                for idle in [old for old, one in lanes.items() if not one.waiting]:
                    del lanes[idle]
            lane = lanes[key] = _Lane()
        return lane


def _refusal(block: Block) -> RateLimited:
    if block.is_day_used_up:
        return QuotaExhausted(_USED_UP, retry_after=block.wait_seconds)
    return RateLimited(_LIMITED, retry_after=block.wait_seconds)
