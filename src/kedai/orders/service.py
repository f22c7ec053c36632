"""Writing orders: idempotent and monotonic. An older reading never replaces a newer one."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db.bulk import BulkInsert, Insert
from kedai.kit.ids import new_id
from kedai.orders import packages
from kedai.orders.models import OrderAnswer, OrderItem, OrderSync, OrderTimeline
from kedai.values.environment import Scope
from kedai.values.order import OrderSnapshot

DETAIL = "get_order_detail"
_KEY = ("connector", "environment", "shop_id", "order_sn")


def _replace(insert: Insert, *, even_older: bool) -> sa.UpdateBase:
    """A row that stands keeps its id and its first sight; a newer reading stays, unless told otherwise."""
    offered, kept = insert.excluded, {"id", "first_seen_at", *_KEY}
    newer = sa.tuple_(offered.remote_updated_at, offered.read_started_at) >= sa.tuple_(
        OrderSync.remote_updated_at, OrderSync.read_started_at
    )
    return insert.on_conflict_do_update(
        index_elements=list(_KEY),
        set_={column.name: offered[column.name] for column in OrderSync.__table__.c if column.name not in kept},
        where=None if even_older else newer,
    ).returning(OrderSync.order_sn, OrderSync.id)


_ORDERS = BulkInsert(OrderSync, partial(_replace, even_older=False))
_ORDERS_EVEN_OLDER = BulkInsert(OrderSync, partial(_replace, even_older=True))
_ANSWERS = BulkInsert(OrderAnswer, lambda insert: insert.on_conflict_do_nothing())
_ITEMS = BulkInsert(OrderItem)
_TIMELINE = BulkInsert(OrderTimeline, lambda insert: insert.on_conflict_do_nothing())


@dataclass(frozen=True, slots=True)
class PreparedOrder:
    """A snapshot with its answer hashed and compressed, done outside any transaction."""

    snapshot: OrderSnapshot
    answer_hash: bytes
    answer: bytes


def prepare(snapshots: Sequence[OrderSnapshot]) -> list[PreparedOrder]:
    """Hash and compress the answers; each order once, sorted by number, the order in which rows are locked."""
    by_age = sorted(snapshots, key=lambda one: (one.remote_updated_at, one.read_started_at))
    newest = {snapshot.order_sn: snapshot for snapshot in by_age}
    return [
        PreparedOrder(snapshot, hashlib.sha256(snapshot.answer).digest(), zlib.compress(snapshot.answer, 1))
        for _, snapshot in sorted(newest.items())
    ]


def upsert(
    db: Session, scope: Scope, orders: Sequence[PreparedOrder], *, now: datetime, rebuilt: bool = False
) -> set[str]:
    """Write what the marketplace said; returns the order numbers that were written (not older than what stands).

    ``rebuilt`` says that a person wants them exactly so: an older reading replaces a newer one, and an answer that
    stands already is written as today's code reads it.
    """
    if not orders:
        return set()
    key = {"connector": scope.connector, "environment": scope.environment, "shop_id": scope.shop_id}
    before = _standing(db, scope, [one.snapshot.order_sn for one in orders])
    _keep_answers(db, key, orders)
    written = _write_orders(db, key, orders, now, even_older=rebuilt)
    fresh = [
        one
        for one in orders
        if one.snapshot.order_sn in written
        and (
            rebuilt
            or one.snapshot.order_sn not in before
            or before[one.snapshot.order_sn].answer_hash != one.answer_hash
        )
    ]
    stood = {order_sn for order_sn, is_new in written.items() if not is_new}
    _replace_items(db, scope, key, fresh, stood)
    packages.replace(db, scope, [one.snapshot for one in fresh], known=stood, now=now)
    _extend_timeline(db, key, fresh, before, now)
    return set(written)


class _Standing(NamedTuple):
    """What stood before: enough to tell what changed."""

    status: str
    answer_hash: bytes


def _standing(db: Session, scope: Scope, order_sns: Sequence[str]) -> dict[str, _Standing]:
    statement = sa.select(OrderSync.order_sn, OrderSync.status, OrderSync.answer_hash).where(
        *_same(OrderSync, scope), OrderSync.order_sn.in_(order_sns)
    )
    rows = db.execute(statement.order_by(OrderSync.order_sn).with_for_update()).all()
    return {row.order_sn: _Standing(row.status, row.answer_hash) for row in rows}


def _keep_answers(db: Session, key: dict[str, Any], orders: Sequence[PreparedOrder]) -> None:
    rows = [
        {
            **key,
            "order_sn": one.snapshot.order_sn,
            "kind": DETAIL,
            "hash": one.answer_hash,
            "body": one.answer,
            "remote_updated_at": one.snapshot.remote_updated_at,
            "read_started_at": one.snapshot.read_started_at,
        }
        for one in orders
    ]
    _ANSWERS.execute(db, rows)


def order_columns(one: PreparedOrder) -> dict[str, Any]:
    """What an order's own row is to hold, by column."""
    snapshot = one.snapshot
    return {
        "order_sn": snapshot.order_sn,
        "status": snapshot.status,
        "currency": snapshot.currency,
        "total_amount": snapshot.total_amount,
        "booking_sn": snapshot.booking_sn,
        "buyer_username": snapshot.buyer_username,
        "recipient_name": snapshot.recipient.name,
        "recipient_phone": snapshot.recipient.phone,
        "recipient_address": snapshot.recipient.address,
        "buyer_message": snapshot.buyer_message,
        "tracking_number": snapshot.tracking_number,
        "shipping_carrier": snapshot.shipping_carrier,
        "payment_method": snapshot.payment_method,
        "line_count": len(snapshot.lines),
        "ship_by_at": snapshot.ship_by_at,
        "remote_created_at": snapshot.remote_created_at,
        "remote_updated_at": snapshot.remote_updated_at,
        "read_started_at": snapshot.read_started_at,
        "answer_hash": one.answer_hash,
    }


def item_columns(one: PreparedOrder) -> list[dict[str, Any]]:
    """What the rows of an order's lines are to hold, by column."""
    return [
        {
            "order_sn": one.snapshot.order_sn,
            "line": number,
            "item_id": line.item_id,
            "model_id": line.model_id,
            "name": line.name,
            "model_name": line.model_name,
            "sku": line.sku,
            "quantity": line.quantity,
            "unit_price": line.unit_price,
        }
        for number, line in enumerate(one.snapshot.lines, 1)
    ]


def _write_orders(
    db: Session, key: dict[str, Any], orders: Sequence[PreparedOrder], now: datetime, *, even_older: bool
) -> dict[str, bool]:
    """The orders that were written, and whether each was new.

    Only the answer tells: another session may have made the row since we looked what stands.
    """
    rows = [{"id": new_id(), **key, **order_columns(one), "first_seen_at": now, "synced_at": now} for one in orders]
    statement = _ORDERS_EVEN_OLDER if even_older else _ORDERS
    offered_ids = {row["id"] for row in rows}
    return {row.order_sn: row.id in offered_ids for row in statement.execute(db, rows)}


def _replace_items(
    db: Session, scope: Scope, key: dict[str, Any], orders: Sequence[PreparedOrder], stood: set[str]
) -> None:
    numbers = [one.snapshot.order_sn for one in orders if one.snapshot.order_sn in stood]
    if numbers:
        db.execute(sa.delete(OrderItem).where(*_same(OrderItem, scope), OrderItem.order_sn.in_(numbers)))
    rows = [{**key, **columns} for one in orders for columns in item_columns(one)]
    if rows:
        _ITEMS.execute(db, rows)


def _extend_timeline(
    db: Session, key: dict[str, Any], orders: Sequence[PreparedOrder], before: dict[str, _Standing], now: datetime
) -> None:
    rows = []
    for one in orders:
        standing = before.get(one.snapshot.order_sn)
        if standing is not None and standing.status == one.snapshot.status:
            continue
        rows.append(
            {
                "id": new_id(),
                **key,
                "order_sn": one.snapshot.order_sn,
                "previous_status": standing.status if standing is not None else None,
                "status": one.snapshot.status,
                "unexpected": standing is not None and standing.status in one.snapshot.surprising_after,
                "remote_updated_at": one.snapshot.remote_updated_at,
                "recorded_at": now,
            }
        )
    if rows:
        _TIMELINE.execute(db, rows)


def _same(model: type[OrderSync | OrderItem], scope: Scope) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        model.connector == scope.connector,
        model.environment == scope.environment,
        model.shop_id == scope.shop_id,
    )
