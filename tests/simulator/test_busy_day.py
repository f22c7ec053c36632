"""A busy day: planned from its seed alone, played to its end, stoppable."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from kedai.simulator.script.plan import plan_day
from tests.simulator.conftest import running_simulator
from tests.simulator.market import Market
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from tests.simulator.receiver import Receiver


def play(market: Market, **wish: object) -> dict[str, Any]:
    market.control("POST", "/busy-day", wish, status=202)
    wait_until(lambda: not market.control("GET", "/busy-day")["running"], message="the end of the busy day")
    report: dict[str, Any] = market.control("GET", "/busy-day")
    return report


def test_equal_seeds_plan_equal_days() -> None:
    assert plan_day(5, 200, [1, 2]) == plan_day(5, 200, [1, 2])
    assert plan_day(5, 200, [1, 2]) != plan_day(6, 200, [1, 2])


def test_a_plan_has_every_kind_of_life_in_the_right_order() -> None:
    day = plan_day(1, 300, [1, 2])
    assert set(day.ends) >= {"UNPAID", "READY_TO_SHIP", "PROCESSED", "SHIPPED", "COMPLETED", "CANCELLED"}
    assert Counter(day.shop_ids).keys() == {1, 2}
    for index in range(300):
        verbs = [step.verb for step in day.steps if step.order_index == index]
        assert verbs[0] == "create"
        assert [verb for verb in ("pay", "ship", "pickup", "deliver", "complete", "cancel") if verb in verbs] == verbs[
            1:
        ]
    assert all(0 <= step.at <= 1 for step in day.steps)


def test_a_day_ends_with_what_was_planned_and_its_pushes_delivered(market: Market, receiver: Receiver) -> None:
    report = play(market, seed=11, orders=120, duration_seconds=1)
    assert report["created"] == report["planned"] == 120
    assert report["steps_done"] == report["steps_planned"]
    assert report["skipped"] == 0
    mine = set(report["order_sns"])
    orders = [order for order in market.control("GET", "/state?deliveries=0")["orders"] if order["order_sn"] in mine]
    assert Counter(order["order_status"] for order in orders) == report["planned_states"]
    wait_until(lambda: "pending" not in market.control("GET", "/deliveries?limit=0")["counts"], message="all pushes")
    assert len(receiver.received) > 300


def test_the_same_seed_gives_the_same_orders_in_another_process(market: Market) -> None:
    play(market, seed=12, orders=30, duration_seconds=0)
    report = market.control("GET", "/busy-day")
    with running_simulator() as other:
        twin = Market(other.urls[0])
        again = play(twin, seed=12, orders=30, duration_seconds=0)
        ours, theirs = (
            [port.control("GET", f"/orders/{number}") for number in numbers]
            for port, numbers in ((market, report["order_sns"]), (twin, again["order_sns"]))
        )
    for one, two in zip(ours, theirs, strict=True):
        # The date in front of a number is the day's; everything else follows from the seed.
        assert one["order_sn"][6:] == two["order_sn"][6:]
        assert (one["order_status"], one["total_amount"]) == (two["order_status"], two["total_amount"])


def test_a_day_can_be_stopped_and_only_one_runs(market: Market) -> None:
    market.control("POST", "/busy-day", {"orders": 50, "duration_seconds": 600}, status=202)
    assert market.control("POST", "/busy-day", {}, status=409)["error"] == "busy_already"
    stopped = market.control("DELETE", "/busy-day")
    assert stopped["running"] is False
    assert stopped["created"] < 50


def test_orders_changed_by_hand_meanwhile_are_skipped(market: Market) -> None:
    market.control("POST", "/busy-day", {"seed": 3, "orders": 40, "duration_seconds": 1}, status=202)
    wait_until(lambda: market.control("GET", "/busy-day")["created"] > 5, message="some orders")
    for number in market.control("GET", "/busy-day")["order_sns"]:
        state = market.control("GET", f"/orders/{number}")["order_status"]
        if state in ("UNPAID", "READY_TO_SHIP", "PROCESSED"):
            market.control("POST", f"/orders/{number}/cancel")
    wait_until(lambda: not market.control("GET", "/busy-day")["running"], message="the end")
    report = market.control("GET", "/busy-day")
    assert report["steps_done"] == report["steps_planned"]
    assert report["skipped"] > 0
