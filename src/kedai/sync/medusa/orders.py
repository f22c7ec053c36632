"""Old orders: believed until Kedai reads them from the marketplace, whose word then replaces them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from kedai.orders.adopt import AdoptedOrder, adopt, find_standing
from kedai.sync.medusa.fields import Fields, RefusedRow
from kedai.sync.medusa.job import SHOPEE, Job, Tally
from kedai.sync.medusa.tokens import ensure_shops, shop_id_of
from kedai.values.environment import Scope

_DATED = re.compile(r"(\d{6})[0-9A-Za-z]")
_FARTHEST_ZONE = timedelta(hours=14)


def read_order(job: Job, fields: Fields) -> AdoptedOrder:
    """An order with what the old row says of it; amounts and lines come with the first reading."""
    environment, order_sn = fields.environment(), fields.order_sn()
    if order_sn is None:
        raise RefusedRow("it has no order number")
    created_at = fields.instant("remote_created_at")
    updated_at = fields.instant("remote_updated_at") or created_at or _no_later_than(order_sn)
    if updated_at is None:
        raise RefusedRow("it does not say when the marketplace changed the order")
    return AdoptedOrder(
        scope=Scope(SHOPEE, environment, shop_id_of(job, fields, environment)),
        order_sn=order_sn,
        status=fields.short("status") or "UNKNOWN",
        currency=fields.short("currency") or "",
        total_amount=fields.amount("total_amount"),
        buyer_username=fields.short("buyer_username"),
        tracking_number=fields.short("tracking_number"),
        shipping_carrier=fields.short("shipping_carrier"),
        payment_method=fields.short("payment_method"),
        ship_by_at=fields.instant("ship_by_at"),
        remote_created_at=created_at or updated_at,
        remote_updated_at=updated_at,
    )


def write_orders(job: Job, db: Session, rows: Sequence[AdoptedOrder]) -> Tally:
    """New ones, and newer words of the old system; what Kedai has read itself stays."""
    newest = {one.key: one for one in sorted(rows, key=lambda one: one.remote_updated_at)}
    standing = find_standing(db, list(newest.values()))
    new = [one for one in newest.values() if one.key not in standing]
    changed = [one for one in newest.values() if one.key in standing and standing[one.key].gives_way_to(one)]
    if job.apply and (new or changed):
        now = job.parts.clock.now()
        ensure_shops(job, db, list({one.scope for one in new}), now=now)
        adopt(db, [*new, *changed], standing, now=now)
    return Tally(new=len(new), changed=len(changed), present=len(rows) - len(new) - len(changed))


def _no_later_than(order_sn: str) -> datetime | None:
    """A moment before the order was made: its number begins with the day, in the zone of its market.

    Too early does no harm, since any reading is later. Too late would make a real reading look old.
    """
    dated = _DATED.match(order_sn)
    if dated is None:
        return None
    try:
        return datetime.strptime(dated[1], "%y%m%d").replace(tzinfo=UTC) - _FARTHEST_ZONE
    except ValueError:
        return None
