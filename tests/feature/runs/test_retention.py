"""T39: what is old is forgotten, table by table; what is unfinished, young or audited stays."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from kedai.audit.models import AuditEntry
from kedai.inbox.models import RawEvent, RejectedDelivery
from kedai.inbox.service import keep_rejected
from kedai.kit.ids import new_id
from kedai.orders import service as orders
from kedai.orders.models import OrderAnswer, OrderShadow, OrderSync
from kedai.runs import service as runs
from kedai.runs.models import Run
from kedai.sync import retention, runner, schedule
from kedai.values.environment import Environment, Scope
from kedai.values.event import EventState
from tests.support.factories import ANNA, FAKE, LIVE, SANDBOX, SHOP, House, incoming, snapshot


@pytest.fixture
def aged(house: House) -> House:
    """Something of every kind in both environments; after that, half a year and more goes by."""
    for environment in Environment:
        house.configure(environment)
        house.connect(environment)
        house.deliver(*(incoming(f"OLD-{state}", environment=environment) for state in EventState))
        write(house, environment, "OLD", 1)
        write(house, environment, "OLD", 2)
        with house.db.write() as db:
            keep_rejected(db, FAKE, environment, reason="signature", count=3, headers={}, body=b"x", now=house.now)
            made = runs.create_run(db, "rewrap", FAKE, environment, scope={}, total=None, actor=ANNA, now=house.now)
            runs.end_run(made, "succeeded", note="", now=house.now)
        shadow(house, environment)
    for state in EventState:
        parked = {"parked_reason": "unknown_shop"} if state is EventState.PARKED else {}
        named = sa.update(RawEvent).where(RawEvent.order_sn == f"OLD-{state}")
        house.execute(named.values(state=state.value, **parked))
    house.clock.advance(timedelta(days=200))
    return house


def shadow(house: House, environment: Environment) -> None:
    """What a rebuild noted about the order; it may name the buyer."""
    key = {"connector": FAKE, "environment": environment, "shop_id": SHOP, "order_sn": "OLD"}
    told = {"state": "differs", "standing_hash": b"x", "events": 0, "differences": [["buyer_username", "a", "b"]]}
    house.execute(sa.insert(OrderShadow).values(run_id=new_id(), **key, **told))


def write(house: House, environment: Environment, order_sn: str, version: int) -> None:
    """An answer about an order, so many minutes after the first."""
    at = house.now + timedelta(minutes=version)
    one = snapshot(order_sn, remote_updated_at=at, read_started_at=at)
    with house.db.write() as db:
        orders.upsert(db, Scope(FAKE, environment, SHOP), orders.prepare([one]), now=at)


def forget(house: House, environment: Environment = SANDBOX) -> Run:
    """The kind's run, now, to its end."""
    with house.db.write() as db:
        (made,) = schedule.run_now(house.parts, db, retention.KIND, FAKE, environment, actor=ANNA, now=house.now)
    asyncio.run(runner.run_next(house.parts, kind=retention.KIND))
    with house.db.read() as db:
        return db.execute(sa.select(Run).where(Run.id == made.id)).scalar_one()


def count(house: House, model: type, environment: Environment = SANDBOX) -> int:
    with house.db.read() as db:
        return db.execute(sa.select(sa.func.count()).where(model.environment == environment)).scalar_one()


def test_t39_what_is_old_and_finished_is_forgotten_in_its_environment_alone(aged: House) -> None:
    """In steps of two rows, so that each table takes several."""
    aged.deliver(incoming("YOUNG"))
    aged.execute(sa.update(RawEvent).where(RawEvent.order_sn == "YOUNG").values(state="applied"))
    aged.execute(sa.update(RawEvent).where(RawEvent.order_sn == "YOUNG").values(received_at=aged.now))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retention, "STEP_ROWS", 2)
        ended = forget(aged)
    assert (ended.state, ended.note) == (
        "succeeded",
        "orders masked: 1, events: 3, rejected deliveries: 1, runs: 1",
    )
    left = {event.order_sn for event in aged.events(SANDBOX)}
    assert left == {"OLD-received", "OLD-parked", "OLD-dead", "YOUNG"}
    assert (count(aged, RejectedDelivery), count(aged, OrderAnswer), count(aged, OrderSync)) == (0, 0, 1)
    assert (count(aged, OrderShadow), count(aged, OrderShadow, LIVE)) == (0, 1)
    assert count(aged, RawEvent, LIVE) == len(EventState)
    assert (count(aged, OrderAnswer, LIVE), count(aged, RejectedDelivery, LIVE), count(aged, Run, LIVE)) == (2, 1, 1)
    with aged.db.read() as db:
        buyers = dict(tuple(one) for one in db.execute(sa.select(OrderSync.environment, OrderSync.buyer_username)))
        assert db.execute(sa.select(sa.func.count()).select_from(AuditEntry)).scalar_one() > 4
    assert buyers[SANDBOX] is None
    assert buyers[LIVE] is not None


def test_newest_answer_about_an_order_stays_while_its_buyer_is_known(aged: House) -> None:
    """It is what the order can be rebuilt from."""
    aged.execute(sa.update(OrderSync).values(remote_updated_at=aged.now))
    assert forget(aged).note.startswith("answers: 1")
    with aged.db.read() as db:
        (read_at,) = db.execute(
            sa.select(OrderAnswer.read_started_at).where(OrderAnswer.environment == SANDBOX)
        ).scalars()
        newest = db.execute(sa.select(OrderSync.read_started_at).where(OrderSync.environment == SANDBOX)).scalar_one()
    assert read_at == newest


def test_young_installation_forgets_nothing(aged: House) -> None:
    aged.clock.advance(-timedelta(days=199))
    ended = forget(aged)
    assert (ended.state, ended.done, ended.note) == ("succeeded", 0, "Nothing was old enough.")
    assert count(aged, OrderAnswer) == 2


def test_run_killed_midway_goes_on_in_the_table_where_it_was(aged: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "STEP_ROWS", 2)
    with aged.db.write() as db:
        schedule.run_now(aged.parts, db, retention.KIND, FAKE, SANDBOX, actor=ANNA, now=aged.now)
    for _ in range(20):
        asyncio.run(runner.run_next(aged.parts, kind=retention.KIND, must_stop=lambda: True))
    with aged.db.read() as db:
        (ended,) = db.execute(sa.select(Run).where(Run.kind == retention.KIND)).scalars()
    assert (ended.state, ended.done) == ("succeeded", 6)
