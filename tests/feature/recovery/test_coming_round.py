"""What finds lost things comes round by itself: where it should, for every connected shop, and nowhere else."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa

from kedai.runs.models import Run
from kedai.sync import lost_pushes, push_health, reconcile
from kedai.sync.schedule import tend
from kedai.values.environment import Environment
from tests.support.stall import Stall

OURS = (lost_pushes.KIND, push_health.KIND, reconcile.KIND, reconcile.SWEEP_KIND)


def look(stall: Stall) -> None:
    stall.ask(lambda: tend(stall.parts))


def made(stall: Stall) -> Counter[tuple[str, str, str]]:
    """How many runs of each kind there are, by environment and shop."""
    with stall.db.read() as db:
        rows = db.execute(sa.select(Run.kind, Run.environment, Run.shop_id).where(Run.kind.in_(OURS))).all()
    return Counter((kind, environment.value, shop_id) for kind, environment, shop_id in rows)


@pytest.fixture
def both(stall: Stall) -> Stall:
    """Both environments are connected; sandbox is active."""
    stall.prepare(Environment.LIVE)
    for environment in Environment:
        stall.market(environment).settings(event_pushes=False)
    return stall


def test_lost_pushes_and_push_health_begin_at_once_and_reconciling_within_the_hour_and_the_day(both: Stall) -> None:
    look(both)
    assert made(both) == {
        ("lost_pushes", "sandbox", ""): 1,
        ("push_health", "sandbox", ""): 1,
        ("push_health", "live", ""): 1,
    }
    both.clock.advance(timedelta(hours=1))
    look(both)
    assert made(both)["reconcile", "sandbox", both.scope().shop_id] == 1
    both.clock.advance(timedelta(days=1))
    look(both)
    assert made(both)["reconcile_week", "sandbox", both.scope().shop_id] == 1
    assert {environment for kind, environment, _ in made(both) if kind != "push_health"} == {"sandbox"}


def test_what_came_round_finds_what_no_push_told(both: Stall) -> None:
    look(both)
    both.run_to_end()
    number = both.market().create_order(status="READY_TO_SHIP")["order_sn"]
    both.clock.advance(timedelta(hours=2))
    look(both)
    both.run_to_end()
    assert both.run(reconcile.KIND).note == "1 order was missing"
    assert list(both.orders()) == [number]
    assert {one.source for one in both.covered()} == {"lost_push", "reconcile"}
