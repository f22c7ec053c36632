"""The proof that orders come: whether there is one, and which changed last. Writes nothing."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.orders.models import OrderSync
from kedai.values.environment import ConnectorName, Environment


class StoredOrder(NamedTuple):
    """An order of which we hold what the marketplace says."""

    id: UUID
    order_sn: str
    status: str
    synced_at: datetime


def has_orders(db: Session, connector: ConnectorName, environment: Environment) -> bool:
    """Whether any order of an environment was ever stored: none is ever removed."""
    mine = sa.exists().where(OrderSync.connector == connector, OrderSync.environment == environment)
    return bool(db.execute(sa.select(mine)).scalar_one())


def find_stored_order(db: Session, connector: ConnectorName, environment: Environment) -> StoredOrder | None:
    """The order of an environment that changed last."""
    columns = (OrderSync.id, OrderSync.order_sn, OrderSync.status, OrderSync.synced_at)
    mine = sa.select(*columns).where(OrderSync.environment == environment, OrderSync.connector == connector)
    newest_first = mine.order_by(OrderSync.remote_updated_at.desc(), OrderSync.id.desc())
    row = db.execute(newest_first.limit(1)).one_or_none()
    return None if row is None else StoredOrder(*row)
