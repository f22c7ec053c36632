"""A connected shop of a market: signed calls on its behalf."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulator.market import Answer, Market


class Seller:
    """One shop with its token."""

    def __init__(self, market: Market, shop_id: int | None = None) -> None:
        self.market = market
        self.shop_id = market.shop_ids[0] if shop_id is None else shop_id
        self.token = market.connect(self.shop_id)["access_token"]

    def get(self, name: str, /, **business: Any) -> Answer:
        """Send a signed GET to ``/api/v2/NAME``."""
        return self.market.shop_get(f"/api/v2/{name}", self.token, self.shop_id, **business)

    def post(self, name: str, /, **body: Any) -> Answer:
        """Send a signed POST to ``/api/v2/NAME``."""
        path = f"/api/v2/{name}"
        return self.market.post(path, self.market.query(path, self.token, self.shop_id), body)

    def order(self, *steps: str, **wish: Any) -> dict[str, Any]:
        """Place a paid order and walk it on."""
        order = self.market.create_order(self.shop_id, **{"status": "READY_TO_SHIP", "pushes": False, **wish})
        for step in steps:
            order = self.step(order["order_sn"], step)
        return order

    def step(self, order_sn: str, verb: str, **options: Any) -> dict[str, Any]:
        """Let the marketplace or the buyer do something to an order."""
        order: dict[str, Any] = self.market.control("POST", f"/orders/{order_sn}/{verb}", options)
        return order

    def shown(self, order_sn: str) -> dict[str, Any]:
        """Return the order in full."""
        order: dict[str, Any] = self.market.control("GET", f"/orders/{order_sn}")
        return order

    def pickup(self, order_sn: str, **named: Any) -> dict[str, Any]:
        """Return what `ship_order` needs for the first pickup slot."""
        parameter = self.get("logistics/get_shipping_parameter", order_sn=order_sn, **named).json["response"]
        address = parameter["pickup"]["address_list"][0]
        slot = address["time_slot_list"][0]["pickup_time_id"]
        return {"address_id": address["address_id"], "pickup_time_id": slot}
