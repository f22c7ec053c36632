"""The worker: a few lanes that work on pushes, one that takes runs, and a look after the rest; else it sleeps."""

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
from kedai.kit.clock import SystemClock
from kedai.runs import service as runs
from kedai.sync import clock_watch, schedule
from kedai.sync.call_log import PRUNE_EVERY_SECONDS, prune_calls
from kedai.sync.clock_watch import ClockWatch
from kedai.sync.delivering import EVERY_SECONDS as DELIVERIES_SECONDS
from kedai.sync.delivering import send_due
from kedai.sync.figures import MEASURE_EVERY_SECONDS, measure_events
from kedai.sync.keep_alive import EVERY_SECONDS, KeepAlive
from kedai.sync.notifying import EVERY_SECONDS as NOTIFYING_SECONDS
from kedai.sync.notifying import ConditionWatch, Wrong
from kedai.sync.parts import Parts
from kedai.sync.process import process_next
from kedai.sync.runner import CALLING_NOBODY, run_next
from kedai.sync.statistics import EVERY_SECONDS as STATISTICS_SECONDS
from kedai.sync.statistics import StatisticsWatch

_PUSH_LANES = 4  # while one waits for the marketplace or the database, the others work
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
    ``wrong`` is where it looks for what people must be told of; handed nothing, it does not look.
    """

    def __init__(
        self, parts: Parts, *, must_yield: Callable[[], bool] = lambda: False, wrong: Wrong | None = None
    ) -> None:
        self._parts = parts
        self._must_yield = must_yield
        self._wrong = wrong
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Work until `stop`; what is in hand is finished first."""
        self._loop = asyncio.get_running_loop()
        sealed = self._parts.quarantine.sealed
        push_lane = _Lane(
            lambda db: claims.is_due(db, sealed=sealed(db)),
            lambda: process_next(self._parts),
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
        upkeep = [
            self._until_done(lambda: schedule.ask_at_start(parts), after="what begins at start"),
            repeat(lambda: keeper.finish_begun(must_stop=must_stop), every=EVERY_SECONDS, after="tokens"),
            repeat(lambda: schedule.tend(parts), every=schedule.EVERY_SECONDS, after="the schedule"),
            # Many times a day, unlike the rest of what is forgotten: calls are many, and their number is bounded.
            repeat(lambda: prune_calls(parts, must_stop=must_stop), every=PRUNE_EVERY_SECONDS, after="calls"),
            repeat(lambda: measure_events(parts, must_stop=must_stop), every=MEASURE_EVERY_SECONDS, after="figures"),
        ]
        upkeep.append(repeat(lambda: send_due(parts, must_stop=must_stop), every=DELIVERIES_SECONDS, after="messages"))
        if self._wrong is not None:
            conditions = ConditionWatch(parts, self._wrong)
            upkeep.append(repeat(conditions.look, every=NOTIFYING_SECONDS, after="what people are told"))
        if parts.settings.embedded:
            watch = ClockWatch(parts, SystemClock())
            upkeep.append(repeat(watch.look, every=clock_watch.EVERY_SECONDS, after="the clock"))
        if not parts.database.is_sqlite:
            statistics = StatisticsWatch(parts)
            upkeep.append(repeat(statistics.look, every=STATISTICS_SECONDS, after="statistics"))
        return upkeep

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
            await self._try(look, after)
            await self._sleep(every)

    async def _until_done(self, look: Callable[[], Awaitable[object]], *, after: str) -> None:
        """Once, as soon as it can be done."""
        while not self._stop.is_set() and not await self._try(look, after):
            await self._sleep(_TROUBLE_SECONDS)

    async def _try(self, look: Callable[[], Awaitable[object]], after: str) -> bool:
        """True where it went well; else the log says why not."""
        try:
            await look()
        except StorageUnavailable as error:
            log.warning("the database cannot be reached", detail=str(error))
        except Exception:
            log.exception("the worker stumbled", after=after)
        else:
            return True
        return False

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
