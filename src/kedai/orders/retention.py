"""What orders forget: superseded answers of the marketplace, and, once an order is old, who it is about."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from kedai.db.sweep import Due, Swept
from kedai.db.types import from_microseconds, to_microseconds
from kedai.orders import people
from kedai.orders.models import OrderAnswer, OrderPackage, OrderPackageChange, OrderShadow, OrderSync
from kedai.values.environment import ConnectorName, Environment

_PERSONAL = (*people.FIELDS, "tracking_number")
"""A tracking number leads to who got the parcel, at its carrier."""

_KEY = (OrderAnswer.shop_id, OrderAnswer.order_sn, OrderAnswer.kind, OrderAnswer.hash)


def sweep_answers(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    *,
    before: datetime,
    after: list[Any] | None,
    limit: int,
) -> Swept:
    """Remove stored answers that were read before that, except the newest of its kind about each order."""
    statement = sa.select(*_KEY).where(OrderAnswer.connector == connector, OrderAnswer.environment == environment)
    if after is not None:
        reached = (*after[:3], bytes.fromhex(after[3]))
        values = [sa.literal(value, column.type) for value, column in zip(reached, _KEY, strict=True)]
        statement = statement.where(sa.tuple_(*_KEY) > sa.tuple_(*values))
    rows = db.execute(statement.order_by(*_KEY).limit(limit)).all()
    if not rows:
        return 0, None
    last = rows[-1]
    gone = db.execute(
        sa.delete(OrderAnswer)
        .where(OrderAnswer.connector == connector, OrderAnswer.environment == environment)
        .where(sa.tuple_(*_KEY).in_([tuple(row) for row in rows]))
        .where(OrderAnswer.read_started_at < before, _has_newer())
        .execution_options(synchronize_session=False)
    )
    position = None if len(rows) < limit else [last.shop_id, last.order_sn, last.kind, bytes(last.hash).hex()]
    return gone.rowcount, position  # type: ignore[attr-defined]


def mask_people(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    *,
    before: datetime,
    after: list[Any] | None,
    limit: int,
) -> Swept:
    """Forget who bought orders that last changed before that, who got them, and the answers that tell it in full."""
    changed, identity = OrderSync.remote_updated_at, OrderSync.id
    statement = sa.select(identity, changed, OrderSync.shop_id, OrderSync.order_sn, _is_known().label("is_known"))
    statement = statement.where(OrderSync.environment == environment, OrderSync.connector == connector)
    if after is not None:
        at, number = from_microseconds(after[0]), UUID(after[1])
        statement = statement.where(sa.or_(changed > at, sa.and_(changed == at, identity > number)))
    rows = db.execute(statement.where(changed < before).order_by(changed, identity).limit(limit)).all()
    known = sorted((row.id, row.shop_id, row.order_sn) for row in rows if row.is_known)
    if known:
        forgotten = sa.update(OrderSync).where(identity.in_([row[0] for row in known]))
        db.execute(forgotten.values(dict.fromkeys(_PERSONAL)).execution_options(synchronize_session=False))
        numbers = [row[1:] for row in known]
        _forget_tracking(db, connector, environment, numbers)
        _forget_answers(db, connector, environment, numbers)
    position = [to_microseconds(rows[-1].remote_updated_at), rows[-1].id.hex] if len(rows) == limit else None
    return len(known), position


def count_people(
    db: Session, connector: ConnectorName, environment: Environment, *, before: datetime, limit: int
) -> Due:
    """About how many orders somebody would be forgotten now, among the ``limit`` that changed longest ago."""
    changed = OrderSync.remote_updated_at
    old = sa.select(sa.case((_is_known(), 1)).label("is_known"))
    old = old.where(OrderSync.environment == environment, OrderSync.connector == connector, changed < before)
    oldest = old.order_by(changed, OrderSync.id).limit(limit).subquery()
    looked_at, known = db.execute(
        sa.select(sa.func.count(), sa.func.count(oldest.c.is_known)).select_from(oldest)
    ).one()
    return Due(known, looked_at < limit)


def _is_known() -> sa.ColumnElement[bool]:
    """An answer may have come after all else was forgotten: earnings are captured late."""
    columns = [getattr(OrderSync, name) for name in _PERSONAL]
    told = sa.exists().where(*_about(OrderAnswer))
    tracked = sa.exists().where(*_about(OrderPackage), OrderPackage.tracking_number.is_not(None))
    return sa.or_(*(column.is_not(None) for column in columns), told, tracked)


def _about(table: type[OrderAnswer | OrderPackage]) -> list[sa.ColumnElement[bool]]:
    names = ("connector", "environment", "shop_id", "order_sn")
    return [getattr(table, name) == getattr(OrderSync, name) for name in names]


def _has_newer() -> sa.ColumnElement[bool]:
    other = aliased(OrderAnswer)
    same = [
        getattr(other, name) == getattr(OrderAnswer, name)
        for name in ("connector", "environment", "shop_id", "order_sn", "kind")
    ]
    return sa.exists().where(*same, other.read_started_at > OrderAnswer.read_started_at)


def _forget_tracking(
    db: Session, connector: ConnectorName, environment: Environment, orders: list[tuple[str, str]]
) -> None:
    """With its history; that a package changed, and when, stays."""
    packages = sa.update(OrderPackage).where(*_of(OrderPackage, connector, environment, orders))
    db.execute(packages.values(tracking_number=None).execution_options(synchronize_session=False))
    changes = sa.update(OrderPackageChange).where(*_of(OrderPackageChange, connector, environment, orders))
    changes = changes.where(OrderPackageChange.field == "tracking_number").values(before=None, after=None)
    db.execute(changes.execution_options(synchronize_session=False))


def _forget_answers(
    db: Session, connector: ConnectorName, environment: Environment, orders: list[tuple[str, str]]
) -> None:
    for table in (OrderAnswer, OrderShadow):
        which = _of(table, connector, environment, orders)
        db.execute(sa.delete(table).where(*which).execution_options(synchronize_session=False))


def _of(
    table: type[OrderAnswer | OrderShadow | OrderPackage | OrderPackageChange],
    connector: ConnectorName,
    environment: Environment,
    orders: list[tuple[str, str]],
) -> tuple[sa.ColumnElement[bool], ...]:
    which = sa.tuple_(table.shop_id, table.order_sn).in_(orders)
    return table.connector == connector, table.environment == environment, which
