"""A person has an order read again now, whatever its environment: the one reading that waits for no push."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.errors import Conflict
from kedai.kit.ids import show_id
from kedai.orders import service as orders
from kedai.orders.queries import find_order, get_order
from kedai.orders.service import PreparedOrder
from kedai.sync.judge import fetch_orders
from kedai.sync.parts import Parts
from kedai.values.actor import Actor
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.vault.queries import find_shop

FETCHED = "order.fetched"


async def fetch_again(parts: Parts, order_id: UUID, *, environment: Environment, actor: Actor) -> bool:
    """Read one order and write what the marketplace says; True where that was something new.

    Raises:
        NotFound: no such order in that environment.
        Conflict: its shop is not connected, or the marketplace does not know the order.
        KedaiError: as the connector sorts the marketplace's answer.
    """
    scope, order_sn = await parts.read(lambda db: _named(db, order_id, environment))
    prepared = orders.prepare(await fetch_orders(parts, scope, [order_sn]))
    if not prepared:
        raise Conflict("The marketplace does not know this order any more. What is stored here stays.")
    return await parts.write(lambda db: _write(db, scope, order_id, prepared, actor, parts.clock.now()))


def _named(db: Session, order_id: UUID, environment: Environment) -> tuple[Scope, str]:
    order = get_order(db, order_id, environment=environment)
    scope = Scope(ConnectorName(order.connector), order.environment, order.shop_id)
    shop = find_shop(db, scope)
    if shop is None or shop.state != "connected":
        state = "not connected" if shop is None else shop.state.replace("_", " ")
        raise Conflict(f"The order's shop is {state}, so the marketplace cannot be asked.")
    return scope, order.order_sn


def _write(
    db: Session, scope: Scope, order_id: UUID, prepared: list[PreparedOrder], actor: Actor, now: datetime
) -> bool:
    before = find_order(db, scope, prepared[0].snapshot.order_sn)
    known = None if before is None else bytes(before.answer_hash)
    written = orders.upsert(db, scope, prepared, now=now)
    is_new = bool(written) and known != prepared[0].answer_hash
    subject, details = show_id("ord", order_id), {"new": is_new}
    record(db, actor=actor, action=FETCHED, environment=scope.environment, subject=subject, details=details, now=now)
    return is_new
