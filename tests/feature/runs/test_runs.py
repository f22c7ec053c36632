"""Long work as rows: taken by one, moved on step by step, resumed after a crash, cancelled, retried, given up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from kedai.audit.models import AuditEntry
from kedai.errors import Conflict, NotFound, RemoteUnavailable, StorageUnavailable
from kedai.inbox.models import RawEvent
from kedai.kit.ids import new_id
from kedai.runs import service
from kedai.runs.models import Run
from kedai.sync import replay, runner
from kedai.values.event import ParkedReason
from tests.support.factories import ANNA, FAKE, LIVE, SANDBOX, House, incoming, run_threads

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
NEVER = datetime(2999, 1, 1, tzinfo=UTC)
Step = Callable[..., bool]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> dict[str, Step]:
    """The table of steps, to which a test adds kinds of its own."""
    table: dict[str, Step] = dict(runner.STEPS)
    monkeypatch.setattr(runner, "STEPS", table)
    return table


def create(house: House, kind: str = "count", *, total: int | None = 5, **scope: Any) -> Run:
    with house.db.write() as db:
        return service.create_run(db, kind, FAKE, SANDBOX, scope=scope, total=total, actor=ANNA, now=house.now)


def run(house: House) -> Run:
    with house.db.read() as db:
        return db.execute(sa.select(Run)).scalar_one()


def take(house: House) -> bool:
    return asyncio.run(runner.run_next(house.parts))


def count_to_five(_db: Session, one: Run, *, now: datetime) -> bool:
    service.move_on(one, cursor=(one.cursor or 0) + 1, done=1)
    return one.cursor == 5


def test_run_goes_step_by_step_to_its_end(house: House, steps: dict[str, Step]) -> None:
    steps["count"] = count_to_five
    made = create(house)
    assert (made.state, made.done, made.total) == ("queued", 0, 5)
    assert take(house)
    ended = run(house)
    assert (ended.state, ended.cursor, ended.done, ended.total) == ("succeeded", 5, 5, 5)
    assert (ended.lease_by, ended.finished_at, ended.note) == (None, house.now, "")
    assert not take(house)


def test_progress_of_each_step_is_seen_at_once_by_everyone(house: House, steps: dict[str, Step]) -> None:
    seen: list[tuple[str, int]] = []
    other = house.as_process()

    def look_then_count(db: Session, one: Run, *, now: datetime) -> bool:
        with other.database.read() as reader:
            seen.append(tuple(reader.execute(sa.select(Run.state, Run.done)).one()))
        return count_to_five(db, one, now=now)

    steps["count"] = look_then_count
    create(house)
    take(house)
    assert seen == [("running", number) for number in range(5)]


def test_total_grows_where_more_was_done_than_expected(house: House, steps: dict[str, Step]) -> None:
    steps["count"] = count_to_five
    create(house, total=3)
    take(house)
    assert (run(house).done, run(house).total) == (5, 5)


def test_run_killed_midway_is_resumed_where_it_was(house: House, steps: dict[str, Step]) -> None:
    """Whatever a step wrote stands together with the cursor, or not at all."""

    class Killed(BaseException):
        """The power went."""

    def die_at_three(db: Session, one: Run, *, now: datetime) -> bool:
        finished = count_to_five(db, one, now=now)
        house.deliver_in(db, incoming(f"O{one.cursor}"))
        if one.cursor == 3:
            raise Killed
        return finished

    steps["count"] = die_at_three
    create(house)
    with pytest.raises(Killed):
        take(house)
    held = run(house)
    assert (held.state, held.cursor, held.done) == ("running", 2, 2)
    assert held.lease_by is not None
    assert [event.order_sn for event in house.events()] == ["O1", "O2"]
    steps["count"] = count_to_five
    assert not take(house)
    house.execute(sa.update(Run).values(lease_until=LONG_AGO))
    assert take(house)
    assert (run(house).state, run(house).done) == ("succeeded", 5)


def test_start_of_an_embedded_installation_frees_abandoned_runs(house: House, steps: dict[str, Step]) -> None:
    steps["count"] = count_to_five
    create(house)
    house.execute(
        sa.update(Run).values(state="running", lease_by="a dead process", lease_until=NEVER, cursor=2, done=2)
    )
    assert not take(house)
    with house.db.write() as db:
        service.void_leases(db)
    assert take(house)
    assert run(house).done == 5


def test_run_lost_to_another_holder_is_left_alone(house: House, steps: dict[str, Step]) -> None:
    def lose_it(db: Session, one: Run, *, now: datetime) -> bool:
        count_to_five(db, one, now=now)
        return False

    steps["count"] = lose_it
    create(house)
    with house.db.write() as db:
        claimed = service.claim_run(db, lease_seconds=60)
        assert claimed is not None
        identity, holder = claimed.id, claimed.lease_by
    house.execute(sa.update(Run).values(lease_by="another"))
    with house.db.write() as db:
        assert service.hold_run(db, identity, str(holder), lease_seconds=60) is None
        held = service.hold_run(db, identity, "another", lease_seconds=60)
        assert held is not None


def test_each_step_lengthens_the_lease(house: House) -> None:
    create(house)
    with house.db.write() as db:
        claimed = service.claim_run(db, lease_seconds=1)
        assert claimed is not None
        first = claimed.lease_until
    with house.db.write() as db:
        held = service.hold_run(db, claimed.id, str(claimed.lease_by), lease_seconds=600)
        assert held is not None
    assert first is not None
    later = run(house).lease_until
    assert later is not None
    assert later > first + timedelta(seconds=500)


def test_run_is_taken_by_one_of_many(house: House, steps: dict[str, Step]) -> None:
    taken: list[str] = []

    def note(_db: Session, one: Run, *, now: datetime) -> bool:
        taken.append(one.id.hex)
        return True

    steps["count"] = note
    for _ in range(12):
        create(house)
    places = [house.as_process() for _ in range(4)]

    def work(number: int) -> None:
        while asyncio.run(runner.run_next(places[number])):
            pass

    assert run_threads([partial(work, number) for number in range(4)]) == [None] * 4
    assert len(taken) == len(set(taken)) == 12


def test_cancelled_run_stops_before_its_next_step(house: House, steps: dict[str, Step]) -> None:
    def cancel_at_two(db: Session, one: Run, *, now: datetime) -> bool:
        if one.cursor == 2:
            raise AssertionError("a step after the cancellation")
        finished = count_to_five(db, one, now=now)
        if one.cursor == 2:
            service.request_cancel(db, one.id, environment=SANDBOX, actor=ANNA, now=now)
        return finished

    steps["count"] = cancel_at_two
    create(house)
    take(house)
    ended = run(house)
    assert (ended.state, ended.done, ended.lease_by) == ("cancelled", 2, None)
    with house.db.read() as db:
        actions = list(db.execute(sa.select(AuditEntry.action).order_by(AuditEntry.sequence)).scalars())
    assert actions == ["run.count", "run.cancel"]


def test_queued_run_may_be_cancelled_and_an_ended_one_not(house: House, steps: dict[str, Step]) -> None:
    steps["count"] = count_to_five
    made = create(house)
    for environment, identity in ((LIVE, made.id), (SANDBOX, new_id())):
        with pytest.raises(NotFound), house.db.write() as db:
            service.request_cancel(db, identity, environment=environment, actor=ANNA, now=house.now)
    with house.db.write() as db:
        service.request_cancel(db, made.id, environment=SANDBOX, actor=ANNA, now=house.now)
    take(house)
    assert (run(house).state, run(house).done) == ("cancelled", 0)
    with pytest.raises(Conflict, match="cancelled"), house.db.write() as db:
        service.request_cancel(db, made.id, environment=SANDBOX, actor=ANNA, now=house.now)


def test_failing_step_leaves_nothing_is_tried_again_and_ends_the_run_after_too_many(
    house: House, steps: dict[str, Step]
) -> None:
    def fail(db: Session, one: Run, *, now: datetime) -> bool:
        house.deliver_in(db, incoming("O1"))
        service.move_on(one, cursor=99, done=99)
        raise RemoteUnavailable("the marketplace is down")

    steps["count"] = fail
    create(house)
    for number in range(1, service.MAX_ATTEMPTS):
        assert take(house)
        waiting = run(house)
        assert (waiting.state, waiting.attempts, waiting.done, waiting.cursor) == ("running", number, 0, None)
        assert waiting.due_at > house.now
        assert "the marketplace is down" in waiting.note
        assert waiting.lease_by is None
    assert take(house)
    ended = run(house)
    assert (ended.state, ended.attempts, ended.finished_at) == ("failed", service.MAX_ATTEMPTS, house.now)
    assert house.events() == []
    assert not take(house)


def test_step_that_works_again_starts_counting_failures_anew(house: House, steps: dict[str, Step]) -> None:
    outcomes = iter([False] * 5 + [True] + [False] * 5 + [True] * 4)

    def sometimes(db: Session, one: Run, *, now: datetime) -> bool:
        if not next(outcomes):
            raise RuntimeError("not yet")
        return count_to_five(db, one, now=now)

    steps["count"] = sometimes
    create(house)
    while take(house):
        pass
    assert (run(house).state, run(house).done) == ("succeeded", 5)


def test_storage_trouble_is_no_failure_of_the_run(house: House, steps: dict[str, Step]) -> None:
    def storage_down(_db: Session, _one: Run, *, now: datetime) -> bool:
        raise StorageUnavailable

    steps["count"] = storage_down
    create(house)
    with pytest.raises(StorageUnavailable):
        take(house)
    assert (run(house).attempts, run(house).state) == (0, "running")


def test_kind_this_version_does_not_know_is_said_and_ended(house: House) -> None:
    create(house, "from_the_future")
    assert take(house)
    assert run(house).state == "failed"
    assert "from_the_future" in run(house).note


def test_of_two_schedulers_one_makes_the_run_of_a_tick(house: House) -> None:
    create(house)
    house.execute(sa.update(Run).values(scheduled_at=house.now))
    create(house)
    with pytest.raises(IntegrityError):
        house.execute(sa.update(Run).values(scheduled_at=house.now))


def test_parked_pushes_of_the_active_environment_are_replayed_by_a_run(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "_STEP", 4)
    house.deliver(*(incoming(f"O{number}", parked=ParkedReason.INACTIVE_ENVIRONMENT) for number in range(10)))
    house.deliver(incoming("P1", parked=ParkedReason.UNKNOWN_SHOP))
    with house.db.write() as db:
        made = replay.replay_parked(house.parts, db, FAKE, SANDBOX, actor=ANNA, now=house.now)
    assert (made.kind, made.total) == (replay.KIND, 10)
    assert take(house)
    assert (run(house).state, run(house).done) == ("succeeded", 10)
    assert house.states() == ["received"] * 10 + ["parked"]


def test_replay_killed_between_two_steps_moves_each_push_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "_STEP", 3)
    house.deliver(*(incoming(f"O{number}", parked=ParkedReason.UNKNOWN_SHOP) for number in range(8)))
    with house.db.write() as db:
        replay.replay_parked(
            house.parts, db, FAKE, SANDBOX, reason=ParkedReason.UNKNOWN_SHOP, actor=ANNA, now=house.now
        )
    with house.db.write() as db:
        claimed = service.claim_run(db, lease_seconds=60)
        assert claimed is not None
        assert not replay.step(db, claimed, now=house.now)
    house.execute(sa.update(RawEvent).where(RawEvent.state == "received").values(state="applied"))
    house.execute(sa.update(Run).values(lease_until=LONG_AGO))
    assert take(house)
    assert house.states() == ["applied"] * 3 + ["received"] * 5
    assert (run(house).state, run(house).done) == ("succeeded", 8)


def test_parked_pushes_of_the_inactive_environment_are_not_replayed(house: House) -> None:
    house.deliver(incoming("O1", environment=LIVE, parked=ParkedReason.INACTIVE_ENVIRONMENT))
    with pytest.raises(Conflict, match="active"), house.db.write() as db:
        replay.replay_parked(house.parts, db, FAKE, LIVE, actor=ANNA, now=house.now)
    assert house.states() == ["parked"]


def test_process_that_stops_gives_its_run_back_and_another_goes_on_at_once(
    house: House, steps: dict[str, Step]
) -> None:
    """Without the release in `run_next` the second process would wait for the lease of 45 seconds."""
    steps["count"] = count_to_five
    create(house)
    assert asyncio.run(runner.run_next(house.parts, must_stop=lambda: run(house).done == 2))
    given_back = run(house)
    assert (given_back.state, given_back.done, given_back.lease_by) == ("running", 2, None)
    assert asyncio.run(runner.run_next(house.as_process()))
    assert (run(house).state, run(house).done) == ("succeeded", 5)


def test_a_run_that_is_cancelled_from_outside_is_given_back(house: House, steps: dict[str, Step]) -> None:
    steps["count"] = count_to_five
    create(house)

    async def never() -> None:
        await asyncio.Event().wait()

    async def abort() -> None:
        task = asyncio.create_task(runner.run_next(house.parts, breathe=never))
        while not await house.parts.read(lambda db: db.execute(sa.select(Run.done)).scalar_one()):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(abort())
    assert (run(house).state, run(house).done, run(house).lease_by) == ("running", 1, None)


def test_a_long_run_lets_others_have_their_turn(
    house: House, steps: dict[str, Step], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "TURN_SECONDS", -1.0)
    order: list[str] = []

    def note(db: Session, one: Run, *, now: datetime) -> bool:
        order.append(one.scope["name"])
        house.clock.advance(timedelta(seconds=1))
        return count_to_five(db, one, now=now)

    steps["count"] = note
    create(house, name="a")
    create(house, name="b")
    while take(house):
        pass
    assert order == ["a", "b"] * 5


def test_discarding_notes_who_and_when_and_deletes_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "_STEP", 4)
    house.deliver(*(incoming(f"O{number}", parked=ParkedReason.UNKNOWN_SHOP) for number in range(10)))
    house.deliver(incoming("P1", parked=ParkedReason.ORDER_NOT_FOUND))
    with house.db.write() as db:
        made = replay.discard_parked(
            house.parts, db, FAKE, SANDBOX, reason=ParkedReason.UNKNOWN_SHOP, actor=ANNA, now=house.now
        )
    assert (made.kind, made.total) == (replay.DISCARD_KIND, 10)
    house.deliver(incoming("LATER", parked=ParkedReason.UNKNOWN_SHOP))
    house.clock.advance(timedelta(minutes=1))
    assert take(house)
    assert (run(house).state, run(house).done) == ("succeeded", 10)
    assert house.states() == ["discarded"] * 10 + ["parked"] * 2
    first = house.events()[0]
    assert (first.discarded_by, first.finished_at, first.note) == (ANNA.name, house.now, "it was parked: unknown_shop")
    with house.db.read() as db:
        entry = db.execute(sa.select(AuditEntry).where(AuditEntry.action == "run.discard_parked")).scalar_one()
    assert (entry.actor_name, entry.details["reason"], entry.details["total"]) == (ANNA.name, "unknown_shop", 10)


def test_discarding_killed_between_two_steps_goes_on_there(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "_STEP", 3)
    house.deliver(*(incoming(f"O{number}", parked=ParkedReason.UNKNOWN_SHOP) for number in range(8)))
    with house.db.write() as db:
        replay.discard_parked(
            house.parts, db, FAKE, SANDBOX, reason=ParkedReason.UNKNOWN_SHOP, actor=ANNA, now=house.now
        )
    with house.db.write() as db:
        claimed = service.claim_run(db, lease_seconds=60)
        assert claimed is not None
        assert not replay.discard_step(db, claimed, now=house.now)
    assert house.states() == ["discarded"] * 3 + ["parked"] * 5
    house.execute(sa.update(Run).values(lease_until=LONG_AGO))
    assert take(house)
    assert (run(house).state, run(house).done) == ("succeeded", 8)


def test_parked_pushes_of_the_inactive_environment_may_be_discarded(house: House) -> None:
    house.deliver(incoming("O1", environment=LIVE, parked=ParkedReason.INACTIVE_ENVIRONMENT))
    house.deliver(incoming("O2", parked=ParkedReason.INACTIVE_ENVIRONMENT))
    with house.db.write() as db:
        reason = ParkedReason.INACTIVE_ENVIRONMENT
        replay.discard_parked(house.parts, db, FAKE, LIVE, reason=reason, actor=ANNA, now=house.now)
    take(house)
    assert house.states() == ["discarded", "parked"]


def test_only_one_run_at_a_time_decides_about_an_environments_parked_pushes(house: House) -> None:
    house.deliver(incoming("O1", parked=ParkedReason.INACTIVE_ENVIRONMENT))
    with house.db.write() as db:
        replay.replay_parked(house.parts, db, FAKE, SANDBOX, actor=ANNA, now=house.now)
    reason = ParkedReason.INACTIVE_ENVIRONMENT
    for verb in (replay.replay_parked, replay.discard_parked):
        with pytest.raises(Conflict, match="going on"), house.db.write() as db:
            verb(house.parts, db, FAKE, SANDBOX, reason=reason, actor=ANNA, now=house.now)
    take(house)
    assert house.states() == ["received"]


def test_replay_ends_where_somebody_switches_to_the_other_environment(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "_STEP", 2)
    house.configure(LIVE)
    house.deliver(*(incoming(f"O{number}", parked=ParkedReason.INACTIVE_ENVIRONMENT) for number in range(5)))
    with house.db.write() as db:
        replay.replay_parked(house.parts, db, FAKE, SANDBOX, actor=ANNA, now=house.now)
    assert asyncio.run(runner.run_next(house.parts, must_stop=lambda: True))
    house.switch(LIVE)
    take(house)
    with house.db.read() as db:
        (ended,) = db.execute(sa.select(Run).where(Run.kind == replay.KIND)).scalars()
    assert (ended.state, ended.done) == ("cancelled", 2)
    assert "not the active one" in ended.note
    assert house.states() == ["received"] * 2 + ["parked"] * 3
