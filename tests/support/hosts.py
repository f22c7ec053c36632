"""Processes of an installation that cost little to start: forked from one that has imported everything, told what to
do over a pipe, and killed for good, by SIGKILL, at the point that a test names.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any

from kedai.kit import crash
from kedai.kit.log import configure_logging
from kedai.runtime import open_runtime
from kedai.settings import Settings
from kedai.sync.spooled import recover
from kedai.values.environment import ConnectorName

SHOPEE = ConnectorName("shopee")
ANSWER_SECONDS = 60.0


class ShiftedClock:
    """The machine's clock, moved on together with the marketplace's."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(frozen=True)
class Order:
    """What a process is told: a verb of `_Life`, its arguments, and how far its clock is ahead, in minutes."""

    verb: str
    arguments: Mapping[str, Any]
    ahead_minutes: int = 0
    die_at: str = ""


class Host:
    """One process; a clean one takes its place after it died."""

    def __init__(self, context: ForkServerContext, settings: Settings) -> None:
        self.settings = settings
        self._context = context
        self._process: ForkServerProcess | None = None
        self._pipe: Connection | None = None

    @property
    def is_alive(self) -> bool:
        return self._process is not None

    def start(self) -> None:
        """Be there, having done what `serve` and `worker` do at their start: store what was saved here."""
        self._pipe, theirs = self._context.Pipe()
        self._process = self._context.Process(target=live, args=(theirs, self.settings), daemon=True)
        self._process.start()
        theirs.close()
        assert self.listen() == "ready"

    def tell(self, order: Order) -> None:
        """Give an order; `listen` has the answer."""
        assert self._pipe is not None
        self._pipe.send(order)

    def listen(self) -> Any:
        """The answer to the last order, or None where the process was killed over it."""
        assert self._pipe is not None
        assert self._process is not None
        try:
            assert self._pipe.poll(ANSWER_SECONDS), "a process does not answer"
            told = self._pipe.recv()
        except EOFError:
            self._process.join(ANSWER_SECONDS)
            assert self._process.exitcode == -signal.SIGKILL
            self._forget()
            return None
        if isinstance(told, BaseException):
            raise told
        return told

    def stop(self) -> None:
        """End, if it lives."""
        if self._process is not None:
            self._process.kill()
            self._process.join(ANSWER_SECONDS)
            self._forget()

    def _forget(self) -> None:
        assert self._process is not None
        assert self._pipe is not None
        self._pipe.close()
        self._process.close()
        self._process = self._pipe = None


@contextmanager
def hosts(settings: list[Settings]) -> Iterator[list[Host]]:
    """One process for each of these settings, not started yet; all end with the block."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    made = [Host(context, one) for one in settings]
    try:
        yield made
    finally:
        for one in made:
            one.stop()


def live(pipe: Connection, settings: Settings) -> None:
    """What a process does: take orders until nobody gives any more."""
    configure_logging("error")
    clock = ShiftedClock()
    runtime = open_runtime(settings, seeds={}, clock=clock)
    life = _Life(runtime)
    recover(runtime.parts)
    pipe.send("ready")
    with asyncio.Runner() as runner:
        while True:
            try:
                order: Order = pipe.recv()
            except EOFError:
                return
            clock.ahead = timedelta(minutes=order.ahead_minutes)
            if order.die_at:
                crash.arm((order.die_at,))
            verb: Callable[..., Coroutine[Any, Any, Any]] = getattr(life, order.verb)
            try:
                pipe.send(runner.run(verb(**order.arguments)))
            except Exception as error:
                pipe.send(AssertionError(f"{order.verb}: {error!r}"))
