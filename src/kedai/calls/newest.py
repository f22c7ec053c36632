"""Which outgoing calls were made last. Loads nothing that they say."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.calls.models import OutgoingCall
from kedai.values.environment import Environment
from kedai.values.news import Newest


def list_newest_calls(db: Session, *, environment: Environment, limit: int) -> list[Newest]:
    """The calls that stand first in the list."""
    statement = sa.select(OutgoingCall.id, OutgoingCall.started_at).where(OutgoingCall.environment == environment)
    rows = db.execute(statement.order_by(OutgoingCall.started_at.desc(), OutgoingCall.id.desc()).limit(limit))
    return [Newest(*row) for row in rows]
