"""What we believe about all orders of a shop, to be laid beside the marketplace's own list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.orders.models import OrderSync
from kedai.values.environment import ConnectorName, Environment


@dataclass(frozen=True, slots=True)
class OrderState:
    """What we believe about an order, as far as it can be compared with the marketplace's own statement."""

    order_sn: str
    status: str
    currency: str
    total_amount: Decimal | None
    line_count: int
    remote_updated_at: datetime


def list_order_states(
    db: Session, connector: ConnectorName, *, environment: Environment, shop_id: str
) -> list[OrderState]:
    """Every order of one shop, by number."""
    columns = (
        OrderSync.order_sn,
        OrderSync.status,
        OrderSync.currency,
        OrderSync.total_amount,
        OrderSync.line_count,
        OrderSync.remote_updated_at,
    )
    statement = sa.select(*columns).where(
        OrderSync.connector == connector, OrderSync.environment == environment, OrderSync.shop_id == shop_id
    )
    return [OrderState(*row) for row in db.execute(statement.order_by(OrderSync.order_sn))]
