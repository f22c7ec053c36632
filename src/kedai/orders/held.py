"""Which orders of a shop are held, and as of when: what a fresh look at the marketplace is compared with."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.orders.models import OrderSync
from kedai.values.environment import Scope


def find_changes(db: Session, scope: Scope, order_sns: Collection[str]) -> dict[str, datetime]:
    """When each of these orders last changed at the marketplace, as far as we know; those not held are missing."""
    statement = sa.select(OrderSync.order_sn, OrderSync.remote_updated_at).where(
        OrderSync.connector == scope.connector,
        OrderSync.environment == scope.environment,
        OrderSync.shop_id == scope.shop_id,
        OrderSync.order_sn.in_(sorted(order_sns)),
    )
    return {order_sn: changed_at for order_sn, changed_at in db.execute(statement)}  # noqa: C416  a row is no pair to the types


class HeldOrder(NamedTuple):
    """What we believe about an order, in short."""

    status: str
    changed_at: datetime


def list_changed(db: Session, scope: Scope, *, since: datetime, until: datetime) -> dict[str, HeldOrder]:
    """The orders that we hold as changed in a period, by number."""
    statement = sa.select(OrderSync.order_sn, OrderSync.status, OrderSync.remote_updated_at).where(
        OrderSync.environment == scope.environment,
        OrderSync.shop_id == scope.shop_id,
        OrderSync.remote_updated_at >= since,
        OrderSync.remote_updated_at < until,
        OrderSync.connector == scope.connector,
    )
    return {order_sn: HeldOrder(status, changed_at) for order_sn, status, changed_at in db.execute(statement)}
