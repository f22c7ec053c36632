"""The areas of calls under the names of Shopee's own documents: for a shop, and for a merchant."""

from __future__ import annotations

from kedai.connectors.shopee.api.caller import Bearer, Caller
from kedai.connectors.shopee.api.documents import Documents
from kedai.connectors.shopee.api.logistics import Logistics
from kedai.connectors.shopee.api.order import Orders
from kedai.connectors.shopee.api.payment import Payment
from kedai.connectors.shopee.api.product import Products
from kedai.connectors.shopee.api.returns import Returns
from kedai.connectors.shopee.api.shop import Merchants, Shops


class ShopCalls:
    """What a shop's token allows."""

    def __init__(self, caller: Caller, bearer: Bearer) -> None:
        self.shop = Shops(caller, bearer)
        self.order = Orders(caller, bearer)
        self.logistics = Logistics(caller, bearer)
        self.documents = Documents(caller, bearer)
        self.payment = Payment(caller, bearer)
        self.product = Products(caller, bearer)
        self.returns = Returns(caller, bearer)


class MerchantCalls:
    """What a merchant's token allows."""

    def __init__(self, caller: Caller, bearer: Bearer) -> None:
        self.merchant = Merchants(caller, bearer)
