"""Merchant endpoints (contract §5.5): ``get_merchant_info`` answers at top level, without ``response``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kedai.simulator.api.call import Answer, MerchantCall


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
