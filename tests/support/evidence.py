"""Reads what a verdict is spoken over: from the simulator by its control calls, from Kedai by its tables."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from kedai.db.base import Model
from kedai.inbox.models import RawEvent
from kedai.orders.models import OrderItem, OrderSync
from kedai.values.environment import Environment
from tests.support.installation import Installation
from tests.support.verdict import Call, Event, Held, Line, Market, Named, Order

_PAGE = 5_000


def read_market(home: Installation, environment: str) -> Market:
    """What the marketplace of an environment knows of its orders, its pushes, and who called."""
    state = home.control(environment, "GET", "/control/state?deliveries=0")
    deliveries = list(_pages(home, environment, "/control/deliveries", "deliveries"))
    return Market(
        partner_id=str(state["apps"][0]["partner_id"]),
        shop_ids={str(shop["shop_id"]) for shop in state["shops"]},
        orders=[_stated(order) for order in state["orders"]],
        sent={one["body"].encode() for one in deliveries},
        acknowledged={one["body"].encode() for one in deliveries if one["state"] == "delivered"},
        calls=[
            Call(one["query"].get("partner_id", ""), one["query"].get("shop_id", ""), one["path"], one["at"])
            for one in _pages(home, environment, "/control/calls/journal", "calls")
        ],
    )


def _pages(home: Installation, environment: str, path: str, name: str) -> Iterator[dict[str, Any]]:
    """All rows of a list that is gone through by id; the journal's pages are its newest rows, so it is asked whole."""
    if name == "calls":
        yield from home.control(environment, "GET", f"{path}?limit=1000000")[name]
        return
    after = 0
    while page := home.control(environment, "GET", f"{path}?after={after}&limit={_PAGE}")[name]:
        yield from page
        after = page[-1]["id"]


def _stated(order: dict[str, Any]) -> Order:
    lines = tuple(
        Line(
            str(item["item_id"]),
            str(item["model_id"]),
            item["model_sku"] or item["item_sku"],
            item["model_quantity_purchased"],
            Decimal(str(item["model_discounted_price"])),
        )
        for item in order["item_list"]
    )
    return Order(
        str(order["shop_id"]),
        order["order_sn"],
        order["order_status"],
        order["currency"],
        Decimal(str(order["total_amount"])),
        order["create_time"],
        order["update_time"],
        lines,
    )


def read_held(home: Installation, environment: str) -> Held:
    """What Kedai holds of an environment."""
    chosen = Environment(environment)
    events = sa.select(RawEvent.shop_id, RawEvent.order_sn, RawEvent.state, RawEvent.parked_reason, RawEvent.body)
    rows = home.rows(events.where(RawEvent.environment == chosen))
    return Held(
        events=[Event(*row[:4], bytes(row[4])) for row in rows],
        orders=_believed(home, chosen),
        named=list(_named(home, chosen)),
    )


def _believed(home: Installation, environment: Environment) -> list[Order]:
    lines: dict[tuple[str, str], list[Line]] = {}
    items = sa.select(OrderItem).where(OrderItem.environment == environment)
    for (item,) in home.rows(items.order_by(OrderItem.shop_id, OrderItem.order_sn, OrderItem.line)):
        line = Line(item.item_id, item.model_id, item.sku, item.quantity, item.unit_price)
        lines.setdefault((item.shop_id, item.order_sn), []).append(line)
    orders = home.rows(sa.select(OrderSync).where(OrderSync.environment == environment))
    return [
        Order(
            order.shop_id,
            order.order_sn,
            order.status,
            order.currency,
            order.total_amount,
            int(order.remote_created_at.timestamp()),
            int(order.remote_updated_at.timestamp()),
            tuple(lines.get((order.shop_id, order.order_sn), ())),
        )
        for (order,) in orders
    ]


def _named(home: Installation, environment: Environment) -> Iterator[Named]:
    """Whatever shop and order any table of all names in this environment."""
    for table in Model.metadata.sorted_tables:
        if not {"environment", "shop_id"} <= set(table.columns.keys()):
            continue
        order_sn = table.columns.get("order_sn", sa.null())
        found = sa.select(table.c.shop_id, order_sn).where(table.c.environment == environment, table.c.shop_id != "")
        yield from (Named(table.name, *row) for row in home.rows(found.distinct()))
