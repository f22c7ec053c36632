"""L15: pushes come doubled, shuffled, late or never, and meanwhile everything that can be killed is killed.

The marketplaces of both environments have busy days. A storm kills web, worker and PostgreSQL, cuts and holds
connections, turns clocks, lets pushes fall silent, and switches environments. When it is over, lost pushes are fetched
and orders reconciled, and then `tests.support.verdict` must have nothing to say: what was acknowledged is stored, every
push has come to its end, every order is exactly the marketplace's and has one row, no shop was called faster than
configured, and nothing of one environment touched the other.

What comes when follows from a seed; ``STORM_SEED`` repeats one.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from kedai import migrations
from kedai.runs.models import Run
from kedai.runs.queries import OPEN_STATES
from kedai.sync import lost_pushes, reconcile
from kedai.values.environment import Environment
from tests.support import rough_market
from tests.support.days import Days
from tests.support.evidence import read_held, read_market
from tests.support.installation import ENVIRONMENTS, Installation
from tests.support.nemesis import Storm
from tests.support.postgres import PostgresServer
from tests.support.processes import wait_until
from tests.support.tcp_proxy import TcpProxy
from tests.support.verdict import Limit, judge

pytestmark = pytest.mark.journey

LIMIT = Limit(rate=20, burst=20, in_flight=12)
"""So many calls of killed processes may arrive at once beside those that the pace lets out."""

SETTINGS = {
    "KEDAI_LEASE_SECONDS": "5",
    "KEDAI_CALLS_PER_SECOND": str(LIMIT.rate),
    "KEDAI_CALLS_BURST": str(LIMIT.burst),
}


def test_l15_after_a_storm_everything_is_as_the_marketplaces_say(tmp_path: Path) -> None:
    live_through(tmp_path, orders=200, seconds=20, steps=40, pushes=200, settle_seconds=120)


@pytest.mark.slow
def test_l15_the_same_after_a_hundred_thousand_pushes(tmp_path: Path) -> None:
    live_through(tmp_path, orders=2_000, seconds=80, steps=600, pushes=100_000, settle_seconds=600)


def live_through(
    directory: Path, *, orders: int, seconds: float, steps: int, pushes: int, settle_seconds: float
) -> None:
    seed = int(os.environ.get("STORM_SEED", random.SystemRandom().getrandbits(32)))
    print(f"STORM_SEED={seed}")
    with installation(directory) as (home, postgres, proxy):
        days = Days(home, random.Random(f"{seed} days"), orders=orders, seconds=seconds)
        storm = Storm(home, postgres, proxy, days, random.Random(f"{seed} storm"))
        storm.begin()
        connect_everybody(home)
        days.roughen()
        storm.rage(steps=steps, pushes=pushes)
        days.end()
        days.smooth()
        print(dict(storm.done), f"{days.count_pushes()} pushes")
        for environment in sorted(ENVIRONMENTS, key=storm.active.__ne__):  # the active one first
            storm.switch(environment)
            recover(storm, environment, settle_seconds)
            assert judge(read_market(home, environment), read_held(home, environment), LIMIT)[:20] == []
        storm.check_alive()


@contextmanager
def installation(directory: Path) -> Iterator[tuple[Installation, PostgresServer, TcpProxy]]:
    """An installation on a PostgreSQL server that loses nothing when it is killed, behind a proxy."""
    with ExitStack() as stack:
        postgres = stack.enter_context(PostgresServer.start(durable=True))
        postgres.create_database("kedai")
        migrations.upgrade(postgres.url("kedai"))
        proxy = stack.enter_context(TcpProxy(postgres.port))
        url = postgres.url("kedai").replace(str(postgres.port), str(proxy.port))
        market = (sys.executable, rough_market.__file__)
        home = Installation(directory, database_url=url, simulator=market, extra=SETTINGS)
        yield stack.enter_context(home), postgres, proxy


def connect_everybody(home: Installation) -> None:
    """All shops of both marketplaces, and their pushes."""
    for environment in ENVIRONMENTS:
        token = home.token(environment)
        home.configure(environment, token=token)
        for shop in home.control(environment, "GET", "/control/state?deliveries=0&orders=0")["shops"]:
            assert home.connect(environment, token=token, shop_id=str(shop["shop_id"])) == "connected"
    home.certify()


def recover(storm: Storm, environment: str, seconds: float) -> None:
    """What is waiting is worked on, what was lost is fetched, and what nobody told is looked for."""

    def is_done() -> bool:
        return count_open(storm.home, environment) == 0

    wait_until(is_done, timeout=seconds, every=0.1, message="work is left after the storm")
    for kind in (lost_pushes.KIND, reconcile.KIND):
        storm.run_now(environment, kind)
        wait_until(is_done, timeout=seconds, every=0.1, message=f"work is left after {kind}")


def count_open(home: Installation, environment: str) -> int:
    """How many pushes, and how many runs that are due, are not done."""
    runs = sa.select(sa.func.count()).select_from(Run).where(Run.environment == Environment(environment))
    runs = runs.where(Run.state.in_(OPEN_STATES), Run.due_at <= datetime.now(UTC))
    return home.count_events("received", environment=environment) + int(home.rows(runs)[0][0])
