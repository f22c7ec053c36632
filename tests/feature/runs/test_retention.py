"""T39: what is old is forgotten, table by table; what is unfinished, young or audited stays."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from kedai.audit.models import AuditEntry
from kedai.coverage import service as coverage
from kedai.coverage.queries import list_intervals
from kedai.inbox.models import Notice, RawEvent, RejectedDelivery
from kedai.inbox.notices import record_notices
from kedai.inbox.rejected import Sample, keep_rejected
from kedai.kit.ids import new_id
from kedai.orders import service as orders
from kedai.orders.models import OrderAnswer, OrderPackage, OrderPackageChange, OrderShadow, OrderSync
from kedai.runs import service as runs
from kedai.runs.models import Run
from kedai.sync import retention, runner, schedule
from kedai.values.coverage import Source
from kedai.values.environment import Environment, Scope
from kedai.values.event import Announcement, EventState
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
            sample, told = Sample("mismatch", {}, b"x", 1), {"diagnosis": "unknown_key", "diagnosed_for": ""}
            keep_rejected(db, FAKE, environment, sample, counts={"mismatch": 3}, **told, now=house.now)
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
    """The kind's run, now, to its end: on a slow machine it is given back in between, and taken on."""
    with house.db.write() as db:
        (made,) = schedule.run_now(house.parts, db, retention.KIND, FAKE, environment, actor=ANNA, now=house.now)
    while asyncio.run(runner.run_next(house.parts, kind=retention.KIND)):
        pass
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


def test_tracking_numbers_of_an_old_order_are_forgotten_with_their_history(aged: House) -> None:
    """They lead to who got the parcel; that the package changed stays."""
    for environment in Environment:
        key = {
            "connector": FAKE,
            "environment": environment,
            "shop_id": SHOP,
            "order_sn": "OLD",
            "package_number": "P1",
        }
        aged.execute(sa.insert(OrderPackage).values(**key, status="x", tracking_number="T2", items=[]))
        told = {"before": "T1", "after": "T2", "changed_at": aged.now, "recorded_at": aged.now}
        for field in ("tracking_number", "carrier"):
            aged.execute(sa.insert(OrderPackageChange).values(id=new_id(), **key, **told, field=field))
        aged.execute(sa.update(OrderSync).where(OrderSync.environment == environment).values(tracking_number="T2"))
    forget(aged)
    assert tracked(aged, SANDBOX) == ([None], [None], [("carrier", "T1", "T2"), ("tracking_number", None, None)])
    left = [("carrier", "T1", "T2"), ("tracking_number", "T1", "T2")]
    assert tracked(aged, LIVE) == (["T2"], ["T2"], left)


def tracked(house: House, environment: Environment) -> tuple[list[str | None], list[str | None], list[tuple[str, ...]]]:
    """The tracking number of the order, that of its package, and the package's history."""
    change = (OrderPackageChange.field, OrderPackageChange.before, OrderPackageChange.after)
    with house.db.read() as db:
        order, package = (
            list(db.execute(sa.select(table.tracking_number).where(table.environment == environment)).scalars())
            for table in (OrderSync, OrderPackage)
        )
        changes = db.execute(sa.select(*change).where(OrderPackageChange.environment == environment))
        return order, package, sorted(tuple(one) for one in changes)


def test_answer_that_comes_after_an_order_was_masked_is_forgotten_too(aged: House) -> None:
    """What an order earned is captured when it was paid out, which may be late; its answer names the buyer."""
    forget(aged)
    key = {"connector": FAKE, "environment": SANDBOX, "shop_id": SHOP, "order_sn": "OLD"}
    told = {"kind": "get_escrow_detail", "hash": b"h", "body": b"b"}
    at = {"remote_updated_at": aged.now, "read_started_at": aged.now}
    aged.execute(sa.insert(OrderAnswer).values(**key, **told, **at))
    assert forget(aged).note == "orders masked: 1"
    assert count(aged, OrderAnswer) == 0


def test_notices_that_were_read_are_forgotten_and_the_others_wait(aged: House) -> None:
    long_ago = aged.now - timedelta(days=100)
    for environment in Environment:
        for title, at in (("read", long_ago), ("unread", long_ago), ("young", aged.now)):
            said = {new_id(): [Announcement(title, "x", None, None)]}
            with aged.db.write() as db:
                record_notices(db, FAKE, environment, said, shop_id=None, now=at)
    aged.execute(sa.update(Notice).where(Notice.title != "unread").values(seen_at=aged.now))
    assert "notices: 1" in forget(aged).note
    with aged.db.read() as db:
        left = db.execute(sa.select(Notice.environment, Notice.title).order_by(Notice.id)).all()
    of_live = [(LIVE, title) for title in ("read", "unread", "young")]
    assert sorted(tuple(one) for one in left) == sorted([(SANDBOX, "unread"), (SANDBOX, "young"), *of_live])


def test_what_covered_times_of_long_ago_is_forgotten(aged: House) -> None:
    """Not an interval that went on since, and not one of long ago that was back-filled lately."""
    aged.clock.advance(timedelta(days=400))
    long_ago, yesterday = aged.now - timedelta(days=500), aged.now - timedelta(days=1)
    hour = timedelta(hours=1)
    with aged.db.write() as db:
        for scope in (Scope(FAKE, SANDBOX, SHOP), Scope(FAKE, LIVE, SHOP)):
            told = {"run_id": None, "now": long_ago + hour}
            coverage.record(db, scope, Source.PUSH, long_ago, long_ago + hour, **told)
            coverage.record(db, scope, Source.LOST_PUSH, long_ago, yesterday, run_id=None, now=yesterday)
            coverage.record(db, scope, Source.RECONCILE, long_ago, long_ago + hour, **told)
            coverage.record(db, scope, Source.BACKFILL, long_ago, long_ago + hour, run_id=None, now=yesterday)
    assert "covered times: 2" in forget(aged).note
    with aged.db.read() as db:
        left = {
            environment: {
                one.source for one in list_intervals(db, Scope(FAKE, environment, SHOP), since=long_ago, until=aged.now)
            }
            for environment in Environment
        }
    assert left[SANDBOX] == {Source.LOST_PUSH, Source.BACKFILL}
    assert left[LIVE] == {Source.PUSH, Source.LOST_PUSH, Source.RECONCILE, Source.BACKFILL}


def test_young_installation_forgets_nothing(aged: House) -> None:
    aged.clock.advance(-timedelta(days=199))
    ended = forget(aged)
    assert (ended.state, ended.done, ended.note) == ("succeeded", 0, "Nothing was old enough.")
    assert count(aged, OrderAnswer) == 2


def test_run_killed_midway_goes_on_in_the_table_where_it_was(aged: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "STEP_ROWS", 2)
    with aged.db.write() as db:
        schedule.run_now(aged.parts, db, retention.KIND, FAKE, SANDBOX, actor=ANNA, now=aged.now)
    for _ in range(len(retention.SWEEPS) * 4):
        asyncio.run(runner.run_next(aged.parts, kind=retention.KIND, must_stop=lambda: True))
    with aged.db.read() as db:
        (ended,) = db.execute(sa.select(Run).where(Run.kind == retention.KIND)).scalars()
    assert (ended.state, ended.done) == ("succeeded", 6)
