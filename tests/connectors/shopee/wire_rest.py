"""How the calls about returns, shops, merchants and the app itself look on the wire (contract §3, §4.3, §5.5, §5.6)."""

from __future__ import annotations

from decimal import Decimal

from kedai.connectors.shopee.api.returns import Evidence, Photo, ReturnFilter
from kedai.connectors.shopee.api.words import NegotiationStatus, ReturnSolution, ReturnStatus
from kedai.values.app import PushConfigChange
from tests.connectors.shopee.calls import BEGINS, ENDS, FROM, MERCHANT, TO, Wire
from tests.connectors.shopee.suite import SHOP, TOKEN
from tests.connectors.shopee.wire_orders import shop

RETURN = "2608010000000001"
ONE = (("return_sn", RETURN),)
SENT = {"return_sn": RETURN}
PAIR = {"access_token": "a1", "refresh_token": "r1", "expire_in": 14400}

RETURNS = (
    Wire(
        "returns/get_return_list",
        lambda c: shop(c).returns.get_return_list(
            updated=(BEGINS, ENDS),
            only=ReturnFilter(status=ReturnStatus.REQUESTED, negotiation_status=NegotiationStatus.PENDING_RESPOND),
            page_size=40,
        ),
        (
            ("page_no", "0"),
            ("page_size", "40"),
            ("update_time_from", FROM),
            ("update_time_to", TO),
            ("status", "REQUESTED"),
            ("negotiation_status", "PENDING_RESPOND"),
        ),
        answer={"return": [], "more": False},
    ),
    Wire(
        "returns/get_return_detail",
        lambda c: shop(c).returns.get_return_detail(RETURN),
        ONE,
        answer={"return_sn": RETURN},
    ),
    Wire("returns/confirm", lambda c: shop(c).returns.confirm(RETURN), body=SENT, answer=SENT),
    Wire(
        "returns/dispute",
        lambda c: shop(c).returns.dispute(
            RETURN,
            email="seller@example.test",
            dispute_reason_id=5,
            images=[Evidence(1, "a picture", ("https://cf.example.test/1",))],
            text="It was whole.",
        ),
        body=SENT
        | {
            "email": "seller@example.test",
            "dispute_reason_id": 5,
            "image_list": [
                {"module_index": 1, "requirement": "a picture", "image_url": ["https://cf.example.test/1"]},
            ],
            "dispute_text_reason": "It was whole.",
        },
        answer=SENT | {"msg": ""},
    ),
    Wire(
        "returns/cancel_dispute",
        lambda c: shop(c).returns.cancel_dispute(RETURN, email="seller@example.test"),
        body=SENT | {"email": "seller@example.test"},
        answer=SENT | {"message": "done"},
    ),
    Wire(
        "returns/get_available_solutions",
        lambda c: shop(c).returns.get_available_solutions(RETURN),
        ONE,
        answer=SENT,
    ),
    Wire(
        "returns/offer",
        lambda c: shop(c).returns.offer(RETURN, ReturnSolution.REFUND, refund_amount=Decimal("3.50")),
        body=SENT | {"proposed_solution": "REFUND", "proposed_adjusted_refund_amount": 3.50},
        answer=SENT,
    ),
    Wire("returns/accept_offer", lambda c: shop(c).returns.accept_offer(RETURN), body=SENT, answer=SENT),
    Wire(
        "returns/get_return_dispute_reason",
        lambda c: shop(c).returns.get_return_dispute_reason(RETURN),
        ONE,
        answer={"dispute_reason_list": []},
    ),
    Wire(
        "returns/convert_image",
        lambda c: shop(c).returns.convert_image(RETURN, b"\xff\xd8\xff..."),
        method="POST",
        answer={"url": "u", "thumbnail": "t"},
    ),
    Wire(
        "returns/upload_proof",
        lambda c: shop(c).returns.upload_proof(RETURN, [Photo("u", "t")], description="whole"),
        body=SENT | {"photo": [{"url": "u", "thumbnail": "t"}], "description": "whole"},
        answer={},
    ),
    Wire("returns/query_proof", lambda c: shop(c).returns.query_proof(RETURN), ONE, answer={}),
    Wire("returns/get_shipping_carrier", lambda c: shop(c).returns.get_shipping_carrier(RETURN), ONE, answer={}),
    Wire(
        "returns/upload_shipping_proof",
        lambda c: shop(c).returns.upload_shipping_proof(RETURN, 9, tracking_number="T1", image_ids=["i1"]),
        body=SENT | {"reverse_logistics_carrier_id": 9, "tracking_number": "T1", "image_id_list": [{"image_id": "i1"}]},
        answer={},
    ),
    Wire(
        "returns/get_reverse_tracking_info",
        lambda c: shop(c).returns.get_reverse_tracking_info(RETURN),
        ONE,
        answer=SENT,
    ),
)

SHOPS = (
    Wire("shop/get_shop_info", lambda c: shop(c).shop.get_shop_info()),
    Wire("shop/get_profile", lambda c: shop(c).shop.get_profile(), answer={}),
    Wire(
        "shop/update_profile",
        lambda c: shop(c).shop.update_profile(description=""),
        body={"description": ""},
        answer={},
    ),
    Wire(
        "shop/get_warehouse_detail",
        lambda c: shop(c).shop.get_warehouse_detail(warehouse_type=1),
        (("warehouse_type", "1"),),
        answer=[],
    ),
    Wire(
        "shop/get_shop_notification",
        lambda c: shop(c).shop.get_shop_notification(cursor=7, page_size=10),
        (("cursor", "7"), ("page_size", "10")),
    ),
    Wire("merchant/get_merchant_info", lambda c: c.for_merchant(MERCHANT, TOKEN).merchant.get_merchant_info()),
    Wire(
        "merchant/get_shop_list_by_merchant",
        lambda c: c.for_merchant(MERCHANT, TOKEN).merchant.get_shop_list_by_merchant(),
        (("page_no", "1"), ("page_size", "500")),
        answer={"more": False},
    ),
)

APP = (
    Wire(
        "auth/token/get",
        lambda c: c.exchange_main_account_code("4a4b", "77"),
        body={"code": "4a4b", "partner_id": 2009876, "main_account_id": 77},
        answer=PAIR,
    ),
    Wire(
        "auth/access_token/get",
        lambda c: c.refresh_merchant(MERCHANT, TOKEN),
        body={"refresh_token": TOKEN.reveal(), "partner_id": 2009876, "merchant_id": int(MERCHANT)},
        answer=PAIR,
    ),
    Wire(
        "public/get_token_by_resend_code",
        lambda c: c.for_app().get_token_by_resend_code("r5"),
        body={"resend_code": "r5"},
        answer=PAIR | {"shop_id_list": [int(SHOP)]},
    ),
    Wire(
        "public/get_shops_by_partner",
        lambda c: c.list_authorized_shops(cursor=None),
        (("page_size", "100"), ("page_no", "1")),
        answer={"more": False},
    ),
    Wire(
        "public/get_merchants_by_partner",
        lambda c: c.list_authorized_merchants(cursor="2"),
        (("page_size", "100"), ("page_no", "2")),
        answer={"more": False},
    ),
    Wire("public/get_shopee_ip_ranges", lambda c: c.get_ip_ranges(), answer={"ip_list": []}),
    Wire(
        "push/set_app_push_config",
        lambda c: c.set_push_config(PushConfigChange(codes_on=(3, 4))),
        body={"set_push_config_on": [3, 4]},
        answer={"result": "success"},
    ),
    Wire("push/get_app_push_config", lambda c: c.get_push_config(), answer={}),
    Wire("push/get_lost_push_message", lambda c: c.for_app().get_lost_push_message(), answer={}),
    Wire(
        "push/confirm_consumed_lost_push_message",
        lambda c: c.for_app().confirm_consumed_lost_push_message(12),
        body={"last_message_id": 12},
    ),
)
