"""The areas of calls under the names of Shopee's own documents: for a shop, for a merchant, for the app itself."""

from __future__ import annotations

from kedai.connectors.shopee.api.caller import Bearer, Caller
from kedai.connectors.shopee.api.documents import Documents
from kedai.connectors.shopee.api.logistics import Logistics
from kedai.connectors.shopee.api.order import Orders


class ShopCalls:
    """What a shop's token allows."""

    def __init__(self, caller: Caller, bearer: Bearer) -> None:
        self.order = Orders(caller, bearer)
        self.logistics = Logistics(caller, bearer)
        self.documents = Documents(caller, bearer)


class MerchantCalls:
    """What a merchant's token allows."""

    def __init__(self, caller: Caller, bearer: Bearer) -> None:
        self._caller, self._bearer = caller, bearer


class AppCalls:
    """What needs no token."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
