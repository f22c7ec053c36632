"""The table of control routes, as an application to be mounted at ``/control``."""

from __future__ import annotations

from aiohttp import web

from kedai.simulator.control import accounts, founding, manners, orders, overview, returns, shelves, snapshots
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
    web.post("/orders/{order_sn}/returns", returns.create_return),
    web.post("/orders/{order_sn}/{verb}", orders.step_order),
    web.get("/returns", returns.get_returns),
    web.post("/returns/{return_sn}/{verb}", returns.step_return),
    web.get("/shops/{shop_id}/items", shelves.get_items),
    web.post("/shops/{shop_id}/shelf", shelves.change_shelf),
    web.post("/shops/{shop_id}/items/{item_id}", shelves.change_item),
    web.post("/apps", founding.create_app),
    web.post("/shops", founding.create_shop),
    web.post("/merchants", founding.create_merchant),
    web.post("/main-accounts", founding.create_main_account),
    web.post("/authorizations", accounts.create_authorization),
    web.post("/apps/{partner_id}", accounts.change_app),
    web.post("/shops/{shop_id}/expire-tokens", accounts.expire_tokens),
    web.post("/shops/{shop_id}/resend-code", accounts.resend_code),
    web.post("/shops/{shop_id}/revoke", accounts.revoke),
    web.post("/shops/{shop_id}/end-authorization", accounts.end_authorization),
    web.post("/merchants/{merchant_id}/expire-tokens", accounts.expire_tokens),
    web.post("/merchants/{merchant_id}/revoke", accounts.revoke),
    web.post("/merchants/{merchant_id}/end-authorization", accounts.end_authorization),
    web.get("/snapshot", snapshots.get_snapshot),
    web.put("/snapshot", snapshots.put_snapshot),
    web.post("/reset", snapshots.reset),
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
