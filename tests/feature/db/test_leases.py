"""The one way to claim a row: one holder at a time, free again when the lease has run out."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from kedai.db import lease
from kedai.runs.models import Run
from kedai.runs.service import create_run
from tests.support.factories import ANNA, FAKE, SANDBOX, House, run_threads


def make_runs(house: House, count: int) -> None:
    with house.db.write() as db:
        for _ in range(count):
            create_run(db, "x", FAKE, SANDBOX, scope={}, total=None, actor=ANNA, now=house.now)


def take(house: House, holder: str, *, count: int = 1, seconds: float = 60) -> list[str]:
    with house.db.write() as db:
        instant = lease.now(db)
        free = sa.select(Run.id).where(lease.free_at(Run, instant)).order_by(Run.id).limit(count)
        taken = lease.take(db, Run, free, holder=holder, until=instant + timedelta(seconds=seconds))
        return sorted(run.id.hex for run in taken)


def test_held_row_is_not_taken_again(house: House) -> None:
    make_runs(house, 2)
    first = take(house, "one")
    second = take(house, "two")
    assert len(first) == len(second) == 1
    assert first != second
    assert take(house, "three") == []


def test_row_is_free_again_when_its_lease_has_run_out(house: House) -> None:
    make_runs(house, 1)
    assert take(house, "one", seconds=-1)
    assert take(house, "two")
    assert house.scalar(sa.select(Run.lease_by)) == "two"


def test_taking_also_writes_what_belongs_to_the_claim(house: House) -> None:
    make_runs(house, 1)
    with house.db.write() as db:
        until = lease.now(db) + timedelta(seconds=60)
        (row,) = lease.take(db, Run, sa.select(Run.id), holder="one", until=until, also={"state": "running"})
        assert (row.state, row.lease_by, row.lease_until) == ("running", "one", until)


def test_many_at_once_share_no_row_and_leave_none(house: House) -> None:
    make_runs(house, 60)
    taken: list[list[str]] = []

    def grab(name: str) -> None:
        while got := take(house, name, count=7):
            taken.append(got)

    assert run_threads([lambda name=f"w{n}": grab(name) for n in range(6)]) == [None] * 6
    rows = [one for some in taken for one in some]
    assert len(rows) == len(set(rows)) == 60
