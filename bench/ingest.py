"""Durable webhook ingest per second at 64 connections: Kedai beside its peers, taking turns on one machine.

Everybody gets the same bytes on the same port from the same generator, checks the key and the environment, counts,
logs a line per request, and answers after its commit. Kedai is `kedai serve` as installed, worker and all.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import tempfile
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.bodies import Target, invented_orders, write_requests
from bench.kedai_app import KedaiApp
from bench.load import Report, Slice, generate
from bench.machine import cpu_seconds, peak_memory_mb, wait_quiet
from bench.peers import programs
from bench.table import Row, compare
from tests.support.postgres import PostgresServer
from tests.support.processes import free_port, wait_http

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.support.processes import Process

ROUNDS = 3
WARM_UP = 2000
MOST = 12000
PGBENCH_SECONDS = 5
UNIT = "pushes/s"

SQLITE = "Kedai, SQLite"
POSTGRESQL = "Kedai, PostgreSQL"
SQLITE_GRANIAN = "Kedai, SQLite, granian"
POSTGRESQL_GRANIAN = "Kedai, PostgreSQL, granian"
PARKED = "Kedai, PostgreSQL, inactive environment"
EXPRESS = "Express, pg"
EXPRESS_PREPARED = "Express, pg, prepared insert"
SESSION = "FastAPI, session per request"
PGBENCH = "pgbench, 32 clients"
PGBENCH_PREPARED = "pgbench, 32 clients, prepared"


class Ingest:
    """The programs under test, what each has answered so far, and the files of requests."""

    def __init__(self, directory: Path, server: PostgresServer) -> None:
        """Sign the requests and set everybody up."""
        self.server = server
        self.port = free_port()
        self.rates: dict[str, list[float]] = defaultdict(list)
        self.peaks: dict[str, list[float]] = defaultdict(list)
        keys = {environment: os.urandom(32).hex() for environment in ("sandbox", "live")}
        self.files = {environment: directory / f"{environment}.requests" for environment in keys}
        for environment, file in self.files.items():
            target = Target(f"http://127.0.0.1:{self.port}", environment, keys[environment])
            write_requests(file, target, invented_orders(ROUNDS * (WARM_UP + MOST)))
        programs.prepare_express()
        programs.prepare_database(server, push_key=keys["sandbox"])
        for name in ("kedai", "granian"):
            server.create_database(name)
        self.on_sqlite = KedaiApp(directory / "sqlite", port=self.port)
        self.on_postgresql = KedaiApp(directory / "postgresql", port=self.port, database_url=server.url("kedai"))
        self.under_granian = {  # installations of their own: what is stored already would be a repeat
            SQLITE_GRANIAN: KedaiApp(directory / "granian-sqlite", port=self.port),
            POSTGRESQL_GRANIAN: KedaiApp(directory / "granian", port=self.port, database_url=server.url("granian")),
        }
        for app in (self.on_sqlite, self.on_postgresql, *self.under_granian.values()):
            app.prepare(keys)

    def round(self, number: int) -> None:
        """Let everybody answer the same slice once, in turn."""
        skip = number * (WARM_UP + MOST)
        server, port = self.server, self.port
        self._take(POSTGRESQL, self.on_postgresql.serve, skip, MOST)
        self._take(EXPRESS, lambda: programs.start_express(server, port=port), skip, 6000)
        self._take(SQLITE, self.on_sqlite.serve, skip, MOST)
        for name, app in self.under_granian.items():
            self._take(name, partial(app.serve, "--server", "granian"), skip, MOST)
        self._take(SESSION, lambda: programs.start_session_per_request(server, port=port), skip, 2000)
        self._take(PARKED, self.on_postgresql.serve, skip, MOST, environment="live")
        self._take(EXPRESS_PREPARED, lambda: programs.start_express(server, port=port, prepared=True), skip, 6000)
        self._note(PGBENCH, programs.run_pgbench(server, seconds=PGBENCH_SECONDS))
        self._note(PGBENCH_PREPARED, programs.run_pgbench(server, seconds=PGBENCH_SECONDS, prepared=True))

    def _take(
        self,
        name: str,
        start: Callable[[], AbstractContextManager[Process]],
        skip: int,
        count: int,
        *,
        environment: str = "sandbox",
    ) -> None:
        requests = Slice(self.files[environment], skip, WARM_UP, count)
        with start() as process:
            wait_http(f"http://127.0.0.1:{self.port}/readyz", timeout=30.0)
            # Left-over work of the last round belongs to nobody's figure.
            wait_quiet(process.pid)
            before = cpu_seconds(process.pid)
            report = self._generate(requests, process)
            spent = (cpu_seconds(process.pid) - before) / (WARM_UP + count) * 1e6
            self.peaks[name].append(peak_memory_mb(process.pid))
        detail = f"p50 {report.p50_ms} ms, p99 {report.p99_ms} ms, max {report.max_ms} ms, program {spent:.0f} us/push"
        self._note(name, report.per_second, f"{detail}, generator {report.cpu_seconds} s of processor")

    def _generate(self, requests: Slice, process: Process) -> Report:
        try:
            return generate(requests, port=self.port)
        except RuntimeError as error:
            told = [line for line in process.output().splitlines() if '"push"' not in line]
            message = "\n".join((str(error), "the program's log, without its lines of pushes:", *told[-40:]))
            raise RuntimeError(message) from None

    def _note(self, name: str, rate: float, detail: str = "") -> None:
        self.rates[name].append(rate)
        print(f"  {name}: {rate:,.0f}/s  {detail}".rstrip(), flush=True)

    def rows(self) -> list[Row]:
        """Return the comparisons that have targets, the others for the reader, and Kedai's memory."""
        rates = self.rates
        compared = [
            (POSTGRESQL, EXPRESS, 2.7),
            (POSTGRESQL, SESSION, 9.0),
            (POSTGRESQL, PGBENCH, 0.45),
            (SQLITE, EXPRESS, 3.3),
        ]
        rows = [compare(name, peer, rates, unit=UNIT, target=target) for name, peer, target in compared]
        rows += [Row(name, statistics.median(values), UNIT) for name, values in rates.items()]
        rows += [
            Row(
                name,
                statistics.median(rates[name]),
                UNIT,
                beside,
                statistics.median(rates[name]) / statistics.median(rates[beside]),
            )
            for name, beside in ((POSTGRESQL_GRANIAN, POSTGRESQL), (SQLITE_GRANIAN, SQLITE))
        ]
        for name in (SQLITE, POSTGRESQL, *self.under_granian):
            peak = max(self.peaks[name])
            rows.append(Row(f"{name}, peak memory under this load", peak, "MB", target=180.0, bound="at most"))
        return rows


def measure() -> list[Row]:
    """Run the rounds on a durable server of our own and compare medians."""
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kedai-bench-")))
        server = stack.enter_context(PostgresServer.start(durable=True))
        ingest = Ingest(directory, server)
        for number in range(ROUNDS):
            print(f"round {number + 1} of {ROUNDS}", flush=True)
            ingest.round(number)
        return ingest.rows()
