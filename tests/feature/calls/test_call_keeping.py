"""The log of an open installation: written at the end, kept small by the worker, answered as JSON."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from kedai.sync.call_log import prune_calls
from kedai.sync.worker import Worker
from tests.feature.calls.test_call_log import call, ids, keep, rows
from tests.support.factories import LIVE, SANDBOX, House
from tests.support.processes import wait_until


def test_an_orderly_end_writes_what_waits(house: House) -> None:
    house.runtime.calls.add(call(1))
    house.runtime.close()
    assert ids(rows(house)) == ["r1"]


def test_the_worker_keeps_the_log_small_in_each_environment(house: House) -> None:
    """By the days and the number that the settings allow; the clock is the installation's."""
    keep(house, *(call(number, environment=environment) for number in range(3) for environment in (SANDBOX, LIVE)))
    house.clock.advance(timedelta(days=14, seconds=2))
    worker = Worker(house.runtime.worker_parts)

    async def work() -> None:
        task = asyncio.create_task(worker.run())
        await asyncio.to_thread(wait_until, lambda: len(rows(house)) == 2, timeout=10, message="nothing was removed")
        worker.stop()
        await task

    asyncio.run(work())
    assert ids(rows(house)) == ["r2", "r2"]


def test_more_than_one_step_and_by_number(house: House) -> None:
    parts = house.runtime.worker_parts
    few = replace(parts, settings=parts.settings.model_copy(update={"call_log_rows": 40}))
    keep(house, *(call(number) for number in range(1100)))
    assert asyncio.run(prune_calls(few, must_stop=lambda: False)) == 1060
    assert ids(rows(house))[0] == "r1060"
    keep(house, *(call(number) for number in range(2000, 2100)))
    assert asyncio.run(prune_calls(few, must_stop=lambda: True)) == 0
