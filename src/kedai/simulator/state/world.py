"""Everything one environment knows, in one place: it knows nothing of the other environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kedai.simulator.state.apps import found_app, found_main_account, found_merchant, found_shop, found_shops
from kedai.simulator.state.authorizations import Ledger, Subject
from kedai.simulator.state.clock import Clock
from kedai.simulator.state.deliveries import DeliveryLog
from kedai.simulator.state.journal import Journal
from kedai.simulator.state.order_book import OrderBook
from kedai.simulator.state.shelf import found_shelf
from kedai.simulator.state.switches import Switches

if TYPE_CHECKING:
    from kedai.simulator.state.apps import App, MainAccount, Merchant, Shop
    from kedai.simulator.state.order_draft import ComingOrder
    from kedai.simulator.state.returns import Return


class World:
    """The state of one environment."""

    def __init__(self, seed: int, environment: str) -> None:
        """Found the environment's app, shops, merchant and main account from the seed; no orders yet."""
        self.seed = seed
        self.environment = environment
        self.clock = Clock()
        self.apps = {app.partner_id: app for app in (found_app(seed, environment),)}
        self.shops = {shop.shop_id: shop for shop in found_shops(seed, environment)}
        merchant = found_merchant(seed, environment)
        self.merchants = {merchant.merchant_id: merchant}
        account = found_main_account(seed, environment, tuple(self.shops), (merchant.merchant_id,))
        self.main_accounts = {account.main_account_id: account}
        self.ledger = Ledger(seed, environment)
        self.book = OrderBook()
        self.shelves = {shop.shop_id: found_shelf(seed, shop, self.clock.now()) for shop in self.shops.values()}
        # Orders that will appear, by number.
        self.coming: dict[str, ComingOrder] = {}
        self.returns: dict[str, Return] = {}
        # When each income report was started, by kind, shop and number.
        self.reports: dict[str, int] = {}
        self.deliveries = DeliveryLog()
        self.journal = Journal()
        self.switches = Switches()

    def start_report(self, kind: str, shop_id: int) -> int:
        """Start an income report and return its number."""
        number = len(self.reports) + 1
        self.reports[f"{kind}:{shop_id}:{number}"] = self.clock.now()
        return number

    def open_shop(self, region: str, name: str) -> Shop:
        """Found another shop, with an offer of its own."""
        shop = found_shop(self.seed, self.environment, len(self.shops), region, name)
        self.shops[shop.shop_id] = shop
        self.shelves[shop.shop_id] = found_shelf(self.seed, shop, self.clock.now())
        return shop

    def open_merchant(self, region: str, name: str) -> Merchant:
        """Found another merchant."""
        merchant = found_merchant(self.seed, self.environment, len(self.merchants), name, region)
        self.merchants[merchant.merchant_id] = merchant
        return merchant

    def open_main_account(self, shop_ids: tuple[int, ...], merchant_ids: tuple[int, ...]) -> MainAccount:
        """Found another main account over shops and merchants that are there."""
        account = found_main_account(self.seed, self.environment, shop_ids, merchant_ids, len(self.main_accounts))
        self.main_accounts[account.main_account_id] = account
        return account

    def register_app(self, name: str) -> App:
        """Register another app."""
        app = found_app(self.seed, self.environment, len(self.apps), name)
        self.apps[app.partner_id] = app
        return app

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
            "push_status": app.push.status,
            "push_codes_off": sorted(app.push.off),
            "blocked_shop_ids": app.push.blocked_shop_ids,
        }

    def shop_json(self, shop: Shop) -> dict[str, Any]:
        """Return a shop and its links as the control API shows it."""
        return {
            "shop_id": shop.shop_id,
            "environment": shop.environment,
            "region": shop.region,
            "currency": shop.currency,
            "shop_name": shop.shop_name,
            **self._links_json(Subject("shop", shop.shop_id)),
        }

    def merchant_json(self, merchant: Merchant) -> dict[str, Any]:
        """Return a merchant and its links as the control API shows it."""
        return {
            "merchant_id": merchant.merchant_id,
            "environment": merchant.environment,
            "region": merchant.region,
            "currency": merchant.currency,
            "merchant_name": merchant.merchant_name,
            **self._links_json(Subject("merchant", merchant.merchant_id)),
        }

    def main_account_json(self, account: MainAccount) -> dict[str, Any]:
        """Return a main account as the control API shows it."""
        return {
            "main_account_id": account.main_account_id,
            "environment": account.environment,
            "shop_ids": list(account.shop_ids),
            "merchant_ids": list(account.merchant_ids),
        }

    def _links_json(self, subject: Subject) -> dict[str, Any]:
        links, now = self.ledger.links_of(subject), self.clock.now()
        return {
            "linked_partner_ids": [link.partner_id for link in links if link.is_alive(now)],
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
