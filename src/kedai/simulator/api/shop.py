"""Shop endpoints (contract §5.5): ``get_shop_info`` answers at top level, without ``response``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kedai.simulator.api.errors import ApiError
from kedai.simulator.api.params import body_optional_text
from kedai.simulator.api.texts import Refusal
from kedai.simulator.state.channels import addresses

if TYPE_CHECKING:
    from kedai.simulator.api.call import Answer, ShopCall

LONGEST_NAME = 60
LONGEST_DESCRIPTION = 500


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


def get_profile(call: ShopCall) -> Answer:
    """Return what buyers see of the shop; under ``response``, unlike the shop's info."""
    shop = call.shop
    return {
        "response": {
            "shop_logo": f"https://images.simulator.test/shops/{shop.shop_id}.png",
            "description": shop.description,
            "shop_name": shop.shop_name,
            "invoice_issuer": "",
        }
    }


def update_profile(call: ShopCall) -> Answer:
    """Change what buyers see of the shop."""
    name = body_optional_text(call.body, "shop_name")
    description = body_optional_text(call.body, "description")
    if len(name) > LONGEST_NAME or len(description) > LONGEST_DESCRIPTION:
        raise ApiError(Refusal("error_data_check", "The shop_name or description is too long."))
    call.shop.shop_name = name or call.shop.shop_name
    call.shop.description = description or call.shop.description
    profile = get_profile(call)["response"]
    del profile["invoice_issuer"]
    return {"response": profile}


def get_warehouse_detail(call: ShopCall) -> Answer:
    """List where the shop's stock lies."""
    address = addresses(call.shop)[0]
    rows = [
        {
            "warehouse_id": address["address_id"] + 1_000_000,
            "warehouse_name": "Main warehouse",
            "warehouse_type": 1,
            "location_id": call.world.shelves[call.shop.shop_id].location_id,
            "state_code": call.shop.region,
            "holiday_mode_state": 0,
            **address,
        }
    ]
    return {"response": rows}


def get_shop_notification(call: ShopCall) -> Answer:
    """Return the newest notice of the Seller Centre; at top level."""
    number = call.link.auth_time
    notice = {"create_time": number, "content": "Welcome to the simulated market.", "title": "Welcome", "url": ""}
    return {"cursor": number, "data": notice}


def _merchant_of(call: ShopCall) -> int | None:
    accounts = [account for account in call.world.main_accounts.values() if call.shop.shop_id in account.shop_ids]
    return next((merchant_id for account in accounts for merchant_id in account.merchant_ids), None)
