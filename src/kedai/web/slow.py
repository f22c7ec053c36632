"""A deadline for many short waits at once: one look every quarter second instead of a timer for each.

A timer per request costs more than the rest of reading a small body; a deadline of five seconds need not be exact.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

from kedai.kit.clock import monotonic

_LOOK_EVERY_SECONDS = 0.25


class SlowReads:
    """`with slow_reads:` around awaits of the running task; raises `TimeoutError` there after ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: dict[asyncio.Task[object], float] = {}
        self._expired: set[asyncio.Task[object]] = set()
        self._looking = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._since[task] = monotonic()
        if not self._looking:
            self._looking = True
            asyncio.get_running_loop().call_later(_LOOK_EVERY_SECONDS, self._look)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        del self._since[task]
        if task in self._expired:
            self._expired.discard(task)
            if kind is asyncio.CancelledError and task.uncancel() == 0:
                raise TimeoutError from error

    def _look(self) -> None:
        late = monotonic() - self._seconds
        for task, since in self._since.items():
            if since < late and task not in self._expired:
                self._expired.add(task)
                task.cancel()
        self._looking = bool(self._since)
        if self._looking:
            asyncio.get_running_loop().call_later(_LOOK_EVERY_SECONDS, self._look)
