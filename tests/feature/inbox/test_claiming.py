"""Claiming work from the inbox: whose rows go together, who is passed over, and what a lost lease may still write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from kedai.inbox import claims
from kedai.inbox.claims import Batch, Outcome
from kedai.inbox.models import RawEvent
from kedai.values.event import EventState, ParkedReason, Topic
from tests.support.factories import FAKE, LIVE, SANDBOX, SHOP, START, House, incoming, on_postgresql, run_threads

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
APPLIED = Outcome(EventState.APPLIED)


def claim(house: House, *, orders: int = 50, lease_seconds: int = 60) -> Batch | None:
    with house.db.write() as db:
        return claims.claim(db, orders=orders, lease_seconds=lease_seconds)


def claimed(house: House, *, orders: int = 50) -> list[str | None]:
    """The order numbers of the next batch, one for each event."""
    batch = claim(house, orders=orders)
    return [] if batch is None else [event.order_sn for event in batch.events]


def finish(house: House, batch: Batch, outcome: Outcome = APPLIED) -> set[UUID]:
    with house.db.write() as db:
        held = claims.lock_held(db, batch.holder, [event.id for event in batch.events])
        claims.finish(db, held, {event.id: outcome for event in batch.events}, now=house.now)
    return held


def deliver(house: House, *order_sns: str | None, shop_id: str = SHOP, minute: int = 0) -> None:
    house.deliver(*(incoming(one, shop_id=shop_id, at=START + timedelta(minutes=minute)) for one in order_sns))


def lose_leases(house: House) -> None:
    """As if whoever holds rows had died long ago."""
    house.execute(sa.update(RawEvent).where(RawEvent.lease_by.is_not(None)).values(lease_until=LONG_AGO))


def stalls(house: House) -> list[int]:
    return [event.stalls for event in house.events()]


def test_nothing_due_is_no_batch(house: House) -> None:
    assert claim(house) is None
    house.deliver(incoming("O1", at=datetime(2999, 1, 1, tzinfo=UTC)))
    house.deliver(incoming("O2", parked=ParkedReason.UNKNOWN_SHOP))
    assert claim(house) is None
    with house.db.read() as db:
        assert not claims.is_due(db)


def test_all_waiting_pushes_of_an_order_are_taken_together_even_those_not_due(house: House) -> None:
    deliver(house, "O1", "O2", "O1", "O1")
    later = incoming("O1", at=datetime(2999, 1, 1, tzinfo=UTC))
    house.deliver(later)
    assert sorted(claimed(house, orders=1), key=str) == ["O1"] * 4
    assert claimed(house, orders=1) == ["O2"]
    assert claim(house) is None


def test_batch_holds_as_many_orders_as_asked_for_oldest_first(house: House) -> None:
    deliver(house, *(f"O{number:02}" for number in range(60)))
    assert claimed(house) == [f"O{number:02}" for number in range(50)]
    assert claimed(house) == [f"O{number:02}" for number in range(50, 60)]
    assert claim(house) is None


def test_batch_is_of_one_shop_environment_and_marketplace(house: House) -> None:
    house.deliver(
        incoming("O1", shop_id="7001"),
        incoming("O1", shop_id="7002"),
        incoming("O1", shop_id="7001", environment=LIVE),
        incoming("O2", shop_id="7001"),
    )
    batches = [claim(house) for _ in range(3)]
    seen = {(one.environment, one.shop_id): one.order_sns for one in batches if one is not None}
    assert seen == {(SANDBOX, "7001"): ["O1", "O2"], (SANDBOX, "7002"): ["O1"], (LIVE, "7001"): ["O1"]}
    assert [one.connector for one in batches if one] == [FAKE] * 3
    assert claim(house) is None


def test_due_push_comes_before_one_that_is_due_later(house: House) -> None:
    deliver(house, "O1", minute=5)
    deliver(house, "O2", minute=1)
    assert claimed(house, orders=1) == ["O2"]


def test_held_order_is_passed_over_and_its_neighbours_are_taken(house: House) -> None:
    deliver(house, "O1")
    assert claimed(house) == ["O1"]
    deliver(house, "O1", "O2", minute=1)
    assert claimed(house) == ["O2"]


def test_held_order_does_not_keep_another_shop_waiting(house: House) -> None:
    """A new push for an order in hand is the oldest due one: whatever comes after it must go on."""
    deliver(house, "O1")
    held = claim(house)
    assert held is not None
    deliver(house, "O1", minute=1)
    deliver(house, "O9", shop_id="7002", minute=2)
    assert claimed(house) == ["O9"]
    assert claim(house) is None
    finish(house, held)
    assert claimed(house) == ["O1"]


def test_stalled_push_of_a_held_order_waits_too(house: House) -> None:
    deliver(house, "O1")
    first = claim(house)
    assert first is not None
    deliver(house, "O1", minute=1)
    house.execute(sa.update(RawEvent).where(RawEvent.lease_by.is_(None)).values(stalls=1))
    assert claim(house) is None
    finish(house, first)
    assert claimed(house) == ["O1"]


def test_pushes_without_an_order_go_with_their_own_kind(house: House) -> None:
    house.deliver(
        incoming(None, topic=Topic.CONNECTION),
        incoming(None, topic=Topic.MALFORMED),
        incoming(None, topic=Topic.CONNECTION),
        incoming(None, topic=Topic.CONNECTION, shop_id="7002"),
        incoming(None, topic=Topic.MALFORMED, shop_id=None),
        incoming("O1"),
    )
    batches = []
    while (batch := claim(house)) is not None:
        batches.append((batch.shop_id, [str(event.topic) for event in batch.events]))
    assert sorted(batches, key=str) == sorted(
        [
            (SHOP, ["connection"] * 2),
            (SHOP, ["malformed"]),
            ("7002", ["connection"]),
            (None, ["malformed"]),
            (SHOP, ["order"]),
        ],
        key=str,
    )


def test_f5_abandoned_rows_come_back_a_few_at_a_time_then_one_by_one_and_each_stall_is_counted(house: House) -> None:
    numbers = [f"O{number:02}" for number in range(12)]
    deliver(house, *numbers)
    assert claimed(house) == numbers
    assert stalls(house) == [0] * 12
    lose_leases(house)
    assert claimed(house) == numbers[:10]
    assert claimed(house) == numbers[10:]
    assert stalls(house) == [1] * 12
    lose_leases(house)
    for number in numbers[:3]:
        assert claimed(house) == [number]
    assert stalls(house) == [2] * 3 + [1] * 9


def test_all_stalled_pushes_of_an_order_come_back_together(house: House) -> None:
    deliver(house, "O1", "O2", "O1")
    assert len(claimed(house)) == 3
    lose_leases(house)
    assert claimed(house, orders=1) == ["O1", "O1"]
    assert claimed(house, orders=1) == ["O2"]


def test_stalled_pushes_without_an_order_come_back_a_few_at_a_time(house: House) -> None:
    house.deliver(*(incoming(None, topic=Topic.CONNECTION) for _ in range(12)))
    assert len(claimed(house)) == 12
    lose_leases(house)
    assert len(claimed(house)) == 10
    assert len(claimed(house)) == 2
    assert stalls(house) == [1] * 12


def test_a_push_that_stalled_twice_comes_back_without_those_that_stalled_once(house: House) -> None:
    deliver(house, "O1", "O2")
    assert len(claimed(house)) == 2
    house.execute(sa.update(RawEvent).where(RawEvent.order_sn == "O2").values(stalls=1))
    lose_leases(house)
    batches = [claim(house), claim(house)]
    assert [[event.stalls for event in batch.events] for batch in batches if batch] == [[1], [2]]
    assert [batch.order_sns for batch in batches if batch] == [["O1"], ["O2"]]


def test_stalled_push_is_claimed_without_the_others_of_its_order(house: House) -> None:
    deliver(house, "O1")
    assert claimed(house) == ["O1"]
    lose_leases(house)
    deliver(house, "O1", "O2", minute=1)
    alone = claim(house)
    assert alone is not None
    assert [(event.order_sn, event.stalls) for event in alone.events] == [("O1", 1)]
    assert claimed(house) == ["O2"]
    finish(house, alone)
    assert claimed(house) == ["O1"]


def test_fresh_push_older_than_a_stalled_one_of_its_order_does_not_stop_the_queue(house: House) -> None:
    """The stalled one waits out a pause and becomes due after a new push for the same order came."""
    deliver(house, "O1", minute=1)
    deliver(house, "O1", minute=3)
    fresh, stalled = house.events()
    house.execute(sa.update(RawEvent).where(RawEvent.id == stalled.id).values(stalls=1))
    deliver(house, "O9", shop_id="7002", minute=5)
    taken = []
    for _ in range(3):
        batch = claim(house)
        assert batch is not None
        assert batch.events
        taken.append([event.id for event in batch.events])
        finish(house, batch)
    assert [stalled.id] in taken
    assert [fresh.id] in taken
    assert claim(house) is None


def test_finish_writes_each_outcome_and_frees_the_rows(house: House) -> None:
    deliver(house, "O1", "O2", "O3", "O4")
    batch = claim(house)
    assert batch is not None
    ids = [event.id for event in batch.events]
    outcomes = {
        ids[0]: APPLIED,
        ids[1]: Outcome(EventState.RECEIVED, "later", due_in=timedelta(minutes=5), counts=True),
        ids[2]: Outcome(EventState.PARKED, "who?", parked_reason=ParkedReason.UNKNOWN_SHOP),
        ids[3]: Outcome(EventState.DEAD, "gave up", counts=True),
    }
    with house.db.write() as db:
        claims.finish(
            db, claims.lock_held(db, batch.holder, [event.id for event in batch.events]), outcomes, now=house.now
        )
    applied, later, parked, dead = house.events()
    assert {row.lease_by for row in (applied, later, parked, dead)} == {None}
    assert (applied.state, applied.finished_at, applied.attempts) == ("applied", house.now, 0)
    assert (later.state, later.finished_at, later.attempts, later.note) == ("received", None, 1, "later")
    assert later.due_at == house.now + timedelta(minutes=5)
    assert (parked.state, parked.parked_reason, parked.attempts) == ("parked", "unknown_shop", 0)
    assert (dead.state, dead.attempts, dead.note) == ("dead", 1, "gave up")
    assert applied.due_at == START


def test_lost_lease_writes_nothing(house: House) -> None:
    deliver(house, "O1", "O2")
    late = claim(house)
    assert late is not None
    lose_leases(house)
    newer = claim(house, orders=1)
    assert newer is not None
    first, second = (event.id for event in late.events)
    assert [event.id for event in newer.events] == [first]
    assert finish(house, late, Outcome(EventState.DEAD, "written by a ghost")) == {second}
    assert [(row.state, row.lease_by) for row in house.events()] == [("received", newer.holder), ("dead", None)]
    assert finish(house, newer) == {first}


def test_lease_that_ran_out_may_still_finish_while_nobody_took_over(house: House) -> None:
    deliver(house, "O1")
    late = claim(house)
    assert late is not None
    lose_leases(house)
    assert len(finish(house, late)) == 1
    assert house.states() == ["applied"]


def test_row_given_up_by_a_person_meanwhile_is_left_alone(house: House) -> None:
    deliver(house, "O1")
    batch = claim(house)
    assert batch is not None
    house.execute(sa.update(RawEvent).values(state="discarded", lease_by=None, lease_until=None))
    assert finish(house, batch) == set()
    assert house.states() == ["discarded"]


def test_rows_given_back_are_no_stall(house: House) -> None:
    deliver(house, "O1", "O2")
    batch = claim(house)
    assert batch is not None
    with house.db.write() as db:
        claims.release(db, [batch.holder])
    assert claimed(house) == ["O1", "O2"]
    assert stalls(house) == [0, 0]


def test_start_of_an_embedded_installation_voids_all_leases_and_counts_a_stall(house: House) -> None:
    """F5: nobody waits for a lease there: the lock file says that its holder is gone."""
    deliver(house, "O1", "O2")
    held = claim(house, orders=1)
    assert held is not None
    with house.db.write() as db:
        claims.void_leases(db)
    assert stalls(house) == [1, 0]
    assert finish(house, held) == set()
    assert claimed(house) == ["O1"]
    assert stalls(house) == [1, 0]


def test_shop_connected_again_wakes_its_own_pushes_only(house: House) -> None:
    never = datetime(2999, 1, 1, tzinfo=UTC)
    house.deliver(
        incoming("O1", at=never),
        incoming("O2", at=never, shop_id="7002"),
        incoming("O3", at=never, environment=LIVE),
    )
    with house.db.write() as db:
        claims.wake_shop(db, FAKE, SANDBOX, SHOP, now=house.now)
    assert claimed(house) == ["O1"]
    assert claim(house) is None


def test_claimers_at_once_never_share_a_row_or_an_order(house: House) -> None:
    house.deliver(*(incoming(f"O{number % 25}", shop_id=f"{7001 + number % 3}") for number in range(300)))
    places = [house.as_process() for _ in range(4)]
    held: list[tuple[Batch, set[UUID]]] = []

    def grab(number: int) -> None:
        for _ in range(200):
            with places[number].database.write() as db:
                batch = claims.claim(db, orders=3, lease_seconds=600)
            if batch is None:
                return
            held.append((batch, {event.id for event in batch.events}))

    assert run_threads([lambda number=number: grab(number) for number in range(4)]) == [None] * 4
    rows = [one for _, ids in held for one in ids]
    assert len(rows) == len(set(rows)) == 300
    orders = [(batch.shop_id, order_sn) for batch, _ in held for order_sn in batch.order_sns]
    assert len(orders) == len(set(orders)) == 75


@on_postgresql
def test_row_locked_by_somebody_else_is_passed_over_at_once(house: House) -> None:
    deliver(house, "O1", "O2")
    first = house.events()[0]
    with house.db.write() as db:
        db.execute(sa.select(RawEvent.id).where(RawEvent.id == first.id).with_for_update())
        (taken,) = run_threads([lambda: claimed(house)], timeout=10)
    assert taken == ["O2"]
