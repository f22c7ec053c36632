"""Merchant endpoints (contract §5.5): ``get_merchant_info`` answers at top level, without ``response``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kedai.simulator.api import texts
from kedai.simulator.api.errors import ApiError
from kedai.simulator.api.params import required_number

if TYPE_CHECKING:
    from kedai.simulator.api.call import Answer, MerchantCall

MAX_SHOPS = 500


def get_merchant_info(call: MerchantCall) -> Answer:
    """Describe the merchant and how long the consent lasts."""
    return {
        "merchant_name": call.merchant.merchant_name,
        "is_cnsc": False,
        "auth_time": call.link.auth_time,
        "expire_time": call.link.expire_time,
        "merchant_currency": call.merchant.currency,
        "merchant_region": call.merchant.region,
        "is_upgraded_cbsc": False,
    }


def get_shop_list_by_merchant(call: MerchantCall) -> Answer:
    """List the merchant's shops that are linked to the app; pages count from 1."""
    page_no, size = required_number(call.query, "page_no"), required_number(call.query, "page_size")
    if page_no < 1 or not 1 <= size <= MAX_SHOPS:
        raise ApiError(texts.wrong_parameters(f"page_no starts at 1 and page_size must be {MAX_SHOPS} or less"))
    own = {
        shop_id
        for account in call.world.main_accounts.values()
        if call.merchant.merchant_id in account.merchant_ids
        for shop_id in account.shop_ids
    }
    alive = call.world.ledger.alive(call.app.partner_id, "shop", call.world.clock.now())
    found = [link.subject.number for link in alive if link.subject.number in own]
    rows = [{"shop_id": shop_id, "sip_affi_shops": []} for shop_id in found[(page_no - 1) * size : page_no * size]]
    return {"shop_list": rows, "more": page_no * size < len(found)}
