"""Working off a backlog of order events: events a second of one worker process and of several, calls, and memory.

Every event is of another order, which is the hardest backlog there is, and the simulated marketplace answers at once.
PostgreSQL has statistics of an installation that has run before, as autovacuum makes them within a minute. One app may
call 1,000 times a second for one shop here, the most that the settings allow: 1,500 events a second need 30 calls, and
the default of 10 is there to be kept.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from bench.draining import Drain, Drained, place_orders
from bench.peers import one_event_at_a_time as ordinary
from bench.table import Row
from tests.support.installation import Installation
from tests.support.postgres import PostgresServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

EVENTS = 100_000
WAITING = 1_000_000
PEER_SHARE = 100  # of how many events the peer works on one, before and after
UNIT = "events/s"
ORDINARY = "one event, one call, one session"
SQLITE_PEER = "peer.sqlite3"
ROOT = Path(__file__).parent.parent


def measure(events: int = EVENTS, waiting: int = WAITING) -> list[Row]:
    """Work off ``events`` on both databases, on PostgreSQL also with several processes, and with ``waiting`` rows."""
    rows: list[Row] = []
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kedai-bench-")))
        with _installation(directory / "sqlite", None) as home:
            peer_url = f"sqlite:///{directory / SQLITE_PEER}"
            rows += measure_on(home, peer_url, events=events, waiting=waiting)
        server = stack.enter_context(PostgresServer.start(durable=True))
        for name in ("kedai", "peer"):
            server.create_database(name)
        with _installation(directory / "postgresql", server.url("kedai")) as home:
            rows += measure_on(home, server.url("peer"), events=events, waiting=waiting, several=(2, 4))
    return rows


def measure_on(
    home: Installation, peer_url: str, *, events: int, waiting: int, several: Sequence[int] = ()
) -> list[Row]:
    """Let the ordinary worker work before and after Kedai's, so that a slow minute of the machine slows both."""
    drain = Drain(home, events)
    peer = Peer(home, peer_url, max(events // PEER_SHARE, 1))
    rates = [peer.rate()]
    one = drain.run()
    rates.append(peer.rate())
    rows = _rows_of_one(drain.name, one, statistics.mean(rates), events)
    for processes in several:
        rows += _rows_of_several(drain.name, processes, drain.run(processes=processes), one)
    many = drain.run(waiting=waiting)
    name = f"worker, {drain.name}, peak memory"
    beside, ratio = f"{events:,} waiting", many.peak_mb / one.peak_mb
    rows.append(Row(f"{name}, {events:,} waiting", one.peak_mb, "MB"))
    rows.append(Row(f"{name}, {waiting:,} waiting", many.peak_mb, "MB", beside, ratio, 1.1, "at most"))
    rows.append(
        Row(
            f"worker, {drain.name}, {waiting:,} waiting",
            many.per_second,
            UNIT,
            beside,
            many.per_second / one.per_second,
        )
    )
    return rows


def _rows_of_one(name: str, one: Drained, ordinary_rate: float, events: int) -> list[Row]:
    detail, every = one.detail_calls / events * 1000, one.all_calls / events * 1000
    return [
        Row(f"worker, {name}, one process", one.per_second, UNIT, target=1500.0),
        Row(f"worker, {name}, one process", one.per_second, UNIT, ORDINARY, one.per_second / ordinary_rate),
        Row(f"get_order_detail calls per 1,000 orders waiting, {name}", detail, "calls", target=25.0, bound="at most"),
        Row(f"remote calls per 1,000 events, {name}", every, "calls", f"{ORDINARY}: 1,000", every / 1000),
        Row(f"events and orders worked on twice, {name}", one.twice, "", target=0.0, bound="at most"),
    ]


def _rows_of_several(name: str, processes: int, all_of_them: Drained, one: Drained) -> list[Row]:
    rate = all_of_them.per_second
    title = f"worker, {name}, {processes} processes"
    return [
        Row(f"{title}, together", rate, UNIT, "one process", rate / one.per_second),
        Row(f"{title}, each", rate / processes, UNIT),
        Row(
            f"events and orders worked on twice, {processes} processes",
            all_of_them.twice,
            "",
            target=0.0,
            bound="at most",
        ),
    ]


class Peer:
    """The ordinary worker on a shop and a database of its own."""

    def __init__(self, home: Installation, database_url: str, events: int) -> None:
        """Place the orders of its shop."""
        self.home = home
        self.events = events
        self.database_url = database_url
        self.engine = ordinary.open_engine(database_url)
        state = home.control("sandbox", "GET", "/control/state?deliveries=0&orders=0")
        self.shop_id = next(
            str(shop["shop_id"]) for shop in state["shops"] if str(shop["shop_id"]) != home.shop_id("sandbox")
        )

    def rate(self) -> float:
        """Events a second of a process that works on so many, of orders that it has not seen."""
        ordinary.pile_up(self.engine, place_orders(self.home, self.shop_id, self.events))
        app = self.home.app("sandbox")
        environment = {
            **os.environ,
            "DATABASE_URL": self.database_url,
            "API_URL": self.home.simulators["sandbox"],
            "PARTNER_ID": str(app["partner_id"]),
            "PARTNER_KEY": app["partner_key"],
            "SHOP_ID": self.shop_id,
        }
        command = [sys.executable, "-m", "bench.peers.one_event_at_a_time", self._consent(app["partner_id"])]
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            message = f"the ordinary worker failed: {done.stderr[-2000:]}"
            raise RuntimeError(message)
        report = json.loads(done.stdout)
        rate = float(report["count"] / report["seconds"])
        print(f"  {ORDINARY}: {rate:,.0f}/s, load {os.getloadavg()[0]:.1f}", flush=True)
        return rate

    def _consent(self, partner_id: int) -> str:
        wish = {"partner_id": partner_id, "shop_id": int(self.shop_id), "redirect": "https://peer.example.test/"}
        location = self.home.control("sandbox", "POST", "/control/authorizations", wish)["location"]
        return parse_qs(urlsplit(location).query)["code"][0]


@contextlib.contextmanager
def _installation(directory: Path, database_url: str | None) -> Iterator[Installation]:
    directory.mkdir()
    with Installation(directory, database_url=database_url) as home:
        home.upgrade()
        yield home
