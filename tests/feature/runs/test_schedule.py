"""The schedule: one run per tick, one catch-up after a pause, and states that a moved clock shows. F33, F34."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.audit.models import AuditEntry
from kedai.errors import Conflict, NotConfigured, NotFound, Sealed
from kedai.runs import schedules
from kedai.runs.models import Run, Schedule
from kedai.runs.queries import get_schedule
from kedai.runs.service import move_on, postpone_run
from kedai.runs.timing import ScheduleState, latest_tick, next_tick
from kedai.sync import runner, schedule
from kedai.sync.parts import Parts
from kedai.sync.plans import Plan
from kedai.sync.quarantine import Quarantine
from kedai.values.actor import SYSTEM
from kedai.values.environment import Environment, Scope
from kedai.vault.accounts import set_state
from kedai.vault.identity import Place
from tests.support.factories import ANNA, FAKE, LIVE, SANDBOX, SHOP, House, run_threads

MINUTES = timedelta(minutes=1)
TICKED = Plan("count", "Count", "Counts.", timedelta(minutes=10), timedelta(minutes=30), every=timedelta(minutes=5))
Step = Callable[..., bool]


@pytest.fixture
def plans(house: House, monkeypatch: pytest.MonkeyPatch) -> dict[str, Plan]:
    """The only plans there are: a kind that counts every five minutes, in a configured sandbox."""
    table = {"count": TICKED}
    monkeypatch.setattr(runner, "PLANS", table)
    monkeypatch.setattr(schedule, "PLANS", table)
    monkeypatch.setattr(runner, "STEPS", {"count": succeed})
    house.configure(SANDBOX)
    return table


def succeed(_db: Session, one: Run, *, now: datetime) -> bool:
    move_on(one, cursor=1, done=1)
    return True


def wait_for_ever(_db: Session, one: Run, *, now: datetime) -> bool:
    postpone_run(one, note="the marketplace is away", due_in=timedelta(), now=now)
    return False


def tend(house: House, parts: Parts | None = None) -> int:
    return asyncio.run(schedule.tend(parts or house.parts))


def work(house: House) -> int:
    """Take every open run on once; returns how many turns that took."""
    turns = 0
    while turns < 5 and asyncio.run(runner.run_next(house.parts)):
        turns += 1
    return turns


def runs(house: House, kind: str = "count") -> list[Run]:
    with house.db.read() as db:
        return list(db.execute(sa.select(Run).where(Run.kind == kind).order_by(Run.id)).scalars())


def row(house: House, environment: Environment = SANDBOX) -> Schedule:
    with house.db.read() as db:
        return get_schedule(db, "count", FAKE, environment=environment)


def state(house: House) -> str:
    with house.db.read() as db:
        return schedule.state_of(db, get_schedule(db, "count", FAKE, environment=SANDBOX), house.now).value


def use(plans: dict[str, Plan], **changes: object) -> None:
    given = {"kind": "count", "label": "Count", "does": "Counts.", "grace": timedelta(minutes=10)}
    given |= {"timeout": timedelta(minutes=30), "every": timedelta(minutes=5)}
    plans["count"] = Plan(**given | changes)


def run_now(house: House, environment: Environment = SANDBOX, kind: str = "count") -> list[Run]:
    with house.db.write() as db:
        return list(schedule.run_now(house.parts, db, kind, FAKE, environment, actor=ANNA, now=house.now))


def pause(house: House) -> None:
    with house.db.write() as db:
        schedules.pause_schedule(db, "count", FAKE, SANDBOX, reason="the fair", actor=ANNA, now=house.now)


def resume(house: House) -> None:
    with house.db.write() as db:
        schedules.resume_schedule(db, "count", FAKE, SANDBOX, actor=ANNA, now=house.now)


def test_kind_comes_round_at_once_and_then_each_period(house: House, plans: dict[str, Plan]) -> None:
    begin = house.now
    assert [tend(house), work(house), tend(house)] == [1, 1, 0]
    house.clock.advance(5 * MINUTES - timedelta(seconds=1))
    assert tend(house) == 0
    house.clock.advance(timedelta(seconds=1))
    assert [tend(house), work(house)] == [1, 1]
    assert [(one.scheduled_at, one.state) for one in runs(house)] == [
        (begin, "succeeded"),
        (begin + 5 * MINUTES, "succeeded"),
    ]
    assert (row(house).last_success_at, row(house).last_tick_at) == (house.now, house.now)
    assert row(house).durations == [0.0, 0.0]
    with house.db.read() as db:
        assert list(db.execute(sa.select(AuditEntry.action).where(AuditEntry.action.like("run.%"))).scalars()) == []


def test_f33_many_schedulers_make_one_run_of_each_tick(house: House, plans: dict[str, Plan]) -> None:
    """F33: each tick is looked at by four at the same moment, and its run may have ended before another looks."""
    others = [house.as_process() for _ in range(4)]
    for _ in range(6):
        made = run_threads([partial(tend, house, one) for one in others])
        assert [one for one in made if isinstance(one, Exception)] == []
        work(house)
        assert tend(house, others[0]) == 0
        house.clock.advance(5 * MINUTES)
    ticks = [one.scheduled_at for one in runs(house)]
    assert len(ticks) == len(set(ticks)) == 6


def test_f33_a_tick_that_another_is_making_is_waited_for_and_not_made_again(
    house: House, plans: dict[str, Plan]
) -> None:
    """F33: the second looks while the first has not committed. Fails where the schedule's row is not locked."""
    tend(house)
    work(house)
    house.clock.advance(5 * MINUTES)
    place = schedule._Place(plans["count"], FAKE, SANDBOX)
    other, made = house.as_process(), []
    second = threading.Thread(
        target=lambda: made.append(other.database.transact(partial(schedule._tend_one, other, place))), daemon=True
    )
    with house.db.write() as db:
        assert schedule._tend_one(house.parts, place, db) == 1
        second.start()
        second.join(0.3)
        assert made == [], "it waits"
    second.join(30)
    assert made == [0]
    assert len(runs(house)) == 2


def test_f34_after_two_hours_without_a_scheduler_there_is_one_catch_up(house: House, plans: dict[str, Plan]) -> None:
    """F34: shown late, then down; then one run, of the latest tick that was missed."""
    begin = house.now
    tend(house)
    work(house)
    assert state(house) == "up"
    house.clock.advance(5 * MINUTES + timedelta(seconds=1))
    assert state(house) == "late"
    house.clock.advance(10 * MINUTES)
    assert state(house) == "down"
    house.clock.advance(timedelta(hours=2) - 15 * MINUTES + 2 * MINUTES)
    assert [tend(house), work(house), tend(house)] == [1, 1, 0]
    assert [one.scheduled_at for one in runs(house)] == [begin, begin + timedelta(hours=2)]
    assert state(house) == "up"
    house.clock.advance(3 * MINUTES)
    assert tend(house) == 1, "and the rhythm goes on as it was"


def test_schedule_that_is_down_raises_one_exception_and_settles_it_when_it_is_up_again(
    house: House, plans: dict[str, Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(runner.STEPS, "count", wait_for_ever)
    tend(house)
    work(house)
    assert state(house) == "running"
    house.clock.advance(16 * MINUTES)
    for _ in range(3):
        tend(house)
        house.clock.advance(timedelta(seconds=1))
    (one,) = house.exceptions()
    assert (one.code, one.count, one.state) == ("schedule_down", 1, "new")
    assert "Count" in one.title
    monkeypatch.setitem(runner.STEPS, "count", succeed)
    work(house)
    tend(house)
    (one,) = house.exceptions()
    assert (one.count, one.state) == (1, "resolved")
    assert state(house) == "up"


def test_no_run_is_made_beside_one_that_is_still_open(
    house: House, plans: dict[str, Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(runner.STEPS, "count", wait_for_ever)
    for _ in range(3):
        tend(house)
        work(house)
        house.clock.advance(5 * MINUTES)
    assert len(runs(house)) == 1


def test_run_that_takes_too_long_is_ended_so_that_the_next_can_begin(
    house: House, plans: dict[str, Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(runner.STEPS, "count", wait_for_ever)
    tend(house)
    work(house)
    house.clock.advance(31 * MINUTES)
    work(house)
    (one,) = runs(house)
    assert one.state == "failed"
    assert "longer than 0:30:00" in one.note
    assert "the marketplace is away" in one.note
    assert [each.code for each in house.exceptions()] == ["run_failed"]
    assert tend(house) == 1
    monkeypatch.setitem(runner.STEPS, "count", succeed)
    work(house)
    assert {each.state for each in house.exceptions() if each.code == "run_failed"} == {"resolved"}


def test_paused_schedule_makes_nothing_and_one_catch_up_after(house: House, plans: dict[str, Plan]) -> None:
    tend(house)
    work(house)
    pause(house)
    assert state(house) == "paused"
    house.clock.advance(timedelta(hours=2))
    assert tend(house) == 0
    assert house.exceptions() == []
    with pytest.raises(Conflict):
        pause(house)
    resume(house)
    assert [tend(house), work(house), tend(house)] == [1, 1, 0]
    assert (state(house), len(runs(house))) == ("up", 2)
    with pytest.raises(Conflict):
        resume(house)
    with house.db.read() as db:
        entries = db.execute(
            sa.select(AuditEntry.action, AuditEntry.actor_name).where(AuditEntry.action.like("schedule.%"))
        ).all()
    assert [tuple(one) for one in entries] == [("schedule.pause", ANNA.name), ("schedule.resume", ANNA.name)]


def test_run_now_is_one_run_however_often_it_is_asked_for(house: House, plans: dict[str, Plan]) -> None:
    """Also where the schedule is paused, and its success counts."""
    tend(house)
    work(house)
    pause(house)
    house.clock.advance(MINUTES)
    (first,) = run_now(house)
    (again,) = run_now(house)
    assert first.id == again.id
    assert (first.created_by, first.scheduled_at) == (ANNA.name, house.now)
    work(house)
    assert row(house).last_success_at == house.now


def test_run_now_says_why_it_cannot(house: House, plans: dict[str, Plan]) -> None:
    with pytest.raises(NotFound):
        run_now(house, kind="nothing")
    with pytest.raises(Conflict, match="active environment only"):
        run_now(house, LIVE)
    use(plans, everywhere=True)
    with pytest.raises(NotConfigured):
        run_now(house, LIVE)
    use(plans, per_shop=True)
    with pytest.raises(Conflict, match="No shop"):
        run_now(house)


@pytest.mark.parametrize(("everywhere", "found"), [(False, ["sandbox"]), (True, ["live", "sandbox"])])
def test_kind_says_whether_it_runs_in_the_inactive_environment(
    house: House, plans: dict[str, Plan], everywhere: bool, found: list[str]
) -> None:
    house.configure(LIVE)
    use(plans, everywhere=everywhere)
    tend(house)
    assert sorted(one.environment.value for one in runs(house)) == found


def test_kind_rests_in_an_environment_that_is_left_and_is_not_down_when_it_comes_back(
    house: House, plans: dict[str, Plan]
) -> None:
    house.configure(LIVE)
    tend(house)
    work(house)
    house.switch(LIVE)
    tend(house)
    house.clock.advance(timedelta(days=1))
    tend(house)
    assert state(house) == "resting"
    house.switch(SANDBOX)
    assert tend(house) == 1
    assert state(house) == "up"
    assert [one.code for one in house.exceptions() if one.code == "schedule_down" and one.environment is SANDBOX] == []


def test_nothing_is_made_where_credentials_are_missing(house: House, plans: dict[str, Plan]) -> None:
    use(plans, everywhere=True)
    tend(house)
    assert [one.environment for one in runs(house)] == [SANDBOX]
    use(plans, everywhere=True, calls_marketplace=False)
    tend(house)
    assert len(runs(house)) == 2


def test_sealed_environment_runs_nothing(house: House, plans: dict[str, Plan]) -> None:
    """A copy that wakes elsewhere: no tick, no run taken, and none by hand."""
    tend(house)
    parts = replace(house.parts, quarantine=Quarantine(Place("https://elsewhere.example", "")))
    house.clock.advance(timedelta(hours=1))
    assert tend(house, parts) == 0
    assert not asyncio.run(runner.run_next(parts))
    with pytest.raises(Sealed), house.db.write() as db:
        schedule.run_now(parts, db, "count", FAKE, SANDBOX, actor=ANNA, now=house.now)
    assert [one.state for one in runs(house)] == ["queued"]


def test_kind_for_each_shop_has_a_run_for_each_and_succeeds_when_all_have(
    house: House, plans: dict[str, Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    use(plans, per_shop=True)
    assert tend(house) == 0
    assert row(house).last_success_at == house.now, "nothing to do is done"
    for shop_id in ("7003", SHOP, "7002"):
        house.connect(SANDBOX, shop_id)
    with house.db.write() as db:
        set_state(db, Scope(FAKE, SANDBOX, "7003"), "paused", reason="", actor=SYSTEM, now=house.now)
    house.clock.advance(5 * MINUTES)
    before = row(house).last_success_at

    def fail_one(db: Session, one: Run, *, now: datetime) -> bool:
        return succeed(db, one, now=now) if one.shop_id == SHOP else wait_for_ever(db, one, now=now)

    monkeypatch.setitem(runner.STEPS, "count", fail_one)
    assert tend(house) == 2
    work(house)
    assert [(one.scope, one.state) for one in runs(house)] == [
        ({"shop_id": SHOP}, "succeeded"),
        ({"shop_id": "7002"}, "running"),
    ]
    assert row(house).last_success_at == before
    house.clock.advance(5 * MINUTES)
    assert tend(house) == 1, "the other shop does not wait for this one"
    monkeypatch.setitem(runner.STEPS, "count", succeed)
    work(house)
    assert row(house).last_success_at == house.now


def test_period_of_a_newer_version_counts_at_once(house: House, plans: dict[str, Plan]) -> None:
    tend(house)
    use(plans, every=None, cron="7 * * * *", grace=timedelta(hours=1))
    tend(house)
    assert (row(house).cron, row(house).every_seconds, row(house).grace_seconds) == ("7 * * * *", None, 3600)


def test_clock_put_back_does_not_stop_the_schedule(house: House, plans: dict[str, Plan]) -> None:
    house.clock.advance(timedelta(hours=3))
    tend(house)
    work(house)
    house.clock.advance(-timedelta(hours=2))
    assert [tend(house), tend(house)] == [1, 0]
    assert row(house).next_due_at == house.now + 5 * MINUTES


def test_hourly_kind_begins_with_its_next_tick_and_starts_at_its_own_offset(
    house: House, plans: dict[str, Plan]
) -> None:
    """Its installations do not all ask the marketplace at the same second."""
    use(plans, every=None, cron="7 * * * *", spread=timedelta(minutes=30))
    assert tend(house) == 0
    offset = row(house).offset_seconds
    assert 0 <= offset < 1800
    assert state(house) == "new"
    house.clock.advance(7 * MINUTES)
    assert tend(house) == 1
    (one,) = runs(house)
    assert one.scheduled_at == house.now
    assert one.due_at == house.now + timedelta(seconds=offset)
    tend(house)
    assert row(house).offset_seconds == offset


def test_run_now_does_not_wait_for_the_share_of_the_hour(house: House, plans: dict[str, Plan]) -> None:
    """Break the loop over ``going_on`` in `schedule.run_now`: what a person asks for begins half an hour late."""
    use(plans, every=None, cron="7 * * * *", spread=timedelta(minutes=30))
    tend(house)
    with house.db.write() as db:
        db.execute(sa.update(Schedule).values(offset_seconds=1200))
    house.clock.advance(7 * MINUTES)
    assert tend(house) == 1
    assert runs(house)[0].due_at > house.now
    (one,) = run_now(house)
    assert one.due_at == runs(house)[0].due_at == house.now


@pytest.mark.parametrize(
    ("now", "latest", "following"),
    [("12:07:00", "12:07", "13:07"), ("12:07:30", "12:07", "13:07"), ("14:06:59", "13:07", "14:07")],
)
def test_ticks_by_the_clock_on_the_wall(now: str, latest: str, following: str) -> None:
    """Cron is read in UTC, and a tick is at its second."""

    def at(text: str) -> datetime:
        return datetime.fromisoformat(f"2020-01-01T{text}").replace(tzinfo=UTC)

    due = Schedule(cron="7 * * * *", next_due_at=at("12:07"))
    assert latest_tick(due, at(now)) == at(latest)
    assert next_tick(due, at(now)) == at(following)


def test_killed_run_of_the_schedule_goes_on_where_it_was(
    house: House, plans: dict[str, Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after `kill -9`: whoever held it is gone, and its lease ends."""

    class Killed(BaseException):
        """The power went."""

    def die_at_three(_db: Session, one: Run, *, now: datetime) -> bool:
        if one.cursor == 2 and one.attempts == 0 and not revived:
            raise Killed
        move_on(one, cursor=(one.cursor or 0) + 1, done=1)
        return one.cursor == 4

    revived: list[bool] = []
    monkeypatch.setitem(runner.STEPS, "count", die_at_three)
    tend(house)
    with pytest.raises(Killed):
        work(house)
    house.clock.advance(5 * MINUTES)
    assert tend(house) == 0, "it is still open"
    house.execute(sa.update(Run).values(lease_until=datetime(2000, 1, 1, tzinfo=UTC)))
    revived.append(True)
    work(house)
    (one,) = runs(house)
    assert (one.state, one.done, one.cursor) == ("succeeded", 4, 4)
    assert row(house).last_success_at == house.now


def test_every_plan_of_this_version_is_sound() -> None:
    """Its words are there, its period comes round, and a run ends before the grace does."""
    for kind, plan in runner.PLANS.items():
        assert kind == plan.kind in {**runner.STEPS, **runner.READERS}
        assert plan.label[0].isupper()
        assert plan.does.endswith(".")
        due = Schedule(cron=plan.cron, every_seconds=300, next_due_at=datetime(2020, 1, 1, tzinfo=UTC))
        assert next_tick(due, due.next_due_at) > due.next_due_at
    assert ScheduleState("up") is ScheduleState.UP
