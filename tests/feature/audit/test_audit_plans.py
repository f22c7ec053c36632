"""Filters that name a thing, a person or a day find their entries by an index, on both databases.

Parts of a name are looked for by reading: at 200,000 entries that takes some tenths of a second.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from kedai.audit import queries
from kedai.audit.models import AuditEntry
from kedai.audit.queries import Filter
from kedai.db.database import Database
from kedai.values.environment import Environment

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ROWS = 4_000


def named(prefix: str, number: int) -> str:
    return f"{prefix}_{number:032x}"


@pytest.fixture
def trail(db: Database) -> Database:
    """Some weeks of deeds of thirty people; nobody looks at their hashes here."""
    rows = [
        {
            "sequence": number,
            "at": START + timedelta(minutes=10 * number),
            "actor_kind": "staff",
            "actor_id": named("staff", number % 30),
            "actor_name": f"person{number % 30}@example.com",
            "action": "run.catch_up",
            "environment": (None, Environment.SANDBOX, Environment.LIVE)[number % 3],
            "subject": named("run", number),
            "details": {},
            "previous_hash": b"p" * 32,
            "hash": b"h" * 32,
        }
        for number in range(1, ROWS + 1)
    ]
    with db.write() as session:
        session.execute(sa.insert(AuditEntry), rows)
        session.execute(sa.text("ANALYZE"))
    return db


def plan_of(db: Database, wanted: Filter) -> tuple[str, int]:
    """How the first page of a filter is found, and how many entries it has."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        seen.append((statement, parameters))

    with db.read() as session:
        sa.event.listen(db.read_engine, "before_cursor_execute", note)
        found = queries.find_entries(session, wanted, before_sequence=None, limit=51)
        sa.event.remove(db.read_engine, "before_cursor_execute", note)
        statement, parameters = seen[-1]
        prefix = "EXPLAIN QUERY PLAN " if db.is_sqlite else "EXPLAIN "
        steps = session.connection().exec_driver_sql(prefix + statement, parameters).all()
    return " | ".join(str(step[3 if db.is_sqlite else 0]) for step in steps), len(found)


@pytest.mark.parametrize(
    ("wanted", "index", "number"),
    [
        (Filter(what=named("run", 7)), "ix_audit_subject_sequence", 1),
        (Filter(what=named("run", 0)), "ix_audit_subject_sequence", 0),
        (Filter(who=named("staff", 99)), "ix_audit_actor_id_sequence", 0),
        (Filter(since=START + 3 * DAY, until=START + 3.2 * DAY), "ix_audit_at", 29),
        (Filter(since=START + 3 * DAY, until=START + 3.2 * DAY, who="person3@"), "ix_audit_at", 1),
    ],
    ids=["a thing", "nothing", "a person", "a part of a day", "a part of a day and a name"],
)
def test_the_filter_is_answered_by_its_index(trail: Database, wanted: Filter, index: str, number: int) -> None:
    plan, found = plan_of(trail, wanted)
    assert index in plan
    assert found == number


def test_a_name_still_matches_in_parts_and_an_id_as_a_whole(trail: Database) -> None:
    assert plan_of(trail, Filter(who="PERSON3@"))[1] == 51
    assert plan_of(trail, Filter(what="catch"))[1] == 51
    assert plan_of(trail, Filter(what=named("run", 7)[:-1]))[1] == 0
