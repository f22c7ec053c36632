"""Which pushes an app gets, and how its answers to them are rated (contract §4.2, §4.3)."""

from __future__ import annotations

from collections import deque
from typing import Literal

import msgspec

PushStatus = Literal["Normal", "Warning", "Suspended"]

# Every code of the contract's table but the console's own test; an in-house app may have all of them.
PUSH_CODES = (
    *range(1, 14),
    *(15, 16),
    *range(18, 26),
    *range(27, 32),
    *range(33, 39),
    47,
)
RATED_SECONDS = 6 * 3_600
RATED_FROM_PUSHES = 600
WARNED_BELOW = 0.7
SUSPENDED_BELOW = 0.3
BLOCKED_LIMIT = 500


class KeptPushSettings(msgspec.Struct, forbid_unknown_fields=True):
    """The push side of an app as it is written down."""

    off: list[int]
    blocked_shop_ids: list[int]
    suspended_at: int | None
    is_warned: bool
    answers: list[tuple[float, bool]]


class PushSettings:
    """The push side of an app: all codes on, nobody blocked, nothing rated yet."""

    def __init__(self) -> None:
        """Start as the console does for an in-house app that ticks everything."""
        self.off: set[int] = set()
        self.blocked_shop_ids: list[int] = []
        self.suspended_at: int | None = None
        self._is_warned = False
        self._answers: deque[tuple[float, bool]] = deque()
        self._accepted = 0

    @property
    def codes_on(self) -> list[int]:
        """The codes that are pushed."""
        return [code for code in PUSH_CODES if code not in self.off]

    @property
    def status(self) -> PushStatus:
        """The marketplace's word for how it goes."""
        if self.suspended_at is not None:
            return "Suspended"
        return "Warning" if self._is_warned or self._rate() < WARNED_BELOW else "Normal"

    def wants(self, code: int, shop_id: int | None) -> bool:
        """Whether an event of this code is pushed; what is not is never sent later either."""
        return self.suspended_at is None and code not in self.off and shop_id not in self.blocked_shop_ids

    def switch(self, on: list[int], off: list[int]) -> None:
        """Turn codes on and off; turning any on lifts a suspension, and the rate starts afresh."""
        self.off = (self.off | set(off)) - set(on)
        if on:
            self._start_afresh()

    def force(self, status: PushStatus, now: int) -> None:
        """Set the status by hand, whatever the rate."""
        self._start_afresh()
        self._is_warned = status == "Warning"
        self.suspended_at = now if status == "Suspended" else None

    def note(self, now: float, *, accepted: bool) -> None:
        """Count an attempt; a bad enough rate of the last six hours switches the pushes off."""
        self._answers.append((now, accepted))
        self._accepted += accepted
        while self._answers and self._answers[0][0] <= now - RATED_SECONDS:
            self._accepted -= self._answers.popleft()[1]
        if self.suspended_at is None and self._rate() < SUSPENDED_BELOW:
            self.suspended_at = int(now)

    def keep(self) -> KeptPushSettings:
        """Return all of it as a value."""
        answers = list(self._answers)
        return KeptPushSettings(sorted(self.off), self.blocked_shop_ids, self.suspended_at, self._is_warned, answers)

    def restore(self, kept: KeptPushSettings) -> None:
        """Become what was kept."""
        self.off = set(kept.off)
        self.blocked_shop_ids = kept.blocked_shop_ids
        self.suspended_at, self._is_warned = kept.suspended_at, kept.is_warned
        self._answers = deque(kept.answers)
        self._accepted = sum(accepted for _, accepted in kept.answers)

    def _rate(self) -> float:
        """The share of accepted pushes; 1 as long as there are too few to judge."""
        return self._accepted / len(self._answers) if len(self._answers) > RATED_FROM_PUSHES else 1.0

    def _start_afresh(self) -> None:
        self.suspended_at, self._is_warned = None, False
        self._answers.clear()
        self._accepted = 0
