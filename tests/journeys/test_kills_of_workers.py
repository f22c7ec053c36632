"""F5, F7: the worker is killed in the middle of its work; whoever comes next finishes it, once."""

from __future__ import annotations

import signal
from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from kedai.orders.models import OrderAnswer, OrderTimeline
from kedai.runs.models import Run
from tests.journeys.conftest import Place
from tests.journeys.senders import Senders
from tests.support.installation import Installation, order_push
from tests.support.processes import Process, wait_until

pytestmark = pytest.mark.journey

SHORT_LEASE = {"KEDAI_LEASE_SECONDS": "2"}
"""On PostgreSQL only time tells that a worker is gone; on SQLite the lock file does, and no lease is waited for."""
PARKED = 450
STEP = 200


@dataclass
class Hands:
    """Whoever works on pushes: `serve` alone on SQLite, a worker beside a web server on PostgreSQL."""

    home: Installation
    working: Process | None = None

    def begin(self, **settings: str) -> None:
        if self.home.database_url is None:
            self.working = self.home.start("serve", **settings)
            return
        if self.working is None:
            self.home.start("web")
        self.working = self.home.start("worker", **SHORT_LEASE, **settings)

    def wait_killed(self) -> None:
        assert self.working is not None
        assert self.working.wait_exit(20) == -signal.SIGKILL


def place_order(home: Installation) -> bytes:
    """A paid order at the marketplace, and its push, which the test sends itself."""
    shop_id = int(home.shop_id("sandbox"))
    wish = {"shop_id": shop_id, "status": "READY_TO_SHIP", "pushes": False}
    return order_push(home.control("sandbox", "POST", "/control/orders", wish)["order_sn"], shop_id)


def count(home: Installation, model: type) -> int:
    return int(home.rows(sa.select(sa.func.count()).select_from(model))[0][0])


def test_f5_an_order_whose_worker_was_killed_after_the_claim_is_synced_by_the_next(place: Place) -> None:
    home = place()
    home.prepare("sandbox")
    body, key = place_order(home), home.app("sandbox")["push_partner_key"]
    hands = Hands(home)
    hands.begin(KEDAI_CRASH_AT="worker.claimed")
    assert home.push("sandbox", body, key=key).status == 200
    hands.wait_killed()
    (event,) = home.events()
    assert (event.state, event.stalls, event.lease_by is None) == ("received", 0, False)
    assert home.believed("sandbox") == {}

    hands.begin()

    home.wait_equal("sandbox")
    wait_until(lambda: home.events()[0].state == "applied", message="the event was not finished")
    (event,) = home.events()
    assert (event.stalls, event.attempts, event.lease_by) == (1, 0, None)


def test_f7_a_kill_between_the_order_and_its_event_leaves_neither_and_the_next_try_both(place: Place) -> None:
    home = place()
    home.prepare("sandbox")
    body, key = place_order(home), home.app("sandbox")["push_partner_key"]
    hands = Hands(home)
    hands.begin(KEDAI_CRASH_AT="worker.orders_written")
    assert home.push("sandbox", body, key=key).status == 200
    hands.wait_killed()
    assert [event.state for event in home.events()] == ["received"]
    assert (home.believed("sandbox"), count(home, OrderAnswer), count(home, OrderTimeline)) == ({}, 0, 0)

    hands.begin()

    home.wait_equal("sandbox")
    wait_until(lambda: home.events()[0].state == "applied", message="the event was not finished")
    assert (len(home.believed("sandbox")), count(home, OrderAnswer), count(home, OrderTimeline)) == (1, 1, 1)


def test_a_replay_that_was_killed_between_its_steps_goes_on_where_it_stood(place: Place) -> None:
    home = place()
    home.prepare("sandbox", "live")
    hands = Hands(home)
    hands.begin(KEDAI_CRASH_AT="run.stepped")
    shop_id = int(home.shop_id("live"))
    senders = Senders(home.port, home.url, home.app("live")["push_partner_key"], "live")
    stock = [stock_push(shop_id, number) for number in range(PARKED)]
    assert {sent.status for sent in senders.send_all(stock, connections=16)} == {200}
    assert home.count_events("parked", environment="live") == PARKED

    operator = home.sign_in()
    admin = f"{home.url}/admin/dashboard/connectors/shopee/active-environment"
    assert operator.send_json("POST", admin, {"environment": "live", "confirm": "live"}).status == 200
    assert operator.post(f"{home.url}/e/live/events/replay-parked", {}, follow=False).status == 303
    hands.wait_killed()
    assert home.count_events("parked", environment="live") == PARKED - STEP

    hands.begin()

    wait_until(
        lambda: home.count_events("skipped", environment="live") == PARKED, timeout=30, message="not all were replayed"
    )
    ((state, done, total),) = home.rows(sa.select(Run.state, Run.done, Run.total))
    assert (state, done, total) == ("succeeded", PARKED, PARKED)


def stock_push(shop_id: int, number: int) -> bytes:
    """A push about reserved stock: parked like one about an order, and done without asking anybody."""
    return b'{"data": {"item_id": %d}, "shop_id": %d, "code": 8, "timestamp": 1788000001}' % (number, shop_id)
