"""How much a saturated worker slows the intake on SQLite, where both write one file: p99 beside it ÷ p99 alone.

The measured pushes go to the inactive environment at a modest fixed rate, so that they are stored and nothing more in
both halves; the backlog is of the active environment, of orders that the simulated marketplace knows.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import statistics
import tempfile
from pathlib import Path

from bench.bodies import Target, invented_orders, write_requests
from bench.kedai_app import KedaiApp
from bench.load import Report, Slice, generate
from bench.machine import wait_quiet
from bench.marketplace import Marketplace
from bench.table import Row
from tests.support.processes import free_port

ROUNDS = 3
RATE = 200.0
WARM_UP = 200
COUNT = 1600
BACKLOG = 15000
UNIT = "ms"


class Flush:
    """One installation on SQLite with a connected shop, and the files of requests."""

    def __init__(self, directory: Path, marketplace: Marketplace) -> None:
        """Set everything up; `connect` comes once it serves."""
        self.directory = directory
        self.marketplace = marketplace
        pace = {"KEDAI_CALLS_PER_SECOND": "1000", "KEDAI_CALLS_BURST": "1000"}  # the worker is to be saturated
        settings = {"KEDAI_EXTRA_HOSTS": marketplace.extra_hosts, **pace}
        self.app = KedaiApp(directory / "sqlite", port=free_port(), settings=settings)
        self.app.migrate()
        live_key = os.urandom(32).hex()
        self.live = {**marketplace.credentials(), "push_partner_key": live_key, "host": "live_sg"}
        self.probes = directory / "live.requests"
        target = Target(self.app.base_url, "live", live_key)
        write_requests(self.probes, target, invented_orders(2 * ROUNDS * (WARM_UP + COUNT)))

    def connect(self) -> None:
        """Give both environments their credentials and connect the sandbox's shop."""
        self.app.set_credentials("sandbox", self.marketplace.credentials())
        self.app.set_credentials("live", self.live)
        self.marketplace.connect(self.app, self.app.tokens["sandbox"])

    def probe(self, number: int) -> Report:
        """Send a slice of the measured pushes at the fixed rate."""
        requests = Slice(self.probes, number * (WARM_UP + COUNT), WARM_UP, COUNT)
        return generate(requests, port=self.app.port, rate=RATE)

    def pile_up(self, number: int) -> None:
        """Deliver a backlog as fast as it is taken."""
        file = self.directory / f"backlog-{number}.requests"
        shop_id = int(self.marketplace.shop["shop_id"])
        target = Target(self.app.base_url, "sandbox", self.marketplace.app["push_partner_key"], shop_id)
        write_requests(file, target, self.marketplace.create_orders(BACKLOG))
        generate(Slice(file, 0, 0, BACKLOG), port=self.app.port)

    def waiting(self) -> int:
        """Return how many pushes the worker has still to work on."""
        database = f"file:{self.app.directory / 'kedai.sqlite3'}?mode=ro"
        with contextlib.closing(sqlite3.connect(database, uri=True, timeout=5.0)) as connection:
            found = connection.execute("select count(*) from raw_event where state = 'received'").fetchone()
        return int(found[0])


def measure() -> list[Row]:
    """Take turns, alone and beside a backlog, and compare the medians of the rounds' p99."""
    alone, beside, drained = [], [], []
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kedai-bench-")))
        flush = Flush(directory, stack.enter_context(Marketplace(free_port())))
        process = stack.enter_context(flush.app.serve())
        flush.connect()
        for number in range(ROUNDS):
            wait_quiet(process.pid, timeout=120.0)
            alone.append(_note("alone", flush.probe(2 * number)))
            flush.pile_up(number)
            before = flush.waiting()
            report = flush.probe(2 * number + 1)
            drained.append((before - flush.waiting()) / (report.seconds + WARM_UP / RATE))
            if not flush.waiting():
                message = f"the backlog of {BACKLOG} ended before the measurement did: nothing was saturated"
                raise RuntimeError(message)
            beside.append(_note(f"beside a worker that finishes {drained[-1]:,.0f} pushes/s", report))
    quiet, busy = statistics.median(alone), statistics.median(beside)
    return [
        Row("push p99 on SQLite beside a saturated worker", busy, UNIT, "alone", busy / quiet, 3.0, "at most"),
        Row("push p99 on SQLite alone", quiet, UNIT),
        Row("worker's rate meanwhile, simulated marketplace", statistics.median(drained), "pushes/s"),
    ]


def _note(name: str, report: Report) -> float:
    print(f"  {name}: p50 {report.p50_ms} ms, p99 {report.p99_ms} ms, max {report.max_ms} ms", flush=True)
    return report.p99_ms
