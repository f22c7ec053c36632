"""A person has an order read now, whatever its environment: the one reading that waits for no push."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.errors import Conflict, NotFound
from kedai.kit.ids import show_id
from kedai.orders import service as orders
from kedai.orders.queries import OrderKey, find_order, find_order_ids, get_order
from kedai.orders.service import PreparedOrder
from kedai.sync.judge import fetch_orders
from kedai.sync.parts import Parts
from kedai.sync.store import store_orders
from kedai.values.actor import Actor
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.values.order import OrderSnapshot
from kedai.values.states import state_word
from kedai.values.wording import N_
from kedai.vault.queries import find_shop, list_shops

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
        raise Conflict(N_("The marketplace does not know this order any more. What is stored here stays."))
    return await parts.write(lambda db: _write(db, scope, prepared, actor, parts.clock.now()))


async def fetch_named(parts: Parts, scope: Scope, order_sn: str, *, actor: Actor) -> OrderSnapshot:
    """Read the order of that number, held or not, and write what the marketplace says.

    Raises:
        Invalid: this is no order number. NotFound: the marketplace does not know it.
        KedaiError: as the connector sorts the marketplace's answer.
    """
    found = await fetch_orders(parts, scope, [order_sn])
    if not found:
        raise NotFound(
            N_(
                "The marketplace does not know the order %(order_sn)s of shop %(shop_id)s.",
                order_sn=order_sn,
                shop_id=scope.shop_id,
            )
        )
    prepared = orders.prepare(found)
    await parts.write(lambda db: _write(db, scope, prepared, actor, parts.clock.now()))
    return found[0]


async def choose_shop(parts: Parts, name: ConnectorName, environment: Environment, shop_id: str | None) -> Scope:
    """The shop that is named, or the only connected one.

    Raises:
        NotFound: there is no such shop. Conflict: several are connected, and none was named; or none is.
    """
    shops = await parts.read(lambda db: list_shops(db, parts.connector(name).name, environment=environment))
    if shop_id is not None:
        if shop_id not in {shop.shop_id for shop in shops}:
            raise NotFound(N_("There is no such shop here."))
        return Scope(name, environment, shop_id)
    connected = [shop.shop_id for shop in shops if shop.state == "connected"]
    if len(connected) != 1:
        raise Conflict(
            N_("Say which shop is meant: several are connected.") if connected else N_("No shop is connected here.")
        )
    return Scope(name, environment, connected[0])


def _named(db: Session, order_id: UUID, environment: Environment) -> tuple[Scope, str]:
    order = get_order(db, order_id, environment=environment)
    scope = Scope(ConnectorName(order.connector), order.environment, order.shop_id)
    shop = find_shop(db, scope)
    if shop is None or shop.state != "connected":
        state = N_("not connected") if shop is None else state_word(shop.state)
        raise Conflict(N_("The order's shop is %(state)s, so the marketplace cannot be asked.", state=state))
    return scope, order.order_sn


def _write(db: Session, scope: Scope, prepared: list[PreparedOrder], actor: Actor, now: datetime) -> bool:
    order_sn = prepared[0].snapshot.order_sn
    before = find_order(db, scope, order_sn)
    known = None if before is None else bytes(before.answer_hash)
    written = store_orders(db, scope, prepared, now=now)
    is_new = bool(written) and known != prepared[0].answer_hash
    key = OrderKey(scope.connector, scope.environment, scope.shop_id, order_sn)
    subject, details = show_id("ord", find_order_ids(db, {key})[key]), {"new": is_new}
    record(db, actor=actor, action=FETCHED, environment=scope.environment, subject=subject, details=details, now=now)
    return is_new
