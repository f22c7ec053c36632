"""Orders as another system believed them: taken over until the marketplace is read, which always wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db.upsert import insert_into
from kedai.kit.ids import derived_id
from kedai.orders.models import OrderSync, OrderTimeline
from kedai.values.environment import Scope

NO_ANSWER = b""
"""The answer hash of an order that Kedai itself has not read yet."""


@dataclass(frozen=True, slots=True)
class AdoptedOrder:
    """An order as another system kept it.

    ``remote_updated_at`` must not be later than the marketplace's own: a real reading would be taken for older.
    """

    scope: Scope
    order_sn: str
    status: str
    currency: str
    total_amount: Decimal | None
    buyer_username: str | None
    tracking_number: str | None
    shipping_carrier: str | None
    payment_method: str | None
    ship_by_at: datetime | None
    remote_created_at: datetime
    remote_updated_at: datetime

    @property
    def key(self) -> tuple[str, str, str]:
        return self.scope.environment.value, self.scope.shop_id, self.order_sn


@dataclass(frozen=True, slots=True)
class StandingOrder:
    """What stands: ``adopted`` while Kedai has not read the order itself."""

    status: str
    remote_updated_at: datetime
    adopted: bool

    def gives_way_to(self, one: AdoptedOrder) -> bool:
        """Whether what the other system says now replaces what it said before."""
        return self.adopted and one.remote_updated_at > self.remote_updated_at


def find_standing(db: Session, orders: Sequence[AdoptedOrder]) -> Mapping[tuple[str, str, str], StandingOrder]:
    """What stands of these orders, by their keys."""
    found = {}
    for scope in {one.scope for one in orders}:
        numbers = [one.order_sn for one in orders if one.scope == scope]
        statement = sa.select(
            OrderSync.order_sn, OrderSync.status, OrderSync.remote_updated_at, OrderSync.answer_hash
        ).where(
            OrderSync.connector == scope.connector,
            OrderSync.environment == scope.environment,
            OrderSync.shop_id == scope.shop_id,
            OrderSync.order_sn.in_(numbers),
        )
        for row in db.execute(statement):
            standing = StandingOrder(row.status, row.remote_updated_at, bytes(row.answer_hash) == NO_ANSWER)
            found[scope.environment.value, scope.shop_id, row.order_sn] = standing
    return found


def adopt(
    db: Session,
    orders: Sequence[AdoptedOrder],
    standing: Mapping[tuple[str, str, str], StandingOrder],
    *,
    now: datetime,
) -> None:
    """Write them, and a line of each one's timeline. An order that Kedai has read itself stays as it is."""
    ordered = sorted(orders, key=lambda one: one.key)
    if not ordered:
        return
    statement = insert_into(db, OrderSync)
    offered, kept = statement.excluded, {"id", "first_seen_at", "connector", "environment", "shop_id", "order_sn"}
    changes = {column.name: offered[column.name] for column in OrderSync.__table__.c if column.name not in kept}
    newer = sa.and_(OrderSync.answer_hash == NO_ANSWER, offered.remote_updated_at > OrderSync.remote_updated_at)
    key = ["connector", "environment", "shop_id", "order_sn"]
    statement = statement.on_conflict_do_update(index_elements=key, set_=changes, where=newer)
    db.execute(statement, [_row(one, now) for one in ordered])
    lines = [_line(one, standing.get(one.key), now) for one in ordered]
    db.execute(insert_into(db, OrderTimeline).on_conflict_do_nothing(), lines)


def _key(one: AdoptedOrder) -> dict[str, object]:
    scope = one.scope
    return {
        "connector": scope.connector,
        "environment": scope.environment,
        "shop_id": scope.shop_id,
        "order_sn": one.order_sn,
    }


def _row(one: AdoptedOrder, now: datetime) -> dict[str, object]:
    return {
        **_key(one),
        "id": derived_id(one.remote_created_at, "order_sync", str(one.scope), one.order_sn),
        "status": one.status,
        "currency": one.currency,
        "total_amount": one.total_amount,
        "buyer_username": one.buyer_username,
        "tracking_number": one.tracking_number,
        "shipping_carrier": one.shipping_carrier,
        "payment_method": one.payment_method,
        "line_count": 0,
        "ship_by_at": one.ship_by_at,
        "remote_created_at": one.remote_created_at,
        "remote_updated_at": one.remote_updated_at,
        "read_started_at": one.remote_updated_at,
        "answer_hash": NO_ANSWER,
        "first_seen_at": now,
        "synced_at": one.remote_updated_at,
    }


def _line(one: AdoptedOrder, standing: StandingOrder | None, now: datetime) -> dict[str, object]:
    changed_at = one.remote_updated_at
    return {
        **_key(one),
        "id": derived_id(changed_at, "order_timeline", str(one.scope), one.order_sn, one.status),
        "previous_status": None if standing is None else standing.status,
        "status": one.status,
        "remote_updated_at": changed_at,
        "recorded_at": now,
    }
