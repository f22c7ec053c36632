"""D16: back-fill: a period that a person chose, counted first, read to its end through kills, pauses and stops."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from kedai.audit.models import AuditEntry
from kedai.errors import Conflict, Invalid, NotFound
from kedai.runs.models import Run
from kedai.runs.service import request_cancel
from kedai.sync import backfill
from kedai.sync.backfill import Estimate
from kedai.sync.fetching import FETCHED, choose_shop, fetch_named
from kedai.sync.period import Period, parse_period
from kedai.values.environment import Environment, Scope
from tests.support.factories import ANNA
from tests.support.stall import SHOPEE, Stall

DAY = timedelta(days=1)
NOW = datetime(2026, 8, 10, 12, tzinfo=UTC)


def fill(stall: Stall, count: int = 130, days: int = 40) -> None:
    wish = {"shop_id": stall.market().shop_ids[0], "count": count, "spread_seconds": days * 86_400}
    stall.market().control("POST", "/orders/batch", wish)
    stall.clock.advance(timedelta(seconds=2))


def period(stall: Stall, days: int = 41) -> Period:
    until = stall.now.replace(microsecond=0)
    return Period(until - days * DAY, until)


def begin(stall: Stall, days: int = 41) -> Run:
    return stall.ask(lambda: backfill.begin(stall.parts, stall.scope(), period(stall, days), actor=ANNA))


def estimate(stall: Stall, days: int = 41) -> Estimate:
    return stall.ask(lambda: backfill.estimate(stall.parts, stall.scope(), period(stall, days)))


def test_an_estimate_counts_what_the_list_tells_and_writes_nothing(stall: Stall) -> None:
    fill(stall)
    found = estimate(stall)
    assert (found.windows, found.orders, found.is_complete, found.expected) == (3, 130, True, 130)
    assert (stall.orders(), stall.runs(backfill.KIND)) == ({}, [])


def test_an_estimate_of_very_much_looks_at_the_first_pages_only(stall: Stall, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(stall, 130, 40)
    monkeypatch.setattr(backfill, "MOST_ASKED", 2)
    found = estimate(stall)
    assert (found.is_complete, found.pages) == (False, 2)
    assert found.expected is not None
    assert 110 < found.expected < 150


def test_every_order_of_the_period_is_read_and_counted_against_the_total(stall: Stall) -> None:
    fill(stall)
    begin(stall)
    stall.run_to_end()
    run = stall.run(backfill.KIND)
    assert (run.state, run.done, run.total, run.note) == ("succeeded", 130, 130, "130 orders were missing")
    assert len(stall.orders()) == 130
    covered = [one for one in stall.covered() if one.source == "backfill"]
    assert [one.run_id for one in covered] == [run.id] * 3
    assert (covered[0].covered_from, covered[-1].covered_until) == (run_period(run).since, run_period(run).until)


def run_period(run: Run) -> Period:
    return Period(*(datetime.fromisoformat(run.scope[name]) for name in ("since", "until")))


def test_killed_in_the_middle_it_goes_on_there(stall: Stall) -> None:
    fill(stall)
    begin(stall)
    stall.market().fail(kind="drop", path="/api/v2/order/get_order_detail", times=None)
    stall.go_on(times=2)
    stall.market().settings(fail=[])
    with stall.db.write() as db:
        # as a killed process leaves it: held by somebody who is gone
        db.execute(sa.update(Run).values(lease_by="gone", lease_until=stall.now - 30 * DAY))
    listed = stall.market().control("GET", "/calls")["/api/v2/order/get_order_list"]
    assert stall.run(backfill.KIND).cursor["pending"]
    stall.run_to_end()
    assert (stall.run(backfill.KIND).state, len(stall.orders())) == ("succeeded", 130)
    again = stall.market().control("GET", "/calls")["/api/v2/order/get_order_list"]
    assert again - listed == 2  # the first window was listed before


def test_it_can_be_stopped_between_two_steps(stall: Stall) -> None:
    fill(stall)
    run = begin(stall)
    with stall.db.write() as db:
        request_cancel(db, run.id, environment=Environment.SANDBOX, actor=ANNA, now=stall.now)
    stall.run_to_end()
    assert (stall.run(backfill.KIND).state, stall.orders()) == ("cancelled", {})


def test_only_a_connected_shop_of_the_active_environment_is_filled(stall: Stall) -> None:
    stall.prepare(Environment.LIVE)
    live, unknown = stall.scope(Environment.LIVE), Scope(SHOPEE, Environment.SANDBOX, "404")
    for scope, error in ((live, Conflict), (unknown, NotFound)):
        with pytest.raises(error):
            stall.ask(lambda scope=scope: backfill.begin(stall.parts, scope, period(stall), actor=ANNA))  # type: ignore[misc]
    assert stall.runs(backfill.KIND) == []


def test_one_order_is_read_anew(stall: Stall) -> None:
    stall.market().settings(event_pushes=False)
    number = stall.market().create_order(status="READY_TO_SHIP")["order_sn"]

    async def read() -> str:
        scope = await choose_shop(stall.parts, SHOPEE, Environment.SANDBOX, None)
        return (await fetch_named(stall.parts, scope, number, actor=ANNA)).status

    assert stall.ask(read) == "READY_TO_SHIP"
    assert list(stall.orders()) == [number]
    with stall.db.read() as db:
        deeds = db.execute(sa.select(AuditEntry).where(AuditEntry.action == FETCHED)).scalars().all()
    assert [(one.actor_id, one.details) for one in deeds] == [(ANNA.id, {"new": True})]


@pytest.mark.parametrize(
    ("since", "until", "field"),
    [
        ("2026-02-30", "2026-03-01", "since"),
        ("2026-08-01T00:00:00", "2026-08-02", "since"),
        ("yesterday", "2026-08-02", "since"),
        ("", "2026-08-02", "since"),
        ("2026-08-02", "2026-08-01", "until"),
        ("2026-08-01", "9999-12-31", "until"),
        ("9999-12-31", "9999-12-31", "since"),
        ("0001-01-01", "2026-08-01", "since"),
        ("0001-01-01T00:00:00+14:00", "2026-08-01", "since"),
        ("2024-01-01", "2026-08-01", "until"),
        ("2026-08-01T08:00:00Z", "2026-08-01T08:00:00Z", "until"),
        ("2026-08-01\0", "2026-08-02", "since"),
        ("２０２６-08-01", "2026-08-02", "since"),
    ],
)
def test_49_bad_periods_are_refused_by_the_field_that_is_wrong(since: str, until: str, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_period(since, until, now=NOW)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("since", "until", "first", "last"),
    [
        ("2026-08-01", "2026-08-02", datetime(2026, 8, 1, tzinfo=UTC), datetime(2026, 8, 3, tzinfo=UTC)),
        ("2026-08-10", "2026-08-10", datetime(2026, 8, 10, tzinfo=UTC), NOW),
        (
            "2026-08-01T08:00:00+08:00",
            "2026-08-01T09:00:00+08:00",
            datetime(2026, 8, 1, tzinfo=UTC),
            datetime(2026, 8, 1, 1, tzinfo=UTC),
        ),
    ],
)
def test_a_day_is_a_day_of_utc_and_the_last_one_belongs_to_the_period(
    since: str, until: str, first: datetime, last: datetime
) -> None:
    assert parse_period(since, until, now=NOW) == Period(first, last)
