"""Storing pushes: each once, its twins counted, whatever batch they come in."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from msgspec import structs
from sqlalchemy.exc import DBAPIError

from kedai.inbox.flush import insert_pushes
from kedai.inbox.models import RawEvent
from kedai.values.event import EventState, ParkedReason, Topic
from tests.support.factories import FAKE, LIVE, PUBLIC_URL, SANDBOX, SHOP, House, incoming, run_threads


def duplicates(house: House) -> list[int]:
    return [event.duplicates for event in house.events()]


def test_push_is_stored_as_it_came(house: House) -> None:
    push = incoming("O1", at=datetime(2026, 3, 1, 1, 2, 3, 456_789, tzinfo=UTC))
    assert house.deliver(push) == 1
    event = house.event()
    assert (event.id, event.connector, event.environment, event.event_id) == (
        push.id,
        FAKE,
        SANDBOX,
        push.event.event_id,
    )
    assert (event.body, event.headers, event.matched_key) == (push.body, {}, "current")
    assert event.matched_url == f"{PUBLIC_URL}/connectors/fake/webhook/sandbox"
    assert (event.topic, event.code, event.shop_id, event.order_sn) == ("order", 3, SHOP, "O1")
    assert event.pushed_at == event.received_at == event.due_at == push.received_at
    assert (event.state, event.parked_reason, event.note) == (EventState.RECEIVED, None, "")
    assert (event.attempts, event.stalls, event.duplicates, event.lease_by) == (0, 0, 0, None)


def test_parked_and_malformed_pushes_are_stored_too(house: House) -> None:
    nothing = {"code": None, "pushed_at": None}
    house.deliver(
        incoming("O1", environment=LIVE, parked=ParkedReason.INACTIVE_ENVIRONMENT),
        incoming(None, shop_id=None, topic=Topic.MALFORMED, **nothing),
    )
    parked, malformed = house.events()
    assert (parked.state, parked.parked_reason) == ("parked", "inactive_environment")
    assert (malformed.state, malformed.topic, malformed.shop_id, malformed.pushed_at) == (
        "received",
        "malformed",
        None,
        None,
    )


def test_second_delivery_of_same_push_changes_nothing_but_its_count(house: House) -> None:
    push = incoming("O1")
    twin = incoming("O1", event_id=push.event.event_id)
    assert house.deliver(push) == 1
    before = house.event()
    assert house.deliver(twin) == 0
    after = house.event()
    assert (after.id, after.received_at, after.state) == (before.id, before.received_at, before.state)
    assert duplicates(house) == [1]


def test_twins_inside_one_batch_are_treated_like_twins_of_an_earlier_one(house: House) -> None:
    first, second = (incoming(f"O{number}") for number in (1, 2))

    def twin(of_first: bool) -> object:
        return incoming("O1" if of_first else "O2", event_id=(first if of_first else second).event.event_id)

    assert house.deliver(first, twin(True), second, twin(True)) == 2
    assert duplicates(house) == [2, 0]
    assert house.deliver(twin(True), twin(True), twin(False), incoming("O3")) == 1
    assert duplicates(house) == [4, 1, 0]


def test_twin_of_a_finished_push_wakes_nothing(house: House) -> None:
    push = incoming("O1")
    house.deliver(push)
    house.execute(sa.update(RawEvent).values(state="applied"))
    assert house.deliver(incoming("O1", event_id=push.event.event_id)) == 0
    assert (house.states(), duplicates(house)) == (["applied"], [1])


def test_same_push_on_32_connections_at_once_is_one_row(house: House) -> None:
    push = incoming("O1")
    twins = [incoming("O1", event_id=push.event.event_id) for _ in range(32)]
    places = [house.as_process() for _ in range(4)]

    def deliver(number: int) -> int:
        with places[number % 4].database.connect(first=True) as connection:
            return insert_pushes(connection, [twins[number]]) or 0

    new = run_threads([lambda number=number: deliver(number) for number in range(32)])
    assert sorted(new) == [0] * 31 + [1]
    assert duplicates(house) == [31]


def test_batches_in_any_order_from_several_writers_never_block_each_other_for_good(house: House) -> None:
    pushes = [incoming(f"O{number}") for number in range(40)]
    places = [house.as_process() for _ in range(4)]

    def deliver(number: int) -> int:
        chosen, new = random.Random(number), 0
        for _ in range(10):
            batch = [
                incoming(push.event.order_sn, event_id=push.event.event_id) for push in chosen.choices(pushes, k=30)
            ]
            with places[number].database.connect(first=True) as connection:
                new += insert_pushes(connection, batch) or 0
        return new

    done = run_threads([lambda number=number: deliver(number) for number in range(4)])
    assert [one for one in done if isinstance(one, Exception)] == []
    assert sum(done) == len(house.events())
    assert sum(duplicates(house)) + len(house.events()) == 4 * 10 * 30


def test_ten_thousand_deliveries_of_one_push_are_one_row_and_a_count(house: House) -> None:
    push = incoming("O1")
    for _ in range(100):
        house.deliver(*(incoming("O1", event_id=push.event.event_id) for _ in range(100)))
    assert duplicates(house) == [9_999]


@pytest.mark.parametrize("state", ["working", ""])
def test_state_outside_the_closed_set_fails_the_whole_batch(house: House, state: str) -> None:
    """The intake then writes row by row: nothing of the batch may stay behind."""
    bad = structs.replace(incoming("O2"), state=state)
    with pytest.raises(DBAPIError):
        house.deliver(incoming("O1"), bad)
    assert house.events() == []


def test_push_of_an_environment_without_its_row_is_refused(house: House) -> None:
    with pytest.raises(DBAPIError):
        house.deliver(structs.replace(incoming("O1"), connector="nobody"))
