"""What we believe about an order: the newest reading stands, whatever order readings come in, and money stays exact."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import permutations, product

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import StatementError

from kedai.orders.models import OrderAnswer, OrderItem, OrderSync, OrderTimeline
from kedai.orders.service import DETAIL, prepare, upsert
from kedai.values.environment import Scope
from kedai.values.order import OrderSnapshot
from tests.support.factories import FAKE, LIVE, SANDBOX, SHOP, START, House, line, run_threads, snapshot

SCOPE = Scope(FAKE, SANDBOX, SHOP)
LATER = START + timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _shops(house: House) -> None:
    house.connect(SANDBOX)
    house.connect(LIVE)
    house.connect(SANDBOX, "7002")


def write(house: House, *snapshots: OrderSnapshot, scope: Scope = SCOPE) -> set[str]:
    with house.db.write() as db:
        return upsert(db, scope, prepare(snapshots), now=house.now)


def order(house: House) -> OrderSync:
    (one,) = house.orders()
    return one


def items(house: House) -> list[tuple[str, int, Decimal | None]]:
    statement = sa.select(OrderItem).order_by(OrderItem.environment, OrderItem.order_sn, OrderItem.line)
    with house.db.read() as db:
        rows = db.execute(statement).scalars().all()
    return [(row.item_id, row.quantity, row.unit_price) for row in rows]


def timeline(house: House) -> list[tuple[str | None, str]]:
    with house.db.read() as db:
        rows = db.execute(sa.select(OrderTimeline).order_by(OrderTimeline.id)).scalars().all()
    return [(row.previous_status, row.status) for row in rows]


def answers(house: House) -> list[bytes]:
    with house.db.read() as db:
        rows = db.execute(sa.select(OrderAnswer).order_by(OrderAnswer.read_started_at)).scalars().all()
    assert {row.kind for row in rows} <= {DETAIL}
    return [zlib.decompress(row.body) for row in rows]


def belief(house: House) -> tuple[object, ...]:
    """Everything that must not depend on the order in which readings came."""
    told = [column.name for column in OrderSync.__table__.c if column.name not in {"id", "first_seen_at", "synced_at"}]
    rows = tuple(tuple(getattr(row, name) for name in told) for row in house.orders())
    return rows, tuple(items(house)), frozenset(answers(house))


def test_reading_becomes_an_order_with_lines_a_first_entry_and_its_exact_answer(house: House) -> None:
    told = snapshot(
        "O1",
        buyer_username="Ünï · 鍵",
        ship_by_at=LATER,
        tracking_number="T1",
        shipping_carrier="C",
        payment_method="P",
        lines=(line("1", quantity=2), line("2", unit_price=None)),
        answer=b'{"exact":  "bytes"}',
    )
    assert write(house, told) == {"O1"}
    row = order(house)
    for name in ("order_sn", "status", "currency", "total_amount", "buyer_username", "tracking_number"):
        assert getattr(row, name) == getattr(told, name)
    for name in ("shipping_carrier", "payment_method", "ship_by_at", "remote_created_at", "remote_updated_at"):
        assert getattr(row, name) == getattr(told, name)
    assert (row.environment, row.shop_id, row.line_count, row.read_started_at) == (SANDBOX, SHOP, 2, START)
    assert items(house) == [("1", 2, Decimal("12.50")), ("2", 1, None)]
    assert timeline(house) == [(None, "READY_TO_SHIP")]
    assert answers(house) == [b'{"exact":  "bytes"}']


def test_same_reading_twice_changes_nothing(house: House) -> None:
    write(house, snapshot("O1"))
    before, identity = belief(house), order(house).id
    assert write(house, snapshot("O1")) == {"O1"}
    assert belief(house) == before
    assert order(house).id == identity
    assert timeline(house) == [(None, "READY_TO_SHIP")]


def test_newer_reading_replaces_and_an_older_one_is_kept_as_an_answer_only(house: House) -> None:
    newer = snapshot("O1", status="SHIPPED", remote_updated_at=START, read_started_at=LATER)
    older = snapshot("O1", status="UNPAID", remote_updated_at=START - timedelta(seconds=1), read_started_at=LATER)
    write(house, newer)
    before = order(house)
    assert write(house, older) == set()
    after = order(house)
    assert (after.status, after.remote_updated_at, after.answer_hash) == ("SHIPPED", START, before.answer_hash)
    assert timeline(house) == [(None, "SHIPPED")]
    assert len(answers(house)) == 2


def test_of_two_readings_of_one_remote_change_the_later_one_stands(house: House) -> None:
    early = snapshot("O1", tracking_number=None, read_started_at=START)
    late = snapshot("O1", tracking_number="T1", read_started_at=LATER)
    write(house, late)
    assert write(house, early) == set()
    assert order(house).tracking_number == "T1"
    assert order(house).read_started_at == LATER


def test_reading_that_began_earlier_but_tells_of_a_later_change_stands(house: House) -> None:
    write(house, snapshot("O1", status="UNPAID", read_started_at=LATER))
    ahead = snapshot("O1", status="SHIPPED", remote_updated_at=START, read_started_at=START - timedelta(minutes=5))
    assert write(house, ahead) == {"O1"}
    assert order(house).status == "SHIPPED"


READINGS = (
    snapshot("O1", status="UNPAID", remote_updated_at=START - timedelta(minutes=9), read_started_at=LATER),
    snapshot("O1", status="READY_TO_SHIP", lines=(line("1"), line("2")), read_started_at=START),
    snapshot("O1", status="READY_TO_SHIP", lines=(line("2", quantity=3),), read_started_at=LATER),
    snapshot("O1", status="SHIPPED", remote_updated_at=START, tracking_number="T1", read_started_at=START),
)


def test_readings_in_any_order_end_in_the_same_belief(house: House) -> None:
    """F36: the newest stands, whichever came last."""
    ends = set()
    for number, order_of_arrival in enumerate(permutations(READINGS)):
        scope = Scope(FAKE, SANDBOX, f"{8000 + number}")
        house.connect(SANDBOX, scope.shop_id)
        for one in order_of_arrival:
            write(house, one, scope=scope)
    for row in house.orders():
        ends.add((row.status, row.tracking_number, row.remote_updated_at, row.read_started_at, row.answer_hash))
    assert len(house.orders()) == 24
    assert len(ends) == 1
    assert house.orders()[0].status == "SHIPPED"
    with house.db.read() as db:
        lines = db.execute(sa.select(OrderItem.shop_id, sa.func.count()).group_by(OrderItem.shop_id)).all()
        kept = db.execute(sa.select(OrderAnswer.shop_id, sa.func.count()).group_by(OrderAnswer.shop_id)).all()
    assert {count for _, count in lines} == {1}
    assert {count for _, count in kept} == {4}


def test_readings_written_by_several_workers_at_once_end_in_the_newest(house: House) -> None:
    readings = [
        snapshot(f"O{number}", status=f"S{step}", remote_updated_at=START + timedelta(seconds=step))
        for number, step in product(range(4), range(6))
    ]
    places = [house.as_process() for _ in range(4)]

    def write_some(number: int) -> None:
        for step in range(6):
            mine = [one for index, one in enumerate(readings) if index % 6 == (step + number) % 6]
            places[number].database.transact(lambda db, mine=mine: upsert(db, SCOPE, prepare(mine), now=house.now))

    assert run_threads([lambda number=number: write_some(number) for number in range(4)]) == [None] * 4
    assert [(row.order_sn, row.status) for row in house.orders()] == [(f"O{number}", "S5") for number in range(4)]
    assert len(items(house)) == 4
    assert len(answers(house)) == 24


def test_lines_are_replaced_when_the_answer_changed_and_left_alone_when_not(house: House) -> None:
    write(house, snapshot("O1", lines=(line("1"), line("2"), line("3"))))
    house.execute(sa.update(OrderItem).values(name="touched"))
    write(house, snapshot("O1", lines=(line("1"), line("2"), line("3")), read_started_at=LATER))
    assert house.scalar(sa.select(sa.func.count()).where(OrderItem.name == "touched")) == 3
    write(house, snapshot("O1", lines=(line("3", quantity=9),), read_started_at=LATER))
    assert items(house) == [("3", 9, Decimal("12.50"))]
    assert order(house).line_count == 1
    write(house, snapshot("O1", lines=(), read_started_at=LATER + timedelta(seconds=1)))
    assert items(house) == []


def test_lines_of_other_orders_shops_and_environments_stay(house: House) -> None:
    write(house, snapshot("O1"), snapshot("O2"))
    write(house, snapshot("O1"), scope=Scope(FAKE, LIVE, SHOP))
    write(house, snapshot("O1"), scope=Scope(FAKE, SANDBOX, "7002"))
    write(house, snapshot("O1", lines=(line("9"),), remote_updated_at=START))
    assert sorted(item_id for item_id, _, _ in items(house)) == ["1", "1", "1", "9"]


def test_each_change_of_status_is_one_entry_of_the_timeline(house: House) -> None:
    statuses = ["UNPAID", "READY_TO_SHIP", "READY_TO_SHIP", "SHIPPED", "READY_TO_SHIP"]
    for minute, status in enumerate(statuses):
        changed = START + timedelta(minutes=minute)
        write(house, snapshot("O1", status=status, remote_updated_at=changed))
        write(house, snapshot("O1", status=status, remote_updated_at=changed, read_started_at=LATER))
    assert timeline(house) == [
        (None, "UNPAID"),
        ("UNPAID", "READY_TO_SHIP"),
        ("READY_TO_SHIP", "SHIPPED"),
        ("SHIPPED", "READY_TO_SHIP"),
    ]


def test_distinct_answers_are_kept_once_each(house: House) -> None:
    one, two = snapshot("O1", answer=b"one"), snapshot("O1", answer=b"two", read_started_at=LATER)
    for reading in (one, two, one, two, one):
        write(house, reading)
    assert answers(house) == [b"one", b"two"]


def test_status_we_do_not_know_is_kept_as_it_is(house: House) -> None:
    write(house, snapshot("O1", status="TELEPORTED"))
    assert order(house).status == "TELEPORTED"


def test_money_is_exact(house: House) -> None:
    amounts = ["0.0001", "0.1", "922337203685477.5807", "-3.30", "0"]
    for number, text in enumerate(amounts):
        amount = Decimal(text)
        write(house, snapshot(f"O{number}", total_amount=amount, currency="IDR", lines=(line(unit_price=amount),)))
    write(house, snapshot("O9", total_amount=None, lines=(line(unit_price=None),)))
    expected = [*map(Decimal, amounts), None]
    assert [row.total_amount for row in house.orders()] == expected
    assert [row.currency for row in house.orders()] == ["IDR"] * 5 + ["SGD"]
    assert [price for _, _, price in items(house)] == expected


def test_many_small_amounts_add_up(house: House) -> None:
    write(house, *(snapshot(f"O{number:03}", total_amount=Decimal("0.10")) for number in range(200)))
    assert sum(row.total_amount for row in house.orders() if row.total_amount is not None) == Decimal(20)


def test_money_that_cannot_be_kept_is_refused_and_nothing_of_the_batch_is_written(house: House) -> None:
    for amount in (Decimal("0.00001"), Decimal("NaN"), Decimal(2**63)):
        with pytest.raises(StatementError):
            write(house, snapshot("O1"), snapshot("O2", total_amount=amount))
    assert house.orders() == []
    assert answers(house) == []


def test_order_that_an_answer_names_twice_is_written_once_from_its_newest_reading(house: House) -> None:
    old, new = snapshot("O1"), snapshot("O1", status="SHIPPED", remote_updated_at=START)
    pairs: Sequence[tuple[OrderSnapshot, ...]] = [(old, new), (new, old)]
    for number, pair in enumerate(pairs):
        house.connect(SANDBOX, f"{9000 + number}")
        assert write(house, *pair, scope=Scope(FAKE, SANDBOX, f"{9000 + number}")) == {"O1"}
    assert [row.status for row in house.orders()] == ["SHIPPED"] * 2


def test_no_orders_is_no_work(house: House) -> None:
    assert write(house) == set()
