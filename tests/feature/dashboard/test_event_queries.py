"""Reading the inbox: whole pages, bounded looks, never a row of the other environment."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest
import sqlalchemy as sa

from kedai.errors import Invalid, NotFound
from kedai.inbox import queries, waiting
from kedai.inbox.models import RawEvent
from kedai.inbox.rejected import count_rejected
from kedai.values.environment import Environment
from kedai.values.event import EventState, ParkedReason
from tests.support.factories import FAKE, LIVE, SANDBOX, SHOP, START, House, incoming

KEY = b"k" * 32
PARKED = ParkedReason.INACTIVE_ENVIRONMENT
RECEIVED = EventState.RECEIVED


@pytest.fixture
def filled(house: House) -> House:
    """Thirty pushes: sandbox waiting, live parked, two orders."""
    for number in range(30):
        environment = SANDBOX if number % 3 else LIVE
        house.deliver(
            incoming(
                f"ORDER{number % 2}",
                environment=environment,
                parked=None if environment is SANDBOX else PARKED,
                at=START + timedelta(seconds=number),
            )
        )
    return house


def read(
    house: House,
    environment: Environment | None,
    *,
    state: EventState | None = None,
    shop_id: str | None = None,
    order_sn: str | None = None,
    cursor: str | None = None,
    limit: int = 4,
    scan: int = queries.SCAN,
) -> queries.EventPage:
    with house.db.read() as db:
        return queries.list_events(
            db,
            environment=environment,
            state=state,
            shop_id=shop_id,
            order_sn=order_sn,
            cursor=cursor,
            cursor_key=KEY,
            limit=limit,
            scan=scan,
        )


@pytest.mark.parametrize("scan", [3, queries.SCAN])
def test_pages_hold_each_push_once_newest_first(filled: House, scan: int) -> None:
    states = (None, EventState.RECEIVED, EventState.PARKED, EventState.APPLIED)
    for environment, state, order_sn in product((SANDBOX, LIVE, None), states, (None, "ORDER1")):
        found, cursor = [], None
        while True:
            page = read(filled, environment, state=state, order_sn=order_sn, cursor=cursor, scan=scan)
            found += page.rows
            cursor = page.next_cursor
            if cursor is None:
                break
        wanted = [
            event.id
            for event in reversed(filled.events(environment))
            if state in {None, event.state} and order_sn in {None, event.order_sn}
        ]
        assert [row.id for row in found] == wanted, (environment, state, order_sn)


def test_a_rare_filter_looks_at_a_bounded_stretch_and_offers_to_go_on(filled: House) -> None:
    page = read(filled, None, shop_id="nobody", scan=10)
    assert page.rows == ()
    assert page.next_cursor is not None
    assert read(filled, None, shop_id="nobody").next_cursor is None


def test_a_cursor_fits_only_the_list_it_was_made_for(filled: House) -> None:
    cursor = read(filled, SANDBOX).next_cursor
    with pytest.raises(Invalid):
        read(filled, LIVE, cursor=cursor)
    with pytest.raises(Invalid):
        read(filled, SANDBOX, state=EventState.APPLIED, cursor=cursor)


def test_a_push_is_found_in_its_own_environment_only(filled: House) -> None:
    (event, *_rest) = filled.events(LIVE)
    with filled.db.read() as db:
        assert queries.get_event(db, event.id, environment=LIVE).body == b'{"order": true}'
        assert queries.get_event(db, event.id, environment=None).id == event.id
        with pytest.raises(NotFound):
            queries.get_event(db, event.id, environment=SANDBOX)


def test_figures_tell_what_waits_what_is_parked_and_what_came_lately(filled: House) -> None:
    with filled.db.read() as db:
        assert waiting.count_events(db, [RECEIVED, EventState.PARKED], environments=Environment, at_most=99) == {
            (SANDBOX, RECEIVED): 20,
            (SANDBOX, EventState.PARKED): 0,
            (LIVE, RECEIVED): 0,
            (LIVE, EventState.PARKED): 10,
        }
        assert waiting.count_events(db, [RECEIVED], environments=[SANDBOX], at_most=5) == {(SANDBOX, RECEIVED): 5}
        assert waiting.count_parked(db, FAKE, environment=LIVE, at_most=99) == {PARKED: 10}
        recent = queries.count_recent(db, environment=None, since=START + timedelta(seconds=15), at_most=99)
        assert recent == {"received": 10, "parked": 5}
        queue = waiting.get_queue(db, environments=[SANDBOX], at_most=99)
        assert (queue.waiting, queue.oldest_received_at) == (20, START + timedelta(seconds=1))
        assert waiting.get_queue(db, environments=Environment, at_most=99) == queue
        assert waiting.get_queue(db, environments=Environment, at_most=5).waiting == 5
        assert waiting.get_queue(db, environments=[LIVE], at_most=99) == waiting.Queue(0, None)
        assert waiting.find_next_due(db) == START + timedelta(seconds=1)
        last = queries.find_last_event(db, FAKE, environment=LIVE)
        assert last is not None
        assert last.received_at == START + timedelta(seconds=27)
        assert queries.has_events(db, environment=LIVE)


def test_dead_pushes_are_counted(filled: House) -> None:
    ids = [event.id for event in filled.events(SANDBOX)[:3]]
    filled.execute(sa.update(RawEvent).where(RawEvent.id.in_(ids)).values(state="dead"))
    with filled.db.read() as db:
        dead = waiting.count_events(db, [EventState.DEAD], environments=Environment, at_most=99)
    assert dead == {(SANDBOX, EventState.DEAD): 3, (LIVE, EventState.DEAD): 0}
    assert len(read(filled, None, state=EventState.DEAD).rows) == 3


def test_an_orders_pushes_are_its_own_environments(filled: House) -> None:
    with filled.db.read() as db:
        rows = queries.list_order_events(db, FAKE, environment=LIVE, shop_id=SHOP, order_sn="ORDER0", limit=50)
    assert len(rows) == 5
    assert {(row.environment, row.order_sn) for row in rows} == {(LIVE, "ORDER0")}


def test_an_empty_inbox_is_no_error(house: House) -> None:
    with house.db.read() as db:
        assert not queries.has_events(db, environment=None)
        assert set(waiting.count_events(db, list(EventState), environments=Environment, at_most=99).values()) == {0}
        assert waiting.get_queue(db, environments=Environment, at_most=99) == waiting.Queue(0, None)
        assert waiting.find_next_due(db) is None
        assert queries.find_last_event(db, FAKE, environment=LIVE) is None
        assert count_rejected(db, FAKE, environment=LIVE) == (0, None)
    assert read(house, None).rows == ()
