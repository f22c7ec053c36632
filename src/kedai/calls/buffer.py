"""Calls on their way into the log: noted in memory, written by a thread of its own. No call ever waits for it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Final

import structlog

from kedai.calls.service import store
from kedai.db.database import Database
from kedai.errors import StorageUnavailable
from kedai.values.call import CallRecord

CAPACITY: Final = 5_000
_ROWS_AT_ONCE: Final = 200
_GATHER_SECONDS: Final = 0.5
_BREATH_SECONDS: Final = 0.005  # between two write transactions, so that the intake finds SQLite free
_TROUBLE_SECONDS: Final = 2.0
_CLOSE_SECONDS: Final = 5.0

log = structlog.get_logger("calls")


class CallBuffer:
    """Holds at most ``capacity`` calls; when it is full the oldest is dropped, and counted.

    Its thread starts with the first call. What waits when a process is killed is lost; `close` writes it.
    """

    def __init__(
        self, database: Database, *, capacity: int = CAPACITY, gather_seconds: float = _GATHER_SECONDS
    ) -> None:
        self._database = database
        self._capacity = capacity
        self._gather_seconds = gather_seconds
        self._waiting: deque[CallRecord] = deque()
        self._dropped = 0
        self._guard = threading.Lock()
        self._writing = threading.Lock()
        self._news = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def dropped(self) -> int:
        """How many calls were never written, since this process started."""
        return self._dropped

    def add(self, record: CallRecord) -> None:
        """Note a call; it is written within a second. May be called from any thread, and never waits."""
        with self._guard:
            self._waiting.append(record)
            self._drop_surplus()
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._write_forever, name="kedai-calls", daemon=True)
                self._thread.start()
        self._news.set()

    def flush(self) -> None:
        """Write what waits, in small transactions.

        Raises:
            StorageUnavailable: the database is away or busy; what was not written waits on.
        """
        with self._writing:
            while batch := self._take():
                try:
                    self._database.transact(partial(store, records=batch))
                except StorageUnavailable:
                    self._give_back(batch)
                    raise
                except Exception:
                    # Tried again, it would fail again, and hold up all that come after.
                    log.exception("calls could not be written and are dropped", count=len(batch))
                    self._count_dropped(len(batch))
                self._closing.wait(_BREATH_SECONDS)

    def close(self) -> None:
        """Write what waits and end; where the database is away, what waits is lost."""
        self._closing.set()
        self._news.set()
        if self._thread is not None:
            self._thread.join(_CLOSE_SECONDS)
        try:
            self.flush()
        except StorageUnavailable as error:
            log.warning("calls are lost to the log", count=len(self._waiting), detail=str(error))

    def _write_forever(self) -> None:
        while not self._closing.is_set():
            self._news.wait()
            self._closing.wait(self._gather_seconds)
            self._news.clear()
            try:
                self.flush()
            except StorageUnavailable as error:
                log.warning("calls cannot be written now", detail=str(error))
                self._closing.wait(_TROUBLE_SECONDS)
                self._news.set()

    def _take(self) -> Sequence[CallRecord]:
        with self._guard:
            return [self._waiting.popleft() for _ in range(min(_ROWS_AT_ONCE, len(self._waiting)))]

    def _give_back(self, batch: Sequence[CallRecord]) -> None:
        with self._guard:
            self._waiting.extendleft(reversed(batch))
            self._drop_surplus()

    def _drop_surplus(self) -> None:
        while len(self._waiting) > self._capacity:
            self._waiting.popleft()
            self._dropped += 1

    def _count_dropped(self, count: int) -> None:
        with self._guard:
            self._dropped += count
