"""The simulated time of one environment: real time plus what the control API advanced it by."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """Tells simulated Unix time; those who wait for a moment subscribe to jumps."""

    def __init__(self) -> None:
        """Start in step with real time."""
        self.advanced_seconds = 0.0
        self._on_jump: list[Callable[[], None]] = []
        self._date = (0, "")

    def time(self) -> float:
        """Return simulated Unix seconds with fractions."""
        return time.time() + self.advanced_seconds

    def now(self) -> int:
        """Return simulated Unix seconds, whole, as the marketplace writes them."""
        return int(self.time())

    def advance(self, seconds: float) -> None:
        """Jump by `seconds` (negative: back) and wake everyone who waits."""
        self.advanced_seconds += seconds
        for wake in self._on_jump:
            wake()

    def on_jump(self, wake: Callable[[], None]) -> None:
        """Call `wake` after every jump."""
        self._on_jump.append(wake)

    def http_date(self) -> str:
        """Return the simulated time as an HTTP ``Date`` value; formatted once a second."""
        now = self.now()
        if self._date[0] != now:
            self._date = (now, formatdate(now, usegmt=True))
        return self._date[1]
