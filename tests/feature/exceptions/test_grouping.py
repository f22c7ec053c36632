"""The operator's list: equal troubles are one row with a count, however many there are and whoever raises them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from kedai.connector_exceptions.models import ConnectorException
from kedai.connector_exceptions.queries import Filter, count_exceptions, list_exceptions
from kedai.connector_exceptions.service import Trouble, raise_exception
from kedai.errors import Invalid
from kedai.kit.ids import new_id
from kedai.values.environment import Environment
from tests.support.factories import FAKE, LIVE, SANDBOX, START, House, run_threads

TROUBLE = Trouble("error_x", "It failed", "Look at it.", shop_id="7001")
OPEN = Filter(("new", "ongoing", "regressed"))


def raise_one(house: House, trouble: Trouble = TROUBLE, *, environment: Environment = SANDBOX, minute: int = 0) -> None:
    with house.db.write() as db:
        raise_exception(db, FAKE, environment, trouble, now=START + timedelta(minutes=minute))


def test_first_trouble_is_a_new_row_that_says_what_to_do(house: House) -> None:
    event = new_id()
    raise_one(house, replace(TROUBLE, order_sn="O1", event_id=event))
    (row,) = house.exceptions()
    assert (row.code, row.title, row.next_step, row.shop_id) == ("error_x", "It failed", "Look at it.", "7001")
    assert (row.state, row.count, row.last_order_sn, row.last_event_id) == ("new", 1, "O1", event)
    assert row.first_seen_at == row.last_seen_at == START


def test_same_trouble_again_counts_and_remembers_the_last_one(house: House) -> None:
    raise_one(house, replace(TROUBLE, order_sn="O1"))
    raise_one(house, replace(TROUBLE, order_sn="O2", title="It failed again"), minute=5)
    (row,) = house.exceptions()
    assert (row.state, row.count, row.last_order_sn, row.title) == ("ongoing", 2, "O2", "It failed again")
    assert (row.first_seen_at, row.last_seen_at) == (START, START + timedelta(minutes=5))


def test_another_shop_code_group_or_environment_is_another_trouble(house: House) -> None:
    for other in (
        TROUBLE,
        replace(TROUBLE, shop_id="7002"),
        replace(TROUBLE, shop_id=None),
        replace(TROUBLE, code="error_y"),
        replace(TROUBLE, group="g"),
        Trouble("error_x7001", "x", "x"),
    ):
        raise_one(house, other)
    raise_one(house, environment=LIVE)
    assert [row.count for row in house.exceptions()] == [1] * 7


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("new", "ongoing"),
        ("ongoing", "ongoing"),
        ("resolved", "regressed"),
        ("regressed", "regressed"),
        ("snoozed", "snoozed"),
    ],
)
def test_trouble_that_comes_again_moves_its_state(house: House, before: str, after: str) -> None:
    raise_one(house)
    house.execute(sa.update(ConnectorException).values(state=before))
    raise_one(house)
    assert house.exceptions()[0].state == after


def test_many_at_once_are_one_row_and_none_is_lost(house: House) -> None:
    places = [house.as_process() for _ in range(4)]

    def fail(number: int) -> None:
        for _ in range(25):
            with places[number].database.write() as db:
                raise_exception(db, FAKE, SANDBOX, TROUBLE, now=house.now)

    assert run_threads([lambda number=number: fail(number) for number in range(4)]) == [None] * 4
    assert [row.count for row in house.exceptions()] == [100]


def test_list_pages_through_both_environments_latest_first(house: House) -> None:
    for number in range(7):
        environment = LIVE if number % 2 else SANDBOX
        raise_one(house, replace(TROUBLE, code=f"c{number}"), environment=environment, minute=number)
    seen, cursor = [], None
    with house.db.read() as db:
        while True:
            page = list_exceptions(
                db, environment=None, chosen=OPEN, cursor=cursor, cursor_key=b"k" * 32, limit=3, now=START
            )
            seen += [row.code for row in page.rows]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert seen == [f"c{number}" for number in reversed(range(7))]
        page = list_exceptions(db, environment=LIVE, chosen=OPEN, cursor=None, cursor_key=b"k" * 32, limit=1, now=START)
        assert [row.code for row in page.rows] == ["c5"]
        with pytest.raises(Invalid):
            list_exceptions(
                db, environment=SANDBOX, chosen=OPEN, cursor=page.next_cursor, cursor_key=b"k" * 32, limit=1, now=START
            )


def test_counts_by_state_name_every_state(house: House) -> None:
    raise_one(house)
    raise_one(house)
    raise_one(house, environment=LIVE)
    with house.db.read() as db:
        counts = count_exceptions(db, environment=SANDBOX, now=START)
        everything = count_exceptions(db, environment=None, now=START)
    assert counts == {"new": 0, "ongoing": 1, "regressed": 0, "snoozed": 0, "resolved": 0}
    assert everything["new"] == 1
