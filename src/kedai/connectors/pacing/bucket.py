"""A token bucket as a value: what it holds at an instant, and how it changes. Whoever stores it needs no arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast calls may go: tokens a second now, and between which bounds it adapts; ``burst`` is what can wait."""

    start: float = 10.0
    least: float = 0.5
    most: float = 20.0
    burst: int = 10


START: Final = Pace()
"""Shopee publishes no figures: at most 10 calls a second per shop to begin with (contract §6.6)."""

_SLOWER: Final = 0.5
_FASTER_PER_SECOND: Final = 0.1
_LONGEST_PAUSE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Bucket:
    """So many tokens at ``at``, filling at ``rate`` a second; none are given before ``paused_until``."""

    pace: Pace
    tokens: float
    rate: float
    at: datetime
    paused_until: datetime | None = None

    @classmethod
    def full(cls, pace: Pace, now: datetime) -> Bucket:
        """A bucket nobody has drawn from."""
        return cls(pace, float(pace.burst), pace.start, now)

    def take(self, wanted: int, now: datetime) -> tuple[Bucket, int, float]:
        """Take up to ``wanted`` whole tokens: the bucket afterwards, how many were given, and the wait for the next.

        The wait is 0 where any were given. A clock that goes back gives nothing and takes nothing away.
        """
        filled = self._filled(now)
        if filled.paused_until is not None:
            return filled, 0, (filled.paused_until - filled.at).total_seconds()
        given = min(wanted, int(filled.tokens))
        if given <= 0:
            return filled, 0, max((1.0 - filled.tokens) / filled.rate, _LEAST_WAIT_SECONDS)
        return replace(filled, tokens=filled.tokens - given), given, 0.0

    def slowed(self, now: datetime) -> Bucket:
        """Half the pace, and what was saved up is gone: the marketplace said that it was too much.

        During a pause nothing more is learnt: those are the answers of calls that went out together with the first.
        """
        filled = self._filled(now)
        if filled.paused_until is not None:
            return filled
        return replace(filled, rate=max(filled.rate * _SLOWER, self.pace.least), tokens=0.0)

    def paused(self, until: datetime, now: datetime) -> Bucket:
        """No tokens before that instant, a day at most; an earlier pause is never shortened."""
        filled = self._filled(now)
        wanted = min(until, filled.at + _LONGEST_PAUSE)
        longest = max(wanted, filled.paused_until or wanted)
        return replace(filled, tokens=0.0, paused_until=longest) if longest > filled.at else filled

    def _filled(self, now: datetime) -> Bucket:
        """Time passes: tokens come, and the pace recovers slowly towards its most."""
        if now <= self.at:
            return self
        begins_at = self.at
        if self.paused_until is not None:
            if now < self.paused_until:
                return replace(self, at=now)
            begins_at = self.paused_until
        seconds = (now - begins_at).total_seconds()
        return Bucket(
            self.pace,
            min(self.tokens + seconds * self.rate, float(self.pace.burst)),
            min(self.rate + seconds * _FASTER_PER_SECOND, self.pace.most),
            now,
        )


_LEAST_WAIT_SECONDS: Final = 0.001
