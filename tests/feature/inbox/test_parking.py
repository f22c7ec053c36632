"""Pushes that wait for a person or for their environment, and deliveries that failed verification."""

from __future__ import annotations

from itertools import pairwise
from uuid import UUID

import pytest
import sqlalchemy as sa

from kedai.audit.models import AuditEntry
from kedai.errors import Conflict, NotFound
from kedai.inbox import service
from kedai.inbox.models import RawEvent
from kedai.kit.ids import new_id
from kedai.values.event import ParkedReason
from tests.support.factories import ANNA, FAKE, LIVE, SANDBOX, SHOP, House, incoming

INACTIVE, UNKNOWN = ParkedReason.INACTIVE_ENVIRONMENT, ParkedReason.UNKNOWN_SHOP


def unpark(
    house: House,
    *,
    reason: ParkedReason = INACTIVE,
    shop_id: str | None = None,
    after: UUID | None = None,
    limit: int = 9,
) -> tuple[int, UUID | None]:
    with house.db.write() as db:
        chosen = {"reason": reason, "shop_id": shop_id, "after": after, "before": new_id(), "limit": limit}
        return service.unpark(db, FAKE, LIVE, **chosen, now=house.now)


def park(house: House, *order_sns: str, reason: ParkedReason = INACTIVE, shop_id: str = SHOP) -> None:
    house.deliver(*(incoming(one, environment=LIVE, parked=reason, shop_id=shop_id) for one in order_sns))


def test_parked_pushes_return_to_the_queue_in_order_of_arrival(house: House) -> None:
    park(house, *(f"O{number}" for number in range(7)))
    arrived = [event.id for event in house.events()]
    house.execute(sa.update(RawEvent).values(attempts=3, stalls=2))
    after, moved = None, []
    while True:
        count, last = unpark(house, after=after, limit=3)
        if last is None:
            break
        moved.append(count)
        assert house.states() == ["received"] * sum(moved) + ["parked"] * (7 - sum(moved))
        after = last
    assert moved == [3, 3, 1]
    assert after == arrived[-1]
    rows = house.events()
    assert {(row.attempts, row.stalls, row.parked_reason, row.due_at) for row in rows} == {(0, 0, None, house.now)}
    assert all(first.id < second.id for first, second in pairwise(rows))


def test_only_pushes_of_that_reason_shop_and_environment_return(house: House) -> None:
    park(house, "O1")
    park(house, "O2", reason=UNKNOWN)
    park(house, "O3", shop_id="7002")
    house.deliver(incoming("O4", parked=INACTIVE))
    assert unpark(house, shop_id=SHOP)[0] == 1
    assert house.states() == ["received", "parked", "parked", "parked"]
    assert unpark(house, reason=UNKNOWN)[0] == 1
    assert unpark(house)[0] == 1
    assert unpark(house) == (0, None)
    assert house.states() == ["received", "received", "received", "parked"]


def test_push_that_was_finished_once_is_unfinished_again_when_it_returns(house: House) -> None:
    park(house, "O1")
    house.execute(sa.update(RawEvent).values(finished_at=house.now))
    unpark(house)
    assert house.event().finished_at is None


def test_waiting_parked_pushes_are_counted_by_reason_and_shop(house: House) -> None:
    park(house, "O1", "O2")
    park(house, "O3", shop_id="7002")
    park(house, "O4", reason=UNKNOWN)
    with house.db.read() as db:
        assert service.count_parked(db, FAKE, LIVE) == 3
        assert service.count_parked(db, FAKE, LIVE, shop_id="7002") == 1
        assert service.count_parked(db, FAKE, LIVE, reason=UNKNOWN) == 1
        assert service.count_parked(db, FAKE, SANDBOX) == 0


@pytest.mark.parametrize("state", ["parked", "dead", "discarded"])
def test_person_puts_one_push_back_with_a_clean_slate_and_the_trail_says_so(house: House, state: str) -> None:
    house.deliver(incoming("O1", parked=INACTIVE if state == "parked" else None))
    house.execute(sa.update(RawEvent).values(state=state, attempts=8, stalls=3, finished_at=house.now))
    identity = house.event().id
    with house.db.write() as db:
        service.replay_event(db, identity, environment=SANDBOX, actor=ANNA, now=house.now)
    row = house.event()
    assert (row.state, row.parked_reason, row.attempts, row.stalls, row.finished_at) == ("received", None, 0, 0, None)
    with house.db.read() as db:
        entry = db.execute(sa.select(AuditEntry)).scalar_one()
    assert (entry.action, entry.subject) == ("event.replay", f"evt_{identity.hex}")
    assert entry.details["changed"]["state"] == [state, "received"]


def test_push_that_waits_or_is_dealt_with_is_not_replayed(house: House) -> None:
    house.deliver(incoming("O1"))
    identity = house.event().id
    for state in ("received", "applied", "skipped"):
        house.execute(sa.update(RawEvent).values(state=state))
        with pytest.raises(Conflict, match=state), house.db.write() as db:
            service.replay_event(db, identity, environment=SANDBOX, actor=ANNA, now=house.now)


def test_push_is_not_replayed_through_the_other_environment(house: House) -> None:
    house.deliver(incoming("O1", parked=INACTIVE))
    for identity, environment in ((house.event().id, LIVE), (new_id(), SANDBOX)):
        with pytest.raises(NotFound), house.db.write() as db:
            service.replay_event(db, identity, environment=environment, actor=ANNA, now=house.now)
    assert house.states() == ["parked"]


def test_push_that_waits_or_is_dealt_with_is_not_discarded(house: House) -> None:
    house.deliver(incoming("O1"))
    identity = house.event().id
    for state in ("received", "applied", "skipped", "discarded"):
        house.execute(sa.update(RawEvent).values(state=state))
        with pytest.raises(Conflict, match=state), house.db.write() as db:
            service.discard_event(db, identity, environment=SANDBOX, actor=ANNA, now=house.now)
    for identity, environment in ((house.event().id, LIVE), (new_id(), SANDBOX)):
        with pytest.raises(NotFound), house.db.write() as db:
            service.discard_event(db, identity, environment=environment, actor=ANNA, now=house.now)


def test_pushes_that_were_parked_after_the_decision_are_not_touched_by_it(house: House) -> None:
    park(house, "O1")
    before = new_id()
    park(house, "O2")
    chosen = {"reason": INACTIVE, "shop_id": None, "after": None, "before": before, "limit": 9}
    with house.db.write() as db:
        count, _last = service.discard_parked(db, FAKE, LIVE, **chosen, by="anna", now=house.now)
    assert (count, house.states()) == (1, ["discarded", "parked"])
