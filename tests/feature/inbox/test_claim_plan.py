"""Claiming stays cheap however many events wait, also while PostgreSQL still believes that next to none do."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kedai.inbox import claims
from kedai.inbox.models import RawEvent
from tests.support.factories import House, incoming

WAITING = 5000


@pytest.fixture
def explain(house: House) -> Callable[[str], str]:
    """A function that claims two orders of many, and gives the plan of a statement that did it.

    PostgreSQL has not looked at the table since they came.
    """
    believing_that_nothing_waits(house)
    house.deliver(*(incoming(f"O{number:04}") for number in range(WAITING)))

    def claim(named: str) -> str:
        seen = explaining(house, named)
        assert claim_two(house) == ["O0000", "O0001"]
        return "\n".join(seen)

    return claim


def believing_that_nothing_waits(house: House) -> None:
    """The database looked at the table when all was done, as it mostly is."""
    house.deliver(*(incoming(f"P{number:04}") for number in range(WAITING // 2)))
    with house.db.write() as db:
        db.execute(sa.update(RawEvent).values(state="applied"))
    with house.db.write() as db:
        db.execute(sa.text("ANALYZE"))


def claim_two(house: House) -> list[str]:
    with house.db.write() as db:
        batch = claims.claim(db, orders=2, lease_seconds=60)
    assert batch is not None
    return batch.order_sns


def explaining(house: House, named: str) -> list[str]:
    """From now on, the plan of every statement that has this in its text."""
    seen: list[str] = []

    def look(connection: Connection, _cursor: object, statement: str, given: object, *_: object) -> None:
        if named in statement:
            prefix = "EXPLAIN QUERY PLAN " if house.db.is_sqlite else "EXPLAIN "
            rows = connection.connection.cursor().execute(prefix + statement, given)
            seen.extend(str(row) for row in rows.fetchall())

    sa.event.listen(house.db.write_engine, "before_cursor_execute", look)
    return seen


def test_the_oldest_are_found_in_the_order_of_the_index_of_what_is_due(explain: Callable[[str], str]) -> None:
    plan = explain("LIMIT")
    assert "ix_raw_event_due" in plan
    assert "Sort" not in plan
    assert "TEMP B-TREE" not in plan


def test_orders_are_claimed_one_by_one_through_an_index(explain: Callable[[str], str], house: House) -> None:
    """An index that is entered by the shop alone would be read to the end of what waits."""
    assert_entered_by_order(explain("SET lease_by"), house)


def test_what_others_hold_is_found_one_by_one_through_an_index(house: House) -> None:
    """The oldest due rows are of orders that somebody holds: what else of the window is held must be known."""
    believing_that_nothing_waits(house)
    house.deliver(incoming("O0000"), incoming("O0001"))
    assert claim_two(house) == ["O0000", "O0001"]
    house.deliver(*(incoming(f"O{number:04}") for number in range(WAITING)))
    seen = explaining(house, "lease_until >=")
    assert claim_two(house) == ["O0002", "O0003"]
    assert_entered_by_order("\n".join(seen), house)


def assert_entered_by_order(plan: str, house: House) -> None:
    assert "Seq Scan on raw_event" not in plan
    entered = re.findall(r"INDEX \w+ \((.*)\)" if house.db.is_sqlite else r"Index Cond: (.*)", plan)
    assert len(entered) == len(re.findall(r"(?:SEARCH|SCAN) raw_event|Scan using \w+ on raw_event", plan)), plan
    assert entered
    for condition in entered:
        assert re.search(r"order_sn ?=|\bid ?=", condition), plan
