"""Reading the operator's list of troubles. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.connector_exceptions.models import ConnectorException
from kedai.db.types import Id, UtcDateTime, from_microseconds, to_microseconds
from kedai.errors import Invalid
from kedai.kit.paging import decode_cursor, encode_cursor
from kedai.values.environment import Environment
from kedai.values.order import Page

OPEN_STATES = ("new", "ongoing", "regressed")
STATES = (*OPEN_STATES, "snoozed", "resolved")


def list_exceptions(
    db: Session,
    *,
    environment: Environment | None,
    states: Sequence[str],
    cursor: str | None,
    cursor_key: bytes,
    limit: int,
) -> Page[ConnectorException]:
    """Groups in these states, the one that happened last first.

    Raises:
        Invalid: the cursor belongs to another list.
    """
    bound_to = "\0".join(("exceptions", str(environment), *states))
    before = _position(cursor, cursor_key, bound_to)
    rows: list[ConnectorException] = []
    for one in tuple(Environment) if environment is None else (environment,):
        statement = sa.select(ConnectorException).where(ConnectorException.environment == one)
        statement = statement.where(ConnectorException.state.in_(states))
        if before is not None:
            position = sa.tuple_(sa.literal(before[0], UtcDateTime), sa.literal(before[1], Id))
            statement = statement.where(sa.tuple_(ConnectorException.last_seen_at, ConnectorException.id) < position)
        statement = statement.order_by(ConnectorException.last_seen_at.desc(), ConnectorException.id.desc())
        rows += db.execute(statement.limit(limit + 1)).scalars()
    rows.sort(key=lambda row: (row.last_seen_at, row.id), reverse=True)
    shown = tuple(rows[:limit])
    if len(rows) <= limit:
        return Page(shown, None)
    position_of_last = (to_microseconds(shown[-1].last_seen_at), shown[-1].id.hex)
    return Page(shown, encode_cursor(cursor_key, bound_to, position_of_last))


def count_exceptions(db: Session, *, environment: Environment | None) -> dict[str, int]:
    """How many groups are in each state; groups are few by construction."""
    statement = sa.select(ConnectorException.state, sa.func.count()).group_by(ConnectorException.state)
    if environment is not None:
        statement = statement.where(ConnectorException.environment == environment)
    return dict.fromkeys(STATES, 0) | {row[0]: row[1] for row in db.execute(statement)}


def _position(cursor: str | None, key: bytes, bound_to: str) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    position = decode_cursor(key, bound_to, cursor)
    if len(position) != 2:
        raise Invalid("The cursor is not valid.", field="cursor")
    return from_microseconds(int(position[0])), UUID(hex=str(position[1]))
