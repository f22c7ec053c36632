"""Claiming stays cheap however many events are stored: it reads the small index of what waits, and nothing else."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kedai.db.database import Database
from kedai.inbox import claims


def test_orders_are_claimed_through_the_index_of_waiting_events(db: Database) -> None:
    seen: list[str] = []

    def explain(connection: Connection, cursor: object, statement: str, given: object, *_: object) -> None:
        if statement.startswith("UPDATE raw_event SET lease_by"):
            prefix = "EXPLAIN QUERY PLAN " if db.is_sqlite else "EXPLAIN "
            rows = connection.connection.cursor().execute(prefix + statement, given)
            seen.extend(str(row) for row in rows.fetchall())

    sa.event.listen(db.write_engine, "before_cursor_execute", explain)
    with db.write() as session:
        if not db.is_sqlite:  # an empty table is read whole, whatever its indexes
            session.execute(sa.text("SET LOCAL enable_seqscan = off"))
            session.execute(sa.text("SET LOCAL enable_bitmapscan = off"))
        values = {"holder": "h", "connector": "shopee", "environment": "live", "shop_id": "1"}
        instant = claims.lease.now(session)
        numbers = '["A"]' if db.is_sqlite else ["A"]
        statement = claims._CLAIM_ORDERS["sqlite" if db.is_sqlite else "postgresql"]
        session.execute(statement, {**values, "until": instant, "instant": instant, "numbers": numbers}).all()
    plan = "\n".join(seen)
    if "ix_raw_event_waiting" not in plan:
        pytest.fail(plan)
    assert "event_id" not in plan
