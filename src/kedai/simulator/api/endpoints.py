"""The table of endpoints: the one place where a path meets its function."""

from __future__ import annotations

from kedai.simulator.api import auth, merchant, order, public, push, shop
from kedai.simulator.api.call import Endpoint, MerchantEndpoint, PublicEndpoint, ShopEndpoint

ENDPOINTS: dict[str, Endpoint] = {
    "/api/v2/auth/token/get": PublicEndpoint("POST", auth.get_token),
    "/api/v2/auth/access_token/get": PublicEndpoint("POST", auth.refresh_token),
    "/api/v2/public/get_shopee_ip_ranges": PublicEndpoint("GET", public.get_shopee_ip_ranges),
    "/api/v2/public/get_shops_by_partner": PublicEndpoint("GET", public.get_shops_by_partner),
    "/api/v2/public/get_merchants_by_partner": PublicEndpoint("GET", public.get_merchants_by_partner),
    "/api/v2/push/get_app_push_config": PublicEndpoint("GET", push.get_app_push_config),
    "/api/v2/push/set_app_push_config": PublicEndpoint("POST", push.set_app_push_config),
    "/api/v2/merchant/get_merchant_info": MerchantEndpoint("GET", merchant.get_merchant_info),
    "/api/v2/shop/get_shop_info": ShopEndpoint("GET", shop.get_shop_info),
    "/api/v2/order/get_order_list": ShopEndpoint("GET", order.get_order_list),
    "/api/v2/order/get_order_detail": ShopEndpoint("GET", order.get_order_detail),
}
