"""Everything one environment knows, in one place: it knows nothing of the other environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kedai.simulator.state.apps import found_app, found_shops
from kedai.simulator.state.authorizations import Ledger
from kedai.simulator.state.clock import Clock
from kedai.simulator.state.deliveries import DeliveryLog
from kedai.simulator.state.journal import Journal
from kedai.simulator.state.order_book import OrderBook
from kedai.simulator.state.switches import Switches

if TYPE_CHECKING:
    from kedai.simulator.state.apps import App, Shop


class World:
    """The state of one environment."""

    def __init__(self, seed: int, environment: str) -> None:
        """Found the environment's app and shops from the seed; no orders yet."""
        self.seed = seed
        self.environment = environment
        self.clock = Clock()
        self.apps = {app.partner_id: app for app in (found_app(seed, environment),)}
        self.shops = {shop.shop_id: shop for shop in found_shops(seed, environment)}
        self.ledger = Ledger(seed, environment)
        self.book = OrderBook()
        self.deliveries = DeliveryLog()
        self.journal = Journal()
        self.switches = Switches()

    def app_json(self, app: App) -> dict[str, Any]:
        """Return an app as the control API shows it, keys included: they are made up."""
        return {
            "environment": app.environment,
            "partner_id": app.partner_id,
            "name": app.name,
            "partner_key": app.partner_key,
            "push_partner_key": app.push_partner_key,
            "callback_url": app.callback_url,
            "redirect_domain": app.redirect_domain,
        }

    def shop_json(self, shop: Shop) -> dict[str, Any]:
        """Return a shop and its links as the control API shows it."""
        links = [link for link in self.ledger.links.values() if link.shop_id == shop.shop_id]
        alive = [link for link in links if not link.revoked and link.expire_time > self.clock.now()]
        return {
            "shop_id": shop.shop_id,
            "environment": shop.environment,
            "region": shop.region,
            "currency": shop.currency,
            "shop_name": shop.shop_name,
            "linked_partner_ids": [link.partner_id for link in alive],
            "links": [
                {
                    "partner_id": link.partner_id,
                    "auth_time": link.auth_time,
                    "expire_time": link.expire_time,
                    "revoked": link.revoked,
                }
                for link in links
            ],
        }

    def order_json(self, shop_id: int, rendered: dict[str, Any]) -> dict[str, Any]:
        """Return a rendered order with the shop it belongs to, which the marketplace's own answer leaves out."""
        return {"environment": self.environment, "shop_id": shop_id, **rendered}
