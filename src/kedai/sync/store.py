"""Storing what the marketplace said of orders: the one place that every way of reading them passes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from kedai.orders import service as orders
from kedai.orders.service import PreparedOrder
from kedai.sync import skus
from kedai.values.environment import Scope


def store_orders(
    db: Session, scope: Scope, prepared: Sequence[PreparedOrder], *, now: datetime, rebuilt: bool = False
) -> set[str]:
    """Write orders, and tell a person of the lines that are not in the SKU map; the order numbers that were written.

    ``rebuilt`` says that a person wants them exactly so, though they be older than what stands.
    """
    written = orders.upsert(db, scope, prepared, now=now, rebuilt=rebuilt)
    snapshots = [one.snapshot for one in prepared if one.snapshot.order_sn in written]
    skus.note_orders(db, scope, {one.order_sn: one.lines for one in snapshots}, now=now)
    return written
