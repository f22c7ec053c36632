"""Turning the master key under load: 10,000 secrets sealed anew, and how long pushes wait meanwhile, on both databases.

`kedai serve` answers pushes at a steady rate, in windows by turns alone and while its own worker rewraps, so that
whatever else the machine does falls on both. What counts is the median of the windows of each kind.
"""

from __future__ import annotations

import base64
import contextlib
import os
import statistics
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bench.bodies import Target, invented_orders, write_requests
from bench.kedai_app import KedaiApp
from bench.load import Report, Slice, generate
from bench.machine import wait_quiet
from bench.table import Row
from kedai.kit.ids import new_id
from kedai.runs.models import Run
from kedai.runtime import Runtime, open_runtime
from kedai.settings import Settings
from kedai.sync.keys import promote
from kedai.sync.rewrap import start_rewrap, take_census
from kedai.values.actor import COMMAND_LINE
from kedai.values.environment import Environment
from kedai.vault.models import AuthToken, Shop
from kedai.vault.rotation import list_entries
from kedai.vault.sealed import all_shelves, count_by_key, shelves_of_environment
from tests.support.postgres import PostgresServer
from tests.support.processes import free_port, wait_http, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKENS = 5000
RATE = 200.0
WARM_UP = 200
COUNTED = 1000
WINDOWS = 5
LONGEST_SECONDS = 120.0
SHOPEE = "shopee"


def measure() -> list[Row]:
    """Rewrap on SQLite, then on a durable PostgreSQL of our own."""
    rows: list[Row] = []
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kedai-bench-")))
        rows += _measure("SQLite", directory / "sqlite", "")
        server = stack.enter_context(PostgresServer.start(durable=True))
        server.create_database("kedai")
        rows += _measure("PostgreSQL", directory / "postgresql", server.url("kedai"))
    return rows


def _measure(name: str, directory: Path, database_url: str) -> list[Row]:
    keys = [f"k{number}:{base64.b64encode(os.urandom(32)).decode()}" for number in (1, 2)]
    port, push_key = free_port(), os.urandom(32).hex()
    app = KedaiApp(directory, port=port, database_url=database_url, settings={"KEDAI_MASTER_KEYS": ",".join(keys)})
    app.prepare({"sandbox": push_key})
    file = directory / "requests"
    target = Target(f"http://127.0.0.1:{port}", "sandbox", push_key)
    write_requests(file, target, invented_orders(2 * WINDOWS * (WARM_UP + COUNTED)))
    with _opened(app) as runtime:
        secrets = _fill(runtime)
        with app.serve() as process:
            wait_http(f"{app.base_url}/readyz", timeout=30.0)
            wait_quiet(process.pid)
            alone, beside, turns = _by_turns(runtime, file, port)
    alone_ms, beside_ms, seconds = (statistics.median(one) for one in (alone, beside, turns))
    print(
        f"  {name}: {secrets:,} secrets in {seconds:.2f} s ({min(turns):.2f} to {max(turns):.2f}, {len(turns)} turns)"
    )
    print(f"    p99 alone {alone_ms:.2f} ms {sorted(alone)}, beside {beside_ms:.2f} ms {sorted(beside)}", flush=True)
    return [
        Row(f"rewrap of {secrets:,} secrets under load, {name}", seconds, "s", target=10.0, bound="at most"),
        Row(
            f"push p99 while rewrapping, {name}",
            beside_ms,
            "ms",
            peer="alone",
            ratio=beside_ms / alone_ms,
            target=2.0,
            bound="at most",
        ),
    ]


def _by_turns(runtime: Runtime, file: Path, port: int) -> tuple[list[float], list[float], list[float]]:
    """The p99 of each window alone, of each beside, and the seconds of each turn of the keys meanwhile."""
    alone: list[float] = []
    beside: list[float] = []
    turns: list[float] = []
    for number in range(WINDOWS):
        skip = 2 * number * (WARM_UP + COUNTED)
        alone.append(generate(Slice(file, skip, WARM_UP, COUNTED), port=port, rate=RATE).p99_ms)
        p99_ms, seconds = _turn(runtime, Slice(file, skip + WARM_UP + COUNTED, WARM_UP, COUNTED), port)
        beside.append(p99_ms)
        turns += seconds
    return alone, beside, turns


def _turn(runtime: Runtime, requests: Slice, port: int) -> tuple[float, list[float]]:
    """Promote and rewrap again and again for as long as the pushes come; their p99, and each turn's seconds.

    The last turn, which the pushes left before its end, is not among the seconds, unless it is the only one.
    """
    reports: list[Report] = []
    sender = threading.Thread(target=lambda: reports.append(generate(requests, port=port, rate=RATE)))
    sender.start()
    time.sleep(requests.warm_up / RATE / 2)
    seconds: list[float] = []
    while sender.is_alive():
        seconds.append(_rewrap(runtime))
    sender.join()
    return reports[0].p99_ms, seconds[:-1] or seconds


def _rewrap(runtime: Runtime) -> float:
    """Seal everything under the other key and return the seconds from the request to the last run's end."""
    now = runtime.clock.now()
    with runtime.web_db.write() as db:
        kid = next(entry.kid for entry in list_entries(db) if entry.state != "primary")
        promote(db, runtime.ring, kid, actor=COMMAND_LINE, now=now)
    began = time.perf_counter()
    with runtime.web_db.read() as db:
        census = take_census(db)
    with runtime.web_db.write() as db:
        run_ids = [run.id for run in start_rewrap(db, runtime.ring, census, actor=COMMAND_LINE, now=now)]

    def has_ended() -> bool:
        with runtime.web_db.read() as db:
            states = db.execute(sa.select(Run.state).where(Run.id.in_(run_ids))).scalars().all()
        return set(states) == {"succeeded"}

    wait_until(has_ended, timeout=LONGEST_SECONDS, message="the rewrap did not end")
    return time.perf_counter() - began


def _fill(runtime: Runtime) -> int:
    """Token pairs for many shops of live, all sealed with the first key; how many secrets there are now."""
    now = datetime.now(UTC)
    shelf = next(one for one in shelves_of_environment(SHOPEE, Environment.LIVE) if one.sealed.name == "auth_token")
    key = {"connector": SHOPEE, "environment": Environment.LIVE}
    shops, tokens = [], []
    with runtime.web_db.write() as db:
        for number in range(TOKENS):
            shop_id = str(220_000_000 + number)
            shops.append({**key, "shop_id": shop_id, "state": "paused", "state_reason": "", "updated_at": now})
            values = {
                column: runtime.ring.seal(db, shelf.place(column, shop_id), os.urandom(32).hex())
                for column in shelf.sealed.columns
            }
            tokens.append(
                {
                    **key,
                    **values,
                    "id": new_id(),
                    "shop_id": shop_id,
                    "partner_id": "1",
                    "access_expires_at": now,
                    "refresh_expires_at": now + timedelta(days=30),
                    "updated_at": now,
                }
            )
        db.execute(sa.insert(Shop), shops)
        db.execute(sa.insert(AuthToken), tokens)
        return sum(count_by_key(db, all_shelves(db)).values())


@contextlib.contextmanager
def _opened(app: KedaiApp) -> Iterator[Runtime]:
    """The same installation opened here, to fill it and to turn its keys as the command line does."""
    given = {name.removeprefix("KEDAI_").lower(): text for name, text in app.environment.items()}
    runtime = open_runtime(Settings(**given), seeds={})
    try:
        yield runtime
    finally:
        runtime.close()
