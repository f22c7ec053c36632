"""Writing the log of outgoing calls, and keeping it small."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.calls.models import OutgoingCall
from kedai.db.types import Id, UtcDateTime
from kedai.db.upsert import insert_into
from kedai.kit.ids import new_id
from kedai.values.call import CallRecord
from kedai.values.environment import Environment

PRUNED_AT_ONCE: Final = 500
"""How many rows one `prune` removes at most: SQLite's writer is held for milliseconds only."""

_LONGEST: Final = 300
_NO_CODE: Final = "-"  # stands in some answers where nothing went wrong


def store(db: Session, records: Sequence[CallRecord]) -> None:
    """Add calls to the log, in the order in which they ended."""
    if records:
        db.execute(insert_into(db, OutgoingCall), [_row(one) for one in records])


def prune(
    db: Session, *, environment: Environment, before: datetime, keep_rows: int, limit: int = PRUNED_AT_ONCE
) -> int:
    """Remove the oldest calls of an environment that began before an instant or are not among its newest ``keep_rows``.

    At most ``limit`` of them: call it again, in another transaction, until it answers 0. Returns how many are gone.
    """
    table = OutgoingCall
    mine, position = table.environment == environment, sa.tuple_(table.started_at, table.id)
    newest_first = sa.select(table.started_at, table.id).where(mine).order_by(table.started_at.desc(), table.id.desc())
    edge = db.execute(newest_first.offset(keep_rows).limit(1)).one_or_none()
    if edge is not None and edge.started_at >= before:
        surplus = position <= sa.tuple_(sa.literal(edge.started_at, UtcDateTime), sa.literal(edge.id, Id))
    else:
        surplus = table.started_at < before
    oldest = sa.select(table.id).where(mine, surplus).order_by(table.started_at, table.id).limit(limit)
    # On PostgreSQL another worker's share is passed over; materialised: the planner may else run that part again.
    mine_alone = oldest.with_for_update(skip_locked=True).cte("oldest").prefix_with("MATERIALIZED")
    statement = sa.delete(table).where(table.id.in_(sa.select(mine_alone.c.id))).returning(table.id)
    return len(db.execute(statement, execution_options={"synchronize_session": False}).all())


def _row(one: CallRecord) -> dict[str, object]:
    code = "" if one.code.strip() == _NO_CODE else _text(one.code)
    answered = one.status is not None and 200 <= one.status < 300
    return {
        "id": new_id(),
        "connector": one.connector,
        "environment": one.environment,
        "shop_id": None if one.shop_id is None else _text(one.shop_id),
        "method": _text(one.method),
        "path": _text(one.path.partition("?")[0]),
        "status": one.status,
        "outcome": "ok" if answered and not code else "failed",
        "code": code,
        "request_id": _text(one.request_id),
        "milliseconds": round(one.milliseconds),
        "started_at": one.started_at,
    }


def _text(value: str) -> str:
    """What any database holds: bounded, and without U+0000 or half characters."""
    return value[:_LONGEST].replace("\0", "").encode("utf-8", "replace").decode()
