"""A circuit breaker as a value: after several failures in a row nobody calls for a while, then one call tries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

FAILURES: Final = 5
FIRST_REST: Final = timedelta(seconds=5)
LONGEST_REST: Final = timedelta(minutes=5)
PROBE_LASTS: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Breaker:
    """``failures`` in a row; ``rests`` in a row; closed to calls until ``closed_until``, then open to one probe."""

    failures: int = 0
    rests: int = 0
    closed_until: datetime | None = None
    probing_until: datetime | None = None

    def enter(self, now: datetime) -> tuple[Breaker, float]:
        """May a call go out? The breaker afterwards, and how many seconds to wait: 0 lets the call go.

        A probe that never tells how it went (a process that died) stands in the way of the next for 30 s only.
        """
        if self.closed_until is None:
            return self, 0.0
        blocked_until = max(self.closed_until, self.probing_until or self.closed_until)
        if now < blocked_until <= now + LONGEST_REST:  # one that ends later was set by a clock that ran ahead
            return self, (blocked_until - now).total_seconds()
        return replace(self, probing_until=now + PROBE_LASTS), 0.0

    def succeeded(self) -> Breaker:
        """It answers: everything is forgotten."""
        return _WELL

    def failed(self, now: datetime) -> Breaker:
        """It does not answer. A late failure of a call that went out before the rest began changes nothing."""
        if self.closed_until is not None and self.probing_until is None:
            return self
        failures = self.failures + 1
        if self.probing_until is None and failures < FAILURES:
            return replace(self, failures=failures)
        rest = min(FIRST_REST * 2 ** min(self.rests, 16), LONGEST_REST)
        return Breaker(failures, self.rests + 1, now + rest)


_WELL: Final = Breaker()
