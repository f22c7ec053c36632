"""Figures over time: counted from the inbox by anybody, any number of times, and always the same in the end."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from kedai.inbox.figures import HOUR, MINUTE, Figure, count_minutes, floor_to, list_figures, store_figures
from kedai.inbox.models import EventFigure, RawEvent
from kedai.inbox.retention import sweep_hours, sweep_minutes
from kedai.sync.figures import measure_events
from kedai.values.environment import Environment
from kedai.values.event import EventState, ParkedReason
from tests.support.factories import FAKE, LIVE, SANDBOX, START, House, incoming

SECOND = timedelta(seconds=1)


def arrive(house: House, number: int = 1, *, environment: Environment = SANDBOX, **event: Any) -> None:
    """Pushes that came now."""
    at = house.now
    house.deliver(*(incoming(f"O{one}", environment=environment, at=at, **event) for one in range(number)))


def end(house: House, state: EventState, *, received_at: datetime | None = None, after: timedelta = SECOND) -> None:
    """What waits (or what came then) is finished, so long after it came."""
    mine = RawEvent.state == "received" if received_at is None else RawEvent.received_at == received_at
    for event in [one for one in house.events() if one.state == "received" or received_at is not None]:
        statement = sa.update(RawEvent).where(RawEvent.id == event.id, mine)
        house.execute(statement.values(state=state.value, finished_at=event.received_at + after))


def measure(house: House) -> int:
    return asyncio.run(measure_events(house.parts))


def minutes(house: House, *environments: Environment, seconds: int = MINUTE) -> list[Figure]:
    """All that is stored, but for what says that nothing happened."""
    with house.db.read() as db:
        since, until = START - timedelta(days=9), START + timedelta(days=9)
        found = list_figures(db, environments=environments or (SANDBOX,), seconds=seconds, since=since, until=until)
    return [one for one in found if one.received or one.applied or one.failed or one.oldest_ms]


def test_a_minute_tells_what_came_what_became_of_it_and_how_long_it_took(house: House) -> None:
    arrive(house, 3)
    end(house, EventState.APPLIED, after=3 * SECOND)
    arrive(house, 1)
    end(house, EventState.DEAD)
    arrive(house, 2, parked=ParkedReason.INACTIVE_ENVIRONMENT)
    arrive(house, 1)
    house.clock.advance(20 * SECOND)
    measure(house)
    (one,) = minutes(house)
    assert (one.received, one.applied, one.failed, one.parked, one.skipped) == (7, 3, 1, 2, 0)
    assert one.latency_ms == 9_000
    assert one.within == (0, 0, 3, 3, 3)
    assert one.oldest_ms == 20_000


def test_counting_again_and_by_another_process_changes_nothing(house: House) -> None:
    arrive(house, 5)
    end(house, EventState.APPLIED)
    assert measure(house) > 0
    before = minutes(house)
    assert measure(house) == 0, "what is known already is not written again"
    asyncio.run(measure_events(house.as_process()))
    assert minutes(house) == before


def test_who_comes_with_an_older_look_takes_nothing_away(house: House) -> None:
    arrive(house, 2)
    with house.db.read() as db:
        minute = floor_to(house.now, MINUTE)
        older = count_minutes(db, [FAKE], minute, minute + timedelta(minutes=1))
    arrive(house, 3)
    measure(house)
    with house.db.write() as db:
        store_figures(db, older)
    assert [one.received for one in minutes(house)] == [5]
    assert [one.received for one in minutes(house, seconds=HOUR)] == [5]


def test_after_a_rest_what_happened_meanwhile_is_counted(house: House) -> None:
    measure(house)
    for _ in range(5):
        house.clock.advance(timedelta(minutes=40))
        arrive(house, 1)
        end(house, EventState.APPLIED)
    house.clock.advance(timedelta(minutes=1))
    measure(house)
    assert [one.applied for one in minutes(house)] == [1] * 5
    assert sum(one.applied for one in minutes(house, seconds=HOUR)) == 5


def test_hours_keep_what_minutes_told_when_those_are_forgotten(house: House) -> None:
    arrive(house, 4)
    measure(house)
    with house.db.write() as db:
        gone, position = sweep_minutes(db, FAKE, SANDBOX, before=house.now + timedelta(days=1), after=None, limit=200)
    assert gone > 0
    assert position is None
    with house.db.write() as db:
        store_figures(db, {(FAKE, SANDBOX, floor_to(house.now, MINUTE)): {"received": 1}})
    assert [one.received for one in minutes(house, seconds=HOUR)] == [4], "an hour is never told smaller"
    with house.db.write() as db:
        sweep_hours(db, FAKE, SANDBOX, before=house.now + timedelta(days=1), after=None, limit=200)
    assert minutes(house, seconds=HOUR) == []
    assert house.scalar(sa.select(sa.func.count()).where(EventFigure.environment == LIVE)) > 0


def test_environments_are_told_apart_and_together(house: House) -> None:
    arrive(house, 2)
    arrive(house, 3, environment=LIVE)
    measure(house)
    assert [one.received for one in minutes(house, SANDBOX)] == [2]
    assert [one.received for one in minutes(house, LIVE)] == [3]
    assert [one.received for one in minutes(house, SANDBOX, LIVE)] == [5]


def test_a_sweep_removes_no_more_than_it_was_asked_to(house: House) -> None:
    measure(house)
    house.clock.advance(timedelta(minutes=10))
    measure(house)
    with house.db.write() as db:
        gone, position = sweep_minutes(db, FAKE, SANDBOX, before=house.now, after=None, limit=3)
    assert (gone, position) == (3, [])
