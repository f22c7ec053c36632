"""How many pushes there were about orders by a time, and which are the newest. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.inbox.models import RawEvent
from kedai.values.environment import Environment, Scope
from kedai.values.news import Newest


def count_order_events(db: Session, scope: Scope, order_sns: Sequence[str], *, until: datetime) -> dict[str, int]:
    """How many pushes about each order had arrived by then; orders without one are left out."""
    statement = (
        sa.select(RawEvent.order_sn, sa.func.count())
        .where(
            RawEvent.order_sn.in_(order_sns),
            RawEvent.shop_id == scope.shop_id,
            RawEvent.environment == scope.environment,
            RawEvent.connector == scope.connector,
            RawEvent.received_at <= until,
        )
        .group_by(RawEvent.order_sn)
    )
    return {order_sn: count for order_sn, count in db.execute(statement) if order_sn is not None}


def list_newest_events(db: Session, *, environment: Environment, limit: int) -> list[Newest]:
    """The pushes that stand first in the list."""
    statement = sa.select(RawEvent.id, RawEvent.received_at).where(RawEvent.environment == environment)
    return [Newest(*row) for row in db.execute(statement.order_by(RawEvent.id.desc()).limit(limit))]
