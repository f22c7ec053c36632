"""The table of control routes, as an application to be mounted at ``/control``."""

from __future__ import annotations

from aiohttp import web

from kedai.simulator.control import accounts, manners, orders, overview
from kedai.simulator.control.http import errors_as_json

ROUTES = (
    web.get("/health", overview.get_health),
    web.get("/state", overview.get_state),
    web.get("/calls", overview.get_calls),
    web.delete("/calls", overview.clear_calls),
    web.get("/calls/journal", overview.get_journal),
    web.get("/deliveries", overview.get_deliveries),
    web.get("/deliveries/{delivery_id}", overview.get_delivery),
    web.post("/orders", orders.create_order),
    web.post("/orders/batch", orders.create_orders),
    web.get("/orders/{order_sn}", orders.get_order),
    web.post("/orders/{order_sn}/{verb}", orders.step_order),
    web.post("/authorizations", accounts.create_authorization),
    web.post("/apps/{partner_id}", accounts.change_app),
    web.post("/shops/{shop_id}/expire-tokens", accounts.expire_tokens),
    web.post("/shops/{shop_id}/revoke", accounts.revoke),
    web.post("/shops/{shop_id}/end-authorization", accounts.end_authorization),
    web.post("/merchants/{merchant_id}/expire-tokens", accounts.expire_tokens),
    web.post("/merchants/{merchant_id}/revoke", accounts.revoke),
    web.post("/merchants/{merchant_id}/end-authorization", accounts.end_authorization),
    web.post("/clock", manners.change_clock),
    web.get("/settings", manners.get_settings),
    web.post("/settings", manners.change_settings),
    web.post("/pushes", manners.create_push),
    web.post("/busy-day", manners.start_busy_day),
    web.get("/busy-day", manners.get_busy_day),
    web.delete("/busy-day", manners.stop_busy_day),
)


def build_control() -> web.Application:
    """Return the control application."""
    app = web.Application(middlewares=[errors_as_json])
    app.add_routes(ROUTES)
    return app
