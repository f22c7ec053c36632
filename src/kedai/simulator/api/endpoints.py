"""The table of endpoints: the one place where a path meets its function."""

from __future__ import annotations

from kedai.simulator.api import auth, order, shop
from kedai.simulator.api.call import Endpoint, PublicEndpoint, ShopEndpoint

ENDPOINTS: dict[str, Endpoint] = {
    "/api/v2/auth/token/get": PublicEndpoint("POST", auth.get_token),
    "/api/v2/auth/access_token/get": PublicEndpoint("POST", auth.refresh_token),
    "/api/v2/shop/get_shop_info": ShopEndpoint("GET", shop.get_shop_info),
    "/api/v2/order/get_order_list": ShopEndpoint("GET", order.get_order_list),
    "/api/v2/order/get_order_detail": ShopEndpoint("GET", order.get_order_detail),
}
