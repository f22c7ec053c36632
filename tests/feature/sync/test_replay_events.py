"""Replaying by filter and range: exactly the chosen pushes go back in the queue, however many steps it takes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from kedai.errors import Conflict, Invalid
from kedai.inbox.replays import REPLAYABLE, Choice
from kedai.runs.models import Run
from kedai.runs.queries import get_run
from kedai.sync import replay_events, runner
from kedai.values.environment import Environment
from kedai.values.event import EventState, ParkedReason, Topic
from tests.support.factories import ANNA, FAKE, LIVE, SANDBOX, SHOP, START, House, incoming, snapshot

HOUR = timedelta(hours=1)


@pytest.fixture
def worked(house: House) -> House:
    """Sandbox is active: two orders an hour apart are applied, a push of another topic is skipped, one is parked."""
    for environment in Environment:
        house.configure(environment)
        house.connect(environment)
    house.market.put(SANDBOX, snapshot("A"), snapshot("B"))
    house.deliver(incoming("A", at=START), incoming("B", at=START + HOUR))
    house.deliver(incoming(None, topic=Topic.OTHER, at=START))
    house.work()
    house.deliver(incoming("P", parked=ParkedReason.ORDER_NOT_FOUND, at=START))
    house.deliver(incoming("L", environment=LIVE, parked=ParkedReason.INACTIVE_ENVIRONMENT, at=START))
    return house


def begin(house: House, environment: Environment = SANDBOX, **wish: Any) -> Run:
    with house.db.read() as db:
        counted = replay_events.preview(db, FAKE, environment, Choice(**wish))
    with house.db.write() as db:
        return replay_events.replay_events(
            house.parts, db, FAKE, environment, Choice(**wish), counted=counted, actor=ANNA, now=house.now
        )


def go_on(house: House) -> None:
    while asyncio.run(runner.run_next(house.parts)):
        pass


def replayed(house: House, **wish: Any) -> set[str | None]:
    """Which pushes wait once the run has ended."""
    begin(house, **wish)
    go_on(house)
    return {event.order_sn for event in house.events() if event.state == EventState.RECEIVED}


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({}, {"A", "B", None, "P"}),
        ({"order_sn": "A"}, {"A"}),
        ({"states": (EventState.PARKED,)}, {"P"}),
        ({"states": (EventState.APPLIED, EventState.SKIPPED)}, {"A", "B", None}),
        ({"since": START + HOUR}, {"B"}),
        ({"until": START + HOUR, "states": (EventState.APPLIED,)}, {"A"}),
        ({"shop_id": "9999"}, set()),
        ({"shop_id": SHOP, "code": 3}, {"A", "B", None, "P"}),
        ({"code": 4}, set()),
    ],
    ids=["all", "order", "parked", "states", "since", "until is outside", "shop", "code", "other code"],
)
def test_exactly_what_was_chosen_is_replayed(worked: House, wish: dict[str, Any], expected: set[str | None]) -> None:
    with worked.db.read() as db:
        assert replay_events.preview(db, FAKE, SANDBOX, Choice(**wish)) == len(expected)
    assert replayed(worked, **wish) == expected
    assert worked.events(LIVE)[0].state == EventState.PARKED


def test_what_is_replayed_is_worked_on_as_on_its_first_day(worked: House) -> None:
    worked.market.put(SANDBOX, snapshot("A", status="SHIPPED", remote_updated_at=START))
    worked.clock.advance(timedelta(days=400))
    replayed(worked, order_sn="A")
    worked.work()
    assert {row.order_sn: row.status for row in worked.orders()} == {"A": "SHIPPED", "B": "READY_TO_SHIP"}
    assert worked.states() == ["applied", "applied", "skipped", "parked", "parked"]


def test_many_steps_take_each_push_once_and_none_that_came_later(
    worked: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_events, "_SCAN", 2)
    run = begin(worked)
    worked.deliver(incoming("NEW", parked=ParkedReason.ORDER_NOT_FOUND))
    go_on(worked)
    with worked.db.read() as db:
        ended = get_run(db, run.id, environment=SANDBOX)
    assert (ended.state, ended.done, ended.total) == ("succeeded", 4, 4)
    assert [event.state for event in worked.events() if event.order_sn == "NEW"] == [EventState.PARKED]


def test_the_inactive_environment_is_not_worked_on_and_a_switch_ends_the_run(worked: House) -> None:
    with pytest.raises(Conflict):
        begin(worked, LIVE)
    run = begin(worked)
    with pytest.raises(Conflict):
        begin(worked)
    worked.switch(LIVE)
    go_on(worked)
    with worked.db.read() as db:
        assert get_run(db, run.id, environment=SANDBOX).state == "cancelled"


def test_a_choice_that_nothing_can_fit_is_refused() -> None:
    assert EventState.RECEIVED not in REPLAYABLE
    for wish in ({"states": ()}, {"states": (EventState.RECEIVED,)}, {"since": START, "until": START}):
        with pytest.raises(Invalid):
            Choice(**wish)
