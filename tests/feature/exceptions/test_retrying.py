"""Trying again what a group stopped: one order or all of them, its events first, else the order itself (F11)."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
import sqlalchemy as sa

from kedai.connector_exceptions.models import ConnectorException, ExceptionOrder
from kedai.connector_exceptions.service import Trouble, raise_exceptions
from kedai.errors import Conflict, NotFound, RemoteRejected
from kedai.runs.models import Run
from kedai.sync.outcome import MAX_ATTEMPTS
from kedai.sync.retry import KIND, Retried, retry_group, retry_order
from kedai.sync.runner import run_next
from kedai.values.environment import Environment
from kedai.values.event import EventState, Topic
from tests.support.factories import ANNA, FAKE, LIVE, SANDBOX, SHOP, Call, House, incoming, snapshot


def ready(house: House) -> None:
    house.configure()
    house.connect()


def refuse(house: House, *bad: str) -> None:
    """From now on the marketplace refuses every call that names one of these."""

    async def answer(call: Call) -> None:
        if set(bad) & set(call.order_sns):
            raise RemoteRejected("Fake: error_param no such field", remote_code="error_param")

    house.market.before = answer


def fail(house: House, *numbers: str) -> UUID:
    """Each order's event is tried until it is given up; returns the group that tells of it."""
    refuse(house, *numbers)
    house.deliver(*(incoming(number) for number in numbers))
    house.work(batches=5 * MAX_ATTEMPTS)
    return group(house)


def group(house: House) -> UUID:
    (row,) = house.exceptions()
    return row.id


def one(house: House, found: UUID, number: str, *, environment: Environment = SANDBOX) -> Retried:
    with house.db.write() as db:
        return retry_order(db, found, f"{SHOP}/{number}", environment=environment, actor=ANNA, now=house.now)


def everything(house: House, found: UUID) -> None:
    with house.db.write() as db:
        retry_group(db, found, environment=SANDBOX, actor=ANNA, now=house.now)


def run_all(house: House) -> Run:
    async def until_idle() -> None:
        while await run_next(house.parts, kind=KIND):
            pass

    asyncio.run(until_idle())
    with house.db.read() as db:
        return db.execute(sa.select(Run).where(Run.kind == KIND).order_by(Run.id.desc()).limit(1)).scalar_one()


def retried(house: House) -> list[str]:
    with house.db.read() as db:
        where = ExceptionOrder.retried_at.is_not(None)
        return sorted(db.execute(sa.select(ExceptionOrder.subject).where(where)).scalars())


def test_f11_a_handler_that_fails_always_ends_in_one_row_that_names_its_orders(house: House) -> None:
    """Every try waits longer, the event is dead after the last one, and the marketplace's words are kept."""
    ready(house)
    fail(house, "O1", "O2")
    (row,) = house.exceptions()
    assert (row.state, row.count, row.listed, row.code) == ("new", 2, 2, "error_param")
    assert "no such field" in row.last_message
    assert {event.state for event in house.events()} == {EventState.DEAD}
    assert {event.attempts for event in house.events()} == {MAX_ATTEMPTS}


def test_one_order_goes_back_in_the_queue_with_a_clean_slate(house: House) -> None:
    ready(house)
    found = fail(house, "O1", "O2")
    assert one(house, found, "O1").events == 1
    states = {event.order_sn: (event.state, event.attempts) for event in house.events()}
    assert states == {"O1": ("received", 0), "O2": ("dead", MAX_ATTEMPTS)}
    assert retried(house) == [f"{SHOP}/O1"]
    refuse(house)
    house.market.put(SANDBOX, snapshot("O1"))
    house.work()
    assert [order.order_sn for order in house.orders()] == ["O1"]


def test_an_order_that_no_event_waits_for_is_read_anew_by_a_run(house: House) -> None:
    ready(house)
    trouble = Trouble("error_x", "It failed", "", shop_id=SHOP, order_sn="O1")
    with house.db.write() as db:
        raise_exceptions(db, FAKE, SANDBOX, [trouble], now=house.now)
    house.market.put(SANDBOX, snapshot("O1"))
    started = one(house, group(house), "O1")
    assert (started.events, started.run is not None) == (0, True)
    run = run_all(house)
    assert (run.state, run.done, run.total, run.note) == ("succeeded", 1, 1, "")
    assert [order.order_sn for order in house.orders()] == ["O1"]


def test_the_whole_group_is_tried_by_a_run_that_walks_its_list(house: House) -> None:
    """Events where there are some; orders without any are read; an order that still fails stays as it was."""
    ready(house)
    found = fail(house, "O1", "O2")
    more = [Trouble("error_param", "t", "n", shop_id=SHOP, order_sn=f"P{number:02}") for number in range(60)]
    with house.db.write() as db:
        raise_exceptions(db, FAKE, SANDBOX, more, now=house.now)
    refuse(house, "P07")
    house.market.put(SANDBOX, *(snapshot(f"P{number:02}") for number in range(60)))
    house.market.put(SANDBOX, snapshot("O1"), snapshot("O2"))
    everything(house, found)
    run = run_all(house)
    assert (run.state, run.done, run.total) == ("succeeded", 62, 62)
    assert run.note == "1 could not be read again, and were left as they are"
    house.work()
    assert len(house.orders()) == 61
    assert len(retried(house)) == 61
    assert f"{SHOP}/P07" not in retried(house)


def test_two_retries_of_a_group_never_go_on_at_once(house: House) -> None:
    ready(house)
    found = fail(house, "O1")
    everything(house, found)
    with pytest.raises(Conflict, match="going on"):
        everything(house, found)


def test_a_group_that_lists_nothing_or_rests_is_not_retried(house: House) -> None:
    ready(house)
    found = fail(house, "O1")
    house.execute(sa.update(ConnectorException).values(listed=0))
    with pytest.raises(Conflict, match="no order"):
        everything(house, found)
    house.execute(sa.update(ConnectorException).values(listed=1))
    house.configure(LIVE)
    house.connect(LIVE, "8001")
    house.switch(LIVE)
    with pytest.raises(Conflict, match="not the active"):
        everything(house, found)
    assert one(house, found, "O1").events == 1


def test_nobody_retries_across_environments_or_what_is_not_listed(house: House) -> None:
    ready(house)
    found = fail(house, "O1")
    with pytest.raises(NotFound):
        one(house, found, "O1", environment=LIVE)
    with pytest.raises(NotFound):
        one(house, found, "O9")
    house.execute(sa.update(ExceptionOrder).values(order_sn=None, event_id=None, subject=f"{SHOP}/O9"))
    with pytest.raises(Conflict):
        one(house, found, "O9")
    assert {event.state for event in house.events()} == {EventState.DEAD}


def test_an_event_that_names_no_order_goes_back_by_itself(house: House) -> None:
    ready(house)
    house.deliver(incoming(None, topic=Topic.MALFORMED))
    house.work()
    (event,) = house.events()
    found = group(house)
    with house.db.write() as db:
        done = retry_order(db, found, event.id.hex, environment=SANDBOX, actor=ANNA, now=house.now)
    assert done.events == 1
    assert house.event().state == EventState.RECEIVED
