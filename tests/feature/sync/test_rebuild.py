"""Time travel: orders rebuilt from stored answers into a shadow, compared, and then applied or discarded."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from kedai.audit.models import AuditEntry
from kedai.errors import Conflict, Invalid, NotFound
from kedai.orders import shadow as shadows
from kedai.orders.models import OrderItem, OrderShadow
from kedai.orders.service import prepare, upsert
from kedai.runs.models import Run
from kedai.sync import rebuild, runner
from kedai.sync.rebuild import Wish
from kedai.values.environment import Environment, Scope
from kedai.values.order import OrderSnapshot
from tests.support.factories import ANNA, FAKE, LIVE, SANDBOX, SHOP, START, House, incoming, line, snapshot

SCOPE = Scope(FAKE, SANDBOX, SHOP)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def _shops(house: House) -> None:
    for environment in Environment:
        house.configure(environment)
        house.connect(environment)
    house.connect(SANDBOX, "7002")
    house.clock.advance(timedelta(hours=6))


def reading(order_sn: str = "ORDER1", *, minutes: int = 0, **changes: Any) -> OrderSnapshot:
    """An order as it was some minutes after the start: changed there, and read at once."""
    at = START + minutes * MINUTE
    return snapshot(order_sn, **{"remote_updated_at": at, "read_started_at": at, **changes})


def learn(house: House, *readings: OrderSnapshot, scope: Scope = SCOPE) -> None:
    """Each is written as what the marketplace said, one after the other, and today's code reads it the same way."""
    for one in readings:
        house.market.rereadings[one.answer] = one
        with house.db.write() as db:
            upsert(db, scope, prepare([one]), now=one.read_started_at)


def start(house: House, scope: Scope = SCOPE, **wish: Any) -> Run:
    meant = Wish(**{"as_of": house.now, **wish})
    with house.db.read() as db:
        counted = rebuild.count_meant(db, scope, meant)
    with house.db.write() as db:
        return rebuild.start_rebuild(house.parts, db, scope, meant, counted=counted, actor=ANNA, now=house.now)


def work(house: House) -> None:
    for _ in range(100):
        if not asyncio.run(runner.run_next(house.parts)):
            return
    raise AssertionError("the runs go round and round")


def rebuilt(house: House, scope: Scope = SCOPE, **wish: Any) -> Run:
    run = start(house, scope, **wish)
    work(house)
    return run


def found(house: House, run: Run) -> Sequence[OrderShadow]:
    with house.db.read() as db:
        return shadows.list_shadows(db, run.id, environment=run.environment, after="", limit=1_000)


def states(house: House, run: Run) -> list[tuple[str, str]]:
    return [(one.order_sn, one.state) for one in found(house, run)]


def apply(house: House, run_id: UUID, *, environment: Environment = SANDBOX) -> Run:
    with house.db.write() as db:
        return rebuild.apply_rebuild(db, run_id, environment=environment, actor=ANNA, now=house.now)


def discard(house: House, run_id: UUID) -> Run:
    with house.db.write() as db:
        return rebuild.discard_rebuild(db, run_id, environment=SANDBOX, actor=ANNA, now=house.now)


def standing(house: House) -> dict[str, str]:
    return {row.order_sn: row.status for row in house.orders()}


def skus(house: House) -> list[str]:
    with house.db.read() as db:
        return list(db.execute(sa.select(OrderItem.sku).order_by(OrderItem.order_sn, OrderItem.line)).scalars())


def run_of(house: House, run: Run) -> Run:
    with house.db.read() as db:
        return db.execute(sa.select(Run).where(Run.id == run.id)).scalar_one()


def test_an_order_is_shown_as_it_was_known_at_a_time_and_stays_as_it_is(house: House) -> None:
    learn(house, reading(), reading(minutes=10, status="SHIPPED"), reading(minutes=20, status="COMPLETED"))
    run = rebuilt(house, order_sn="ORDER1", as_of=START + 15 * MINUTE)
    (one,) = found(house, run)
    assert one.state == "differs"
    changed = {difference["field"]: (difference["now"], difference["then"]) for difference in one.differences}
    assert changed["status"] == ("COMPLETED", "SHIPPED")
    assert changed["remote_updated_at"] == ("2020-01-01T12:20:00Z", "2020-01-01T12:10:00Z")
    assert standing(house) == {"ORDER1": "COMPLETED"}
    assert not house.market.calls


def test_a_rebuild_of_now_by_the_same_code_finds_nothing(house: House) -> None:
    learn(house, reading("A"), reading("A", minutes=5, status="SHIPPED"), reading("B"))
    run = rebuilt(house)
    assert found(house, run) == []
    ended = run_of(house, run)
    assert (ended.state, ended.done, ended.total) == ("succeeded", 2, 2)


def test_mended_code_reads_the_same_answer_otherwise_and_applying_it_writes_orders_and_lines(house: House) -> None:
    one = reading(lines=(line(sku=""),))
    learn(house, one)
    house.market.rereadings[one.answer] = replace(one, total_amount=Decimal("99.5"), lines=(line(sku="MENDED"),))
    run = rebuilt(house)
    (shadow,) = found(house, run)
    assert [(one["field"], one["now"], one["then"]) for one in shadow.differences] == [
        ("total_amount", "12.5000", "99.5"),
        ("line 1: sku", "", "MENDED"),
    ]
    assert skus(house) == [""]
    apply(house, run.id)
    work(house)
    assert states(house, run) == [("ORDER1", "applied")]
    assert skus(house) == ["MENDED"]
    (order,) = house.orders()
    assert order.total_amount == Decimal("99.5")
    assert found(house, rebuilt(house)) == []


def test_an_order_set_back_to_an_earlier_time_goes_forward_again_with_the_next_reading(house: House) -> None:
    later = reading(minutes=20, status="COMPLETED")
    learn(house, reading(), reading(minutes=10, status="SHIPPED"), later)
    run = rebuilt(house, as_of=START + 15 * MINUTE)
    apply(house, run.id)
    work(house)
    assert standing(house) == {"ORDER1": "SHIPPED"}
    learn(house, later)
    assert standing(house) == {"ORDER1": "COMPLETED"}


def test_an_order_that_changed_since_it_was_compared_is_left_alone_and_told(house: House) -> None:
    learn(house, reading("A"), reading("A", minutes=10, status="SHIPPED"))
    learn(house, reading("B"), reading("B", minutes=10, status="SHIPPED"))
    run = rebuilt(house, as_of=START)
    learn(house, reading("A", minutes=30, status="COMPLETED"))
    apply(house, run.id)
    work(house)
    assert states(house, run) == [("A", "moved_on"), ("B", "applied")]
    assert standing(house) == {"A": "COMPLETED", "B": "READY_TO_SHIP"}


def test_what_was_not_known_then_or_cannot_be_read_is_told_and_never_applied(house: House) -> None:
    learn(house, reading("EARLY"), reading("EARLY", minutes=1, status="SHIPPED"), reading("LATE", minutes=30))
    broken = reading("BROKEN")
    learn(house, broken)
    del house.market.rereadings[broken.answer]
    house.deliver(incoming("LATE", at=START))
    run = rebuilt(house, as_of=START)
    assert states(house, run) == [("BROKEN", "unreadable"), ("EARLY", "differs"), ("LATE", "unknown_then")]
    assert [one.events for one in found(house, run)] == [0, 0, 1]
    apply(house, run.id)
    work(house)
    assert states(house, run) == [("BROKEN", "unreadable"), ("EARLY", "applied"), ("LATE", "unknown_then")]


def test_a_range_takes_the_orders_placed_in_it_and_its_end_is_outside(house: House) -> None:
    for number, days in (("A", 0), ("B", 1), ("C", 2)):
        placed = START - 10 * DAY + days * DAY
        learn(house, reading(number, remote_created_at=placed))
        learn(house, reading(number, minutes=5, status="SHIPPED", remote_created_at=placed))
    begin = START - 10 * DAY
    run = rebuilt(house, as_of=START, placed_from=begin, placed_until=begin + 2 * DAY)
    assert [one.order_sn for one in found(house, run)] == ["A", "B"]
    assert run_of(house, run).total == 2


def test_another_shop_and_the_other_environment_are_never_touched(house: House) -> None:
    for scope in (SCOPE, Scope(FAKE, SANDBOX, "7002"), Scope(FAKE, LIVE, SHOP)):
        learn(house, reading(), reading(minutes=5, status="SHIPPED"), scope=scope)
    run = rebuilt(house, as_of=START)
    assert [(one.environment, one.shop_id) for one in found(house, run)] == [(SANDBOX, SHOP)]
    with pytest.raises(NotFound):
        apply(house, run.id, environment=LIVE)
    apply(house, run.id)
    work(house)
    by_place = {(row.environment, row.shop_id): row.status for row in house.orders()}
    assert by_place == {(SANDBOX, SHOP): "READY_TO_SHIP", (SANDBOX, "7002"): "SHIPPED", (LIVE, SHOP): "SHIPPED"}


def test_the_same_rows_give_the_same_shadow_however_often_and_whenever_it_is_made(house: House) -> None:
    for number in ("A", "B", "C"):
        learn(house, *(reading(number, minutes=minute, status=f"S{minute}") for minute in (0, 3, 6)))
    wish = {"as_of": START + 4 * MINUTE}
    seen = []
    for _ in range(2):
        run = rebuilt(house, **wish)
        seen.append([(one.order_sn, one.state, one.answer_hash, one.differences) for one in found(house, run)])
        house.clock.advance(DAY)
    assert seen[0] == seen[1]
    assert len(seen[0]) == 3


def test_a_discarded_rebuild_changes_nothing_and_is_settled_for_good(house: House) -> None:
    learn(house, reading(), reading(minutes=10, status="SHIPPED"))
    run = rebuilt(house, as_of=START)
    discard(house, run.id)
    work(house)
    assert states(house, run) == [("ORDER1", "discarded")]
    assert standing(house) == {"ORDER1": "SHIPPED"}
    with pytest.raises(Conflict):
        apply(house, run.id)


def test_a_buyers_name_is_said_to_differ_and_never_told(house: House) -> None:
    one = reading()
    learn(house, one)
    house.market.rereadings[one.answer] = replace(one, buyer_username="somebody else")
    (shadow,) = found(house, rebuilt(house))
    assert shadow.differences == [{"field": "buyer_username", "now": None, "then": None}]


def test_more_orders_than_one_look_takes_are_all_compared_and_applied(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "_COMPARED_AT_ONCE", 3)
    monkeypatch.setattr(rebuild, "_WRITTEN_AT_ONCE", 2)
    numbers = [f"ORDER{number}" for number in range(6)]
    for number in numbers:
        learn(house, reading(number), reading(number, minutes=10, status="SHIPPED"))
    run = rebuilt(house, as_of=START)
    assert [one.order_sn for one in found(house, run)] == numbers
    settling = apply(house, run.id)
    work(house)
    assert set(standing(house).values()) == {"READY_TO_SHIP"}
    assert run_of(house, settling).done == 6


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        ({"as_of": START + 365 * DAY}, Invalid),
        ({"placed_from": START, "placed_until": START - DAY}, Invalid),
        ({"order_sn": "ORDER1", "placed_from": START}, Invalid),
        ({"order_sn": "NOWHERE"}, NotFound),
    ],
    ids=["time to come", "range reversed", "order and range", "no such order"],
)
def test_a_wish_that_makes_no_sense_is_refused(house: House, wish: dict[str, Any], error: type[Exception]) -> None:
    learn(house, reading())
    with pytest.raises(error):
        start(house, **wish)


def test_a_shop_has_one_rebuild_at_a_time_and_it_is_in_the_trail(house: House) -> None:
    learn(house, reading(), reading(minutes=10, status="SHIPPED"))
    run = start(house, as_of=START)
    with pytest.raises(Conflict):
        start(house)
    with pytest.raises(Conflict):
        apply(house, run.id)
    work(house)
    apply(house, run.id)
    with pytest.raises(Conflict):
        apply(house, run.id)
    with house.db.read() as db:
        actions = set(db.execute(sa.select(AuditEntry.action)).scalars())
    assert {"run.rebuild_orders", "run.apply_rebuild"} <= actions
