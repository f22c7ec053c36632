"""What a starting worker asks for beside the schedule: lost pushes, by one run for however many start together."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from kedai.runs.models import Run
from kedai.runs.schedules import pause_schedule
from kedai.sync import schedule
from kedai.sync.worker import Worker
from tests.support.factories import ANNA, FAKE, LIVE, SANDBOX, House, run_threads
from tests.support.processes import wait_until


def ready(house: House) -> None:
    for environment in (SANDBOX, LIVE):
        house.configure(environment)
        house.connect(environment)


def start(house: House) -> int:
    """What a starting worker does first, as a process of its own."""
    return asyncio.run(schedule.ask_at_start(house.as_process()))


def lost_runs(house: House) -> list[Run]:
    with house.db.read() as db:
        return list(db.execute(sa.select(Run).where(Run.kind == "lost_pushes").order_by(Run.id)).scalars())


def end_all(house: House) -> None:
    house.execute(sa.update(Run).values(state="succeeded", finished_at=house.now))


def test_lost_pushes_are_fetched_when_a_worker_starts_though_it_is_not_their_time(house: House) -> None:
    """Break `at_start` of the plan: what was lost meanwhile waits for the next tick."""
    ready(house)
    asyncio.run(schedule.tend(house.parts))
    end_all(house)
    house.clock.advance(timedelta(minutes=4))
    assert asyncio.run(schedule.tend(house.parts)) == 0
    assert start(house) == 1
    assert [run.state for run in lost_runs(house)] == ["succeeded", "queued"]
    assert {run.environment for run in lost_runs(house)} == {SANDBOX}


@pytest.mark.parametrize("ends", [False, True], ids=["while it goes on", "after its end"])
def test_workers_that_start_together_ask_for_one_run(house: House, ends: bool) -> None:
    """On however many processes, at once or one after the other, whether or not a tick is due as well."""
    ready(house)
    made = run_threads([lambda: start(house) for _ in range(6)])
    assert sorted(made) == [0, 0, 0, 0, 0, 1]
    house.clock.advance(timedelta(minutes=30))
    assert sum(run_threads([lambda: start(house) for _ in range(6)])) == 0  # that one is open still
    end_all(house)
    house.clock.advance(timedelta(minutes=30))
    assert start(house) == 1
    if ends:
        end_all(house)
    house.clock.advance(timedelta(seconds=20))
    assert start(house) == 0
    assert len(lost_runs(house)) == 2


def test_nobody_asks_at_start_where_the_schedule_is_paused_or_nothing_is_expected(house: House) -> None:
    assert start(house) == 0
    ready(house)
    assert start(house) == 1
    end_all(house)
    house.clock.advance(timedelta(minutes=5))
    with house.db.write() as db:
        pause_schedule(db, "lost_pushes", FAKE, SANDBOX, reason="a test", actor=ANNA, now=house.now)
    assert start(house) == 0


def test_a_worker_does_it_when_it_starts(house: House) -> None:
    """Break its line in `Worker._upkeep`."""
    ready(house)
    asyncio.run(schedule.tend(house.parts))
    end_all(house)
    house.clock.advance(timedelta(minutes=4))
    worker = Worker(house.runtime.worker_parts)

    async def work() -> None:
        running = asyncio.create_task(worker.run())
        try:
            await asyncio.to_thread(wait_until, lambda: len(lost_runs(house)) == 2, message="nobody asked")
        finally:
            worker.stop()
            await running

    asyncio.run(work())
