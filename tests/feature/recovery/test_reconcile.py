"""Reconciling: whatever the pushes did not tell, or told wrong, is found by the marketplace's own list."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from kedai.sync import reconcile
from kedai.values.environment import Environment
from kedai.vault.accounts import set_state
from tests.support.factories import ANNA
from tests.support.stall import Stall

HOUR = timedelta(hours=1)


def look(stall: Stall, kind: str = reconcile.KIND) -> str:
    """Reconcile to the end; what the run says. (The second that is just going on belongs to the next time.)"""
    stall.clock.advance(timedelta(seconds=2))
    stall.begin(kind, shop_id=stall.scope().shop_id)
    stall.run_to_end()
    last = stall.runs(kind)[-1]
    assert last.state == "succeeded", last.note
    return last.note


def equal(stall: Stall) -> bool:
    """Whether every order is here exactly as the marketplace has it."""
    stated = {
        one["order_sn"]: (one["order_status"], one["update_time"])
        for one in stall.market().control("GET", "/state?deliveries=0")["orders"]
    }
    return {sn: (row.status, int(row.remote_updated_at.timestamp())) for sn, row in stall.orders().items()} == stated


def test_what_is_missing_or_older_is_read_and_counted(stall: Stall) -> None:
    market = stall.market()
    market.settings(event_pushes=False)
    numbers = [market.create_order(status="READY_TO_SHIP")["order_sn"] for _ in range(3)]
    assert look(stall) == "3 orders were missing"
    stall.clock.advance(HOUR)
    market.step(numbers[0], "ship")
    market.step(numbers[1], "ship")
    market.create_order(status="READY_TO_SHIP")
    assert look(stall) == "1 order was missing, 2 were older"
    assert equal(stall)
    stall.clock.advance(HOUR)
    assert look(stall) == "nothing was missing"


def test_all_pages_are_read(stall: Stall) -> None:
    wish = {"shop_id": stall.market().shop_ids[0], "count": 130, "spread_seconds": 86_400}
    stall.market().control("POST", "/orders/batch", wish)
    assert look(stall) == "130 orders were missing"
    assert stall.market().control("GET", "/calls")["/api/v2/order/get_order_list"] == 2
    assert equal(stall)


def test_a_change_that_no_push_told_stands_as_the_marketplace_has_it(stall: Stall) -> None:
    market = stall.market()
    market.settings(event_pushes=False)
    number = market.create_order(status="READY_TO_SHIP")["order_sn"]
    market.step(number, "ship")
    look(stall)
    market.step(number, "pickup")
    stall.clock.advance(HOUR)
    assert look(stall) == "1 was older"
    assert equal(stall)


def test_each_begins_before_the_end_of_the_last_however_long_ago_that_was(stall: Stall) -> None:
    for pause in (HOUR, 5 * HOUR, timedelta(days=2)):
        look(stall)
        stall.clock.advance(pause)
    look(stall)
    covered = [one for one in stall.covered() if one.source == "reconcile"]
    assert len(covered) == 4
    for first, second in pairwise(covered):
        assert second.covered_from == first.covered_until - reconcile.OVERLAP
    assert {one.run_id for one in covered} == {run.id for run in stall.runs(reconcile.KIND)}


def test_after_months_windows_of_at_most_fifteen_days_follow_each_other(stall: Stall) -> None:
    look(stall)
    stall.clock.advance(timedelta(days=-40))
    stall.begin(reconcile.SWEEP_KIND, shop_id=stall.scope().shop_id)
    stall.clock.advance(timedelta(days=40))
    look(stall, reconcile.SWEEP_KIND)
    spans = [one.covered_until - one.covered_from for one in stall.covered()]
    assert max(spans) <= timedelta(days=15)


def test_the_daily_sweep_looks_seven_days_back_whatever_was_covered(stall: Stall) -> None:
    look(stall)
    stall.clock.advance(HOUR)
    look(stall, reconcile.SWEEP_KIND)
    sweep = stall.covered()[-1]
    assert sweep.covered_until - sweep.covered_from == timedelta(days=7)


def test_a_window_of_which_an_order_was_left_out_is_not_called_covered(stall: Stall) -> None:
    number = stall.market().create_order(status="READY_TO_SHIP")["order_sn"]
    stall.market().fail(error="error_data", path="/api/v2/order/get_order_detail", times=None)
    stall.clock.advance(timedelta(seconds=2))
    stall.begin(reconcile.KIND, shop_id=stall.scope().shop_id)
    stall.run_to_end()
    assert stall.orders() == {}
    assert stall.covered() == []
    assert number in {one.last_order_sn for one in stall.exceptions()}
    stall.market().settings(fail=[])
    assert look(stall, reconcile.SWEEP_KIND) == "1 order was missing"
    assert len(stall.covered()) == 1


def test_an_order_that_can_never_be_read_makes_no_look_longer(stall: Stall) -> None:
    stall.market().create_order(status="READY_TO_SHIP")
    stall.market().fail(error="error_data", path="/api/v2/order/get_order_detail", times=None)
    for _ in range(2):
        look(stall)
        stall.clock.advance(HOUR)
    look(stall)
    first, *later = [run.cursor for run in stall.runs(reconcile.KIND)]
    assert first["until"] - first["first"] > 14 * 86_400
    assert [one["until"] - one["first"] < 2 * 3_600 for one in later] == [True, True]


def test_a_shop_that_cannot_be_asked_is_left_to_the_next_time(stall: Stall) -> None:
    with stall.db.write() as db:
        set_state(db, stall.scope(), "paused", reason="", actor=ANNA, now=stall.now)
    stall.begin(reconcile.KIND, shop_id=stall.scope().shop_id)
    stall.run_to_end()
    assert (stall.run(reconcile.KIND).state, stall.run(reconcile.KIND).note) == ("cancelled", "the shop is paused")


def test_f41_switched_out_in_the_middle_it_ends_and_writes_nothing_of_the_other_environment(stall: Stall) -> None:
    stall.prepare(Environment.LIVE)
    for environment in Environment:
        market = stall.market(environment)
        wish = {"shop_id": market.shop_ids[0], "count": 60, "spread_seconds": 3_600}
        market.control("POST", "/orders/batch", wish)
    stall.clock.advance(timedelta(seconds=2))
    stall.begin(reconcile.KIND, shop_id=stall.scope().shop_id)
    stall.market().fail(error="error_server", status=500, path="/api/v2/order/get_order_detail", times=3)
    stall.go_on()
    stall.switch(Environment.LIVE)
    stall.run_to_end()
    assert stall.run(reconcile.KIND).state == "cancelled"
    assert {row.environment for row in stall.orders().values()} == {Environment.LIVE}
