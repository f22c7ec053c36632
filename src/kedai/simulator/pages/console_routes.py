"""The table of console routes."""

from __future__ import annotations

from aiohttp import web

from kedai.simulator.pages import faults, orders, traffic

CONSOLE = (
    web.get("/console/orders", orders.get_board),
    web.post("/console/orders", orders.post_orders),
    web.get("/console/orders/{order_sn}", orders.get_order_page),
    web.post("/console/orders/{order_sn}/{verb}", orders.post_step),
    web.post("/console/returns/{return_sn}/{verb}", orders.post_return_step),
    web.get("/console/deliveries", traffic.get_deliveries),
    web.get("/console/deliveries/{delivery_id}", traffic.get_delivery),
    web.get("/console/calls", traffic.get_calls),
    web.get("/console/faults", faults.get_faults),
    web.post("/console/faults", faults.post_rule),
    web.post("/console/faults/end", faults.post_rule_end),
    web.post("/console/switches", faults.post_switches),
    web.post("/console/clock", faults.post_clock),
    web.post(r"/console/shops/{shop_id:\d{1,10}}", faults.post_shop),
)
