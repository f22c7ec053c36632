"""F32 on an embedded installation: leases are kept by the wall clock, and go with it where it is set back."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from kedai.inbox import claims
from kedai.inbox.models import RawEvent
from kedai.kit.clock import ManualClock
from kedai.runs.models import Run
from kedai.runs.service import claim_run, create_run
from kedai.sync.clock_watch import ClockWatch
from kedai.values.environment import Scope
from kedai.vault.models import AuthToken
from kedai.vault.refresh import begin_refresh
from tests.support.factories import ANNA, FAKE, SANDBOX, SHOP, START, House, generation_of, incoming, on_sqlite

pytestmark = on_sqlite

LEASED = (RawEvent, Run, AuthToken)


@pytest.fixture
def held(house: House) -> House:
    """A push, a run and the renewal of a token, each in somebody's hands."""
    house.configure()
    house.connect()
    house.deliver(incoming())
    with house.db.write() as db:
        create_run(db, "x", FAKE, SANDBOX, scope={}, total=None, actor=ANNA, now=house.now)
        assert claim_run(db, lease_seconds=45) is not None
        assert claims.claim(db, orders=50, lease_seconds=45) is not None
        assert begin_refresh(db, generation_of(db, Scope(FAKE, SANDBOX, SHOP)), by="test") is not None
    return house


def ends(house: House) -> list[datetime]:
    return [house.scalar(sa.select(one.lease_until)) for one in LEASED]


def holders(house: House) -> list[str]:
    return [house.scalar(sa.select(one.lease_by)) for one in LEASED]


def look_after(house: House, *, clock_went: timedelta, time_passed: timedelta) -> None:
    """One look, when the clock went so far since the watch began, and so much time has passed."""
    clock, ticks = ManualClock(START), [1000.0]
    watch = ClockWatch(house.parts, clock, ticks=lambda: ticks[0])
    clock.advance(clock_went)
    ticks[0] += time_passed.total_seconds()
    asyncio.run(watch.look())
    asyncio.run(watch.look())  # the same jump is not heeded twice


def test_f32_an_hour_back_takes_every_lease_along_and_takes_none_away(held: House) -> None:
    before, by = ends(held), holders(held)
    assert None not in before
    look_after(held, clock_went=timedelta(seconds=5, hours=-1), time_passed=timedelta(seconds=5))
    assert ends(held) == [end - timedelta(hours=1) for end in before]
    assert holders(held) == by


@pytest.mark.parametrize("drift", [timedelta(), timedelta(hours=1), timedelta(seconds=-59)])
def test_f32_a_clock_that_is_put_right_or_forward_changes_no_lease(held: House, drift: timedelta) -> None:
    before = ends(held)
    look_after(held, clock_went=timedelta(minutes=10) + drift, time_passed=timedelta(minutes=10))
    assert ends(held) == before
