"""The fair lock in front of SQLite's single writer: first come, first served, intake first.

With SQLite's own busy timeout the intake beside one busy worker waited for seconds; in a queue it waits for one
transaction. Other processes (a command line beside `serve`) are met by the retry in `engine`.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from kedai.errors import StorageUnavailable
from kedai.kit.clock import monotonic
from kedai.values.wording import N_


class FairLock:
    """A queueing lock; `first=True` goes before everyone who waits without it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._first_came_at = -math.inf
        self._first: deque[threading.Event] = deque()
        self._waiting: deque[threading.Event] = deque()

    def has_served_first(self, *, within: float) -> bool:
        """Whether somebody who goes first came in the last so many seconds."""
        return monotonic() - self._first_came_at < within

    @contextmanager
    def hold(self, *, first: bool, timeout: float) -> Iterator[None]:
        """Hold the lock for the block.

        Raises:
            StorageUnavailable: not granted within ``timeout`` seconds.
        """
        self._acquire(first=first, timeout=timeout)
        try:
            yield
        finally:
            self._release()

    def _acquire(self, *, first: bool, timeout: float) -> None:
        if first:
            self._first_came_at = monotonic()
        with self._guard:
            if not self._held:
                self._held = True
                return
            granted = threading.Event()
            queue = self._first if first else self._waiting
            queue.append(granted)
        if granted.wait(timeout):
            return
        with self._guard:
            if granted.is_set():  # granted in the very moment of giving up
                return
            queue.remove(granted)
        raise StorageUnavailable(N_("The database is busy."), retry_after=1)

    def _release(self) -> None:
        with self._guard:
            queue = self._first or self._waiting
            if queue:
                queue.popleft().set()
            else:
                self._held = False
