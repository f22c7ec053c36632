"""Escrow capture: what was paid out is captured whole, spread exactly, and nothing stands for what is not known."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from kedai.errors import RemoteUnavailable
from kedai.orders.escrow import find_escrow
from kedai.orders.models import OrderAnswer, OrderEscrow, OrderEscrowLine
from kedai.runs.models import Run
from kedai.runs.service import create_run
from kedai.sync import escrow
from kedai.sync.parts import Parts
from kedai.sync.runner import run_next
from kedai.sync.schedule import tend
from kedai.values.actor import SYSTEM
from kedai.values.environment import Environment
from kedai.values.settlement import AMOUNTS, Amounts, ReleasedOrder, SettledLine, Settlement
from kedai.vault.models import Shop
from tests.support.factories import ANNA, FAKE, LIVE, SANDBOX, SHOP, Call, House, snapshot
from tests.support.speaking import Till, speaking

DAY = timedelta(days=1)


@pytest.fixture
def till() -> Till:
    return Till()


@pytest.fixture
def shop(house: House) -> House:
    for environment in (SANDBOX, LIVE):
        house.configure(environment)
        house.connect(environment)
    return house


def pay_out(house: House, till: Till, order_sn: str, *, ago: timedelta = DAY, currency: str = "SGD") -> None:
    """The marketplace knows an order, has paid it out, and tells what it earned."""
    house.market.put(SANDBOX, snapshot(order_sn, status="COMPLETED", currency=currency))
    till.released.setdefault(SHOP, []).append(ReleasedOrder(order_sn, Decimal("8.59"), house.now - ago))
    lines = tuple(SettledLine(item, "0", item, 1, Decimal(weight)) for item, weight in (("1", "6.66"), ("2", "3.34")))
    amounts = Amounts(
        goods=Decimal("10.00"),
        shipping=Decimal("-0.10"),
        commission_fee=Decimal("-0.61"),
        service_fee=Decimal("-0.25"),
        other=Decimal("-0.45"),
        earned=Decimal("8.59"),
    )
    till.earned[order_sn] = Settlement(order_sn, amounts, lines, house.now, b'{"order_sn":"%s"}' % order_sn.encode())


def begin(house: House, *, days: int = 10) -> None:
    since = house.now - timedelta(days=days)
    with house.db.write() as db:
        escrow.schedule(db, FAKE, SANDBOX, since=since, until=house.now, actor=ANNA, now=house.now)


def run_all(parts: Parts, *, times: int = 100) -> None:
    async def until_idle() -> None:
        for _ in range(times):
            if not await run_next(parts):
                return
        raise AssertionError("the run goes round and round")

    asyncio.run(until_idle())


def only_run(house: House) -> Run:
    with house.db.read() as db:
        return db.execute(sa.select(Run).where(Run.kind == escrow.SPAN_KIND)).scalar_one()


def earned(house: House) -> dict[str, Decimal | None]:
    with house.db.read() as db:
        return {row.order_sn: row.earned for row in db.execute(sa.select(OrderEscrow)).scalars()}


def test_what_was_paid_out_is_captured_with_its_fees_and_its_lines_add_up(shop: House, till: Till) -> None:
    """Break `values.settlement.spread` or `money.split`: the lines would not add up to the order."""
    pay_out(shop, till, "O1")
    begin(shop)
    run_all(speaking(shop, till))
    (order,) = shop.orders()
    with shop.db.read() as db:
        found = find_escrow(db, order)
    assert found is not None
    total = found.total
    assert (total.currency, total.goods, total.commission_fee) == ("SGD", Decimal(10), Decimal("-0.61"))
    assert (total.earned, total.payout, total.captured_at) == (Decimal("8.59"), Decimal("8.59"), shop.now)
    assert total.released_at == shop.now - DAY
    assert (total.vouchers, total.refunds, total.transaction_fee, total.adjustments) == (None, None, None, None)
    for name in AMOUNTS:
        parts = [getattr(one, name) for one in found.lines]
        assert (None if None in parts else sum(parts)) == getattr(total, name), name
    assert [one.earned for one in found.lines] == [Decimal("5.71"), Decimal("2.88")]
    assert shop.scalar(sa.select(sa.func.count()).where(OrderAnswer.kind == "get_escrow_detail")) == 1
    assert (only_run(shop).state, only_run(shop).done) == ("succeeded", 1)


def test_an_order_that_is_not_paid_out_has_no_row_and_never_a_zero(shop: House, till: Till) -> None:
    pay_out(shop, till, "O1")
    till.released.clear()
    shop.market.put(SANDBOX, snapshot("O1", status="SHIPPED"))
    begin(shop)
    run_all(speaking(shop, till))
    assert earned(shop) == {}
    assert only_run(shop).state == "succeeded"


def test_pages_windows_and_batches_are_walked_to_their_ends(shop: House, till: Till) -> None:
    """Break `_advanced`: orders of later pages or windows would never be asked for."""
    for number in range(60):
        pay_out(shop, till, f"O{number:02}", ago=timedelta(days=1, minutes=number))
    pay_out(shop, till, "OLD", ago=timedelta(days=39))
    begin(shop, days=40)
    run_all(speaking(shop, till))
    assert len(earned(shop)) == 61
    assert only_run(shop).done == 61
    lists = [call for call in shop.market.calls if call.method == "list_released"]
    assert all(call.window and call.window[1] - call.window[0] <= timedelta(days=15) for call in lists)
    batches = [len(call.order_sns) for call in shop.market.calls if call.method == "get_settlements"]
    assert max(batches) <= 50
    assert sum(batches) == 61


def test_amounts_without_cents_are_divided_in_whole_units(shop: House, till: Till) -> None:
    pay_out(shop, till, "O1", currency="IDR")
    amounts = Amounts(goods=Decimal(100001), other=Decimal(-10000), earned=Decimal(90001))
    lines = tuple(SettledLine(item, "0", item, 1, Decimal(50000)) for item in ("1", "2"))
    till.earned["O1"] = Settlement("O1", amounts, lines, shop.now, b"{}")
    begin(shop)
    run_all(speaking(shop, till))
    with shop.db.read() as db:
        rows = db.execute(sa.select(OrderEscrowLine).order_by(OrderEscrowLine.line)).scalars().all()
    assert [(row.goods, row.earned) for row in rows] == [(50001, 45001), (50000, 45000)]


def test_a_released_order_whose_earnings_are_not_told_is_said_to_a_person(shop: House, till: Till) -> None:
    pay_out(shop, till, "O1")
    pay_out(shop, till, "O2")
    del till.earned["O1"]
    begin(shop)
    run_all(speaking(shop, till))
    assert list(earned(shop)) == ["O2"]
    assert [(one.code, one.last_order_sn) for one in shop.exceptions()] == [("escrow_untold", "O1")]


def test_a_run_that_is_interrupted_goes_on_where_it_was(shop: House, till: Till) -> None:
    for number in range(3):
        pay_out(shop, till, f"O{number}", ago=timedelta(days=1, minutes=number))
    till.per_page = 1
    parts = speaking(shop, till)
    begin(shop)
    failures = [RemoteUnavailable(), RemoteUnavailable()]

    async def stumble(call: Call) -> None:
        if call.method == "get_settlements" and call.order_sns == ("O1",) and failures:
            raise failures.pop()

    shop.market.before = stumble
    run_all(parts)
    shop.clock.advance(timedelta(minutes=5))
    run_all(parts)
    assert sorted(earned(shop)) == ["O0", "O1", "O2"]
    asked = [call.order_sns for call in shop.market.calls if call.method == "get_settlements"]
    assert asked.count(("O0",)) == 1


def test_a_later_reading_replaces_an_earlier_one_and_an_older_one_does_not(shop: House, till: Till) -> None:
    pay_out(shop, till, "O1")
    parts = speaking(shop, till)
    begin(shop)
    run_all(parts)
    changed = Amounts(earned=Decimal("7.00"))
    till.earned["O1"] = Settlement("O1", changed, (), shop.now, b'{"later":1}')
    shop.clock.advance(timedelta(minutes=1))
    begin(shop)
    run_all(parts)
    assert earned(shop) == {"O1": Decimal("7.00")}
    assert shop.scalar(sa.select(sa.func.count()).select_from(OrderEscrowLine)) == 0
    shop.clock.advance(timedelta(minutes=-30))
    till.earned["O1"] = Settlement("O1", Amounts(earned=Decimal(1)), (), shop.now, b'{"older":1}')
    begin(shop)
    run_all(parts)
    assert earned(shop) == {"O1": Decimal("7.00")}


def test_a_run_of_the_schedule_begins_where_the_last_one_that_succeeded_ended(shop: House, till: Till) -> None:
    parts = speaking(shop, till)
    for ago in (timedelta(), timedelta(hours=3)):
        shop.clock.advance(ago)
        with shop.db.write() as db:
            create_run(db, escrow.KIND, FAKE, SANDBOX, scope={"shop_id": SHOP}, total=None, actor=SYSTEM, now=shop.now)
        run_all(parts)
    first, second = (call.window for call in shop.market.calls if call.method == "list_released")
    assert first is not None
    assert second is not None
    assert first[1] - first[0] == timedelta(days=15)
    assert second[0] == shop.now - timedelta(hours=3) - escrow.OVERLAP
    assert second[1] == shop.now


def test_the_schedule_captures_every_six_hours_what_was_paid_out_in_the_active_environment(
    shop: House, till: Till
) -> None:
    parts = speaking(shop, till)
    pay_out(shop, till, "O1")
    come_round(parts)
    shop.clock.advance(timedelta(hours=5))
    pay_out(shop, till, "O2", ago=timedelta(minutes=1))
    come_round(parts)
    assert list(earned(shop)) == ["O1"]
    shop.clock.advance(timedelta(hours=1))
    come_round(parts)
    assert sorted(earned(shop)) == ["O1", "O2"]
    assert states(shop, escrow.KIND) == [(SANDBOX, "succeeded", ""), (SANDBOX, "succeeded", "")]


def test_run_of_the_schedule_leaves_a_shop_that_cannot_be_asked_and_one_by_wish_waits(shop: House, till: Till) -> None:
    """Else the next times would find it open, and it would be given up and told as failed."""
    parts = speaking(shop, till)
    asyncio.run(tend(parts))
    begin(shop)
    shop.execute(sa.update(Shop).where(Shop.environment == SANDBOX).values(state="paused"))
    for kind in (escrow.KIND, escrow.SPAN_KIND):
        asyncio.run(run_next(parts, kind=kind))
    assert states(shop, escrow.KIND) == [(SANDBOX, "cancelled", "the shop is paused")]
    assert states(shop, escrow.SPAN_KIND) == [(SANDBOX, "running", "the shop is paused")]
    assert not [call for call in shop.market.calls if call.method == "list_released"]


def come_round(parts: Parts) -> None:
    """A look at the schedule, and the capturing that it asked for."""

    async def look() -> None:
        await tend(parts)
        while await run_next(parts, kind=escrow.KIND):
            pass

    asyncio.run(look())


def states(house: House, kind: str) -> list[tuple[Environment, str, str]]:
    with house.db.read() as db:
        rows = db.execute(sa.select(Run.environment, Run.state, Run.note).where(Run.kind == kind).order_by(Run.id))
        return [tuple(row) for row in rows]


def test_the_inactive_environment_is_not_asked(shop: House, till: Till) -> None:
    with shop.db.write() as db:
        escrow.schedule(db, FAKE, LIVE, since=shop.now - DAY, until=shop.now, actor=ANNA, now=shop.now)
    run_all(speaking(shop, till))
    assert shop.market.calls == []
    assert only_run(shop).state == "cancelled"
