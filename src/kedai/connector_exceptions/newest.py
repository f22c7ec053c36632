"""Which groups of troubles began or came back last. Loads nothing that they say."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.connector_exceptions.models import ConnectorException
from kedai.values.environment import Environment
from kedai.values.news import Newest


def list_newest_exceptions(db: Session, *, environment: Environment, limit: int) -> list[Newest]:
    """The groups that stand first in the list; one that came back is another one, one that goes on is not."""
    table = ConnectorException
    begun = sa.func.coalesce(table.regressed_at, table.first_seen_at, type_=table.first_seen_at.type)
    statement = sa.select(table.id, begun).where(table.environment == environment)
    rows = db.execute(statement.order_by(table.last_seen_at.desc(), table.id.desc()).limit(limit))
    return [Newest((identity, at), at) for identity, at in rows]
