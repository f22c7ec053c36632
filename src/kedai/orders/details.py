"""Reading all that belongs to one order: lines, packages, changes and stored answers. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.orders.models import (
    OrderAnswer,
    OrderItem,
    OrderPackage,
    OrderPackageChange,
    OrderSync,
    OrderTimeline,
)
from kedai.orders.service import DETAIL


@dataclass(frozen=True, slots=True)
class AnswerSummary:
    """The stored answers about an order: how many distinct ones, and the latest with its exact (compressed) bytes."""

    count: int
    latest: OrderAnswer | None


def list_items(db: Session, order: OrderSync) -> Sequence[OrderItem]:
    """An order's lines, in the marketplace's order."""
    return db.execute(sa.select(OrderItem).where(*_same(OrderItem, order)).order_by(OrderItem.line)).scalars().all()


def list_timeline(db: Session, order: OrderSync, *, limit: int) -> Sequence[OrderTimeline]:
    """An order's changes of status, latest first."""
    statement = sa.select(OrderTimeline).where(*_same(OrderTimeline, order))
    latest = OrderTimeline.remote_updated_at.desc(), OrderTimeline.id.desc()
    return db.execute(statement.order_by(*latest).limit(limit)).scalars().all()


def list_packages(db: Session, order: OrderSync) -> Sequence[OrderPackage]:
    """An order's packages, by number."""
    statement = sa.select(OrderPackage).where(*_same(OrderPackage, order)).order_by(OrderPackage.package_number)
    return db.execute(statement).scalars().all()


def list_package_changes(db: Session, order: OrderSync, *, limit: int) -> Sequence[OrderPackageChange]:
    """What changed about an order's packages, latest first."""
    statement = sa.select(OrderPackageChange).where(*_same(OrderPackageChange, order))
    return db.execute(statement.order_by(OrderPackageChange.id.desc()).limit(limit)).scalars().all()


def list_readings(db: Session, order: OrderSync, *, limit: int) -> Sequence[tuple[str, datetime]]:
    """Which kinds of answers about an order were stored as new ones, and when each was read; latest first."""
    columns = (OrderAnswer.kind, OrderAnswer.read_started_at)
    statement = sa.select(*columns).where(*_same(OrderAnswer, order))
    rows = db.execute(statement.order_by(OrderAnswer.read_started_at.desc()).limit(limit))
    return [(row.kind, row.read_started_at) for row in rows]


def get_answers(db: Session, order: OrderSync) -> AnswerSummary:
    """How many distinct answers about an order are stored, and the latest one."""
    where = (*_same(OrderAnswer, order), OrderAnswer.kind == DETAIL)
    latest = sa.select(OrderAnswer).where(*where).order_by(OrderAnswer.read_started_at.desc()).limit(1)
    count = sa.select(sa.func.count()).select_from(OrderAnswer).where(*where)
    return AnswerSummary(db.execute(count).scalar_one(), db.execute(latest).scalar_one_or_none())


def _same(
    model: type[OrderItem | OrderTimeline | OrderAnswer | OrderPackage | OrderPackageChange], order: OrderSync
) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        model.connector == order.connector,
        model.environment == order.environment,
        model.shop_id == order.shop_id,
        model.order_sn == order.order_sn,
    )
