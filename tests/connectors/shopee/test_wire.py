"""Every call of the contract's appendix goes out as the documents say: path, verb, signature, encoding."""

from __future__ import annotations

import asyncio
import json

import pytest

from kedai.connectors.base import HttpAnswer
from kedai.connectors.shopee.sign import sign_merchant, sign_public, sign_shop
from tests.connectors.fakes import NOW
from tests.connectors.shopee import wire_money, wire_orders, wire_rest
from tests.connectors.shopee.calls import MERCHANT, Wire, clients, ok
from tests.connectors.shopee.suite import CREDENTIALS, SHOP, TOKEN

WIRES = (
    *wire_orders.ORDERS,
    *wire_orders.LOGISTICS,
    *wire_money.PAYMENT,
    *wire_money.PRODUCT,
    *wire_rest.RETURNS,
    *wire_rest.SHOPS,
    *wire_rest.APP,
)
STAMP = int(NOW.timestamp())
DOCUMENTED = {
    "auth": ("token/get access_token/get"),
    "public": ("get_token_by_resend_code get_shops_by_partner get_merchants_by_partner get_shopee_ip_ranges"),
    "push": ("set_app_push_config get_app_push_config get_lost_push_message confirm_consumed_lost_push_message"),
    "shop": ("get_shop_info get_profile update_profile get_warehouse_detail get_shop_notification"),
    "merchant": ("get_merchant_info get_shop_list_by_merchant"),
    "order": (
        "get_order_list get_order_detail get_shipment_list search_package_list get_package_detail "
        "cancel_order handle_buyer_cancellation set_note split_order unsplit_order "
        "get_pending_buyer_invoice_order_list"
    ),
    "logistics": (
        "get_shipping_parameter ship_order batch_ship_order mass_ship_order get_mass_shipping_parameter "
        "update_shipping_order get_tracking_number get_mass_tracking_number get_tracking_info "
        "get_address_list get_channel_list get_shipping_document_parameter create_shipping_document "
        "get_shipping_document_result download_shipping_document"
    ),
    "payment": (
        "get_escrow_detail get_escrow_detail_batch get_escrow_list get_income_overview get_income_detail "
        "generate_income_report get_income_report generate_income_statement get_income_statement "
        "get_wallet_transaction_list get_payout_info get_payout_detail get_billing_transaction_info "
        "get_payment_method_list"
    ),
    "product": (
        "get_item_list get_item_base_info get_item_extra_info get_model_list update_stock update_price "
        "unlist_item search_item get_item_promotion update_model"
    ),
    "returns": (
        "get_return_list get_return_detail confirm dispute cancel_dispute get_available_solutions offer "
        "accept_offer get_return_dispute_reason convert_image upload_proof query_proof get_shipping_carrier "
        "upload_shipping_proof get_reverse_tracking_info"
    ),
}
"""Every endpoint of the contract's appendix A, by area."""


def test_every_documented_call_has_its_method() -> None:
    wanted = {f"{area}/{name}" for area, names in DOCUMENTED.items() for name in names.split()}
    assert len(wanted) == 82
    assert sorted(wire.path for wire in WIRES) == sorted(wanted)


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.path)
def test_call_looks_as_documented(wire: Wire) -> None:
    given = HttpAnswer(200, {}, wire.answer) if isinstance(wire.answer, bytes) else ok(wire.answer)
    client, http = clients(given)
    asyncio.run(wire.make(client))
    (call,) = http.sent
    assert (call.method, call.path) == (wire.verb, f"/api/v2/{wire.path}")
    common, business = call.query[: len(call.query) - len(wire.query)], call.query[len(call.query) - len(wire.query) :]
    assert business == wire.query
    assert dict(common) == carried(wire.path)
    assert call.shop_id == dict(common).get("shop_id")
    if wire.body is not None:
        assert json.loads(call.json) == wire.body


def carried(path: str) -> dict[str, str]:
    """What every call of a class carries; the subject is in the signature and in the query (contract §2.1)."""
    key, full = CREDENTIALS.partner_key, f"/api/v2/{path}"
    app = {"partner_id": "2009876", "timestamp": str(STAMP)}
    area = path.partition("/")[0]
    if area in {"public", "push", "auth"} or path == "payment/get_payment_method_list":
        return app | {"sign": sign_public(key, "2009876", full, STAMP)}
    if area == "merchant":
        sign = sign_merchant(key, "2009876", full, STAMP, access_token=TOKEN, merchant_id=MERCHANT)
        return app | {"sign": sign, "access_token": TOKEN.reveal(), "merchant_id": MERCHANT}
    sign = sign_shop(key, "2009876", full, STAMP, access_token=TOKEN, shop_id=SHOP)
    return app | {"sign": sign, "access_token": TOKEN.reveal(), "shop_id": SHOP}
