"""Which orders changed last. Loads nothing that they say."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.orders.models import OrderSync
from kedai.values.environment import Environment
from kedai.values.news import Newest


def list_newest_orders(db: Session, *, environment: Environment, limit: int) -> list[Newest]:
    """The orders that stand first in the list; one that changed again is another one."""
    columns = (OrderSync.id, OrderSync.remote_updated_at, OrderSync.synced_at)
    statement = sa.select(*columns).where(OrderSync.environment == environment)
    rows = db.execute(statement.order_by(OrderSync.remote_updated_at.desc(), OrderSync.id.desc()).limit(limit))
    return [Newest((identity, changed), synced) for identity, changed, synced in rows]
