"""Orders as whoever packs them reads them: many at once, with all their parts, most urgent first. Writes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.orders.models import OrderItem, OrderPackage, OrderSync
from kedai.orders.people import mask
from kedai.orders.queries import AFTER_EVERYTHING
from kedai.values.environment import Environment

_Part = TypeVar("_Part", OrderItem, OrderPackage)


class PackingWish(NamedTuple):
    """Which orders of an environment: those with one of these statuses, and of them a shop's, or those named.

    ``order_sn`` is how their numbers begin; ``chosen`` names them by id, ``None`` for all.
    """

    statuses: Sequence[str]
    shop_id: str | None = None
    order_sn: str | None = None
    chosen: Collection[UUID] | None = None


@dataclass(frozen=True, slots=True)
class OrderToPack:
    """One order with all that goes into its packages; ``buyer`` is masked."""

    order: OrderSync
    buyer: str | None
    items: tuple[OrderItem, ...]
    packages: tuple[OrderPackage, ...]


def list_to_pack(db: Session, wish: PackingWish, *, environment: Environment, limit: int) -> list[OrderToPack]:
    """The orders that must be shipped first, by three statements however many they are.

    One environment at a time, and no way to ask for both: on paper nothing else keeps them apart.
    """
    statement = sa.select(OrderSync, OrderSync.buyer_username).where(*_wanted(wish, environment))
    rows = db.execute(statement.order_by(OrderSync.ship_by_at.asc().nulls_last(), OrderSync.id).limit(limit)).all()
    orders = [row[0] for row in rows]
    items = _by_order(db, OrderItem, orders, environment, OrderItem.line)
    packages = _by_order(db, OrderPackage, orders, environment, OrderPackage.package_number)
    return [
        OrderToPack(order, mask(buyer), tuple(items[_key(order)]), tuple(packages[_key(order)]))
        for order, buyer in rows
    ]


def count_to_pack(db: Session, wish: PackingWish, *, environment: Environment, at_most: int) -> int:
    """How many there are in all, counted no further than ``at_most``."""
    some = sa.select(sa.literal(1)).select_from(OrderSync).where(*_wanted(wish, environment)).limit(at_most).subquery()
    return db.execute(sa.select(sa.func.count()).select_from(some)).scalar_one()


def _wanted(wish: PackingWish, environment: Environment) -> list[sa.ColumnElement[bool]]:
    where = [OrderSync.environment == environment, OrderSync.status.in_(wish.statuses)]
    if wish.shop_id is not None:
        where.append(OrderSync.shop_id == wish.shop_id)
    if wish.order_sn is not None:
        where += [OrderSync.order_sn >= wish.order_sn, OrderSync.order_sn < wish.order_sn + AFTER_EVERYTHING]
    if wish.chosen is not None:
        where.append(OrderSync.id.in_(sorted(wish.chosen)))
    return where


def _by_order(
    db: Session,
    model: type[_Part],
    orders: Sequence[OrderSync],
    environment: Environment,
    sorted_by: Any,
) -> defaultdict[tuple[str, str, str], list[_Part]]:
    """What belongs to each of these orders; the numbers of one shop may be another's, too."""
    found: defaultdict[tuple[str, str, str], list[_Part]] = defaultdict(list)
    statement = sa.select(model).where(
        model.connector.in_(sorted({one.connector for one in orders})),
        model.environment == environment,
        model.shop_id.in_(sorted({one.shop_id for one in orders})),
        model.order_sn.in_(sorted({one.order_sn for one in orders})),
    )
    for row in db.execute(statement.order_by(sorted_by)).scalars():
        found[_key(row)].append(row)
    return found


def _key(row: OrderSync | OrderItem | OrderPackage) -> tuple[str, str, str]:
    return row.connector, row.shop_id, row.order_sn
