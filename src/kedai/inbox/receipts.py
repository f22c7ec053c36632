"""What came and what did not: refused deliveries, and the last push about an order. Writes nothing."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.inbox.models import RawEvent, RejectedCount
from kedai.values.environment import ConnectorName, Environment, Scope


def find_last_rejection(db: Session, connector: ConnectorName, environment: Environment) -> datetime | None:
    """When the last delivery that did not verify came, for whatever reason; None where none ever did."""
    statement = sa.select(sa.func.max(RejectedCount.last_at))
    return db.execute(
        statement.where(RejectedCount.connector == connector, RejectedCount.environment == environment)
    ).scalar()


class LastPush(NamedTuple):
    """How the last push about an order stands."""

    state: str
    parked_reason: str | None


def find_last_pushes(db: Session, scope: Scope, order_sns: Collection[str]) -> dict[str, LastPush]:
    """Of each of these orders; those of which none ever came are missing."""
    statement = sa.select(RawEvent.order_sn, RawEvent.state, RawEvent.parked_reason).where(
        RawEvent.order_sn.in_(sorted(order_sns)),
        RawEvent.shop_id == scope.shop_id,
        RawEvent.environment == scope.environment,
        RawEvent.connector == scope.connector,
    )
    rows = db.execute(statement.order_by(RawEvent.id))
    return {order_sn: LastPush(state, reason) for order_sn, state, reason in rows if order_sn is not None}
