"""F4 to F7: web server or worker are killed in the middle of their work; whoever comes next finishes it, once."""

from __future__ import annotations

import signal
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException

import pytest
import sqlalchemy as sa

from kedai.orders.models import OrderAnswer, OrderTimeline
from kedai.runs.models import Run
from kedai.sync.replay import replay_parked
from kedai.values.actor import COMMAND_LINE
from kedai.values.environment import Environment
from tests.journeys.conftest import Place
from tests.journeys.senders import Senders
from tests.support.installation import SHOPEE, Installation, order_push
from tests.support.processes import Process, wait_until

pytestmark = pytest.mark.journey

SHORT_LEASE = {"KEDAI_LEASE_SECONDS": "2"}
"""On PostgreSQL only time tells that a worker is gone; on SQLite the lock file does, and no lease is waited for."""
SEEDS = {"SHOPEE_PUSH_PARTNER_KEY": "push-key-of-the-journeys-00001", "SHOPEE_SHOP_ID": "7001", "SHOPEE_REGION": "SG"}
MANY = 20_000
MANY_PARKED = """
    INSERT INTO raw_event (id, connector, environment, event_id, body, headers, matched_key, matched_url, topic,
                           shop_id, received_at, state, parked_reason, due_at)
    SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'shopee', 'sandbox', int8send(n), '', '{}',
           '', '', 'order', '7001', now(), 'parked', 'inactive_environment', now()
    FROM generate_series(1, :many) n
"""
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


def send(home: Installation, body: bytes, key: str) -> None:
    """In `serve` the worker may die before the server has answered: what it worked on is stored all the same."""
    with suppress(ConnectionError, HTTPException):
        assert home.push("sandbox", body, key=key).status == 200


def count(home: Installation, model: type) -> int:
    return int(home.rows(sa.select(sa.func.count()).select_from(model))[0][0])


def test_f4_a_push_whose_server_was_killed_right_after_its_answer_is_worked_on_though_nobody_was_told(
    place: Place,
) -> None:
    """The stored row is the work itself. On PostgreSQL a worker waits there already, and finds it by looking.

    Break: let the worker sleep until it is told (`_IDLE_SECONDS`).
    """
    home = place()
    home.prepare("sandbox")
    body, key = place_order(home), home.app("sandbox")["push_partner_key"]
    if home.database_url is None:
        server = home.start("serve", KEDAI_CRASH_AT="edge.answered")
    else:
        home.start("worker")
        server = home.start("web", KEDAI_CRASH_AT="edge.answered")
    assert home.push("sandbox", body, key=key).status == 200
    assert server.wait_exit(20) == -signal.SIGKILL

    if home.database_url is None:
        home.start("serve")

    home.wait_equal("sandbox")
    wait_until(lambda: home.events()[0].state == "applied", message="the event was not finished")


def test_f5_an_order_whose_worker_was_killed_after_the_claim_is_synced_by_the_next(place: Place) -> None:
    home = place()
    home.prepare("sandbox")
    body, key = place_order(home), home.app("sandbox")["push_partner_key"]
    hands = Hands(home)
    hands.begin(KEDAI_CRASH_AT="worker.claimed")
    send(home, body, key)
    hands.wait_killed()
    (event,) = home.events()
    assert (event.state, event.stalls, event.lease_by is None) == ("received", 0, False)
    assert home.believed("sandbox") == {}

    hands.begin()

    home.wait_equal("sandbox")
    wait_until(lambda: home.events()[0].state == "applied", message="the event was not finished")
    (event,) = home.events()
    assert (event.stalls, event.attempts, event.lease_by) == (1, 0, None)


@pytest.mark.parametrize(
    "point",
    [
        pytest.param("worker.answered", id="F6-asked-and-nothing-written"),
        pytest.param("worker.orders_written", id="F7-between-the-order-and-its-event"),
    ],
)
def test_f6_f7_a_kill_before_the_commit_leaves_neither_order_nor_event_done_and_the_next_try_both(
    place: Place, point: str
) -> None:
    home = place()
    home.prepare("sandbox")
    body, key = place_order(home), home.app("sandbox")["push_partner_key"]
    hands = Hands(home)
    hands.begin(KEDAI_CRASH_AT=point)
    send(home, body, key)
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
    hands.begin(KEDAI_CRASH_AT="replay_parked.stepped")
    shop_id = int(home.shop_id("live"))
    senders = Senders(home.port, home.url, home.app("live")["push_partner_key"], "live")
    stock = [stock_push(shop_id, number) for number in range(PARKED)]
    assert {sent.status for sent in senders.send_all(stock, connections=16)} == {200}
    assert home.count_events("parked", environment="live") == PARKED

    operator = home.sign_in()
    home.certify()
    admin = f"{home.url}/admin/dashboard/connectors/shopee/active-environment"
    assert operator.send_json("POST", admin, {"environment": "live", "confirm": "live"}).status == 200
    assert operator.post(f"{home.url}/e/live/events/replay-parked", {}, follow=False).status == 303
    hands.wait_killed()
    assert home.count_events("parked", environment="live") == PARKED - STEP

    hands.begin()

    wait_until(
        lambda: home.count_events("skipped", environment="live") == PARKED, timeout=30, message="not all were replayed"
    )
    ((state, done, total),) = home.rows(sa.select(Run.state, Run.done, Run.total).where(Run.kind == "replay_parked"))
    assert (state, done, total) == ("succeeded", PARKED, PARKED)


def test_a_catch_up_that_was_killed_between_its_steps_goes_on_where_it_stood(place: Place) -> None:
    """The pushes of these orders never came: only the list of changes knows of them."""
    home = place()
    home.prepare("sandbox", "live")
    wish = {"shop_id": int(home.shop_id("live")), "count": 130, "pushes": False, "spread_seconds": 86_400}
    home.control("live", "POST", "/control/orders/batch", wish)
    hands = Hands(home)
    hands.begin(KEDAI_CRASH_AT="catch_up.stepped")
    operator = home.sign_in()
    home.certify()
    admin = f"{home.url}/admin/dashboard/connectors/shopee/active-environment"
    assert operator.send_json("POST", admin, {"environment": "live", "confirm": "live"}).status == 200
    hands.wait_killed()
    ((state, done),) = home.rows(sa.select(Run.state, Run.done).where(Run.kind == "catch_up"))
    assert (state, done, home.believed("live")) == ("running", 0, {})

    hands.begin()

    home.wait_equal("live")
    ended = sa.select(Run.state).where(Run.kind == "catch_up")
    wait_until(lambda: home.rows(ended)[0][0] == "succeeded", message="the run did not end")


def test_a_worker_that_is_told_to_stop_gives_its_run_back_and_another_goes_on_at_once(on_postgresql: Place) -> None:
    """Nobody waits for the lease, which is a quarter of an hour here."""
    home = on_postgresql(with_simulator=False, extra=SEEDS | {"KEDAI_LEASE_SECONDS": "600"})
    home.upgrade()
    with home.runtime() as runtime, runtime.web_db.write() as db:
        db.execute(sa.text(MANY_PARKED), {"many": MANY})
        run = replay_parked(runtime.parts, db, SHOPEE, Environment.SANDBOX, actor=COMMAND_LINE, now=runtime.clock.now())
        run_id = run.id
    done = sa.select(Run.done, Run.state, Run.lease_by).where(Run.id == run_id)
    first = home.start("worker")
    wait_until(lambda: home.rows(done)[0][0] > 0, timeout=20, message="the run did not begin")
    first.terminate()
    assert first.wait_exit(20) == 0
    stopped = home.rows(done)[0]
    assert (0 < stopped[0] < MANY, stopped[1], stopped[2]) == (True, "running", None)

    home.start("worker")

    wait_until(lambda: home.rows(done)[0][1] == "succeeded", timeout=60, message="nobody went on")
    assert home.rows(done)[0][0] == MANY


def stock_push(shop_id: int, number: int) -> bytes:
    """A push about reserved stock: parked like one about an order, and done without asking anybody."""
    return b'{"data": {"item_id": %d}, "shop_id": %d, "code": 8, "timestamp": 1788000001}' % (number, shop_id)
