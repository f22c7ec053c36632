"""Runs things at a simulated moment: at the latest when the clock is advanced past it."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from kedai.simulator.state.clock import Clock

# Real time may be set back under us; looking again now and then bounds what that can cost.
_LONGEST_WAIT_SECONDS = 60.0


class Timers:
    """A heap of moments and one event loop timer for the nearest."""

    def __init__(self, clock: Clock) -> None:
        """Follow the clock and its jumps."""
        self._clock = clock
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._handle: asyncio.TimerHandle | None = None
        self.fired = 0
        clock.on_jump(self._arm)

    def at(self, moment: float, action: Callable[[], None]) -> None:
        """Call `action` once, as soon as the simulated time is `moment`."""
        heapq.heappush(self._heap, (moment, next(self._order), action))
        self._arm()

    def close(self) -> None:
        """Forget everything that was to come."""
        self._heap.clear()
        self._arm()

    def _arm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if self._heap:
            delay = self._heap[0][0] - self._clock.time()
            delay = min(max(delay, 0.0), _LONGEST_WAIT_SECONDS)
            self._handle = asyncio.get_running_loop().call_later(delay, self._run_due)

    def _run_due(self) -> None:
        self._handle = None
        due = []
        while self._heap and self._heap[0][0] <= self._clock.time():
            due.append(heapq.heappop(self._heap)[2])
        self._arm()
        self.fired += len(due)
        for action in due:
            action()
