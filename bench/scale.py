"""A large installation on PostgreSQL: what its pages cost at the database and in all, and what one more event costs.

The pages are the real ones, asked for over the application itself; what PostgreSQL is asked meanwhile is timed apart.
The server is PostgreSQL's own defaults but for what `docs/how-to/run-on-postgresql.md` tells an operator to set.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import sqlalchemy as sa
from psycopg import sql

from bench import backlog
from bench.draining import Drain
from bench.multiply import multiply_events, multiply_orders
from bench.table import Row
from kedai.db.database import Database
from kedai.inbox.flush import insert_pushes
from kedai.kit.ids import show_id
from kedai.orders.models import OrderSync
from kedai.web.app import create_app
from kedai.web.server import make_server
from tests.support.installation import Browser, Installation
from tests.support.postgres import PostgresServer
from tests.support.processes import wait_http

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection

    from kedai.runtime import Runtime

ORDERS = 1_000_000
MODELS = 1000
EVENTS_EACH = 5
SAMPLES = 100
INSERTED_AT_ONCE = 64
INSERTS = 300
MOST_MILLISECONDS = 50.0
SERVER_MILLISECONDS = 100.0
MOST_RATIO = 1.3


def measure(orders: int = ORDERS) -> list[Row]:
    """Fill one database, leave its twin empty, and ask both."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kedai-bench-")))
        server = stack.enter_context(PostgresServer.start(durable=True))
        tune(server)
        full, empty = (stack.enter_context(_installation(server, directory, name)) for name in ("full", "empty"))
        Drain(full, MODELS)
        Drain(empty, 1)
        started = time.perf_counter()
        copies = orders // MODELS - 1
        multiply_orders(full.database, copies)
        multiply_events(full.database, copies, EVENTS_EACH)
        with Database(full.settings().resolved_database_url, pool_size=1).connect() as connection:
            connection.exec_driver_sql("VACUUM (ANALYZE, PARALLEL 0)")
            connection.exec_driver_sql("CHECKPOINT")
        counts = [full.rows(sa.text(f"SELECT count(*) FROM {name}"))[0][0] for name in ("order_sync", "raw_event")]  # type: ignore[arg-type]
        print(
            f"  {counts[0]:,} orders and {counts[1]:,} events made in {time.perf_counter() - started:,.0f} s",
            flush=True,
        )
        return [*_measure_pages(full), *_measure_inserts(empty, full, counts[1])]


def tune(server: PostgresServer) -> None:
    """What the guide tells an operator to set for a large installation."""
    settings = {"shared_buffers": "1GB", "max_wal_size": "8GB", "checkpoint_timeout": "15min"}
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        for name, value in settings.items():
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
    server.restart()


@contextmanager
def _installation(server: PostgresServer, directory: Path, name: str) -> Iterator[Installation]:
    server.create_database(name)
    (directory / name).mkdir()
    with Installation(directory / name, database_url=server.url(name)) as home:
        home.upgrade()
        yield home


@dataclass
class _Spent:
    """Seconds of the pages of one kind: at the database, and in all."""

    at_database: list[float] = field(default_factory=list)
    in_all: list[float] = field(default_factory=list)


class _Stopwatch:
    """Adds up what a connection's statements take."""

    def __init__(self, database: Database) -> None:
        self.seconds = 0.0
        self._since = 0.0
        sa.event.listen(database.read_engine, "before_cursor_execute", self._start)
        sa.event.listen(database.read_engine, "after_cursor_execute", self._stop)

    def _start(self, *_: object) -> None:
        self._since = time.perf_counter()

    def _stop(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._since


def _measure_pages(home: Installation) -> list[Row]:
    draw = random.Random(7)
    chosen = sa.select(OrderSync.id, OrderSync.order_sn, OrderSync.environment).order_by(
        OrderSync.answer_hash, OrderSync.id
    )
    found = home.rows(chosen.limit(SAMPLES))
    with home.runtime() as runtime, _serving(runtime, home.port):
        browser = home.sign_in()
        watch = _Stopwatch(runtime.web_db)
        spent: dict[str, _Spent] = {}
        for row in found:
            for kind, path in _pages(home, row, draw):
                spent_here = spent.setdefault(kind, _Spent())
                _ask(browser, home.url, watch, path, spent_here)
    rows = []
    for kind, one in spent.items():
        rows.append(
            Row(f"{kind}, p95 at the database", _p95(one.at_database), "ms", target=MOST_MILLISECONDS, bound="at most")
        )
        rows.append(Row(f"{kind}, p95 in all", _p95(one.in_all), "ms", target=SERVER_MILLISECONDS, bound="at most"))
    return rows


@contextmanager
def _serving(runtime: Runtime, port: int) -> Iterator[None]:
    """Kedai's own server, in a thread of this process: so that what it asks of the database can be timed."""
    server = make_server(create_app(runtime), host="127.0.0.1", port=port)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_http(f"http://127.0.0.1:{port}/readyz", timeout=30.0)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(30.0)


def _pages(home: Installation, row: sa.Row[tuple[object, ...]], draw: random.Random) -> Iterator[tuple[str, str]]:
    scope = draw.choice(("sandbox", "live", "all"))
    shop = home.shop_id("sandbox") if draw.random() < 0.5 else ""
    yield "orders, list", f"/e/{scope}/orders"
    yield (
        "orders, filter",
        f"/e/{scope}/orders?tab={draw.choice(('to_ship', 'completed', 'cancelled', 'unpaid', 'shipping'))}&shop={shop}",
    )
    yield "orders, search", f"/e/{scope}/orders?q={row.order_sn[: draw.choice((len(row.order_sn), 8, 3))]}"
    yield "order, timeline", f"/e/{row.environment.value}/orders/{show_id('ord', row.id)}"
    yield "home figures", f"/e/{scope}/home"
    yield "events, list", f"/e/{scope}/events"
    yield (
        "events, filter",
        f"/e/{scope}/events?state={draw.choice(('applied', 'skipped', 'dead', 'parked'))}&shop={shop}",
    )
    yield "events, of an order", f"/e/{scope}/events?order={row.order_sn}"


def _ask(browser: Browser, base_url: str, watch: _Stopwatch, path: str, spent: _Spent) -> None:
    """A page and the one behind it, as far as there is one."""
    for _ in range(2):
        watch.seconds, started = 0.0, time.perf_counter()
        answer = browser.open(base_url + path, follow=False)
        text = answer.body.decode()
        if answer.status != 200:
            message = f"{path}: {answer.status} {text[:500]}"
            raise RuntimeError(message)
        spent.in_all.append((time.perf_counter() - started) * 1000)
        spent.at_database.append(watch.seconds * 1000)
        _, older, rest = text.partition('rel="next" href="')
        if not older:
            return
        path = rest.partition('"')[0].replace("&amp;", "&")


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def _measure_inserts(empty: Installation, full: Installation, events: int) -> list[Row]:
    """In turns, so that a slow moment of the machine slows both."""
    spent: dict[str, list[float]] = {"empty": [], "full": []}
    with empty.database.connect() as at_empty, full.database.connect() as at_full:
        places: tuple[tuple[str, Connection], ...] = (("empty", at_empty), ("full", at_full))
        for number in range(INSERTS):
            numbers = [f"NEW{number:06d}{one:04d}" for one in range(INSERTED_AT_ONCE)]
            for name, connection in places:
                pushes = backlog.make_pushes(full.shop_id("sandbox"), numbers)
                started = time.perf_counter()
                insert_pushes(connection, pushes)
                spent[name].append((time.perf_counter() - started) / INSERTED_AT_ONCE * 1e6)
    at_none, at_many = statistics.mean(spent["empty"]), statistics.mean(spent["full"])
    return [
        Row("an event's insert, empty inbox", at_none, "us"),
        Row(
            f"an event's insert, {events:,} events",
            at_many,
            "us",
            "empty inbox",
            at_many / at_none,
            MOST_RATIO,
            "at most",
        ),
    ]
