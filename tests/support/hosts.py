"""Processes of an installation that cost little to start, told over a pipe what to do.

They are forked from one that has imported everything, and killed for good, by SIGKILL, at a point that a test names.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any

from kedai.connectors.base import Client
from kedai.kit import crash
from kedai.kit.log import configure_logging
from kedai.runtime import Runtime, open_runtime
from kedai.settings import Settings
from kedai.sync import accounts, connect
from kedai.sync.connect import TOKEN_SESSION, Callback
from kedai.sync.keep_alive import KeepAlive
from kedai.sync.spooled import recover
from kedai.sync.tokens import call_with_token, get_access_token
from kedai.values.actor import COMMAND_LINE
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.values.secret import Secret

SHOPEE = ConnectorName("shopee")
ANSWER_SECONDS = 60.0


class ShiftedClock:
    """The machine's clock, moved on together with the marketplace's."""

    def __init__(self, ahead_minutes: int) -> None:
        self.ahead = timedelta(minutes=ahead_minutes)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(frozen=True)
class Order:
    """What a process is told: a verb of `_Life`, its arguments, and how far its clock is ahead, in minutes."""

    verb: str
    arguments: Mapping[str, Any]
    ahead_minutes: int
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

    def start(self, ahead_minutes: int) -> None:
        """Be there, having done what `serve` and `worker` do at their start: store what was saved here."""
        self._pipe, theirs = self._context.Pipe()
        self._process = self._context.Process(target=live, args=(theirs, self.settings, ahead_minutes), daemon=True)
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


def live(pipe: Connection, settings: Settings, ahead_minutes: int) -> None:
    """What a process does: take orders until nobody gives any more."""
    configure_logging("error")
    clock = ShiftedClock(ahead_minutes)
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


class _Life:
    """What a process can be told to do."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._parts = runtime.parts

    async def ask(self, shop_id: str, tasks: int) -> Counter[int | str]:
        """Ask for the shop's token in many tasks at once: which generation, or which error, how many of them got."""
        asked = (get_access_token(self._parts, _scope(shop_id)) for _ in range(tasks))
        got = await asyncio.gather(*asked, return_exceptions=True)
        return Counter(type(one).__name__ if isinstance(one, BaseException) else one.generation for one in got)

    async def look(self) -> int:
        """Look after idle tokens once, as a worker does every quarter minute."""
        return await KeepAlive(self._parts).look()

    async def use(self, shop_id: str) -> str:
        """Make a call with the shop's token: which shop answered."""

        async def get(client: Client, token: Secret) -> str:
            return (await client.get_shop(shop_id, token)).shop_id

        return await call_with_token(self._parts, _scope(shop_id), get)

    async def start_connecting(self, shop_id: str) -> tuple[str, str]:
        """Begin to connect the shop again: where the seller agrees, and the browser's cookie."""
        given = {"staff_id": "test", "session_id": f"{TOKEN_SESSION}test", "expected_shop_id": shop_id}
        now = self._runtime.clock.now()
        begun = await self._parts.write(
            lambda db: connect.start(self._parts, db, SHOPEE, Environment.SANDBOX, **given, now=now)
        )
        return begun.authorization_url, begun.cookie_value

    async def finish_connecting(self, callback: Callback, cookie: str) -> str:
        """The browser comes back."""
        return await connect.finish(
            self._parts, SHOPEE, Environment.SANDBOX, callback, cookie_value=cookie, session_id=None, actor=None
        )

    async def disconnect(self, shop_id: str) -> None:
        """Part from the shop."""
        now = self._runtime.clock.now()
        given = {"typed": shop_id, "actor": COMMAND_LINE, "now": now}
        await self._parts.write(lambda db: accounts.disconnect(self._parts, db, _scope(shop_id), **given))


def _scope(shop_id: str) -> Scope:
    return Scope(SHOPEE, Environment.SANDBOX, shop_id)
