"""The worker: a few lanes that work on pushes, one that takes runs, and what is looked after at intervals."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy.orm import Session

from kedai.errors import StorageUnavailable
from kedai.inbox import claims
from kedai.runs import service as runs
from kedai.sync import schedule
from kedai.sync.call_log import PRUNE_EVERY_SECONDS, prune_calls
from kedai.sync.keep_alive import EVERY_SECONDS, KeepAlive
from kedai.sync.parts import Parts
from kedai.sync.process import process_next
from kedai.sync.runner import CALLING_NOBODY, run_next

_PUSH_LANES = 2
_IDLE_SECONDS = 0.25
_IDLE_RUN_SECONDS = 0.5
_GATHER_SECONDS = 0.02
_LONG_BREATH_SECONDS = 1.0
_TROUBLE_SECONDS = 1.0
_BREATH_SECONDS = 0.005  # between two write transactions, so that the intake finds SQLite free

log = structlog.get_logger("worker")


@dataclass(frozen=True, slots=True)
class _Lane:
    """A kind of work: a look that takes no lock, one step of it, and how long to sleep when there is none."""

    is_due: Callable[[Session], bool]
    step: Callable[[], Awaitable[bool]]
    idle_seconds: float


class Worker:
    """Works until told to stop; `wake` may be called from any thread.

    ``must_yield`` says whether the intake of the same process is busy: senders have three seconds, orders have minutes.
    """

    def __init__(self, parts: Parts, *, must_yield: Callable[[], bool] = lambda: False) -> None:
        self._parts = parts
        self._must_yield = must_yield
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Work until `stop`; what is in hand is finished first."""
        self._loop = asyncio.get_running_loop()
        per_call = min(connector.orders_per_call for connector in self._parts.connectors.values())
        sealed = self._parts.quarantine.sealed
        push_lane = _Lane(
            lambda db: claims.is_due(db, sealed=sealed(db)),
            lambda: process_next(self._parts, orders_per_call=per_call),
            _IDLE_SECONDS,
        )
        run_lane = _Lane(
            lambda db: runs.is_due(db, sealed=sealed(db), everywhere=CALLING_NOBODY),
            lambda: run_next(self._parts, must_stop=self._stop.is_set, breathe=self._breathe),
            _IDLE_RUN_SECONDS,
        )
        try:
            lanes = [push_lane] * _PUSH_LANES + [run_lane]
            await asyncio.gather(*(self._work(lane) for lane in lanes), *self._upkeep())
        finally:
            await self._parts.http.close()

    def wake(self) -> None:
        """Pushes were stored: look now."""
        if not self._news.is_set():
            self._call(self._news.set)

    def stop(self) -> None:
        """Finish what is in hand and return from `run`."""
        self._call(self._stop.set)
        self._call(self._news.set)

    def _upkeep(self) -> Sequence[Coroutine[Any, Any, None]]:
        parts, must_stop, repeat = self._parts, self._stop.is_set, self._again_and_again
        # What this process has begun, or saved on its disk, is no run's matter: another host cannot finish it.
        keeper = KeepAlive(parts)
        return (
            self._again_and_again(
                lambda: keeper.finish_begun(must_stop=must_stop), every=EVERY_SECONDS, after="tokens"
            ),
            repeat(lambda: schedule.tend(parts), every=schedule.EVERY_SECONDS, after="the schedule"),
            # Many times a day, unlike the rest of what is forgotten: calls are many, and their number is bounded.
            repeat(
                lambda: prune_calls(parts, must_stop=must_stop), every=PRUNE_EVERY_SECONDS, after="the log of calls"
            ),
        )

    async def _work(self, lane: _Lane) -> None:
        while not self._stop.is_set():
            try:
                if await self._parts.read(lane.is_due):
                    while not self._stop.is_set() and await lane.step():
                        await self._breathe()
            except StorageUnavailable as error:
                log.warning("the database cannot be reached", detail=str(error))
                await self._sleep(_TROUBLE_SECONDS)
            except Exception:
                log.exception("the worker stumbled")
                await self._sleep(_TROUBLE_SECONDS)
            else:
                await self._rest(lane)

    async def _again_and_again(self, look: Callable[[], Awaitable[object]], *, every: float, after: str) -> None:
        """What no push wakes. ``after`` says in the log what it looks after."""
        while not self._stop.is_set():
            try:
                await look()
            except StorageUnavailable as error:
                log.warning("the database cannot be reached", detail=str(error))
            except Exception:
                log.exception("the worker stumbled", after=after)
            await self._sleep(every)

    async def _breathe(self) -> None:
        """Between two write transactions; longer while senders wait."""
        await asyncio.sleep(_LONG_BREATH_SECONDS if self._must_yield() else _BREATH_SECONDS)

    async def _rest(self, lane: _Lane) -> None:
        """Sleep until a push comes, or for a while; then a moment more, so that others come along."""
        self._news.clear()
        await self._sleep(lane.idle_seconds, until=self._news)
        await asyncio.sleep(_GATHER_SECONDS)

    async def _sleep(self, seconds: float, *, until: asyncio.Event | None = None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await (until or self._stop).wait()

    def _call(self, function: Callable[[], None]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function)


class WorkerThread:
    """A worker with an event loop and a thread of its own, beside the web server of `kedai serve`."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._thread = threading.Thread(target=lambda: asyncio.run(worker.run()), name="kedai-worker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Ask it to stop and wait; False where it did not end in time."""
        self._worker.stop()
        self._thread.join(timeout)
        return not self._thread.is_alive()
