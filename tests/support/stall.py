"""An open installation whose marketplace is the simulator, in a thread: real calls, a clock that a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import sqlalchemy as sa

from kedai.connector_exceptions.models import ConnectorException
from kedai.coverage.models import CoveredInterval
from kedai.db.database import Database
from kedai.inbox.models import RawEvent
from kedai.orders.models import OrderSync
from kedai.runs.models import Run
from kedai.runs.service import create_run
from kedai.runtime import Runtime, open_runtime
from kedai.settings import ExtraHost
from kedai.simulator.embedded import Market, Simulator
from kedai.sync.connect import TOKEN_SESSION, Callback, finish, start
from kedai.sync.credentials import edit
from kedai.sync.parts import Parts
from kedai.sync.process import process_next
from kedai.sync.runner import run_next
from kedai.sync.switch import switch
from kedai.values.actor import COMMAND_LINE
from kedai.values.environment import ConnectorName, Environment, Scope
from tests.support.certificates import store_certificate
from tests.support.factories import make_settings

SHOPEE = ConnectorName("shopee")
T = TypeVar("T")

LONG_AGO = timedelta(days=20)
"""The simulator and we begin so long ago: then what a test moves to is still past for the database's own clock."""


class MovedClock:
    """Real time, moved; the simulator's is moved with it."""

    def __init__(self, markets: Sequence[Market]) -> None:
        self._markets = markets
        self._moved = timedelta()
        self.advance(-LONG_AGO)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._moved

    def advance(self, span: timedelta) -> None:
        self._moved += span
        for market in self._markets:
            market.advance(span.total_seconds())


@dataclass
class Stall:
    """The installation, its markets, and short words for what tests do. Sandbox is active unless switched."""

    runtime: Runtime
    simulator: Simulator
    clock: MovedClock

    @property
    def parts(self) -> Parts:
        return self.runtime.parts

    @property
    def db(self) -> Database:
        return self.runtime.web_db

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def market(self, environment: Environment = Environment.SANDBOX) -> Market:
        return self.simulator.sandbox if environment is Environment.SANDBOX else self.simulator.live

    def scope(self, environment: Environment = Environment.SANDBOX) -> Scope:
        return Scope(SHOPEE, environment, str(self.market(environment).shop_ids[0]))

    def ask(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run something that calls out, in a loop of its own."""

        async def whole() -> T:
            try:
                return await work()
            finally:
                await self.parts.http.close()

        return asyncio.run(whole())

    def prepare(self, environment: Environment = Environment.SANDBOX) -> None:
        """Configure the environment and connect its first shop by the real flow."""
        market, now = self.market(environment), self.now
        fields = {
            "partner_id": str(market.app["partner_id"]),
            "partner_key": market.app["partner_key"],
            "push_partner_key": market.app["push_partner_key"],
            "shop_id": str(market.shop_ids[0]),
            "region": "SG",
            "host": f"test_{environment.value}",
        }
        with self.db.write() as db:
            edit(self.parts, db, SHOPEE, environment, fields, expected_version=None, actor=COMMAND_LINE, now=now)
        session = f"{TOKEN_SESSION}test"
        with self.db.write() as db:
            begun = start(
                self.parts, db, SHOPEE, environment, staff_id="test", session_id=session, expected_shop_id=None, now=now
            )
        redirect = parse_qs(urlsplit(begun.authorization_url).query)["redirect"][0]
        back = parse_qs(urlsplit(market.authorize(market.shop_ids[0], redirect)["location"]).query)
        callback = Callback(code=back["code"][0], shop_id=back["shop_id"][0], nonce=back["nonce"][0], error="")
        status = self.ask(
            lambda: finish(
                self.parts,
                SHOPEE,
                environment,
                callback,
                cookie_value=begun.cookie_value,
                session_id=None,
                actor=None,
            )
        )
        assert status == "connected"

    def switch(self, environment: Environment) -> None:
        with self.db.write() as db:
            store_certificate(db, SHOPEE, environment, now=self.now)
        with self.db.write() as db:
            switch(self.parts, db, SHOPEE, environment, override_reason=None, actor=COMMAND_LINE, now=self.now)

    def begin(self, kind: str, environment: Environment = Environment.SANDBOX, **scope: Any) -> None:
        """Queue a run."""
        with self.db.write() as db:
            create_run(db, kind, SHOPEE, environment, scope=scope, total=None, actor=COMMAND_LINE, now=self.now)

    def go_on(self, *, times: int = 1) -> None:
        """Take the next open runs on."""

        async def several() -> None:
            for _ in range(times):
                await run_next(self.parts)

        self.ask(several)

    def run_to_end(self, *, times: int = 50) -> None:
        """Take runs on until none is due; every pause is over at once, since the database's clock is far ahead."""

        async def until_idle() -> None:
            for _ in range(times):
                if not await run_next(self.parts):
                    return
            raise AssertionError("the runs go round and round")

        self.ask(until_idle)

    def work(self) -> None:
        """Process the pushes that are due."""

        async def until_idle() -> None:
            while await process_next(self.parts):
                pass

        self.ask(until_idle)

    def runs(self, kind: str) -> list[Run]:
        return self._rows(sa.select(Run).where(Run.kind == kind).order_by(Run.id))

    def run(self, kind: str) -> Run:
        (one,) = self.runs(kind)
        return one

    def events(self) -> list[RawEvent]:
        return self._rows(sa.select(RawEvent).order_by(RawEvent.id))

    def orders(self) -> dict[str, OrderSync]:
        return {row.order_sn: row for row in self._rows(sa.select(OrderSync))}

    def exceptions(self) -> list[ConnectorException]:
        return self._rows(sa.select(ConnectorException).order_by(ConnectorException.id))

    def covered(self) -> list[CoveredInterval]:
        return self._rows(sa.select(CoveredInterval).order_by(CoveredInterval.id))

    def _rows(self, statement: sa.Select[Any]) -> list[Any]:
        with self.db.read() as db:
            return list(db.execute(statement).scalars().all())


@contextmanager
def open_stall(database_url: str, data_dir: Path, simulator: Simulator, **settings: Any) -> Iterator[Stall]:
    """Begin the simulator anew, and open an installation that knows it by two extra hosts; nothing is pushed to it."""
    simulator.reset()
    markets = {Environment.SANDBOX: simulator.sandbox, Environment.LIVE: simulator.live}
    for market in markets.values():
        market.push_to(None)
    hosts = tuple(ExtraHost(f"test_{one.value}", market.url, market.url, one) for one, market in markets.items())
    clock = MovedClock(list(markets.values()))
    runtime = open_runtime(make_settings(database_url, data_dir, extra_hosts=hosts, **settings), clock=clock, seeds={})
    try:
        yield Stall(runtime, simulator, clock)
    finally:
        runtime.close()
