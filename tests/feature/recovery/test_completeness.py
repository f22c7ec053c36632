"""The gap ledger and the completeness statement: what was covered, and what differs, order by order, with reasons."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from kedai.coverage import service as coverage
from kedai.coverage.queries import Gap, find_gaps, list_intervals
from kedai.orders.models import OrderItem, OrderSync, OrderTimeline
from kedai.sync import backfill, completeness
from kedai.sync.completeness import Statement
from kedai.sync.period import Period
from kedai.values.coverage import Source
from kedai.values.environment import Environment
from tests.support.factories import ANNA
from tests.support.stall import Stall

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
AT = datetime(2026, 7, 1, tzinfo=UTC)


def of(stall: Stall, *, back: timedelta = 2 * DAY, until: datetime | None = None) -> Statement:
    end = (until or stall.now).replace(microsecond=0)
    return stall.ask(lambda: completeness.state(stall.parts, stall.scope(), Period(end - back, end)))


def place(stall: Stall, count: int = 3) -> list[str]:
    stall.market().settings(event_pushes=False)
    numbers = [stall.market().create_order(status="READY_TO_SHIP")["order_sn"] for _ in range(count)]
    stall.clock.advance(timedelta(seconds=2))
    return sorted(numbers)


def fill(stall: Stall) -> datetime:
    """Read everything; up to when."""
    until = stall.now.replace(microsecond=0)
    stall.ask(lambda: backfill.begin(stall.parts, stall.scope(), Period(until - 2 * DAY, until), actor=ANNA))
    stall.run_to_end()
    return until


def forget(stall: Stall, order_sn: str) -> None:
    with stall.db.write() as db:
        for model in (OrderTimeline, OrderItem, OrderSync):
            db.execute(sa.delete(model).where(model.order_sn == order_sn))


def kinds(statement: Statement) -> list[tuple[str, str]]:
    return [(one.order_sn, one.kind.value) for one in statement.differences]


def test_where_both_sides_are_equal_so_are_their_hashes_and_anybody_can_compute_them(stall: Stall) -> None:
    numbers = place(stall)
    statement = of(stall, until=fill(stall))
    expected = hashlib.sha256("".join(f"{one}\n" for one in numbers).encode()).hexdigest()
    assert (statement.is_complete, statement.differences) == (True, ())
    assert (statement.listed, statement.held) == (3, 3)
    assert (statement.listed_hash, statement.held_hash) == (expected, expected)
    assert statement.gaps == ()


def test_an_order_that_is_missing_is_named_with_what_became_of_its_push(stall: Stall) -> None:
    numbers = place(stall)
    fill(stall)
    forget(stall, numbers[1])
    statement = of(stall)
    (difference,) = statement.differences
    assert (difference.order_sn, difference.kind, difference.reason) == (
        numbers[1],
        "missing",
        "no push about it ever came",
    )
    assert not statement.is_complete
    assert statement.listed_hash != statement.held_hash
    assert stall.market().control("GET", "/calls")["/api/v2/order/get_order_list"] >= 1


def test_an_order_that_is_held_as_it_was_before_is_named(stall: Stall) -> None:
    numbers = place(stall)
    fill(stall)
    stall.clock.advance(HOUR)
    stall.market().step(numbers[0], "ship")
    stall.clock.advance(timedelta(seconds=2))
    assert kinds(of(stall)) == [(numbers[0], "older")]
    assert "held as READY_TO_SHIP, listed as" in of(stall).differences[0].reason
    assert "held as of" in of(stall, back=HOUR / 2).differences[0].reason


def test_what_has_changed_again_since_is_explained_and_no_fault(stall: Stall) -> None:
    numbers = place(stall)
    fill(stall)
    until = stall.now
    stall.clock.advance(HOUR)
    stall.market().step(numbers[0], "ship")
    statement = of(stall, until=until)
    assert kinds(statement) == [(numbers[0], "later")]
    assert statement.is_complete
    assert "it has changed again at" in statement.differences[0].reason


def test_an_order_that_the_marketplace_does_not_know_is_named(stall: Stall) -> None:
    numbers = place(stall)
    fill(stall)
    with stall.db.write() as db:
        for model in (OrderTimeline, OrderItem):
            db.execute(sa.delete(model).where(model.order_sn == numbers[2]))
        db.execute(sa.update(OrderSync).where(OrderSync.order_sn == numbers[2]).values(order_sn="NEVER1"))
    found = dict(kinds(of(stall)))
    assert found == {numbers[2]: "missing", "NEVER1": "not_listed"}


def test_a_statement_changes_nothing_and_is_made_in_either_environment(stall: Stall) -> None:
    place(stall)
    stall.prepare(Environment.LIVE)
    stall.switch(Environment.LIVE)
    statement = of(stall)
    assert (statement.listed, statement.held, len(statement.differences)) == (3, 0, 3)
    assert stall.orders() == {}


def write(stall: Stall, source: Source, since: timedelta, until: timedelta) -> None:
    with stall.db.write() as db:
        coverage.record(db, stall.scope(), source, AT + since, AT + until, run_id=None, now=AT)


def gaps(stall: Stall, since: timedelta, until: timedelta) -> list[tuple[timedelta, timedelta]]:
    first, last = AT + since, AT + until
    with stall.db.read() as db:
        found = find_gaps(list_intervals(db, stall.scope(), since=first, until=last), since=first, until=last)
    return [(one.since - AT, one.until - AT) for one in found]


def test_gaps_are_what_no_source_covered(stall: Stall) -> None:
    assert gaps(stall, 0 * HOUR, 10 * HOUR) == [(0 * HOUR, 10 * HOUR)]
    write(stall, Source.RECONCILE, 1 * HOUR, 3 * HOUR)
    write(stall, Source.PUSH, 2 * HOUR, 4 * HOUR)
    write(stall, Source.BACKFILL, 6 * HOUR, 8 * HOUR)
    write(stall, Source.CATCH_UP, 4 * HOUR, 5 * HOUR)
    assert gaps(stall, 0 * HOUR, 10 * HOUR) == [(0 * HOUR, 1 * HOUR), (5 * HOUR, 6 * HOUR), (8 * HOUR, 10 * HOUR)]
    assert gaps(stall, 2 * HOUR, 7 * HOUR) == [(5 * HOUR, 6 * HOUR)]
    assert gaps(stall, 6 * HOUR, 8 * HOUR) == []


def test_lost_pushes_alone_close_no_gap(stall: Stall) -> None:
    """While pushes are switched off none is made, so none can be lost."""
    write(stall, Source.LOST_PUSH, 0 * HOUR, 10 * HOUR)
    assert gaps(stall, 0 * HOUR, 10 * HOUR) == [(0 * HOUR, 10 * HOUR)]


def test_intervals_that_join_grow_and_others_stand_alone(stall: Stall) -> None:
    with stall.db.write() as db:
        for first, last in ((0, 1), (1, 2), (1, 2), (5, 6), (5, 7)):
            since, until = AT + first * HOUR, AT + last * HOUR
            coverage.extend(db, stall.scope(), Source.PUSH, since, until, run_id=None, now=AT)
    found = [(one.covered_from - AT, one.covered_until - AT) for one in stall.covered()]
    assert found == [(0 * HOUR, 2 * HOUR), (5 * HOUR, 7 * HOUR)]


def test_an_empty_window_is_no_interval(stall: Stall) -> None:
    write(stall, Source.PUSH, 1 * HOUR, 1 * HOUR)
    assert stall.covered() == []
    assert find_gaps([], since=AT, until=AT) == []
    assert find_gaps([], since=AT, until=AT + HOUR) == [Gap(AT, AT + HOUR)]
