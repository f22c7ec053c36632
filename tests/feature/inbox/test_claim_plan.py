"""Claiming stays cheap however many events wait, also while PostgreSQL still believes that next to none do."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kedai.inbox import claims
from tests.support.factories import House, incoming

WAITING = 5000


@pytest.fixture
def explain(house: House) -> Callable[[str], str]:
    """A function that claims two orders of many, and gives the plan of a statement that did it.

    PostgreSQL has not looked at the table since they came.
    """
    house.deliver(*(incoming(f"O{number:04}") for number in range(WAITING)))

    def claim(named: str) -> str:
        seen: list[str] = []

        def look(connection: Connection, _cursor: object, statement: str, given: object, *_: object) -> None:
            if named in statement:
                prefix = "EXPLAIN QUERY PLAN " if house.db.is_sqlite else "EXPLAIN "
                rows = connection.connection.cursor().execute(prefix + statement, given)
                seen.extend(str(row) for row in rows.fetchall())

        sa.event.listen(house.db.write_engine, "before_cursor_execute", look)
        with house.db.write() as db:
            batch = claims.claim(db, orders=2, lease_seconds=60)
        assert batch is not None
        assert batch.order_sns == ["O0000", "O0001"]
        return "\n".join(seen)

    return claim


def test_the_oldest_are_found_in_the_order_of_the_index_of_what_is_due(explain: Callable[[str], str]) -> None:
    plan = explain("LIMIT")
    assert "ix_raw_event_due" in plan
    assert "Sort" not in plan
    assert "TEMP B-TREE" not in plan


def test_orders_are_claimed_one_by_one_through_an_index(explain: Callable[[str], str], house: House) -> None:
    """An index that is entered by the shop alone would be read to the end of what waits."""
    plan = explain("SET lease_by")
    assert "Seq Scan on raw_event" not in plan
    entered = re.findall(r"INDEX \w+ \((.*)\)" if house.db.is_sqlite else r"Index Cond: (.*)", plan)
    assert entered
    for condition in entered:
        assert re.search(r"order_sn ?=|\bid ?=", condition), plan
