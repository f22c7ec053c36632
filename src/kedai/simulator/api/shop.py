"""Shop endpoints (contract §5.5): ``get_shop_info`` answers at top level, without ``response``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kedai.simulator.api.call import Answer, ShopCall


def get_shop_info(call: ShopCall) -> Answer:
    """Describe the shop and how long the consent lasts."""
    return {
        "shop_name": call.shop.shop_name,
        "region": call.shop.region,
        "status": "NORMAL",
        "sip_affi_shops": [],
        "is_cb": False,
        "auth_time": call.link.auth_time,
        "expire_time": call.link.expire_time,
        "is_sip": False,
        "is_upgraded_cbsc": False,
        "merchant_id": _merchant_of(call),
        "shop_fulfillment_flag": "Others",
        "is_main_shop": False,
        "is_direct_shop": False,
        "linked_main_shop_id": 0,
        "linked_direct_shop_list": [],
        "is_one_awb": False,
        "is_mart_shop": False,
        "is_outlet_shop": False,
    }


def _merchant_of(call: ShopCall) -> int | None:
    accounts = [account for account in call.world.main_accounts.values() if call.shop.shop_id in account.shop_ids]
    return accounts[0].merchant_ids[0] if accounts else None
