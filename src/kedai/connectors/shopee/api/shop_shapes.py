"""What Shopee answers about shops and merchants (contract §5.5)."""

from __future__ import annotations

from kedai.connectors.shopee.api.reading import Answer, Instant, Model
from kedai.connectors.shopee.api.words import ShopStatus


class AffiliateShop(Model, frozen=True, kw_only=True):
    """A SIP affiliate of a shop."""

    affi_shop_id: int
    region: str | None = None


class LinkedShop(Model, frozen=True, kw_only=True):
    """A shop linked to a main shop."""

    direct_shop_id: int | None = None
    direct_shop_region: str | None = None


class OutletShop(Model, frozen=True, kw_only=True):
    """An outlet of a mart."""

    outlet_shop_id: int | None = None


class Shop(Answer, frozen=True, kw_only=True):
    """A shop and the span of its authorisation (§5.5)."""

    shop_name: str | None = None
    region: str | None = None
    status: ShopStatus | None = None
    sip_affi_shops: tuple[AffiliateShop, ...] = ()
    is_cb: bool | None = None
    auth_time: Instant = None
    expire_time: Instant = None
    is_sip: bool | None = None
    is_upgraded_cbsc: bool | None = None
    merchant_id: int | None = None
    shop_fulfillment_flag: str | None = None
    is_main_shop: bool | None = None
    is_direct_shop: bool | None = None
    linked_main_shop_id: int | None = None
    linked_direct_shop_list: tuple[LinkedShop, ...] = ()
    is_one_awb: bool | None = None
    is_mart_shop: bool | None = None
    is_outlet_shop: bool | None = None
    mart_shop_id: int | None = None
    outlet_shop_info_list: tuple[OutletShop, ...] = ()
    mart_outlet_structure_type: str | None = None


class Profile(Answer, frozen=True, kw_only=True):
    """What buyers see of a shop."""

    shop_logo: str | None = None
    description: str | None = None
    shop_name: str | None = None
    invoice_issuer: str | None = None


class Warehouse(Model, frozen=True, kw_only=True):
    """A warehouse; its ``location_id`` is what stock is set at."""

    warehouse_id: int | None = None
    warehouse_name: str | None = None
    warehouse_type: int | None = None
    location_id: str | None = None
    address_id: int | None = None
    region: str | None = None
    state: str | None = None
    city: str | None = None
    address: str | None = None
    zipcode: str | None = None
    district: str | None = None
    town: str | None = None
    state_code: str | None = None
    holiday_mode_state: int | None = None


class Warehouses(Answer, frozen=True, kw_only=True):
    """The warehouses of a shop."""

    rows: tuple[Warehouse, ...] = ()


class Notification(Model, frozen=True, kw_only=True):
    """A notice of Shopee's."""

    create_time: Instant = None
    content: str | None = None
    title: str | None = None
    url: str | None = None


class Notifications(Answer, frozen=True, kw_only=True):
    """A page of notices; the documents type ``data`` as one, `notices` gives them whether one or several came."""

    cursor: int | None = None
    data: Notification | tuple[Notification, ...] = ()

    @property
    def notices(self) -> tuple[Notification, ...]:
        """The notices of this page."""
        several = self.data if isinstance(self.data, tuple) else (self.data,)
        return tuple(one for one in several if one.raw)


class Merchant(Answer, frozen=True, kw_only=True):
    """A merchant and the span of its authorisation (§5.5)."""

    merchant_name: str | None = None
    auth_time: Instant = None
    expire_time: Instant = None
    merchant_currency: str | None = None
    merchant_region: str | None = None
    is_upgraded_cbsc: bool | None = None


class MerchantShop(Model, frozen=True, kw_only=True):
    """A shop of a merchant."""

    shop_id: int
    sip_affi_shops: tuple[AffiliateShop, ...] = ()


class MerchantShopPage(Answer, frozen=True, kw_only=True):
    """A page of ``get_shop_list_by_merchant``."""

    more: bool
    shop_list: tuple[MerchantShop, ...] = ()
