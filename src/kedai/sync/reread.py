"""Reading orders anew because a person asked for it."""

from __future__ import annotations

from kedai.errors import Conflict, NotFound
from kedai.orders import service as orders
from kedai.sync.judge import fetch_orders
from kedai.sync.parts import Parts
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.values.order import OrderSnapshot
from kedai.vault.queries import list_shops


async def read_order(parts: Parts, scope: Scope, order_sn: str) -> OrderSnapshot:
    """Read one order and write what the marketplace says of it, unless newer data stands already.

    Raises:
        Invalid: this is no order number. NotFound: the marketplace does not know it.
        KedaiError: as the connector sorts the marketplace's answer.
    """
    found = await fetch_orders(parts, scope, [order_sn])
    if not found:
        raise NotFound(f"The marketplace does not know the order {order_sn} of shop {scope.shop_id}.")
    await parts.write(lambda db: orders.upsert(db, scope, orders.prepare(found), now=parts.clock.now()))
    return found[0]


async def choose_shop(parts: Parts, name: ConnectorName, environment: Environment, shop_id: str | None) -> Scope:
    """The shop that is named, or the only connected one.

    Raises:
        NotFound: there is no such shop. Conflict: several are connected, and none was named; or none is.
    """
    shops = await parts.read(lambda db: list_shops(db, parts.connector(name).name, environment=environment))
    if shop_id is not None:
        if shop_id not in {shop.shop_id for shop in shops}:
            raise NotFound("There is no such shop here.")
        return Scope(name, environment, shop_id)
    connected = [shop.shop_id for shop in shops if shop.state == "connected"]
    if len(connected) != 1:
        raise Conflict("Say which shop is meant: several are connected." if connected else "No shop is connected here.")
    return Scope(name, environment, connected[0])
