"""What orders earned: one row per order that was paid out, and its lines, whose shares add up to it exactly."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db.upsert import insert_into
from kedai.orders.models import OrderAnswer, OrderEscrow, OrderEscrowLine, OrderSync
from kedai.values.environment import Scope
from kedai.values.settlement import ReleasedOrder, Settlement, spread

KIND = "get_escrow_detail"
_KEY = ("connector", "environment", "shop_id", "order_sn")


@dataclass(frozen=True, slots=True)
class PreparedSettlement:
    """A settlement with its answer hashed and compressed, done outside any transaction."""

    settlement: Settlement
    released: ReleasedOrder
    answer_hash: bytes
    answer: bytes


@dataclass(frozen=True, slots=True)
class Escrow:
    """What is known of an order's earnings, and each line's share."""

    total: OrderEscrow
    lines: Sequence[OrderEscrowLine]


def prepare(settlements: Sequence[Settlement], released: Mapping[str, ReleasedOrder]) -> list[PreparedSettlement]:
    """Hash and compress the answers of released orders, sorted by number, the order in which rows are locked."""
    newest = {one.order_sn: one for one in sorted(settlements, key=lambda one: one.read_started_at)}
    return [
        PreparedSettlement(one, released[number], hashlib.sha256(one.answer).digest(), zlib.compress(one.answer, 1))
        for number, one in sorted(newest.items())
        if number in released
    ]


def record(db: Session, scope: Scope, settlements: Sequence[PreparedSettlement], *, now: datetime) -> set[str]:
    """Write what was paid out; returns the order numbers that were written.

    An older reading never replaces a newer one, and an order that is not held is left out.
    """
    currencies = _currencies(db, scope, [one.settlement.order_sn for one in settlements])
    held = [one for one in settlements if one.settlement.order_sn in currencies]
    if not held:
        return set()
    _keep_answers(db, scope, held)
    written = _write(db, scope, held, currencies, now)
    _replace_lines(db, scope, [one for one in held if one.settlement.order_sn in written], currencies)
    return written


def find_escrow(db: Session, order: OrderSync) -> Escrow | None:
    """What an order earned, or None where the marketplace has not paid it out yet as far as we know."""
    key = [getattr(order, name) for name in _KEY]
    total = db.execute(
        sa.select(OrderEscrow).where(*(getattr(OrderEscrow, name) == one for name, one in zip(_KEY, key, strict=True)))
    ).scalar_one_or_none()
    if total is None:
        return None
    where = (getattr(OrderEscrowLine, name) == one for name, one in zip(_KEY, key, strict=True))
    lines = db.execute(sa.select(OrderEscrowLine).where(*where).order_by(OrderEscrowLine.line)).scalars().all()
    return Escrow(total, lines)


def _currencies(db: Session, scope: Scope, order_sns: Sequence[str]) -> dict[str, str]:
    """A settlement names no currency: the order does. The rows stay locked."""
    statement = sa.select(OrderSync.order_sn, OrderSync.currency).where(
        *_same(OrderSync, scope), OrderSync.order_sn.in_(order_sns)
    )
    rows = db.execute(statement.order_by(OrderSync.order_sn).with_for_update())
    return {row.order_sn: row.currency for row in rows}


def _keep_answers(db: Session, scope: Scope, settlements: Sequence[PreparedSettlement]) -> None:
    rows = [
        {
            **_place(scope),
            "order_sn": one.settlement.order_sn,
            "kind": KIND,
            "hash": one.answer_hash,
            "body": one.answer,
            "remote_updated_at": one.released.released_at or one.settlement.read_started_at,
            "read_started_at": one.settlement.read_started_at,
        }
        for one in settlements
    ]
    db.execute(insert_into(db, OrderAnswer).on_conflict_do_nothing(), rows)


def _write(
    db: Session,
    scope: Scope,
    settlements: Sequence[PreparedSettlement],
    currencies: Mapping[str, str],
    now: datetime,
) -> set[str]:
    rows = [
        {
            **_place(scope),
            "order_sn": one.settlement.order_sn,
            "currency": currencies[one.settlement.order_sn],
            **asdict(one.settlement.amounts),
            "payout": one.released.payout,
            "released_at": one.released.released_at,
            "captured_at": now,
            "read_started_at": one.settlement.read_started_at,
            "answer_hash": one.answer_hash,
        }
        for one in settlements
    ]
    statement = insert_into(db, OrderEscrow)
    offered = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=list(_KEY),
        set_={column.name: offered[column.name] for column in OrderEscrow.__table__.c if column.name not in _KEY},
        where=offered.read_started_at >= OrderEscrow.read_started_at,
    )
    return set(db.execute(statement.returning(OrderEscrow.order_sn), rows).scalars())


def _replace_lines(
    db: Session, scope: Scope, settlements: Sequence[PreparedSettlement], currencies: Mapping[str, str]
) -> None:
    numbers = [one.settlement.order_sn for one in settlements]
    if not numbers:
        return
    db.execute(sa.delete(OrderEscrowLine).where(*_same(OrderEscrowLine, scope), OrderEscrowLine.order_sn.in_(numbers)))
    rows = []
    for one in settlements:
        shares = spread(one.settlement, currencies[one.settlement.order_sn])
        for number, (line, share) in enumerate(zip(one.settlement.lines, shares, strict=True), 1):
            told = {"item_id": line.item_id, "model_id": line.model_id, "sku": line.sku, "quantity": line.quantity}
            key = {**_place(scope), "order_sn": one.settlement.order_sn, "line": number}
            rows.append({**key, **told, **asdict(share)})
    if rows:
        db.execute(insert_into(db, OrderEscrowLine), rows)


def _place(scope: Scope) -> dict[str, Any]:
    return {"connector": scope.connector, "environment": scope.environment, "shop_id": scope.shop_id}


def _same(model: type[OrderSync | OrderEscrowLine], scope: Scope) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        model.connector == scope.connector,
        model.environment == scope.environment,
        model.shop_id == scope.shop_id,
    )
