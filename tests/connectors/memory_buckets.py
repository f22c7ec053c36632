"""What a bucket does, without a database: for tests of what stands on it, and to hold the statement against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from kedai.values.pace import Block, BucketKey, Pace

_START = datetime(2026, 8, 29, 10, 40, 11, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Bucket:
    """So many tokens at ``at``, filling at ``rate`` a second; none are given before ``paused_until``."""

    pace: Pace
    tokens: float
    rate: float
    at: datetime
    paused_until: datetime | None = None
    is_day_used_up: bool = False

    @classmethod
    def full(cls, pace: Pace, now: datetime) -> Bucket:
        """A bucket nobody has drawn from."""
        return cls(pace, pace.saved, pace.rate, now)

    def take(self, wanted: int, now: datetime) -> tuple[Bucket, Block]:
        """The bucket afterwards, and what it gave."""
        filled = self._filled(now)
        if filled.paused_until is not None and now < filled.paused_until:
            wait = (filled.paused_until - now).total_seconds()
            return filled, Block(0, filled.rate, wait, is_day_used_up=self.is_day_used_up)
        given = min(wanted, int(filled.tokens))
        left = replace(filled, tokens=filled.tokens - given)
        if given == wanted:
            return left, Block(given, left.rate)
        wait = (self.pace.enough(wanted) - left.tokens) / left.rate
        return left, Block(given, left.rate, max(wait, 0.001))

    def slowed(self, seconds: float, now: datetime) -> Bucket:
        """Half the pace after the pause; during one nothing more is learnt."""
        filled = self._filled(now)
        if filled.paused_until is None or now >= filled.paused_until:
            filled = replace(filled, rate=max(filled.rate / 2, self.pace.least_rate))
        return filled._paused(now + timedelta(seconds=seconds), now, day=False)

    def rested(self, seconds: float, now: datetime) -> Bucket:
        """None for the rest of the day."""
        until = (now + timedelta(seconds=seconds + 0.5)).replace(microsecond=0)
        return self._filled(now)._paused(until, now, day=True)

    def _paused(self, until: datetime, now: datetime, *, day: bool) -> Bucket:
        until = min(until, now + timedelta(days=1))
        empty = replace(self, tokens=0.0, at=now)
        if self.paused_until is not None and until <= self.paused_until:
            return empty
        return replace(empty, paused_until=until, is_day_used_up=day)

    def _filled(self, now: datetime) -> Bucket:
        """Time passes, but not while it is paused: tokens come, and the pace recovers slowly."""
        begins_at = max(self.at, self.paused_until or self.at)
        seconds = max((now - begins_at).total_seconds(), 0.0)
        is_set_back = now < self.at - timedelta(minutes=1)
        return replace(
            self,
            tokens=min(self.tokens + seconds * self.rate, self.pace.saved),
            rate=min(self.rate + seconds * self.pace.growth, self.pace.rate),
            at=now if now > self.at or is_set_back else self.at,
        )


class MemoryBuckets:
    """Implements `BucketStore` on a clock that counts seconds; ``asked`` counts how often tokens were asked for."""

    def __init__(self, now: Callable[[], float], pace: Pace) -> None:
        self._now = now
        self._pace = pace
        self.buckets: dict[BucketKey, Bucket] = {}
        self.asked = 0

    async def take(self, key: BucketKey, wanted: int) -> Block:
        self.asked += 1
        self.buckets[key], block = self._bucket(key).take(wanted, self._instant())
        return block

    async def slow_down(self, key: BucketKey, seconds: float) -> None:
        self.buckets[key] = self._bucket(key).slowed(seconds, self._instant())

    async def rest_for_the_day(self, key: BucketKey, seconds: float) -> None:
        self.buckets[key] = self._bucket(key).rested(seconds, self._instant())

    def _bucket(self, key: BucketKey) -> Bucket:
        return self.buckets.get(key) or Bucket.full(self._pace, self._instant())

    def _instant(self) -> datetime:
        return _START + timedelta(seconds=self._now())
