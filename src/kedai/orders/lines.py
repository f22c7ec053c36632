"""Reading what was ordered, from end to end of a shop. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.orders.models import OrderItem
from kedai.values.environment import Scope


def list_lines_after(db: Session, scope: Scope, after: tuple[str, int] | None, *, limit: int) -> Sequence[OrderItem]:
    """A shop's order lines by order number and line, from behind the last one that was read."""
    statement = sa.select(OrderItem).where(
        OrderItem.connector == scope.connector,
        OrderItem.environment == scope.environment,
        OrderItem.shop_id == scope.shop_id,
    )
    if after is not None:
        statement = statement.where(sa.tuple_(OrderItem.order_sn, OrderItem.line) > after)
    return db.execute(statement.order_by(OrderItem.order_sn, OrderItem.line).limit(limit)).scalars().all()
