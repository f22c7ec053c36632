"""How the calls about payment and products look on the wire (contract §2.4, §5.3, §5.4, appendix A)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from kedai.connectors.shopee.api.product import (
    ItemListing,
    ParcelSize,
    PlacedStock,
    VariantChange,
    VariantPrice,
    VariantStock,
    Waiting,
)
from kedai.connectors.shopee.api.words import IncomeStatus, ItemStatus
from tests.connectors.shopee.calls import BEGINS, ENDS, FROM, TO, Wire
from tests.connectors.shopee.suite import ORDER
from tests.connectors.shopee.wire_orders import shop

RELEASED = (("release_time_from", FROM), ("release_time_to", TO))
PAID = (("payout_time_from", FROM), ("payout_time_to", TO))

PAYMENT = (
    Wire(
        "payment/get_escrow_detail",
        lambda c: shop(c).payment.get_escrow_detail(ORDER),
        (("order_sn", ORDER),),
        answer={"order_sn": ORDER, "order_income": {}},
    ),
    Wire(
        "payment/get_escrow_detail_batch",
        lambda c: shop(c).payment.get_escrow_detail_batch([ORDER, "260801EFGH5678"]),
        body={"order_sn_list": [ORDER, "260801EFGH5678"]},
        answer=[],
    ),
    Wire(
        "payment/get_escrow_list",
        lambda c: shop(c).payment.get_escrow_list(BEGINS, ENDS, page_size=40),
        (*RELEASED, ("page_size", "40"), ("page_no", "1")),
        answer={"escrow_list": [], "more": False},
    ),
    Wire(
        "payment/get_income_overview",
        lambda c: shop(c).payment.get_income_overview(income_status=IncomeStatus.TO_RELEASE),
        (("income_status", "0"),),
        answer={},
    ),
    Wire(
        "payment/get_income_detail",
        lambda c: shop(c).payment.get_income_detail(IncomeStatus.RELEASED, date(2026, 8, 1), date(2026, 8, 15)),
        (
            ("date_from", "2026-08-01"),
            ("date_to", "2026-08-15"),
            ("income_status", "1"),
            ("cursor", ""),
            ("page_size", "100"),
        ),
    ),
    Wire(
        "payment/generate_income_report",
        lambda c: shop(c).payment.generate_income_report(BEGINS, ENDS),
        RELEASED,
        answer={"id": 5},
    ),
    Wire(
        "payment/get_income_report",
        lambda c: shop(c).payment.get_income_report(5),
        (("income_report_id", "5"),),
        answer={"id": 5},
    ),
    Wire(
        "payment/generate_income_statement",
        lambda c: shop(c).payment.generate_income_statement(BEGINS, ENDS, statement_type=1),
        (*RELEASED, ("statement_type", "1")),
        answer={"id": 6},
    ),
    Wire(
        "payment/get_income_statement",
        lambda c: shop(c).payment.get_income_statement(6),
        (("income_statement_id", "6"),),
        answer={"id": 6},
    ),
    Wire(
        "payment/get_wallet_transaction_list",
        lambda c: shop(c).payment.get_wallet_transaction_list(
            created_from=BEGINS, created_to=ENDS, money_flow="MONEY_IN"
        ),
        (
            ("page_no", "0"),
            ("page_size", "100"),
            ("create_time_from", FROM),
            ("create_time_to", TO),
            ("money_flow", "MONEY_IN"),
        ),
        answer={"transaction_list": [], "more": False},
    ),
    Wire(
        "payment/get_payout_info",
        lambda c: shop(c).payment.get_payout_info(BEGINS, ENDS),
        (*PAID, ("page_size", "100"), ("cursor", "")),
        answer={"payout_list": [], "more": False},
    ),
    Wire(
        "payment/get_payout_detail",
        lambda c: shop(c).payment.get_payout_detail(BEGINS, ENDS, page_no=3),
        (("page_size", "100"), ("page_no", "3"), *PAID),
        answer={"payout_list": [], "more": False},
    ),
    Wire(
        "payment/get_billing_transaction_info",
        lambda c: shop(c).payment.get_billing_transaction_info(1, encrypted_payout_ids=["x=="], cursor="c"),
        body={"billing_transaction_info_type": 1, "encrypted_payout_ids": ["x=="], "cursor": "c", "page_size": 100},
        answer={"transactions": [], "more": False},
    ),
    Wire("payment/get_payment_method_list", lambda c: c.for_app().get_payment_method_list(), answer=[]),
)

PRODUCT = (
    Wire(
        "product/get_item_list",
        lambda c: shop(c).product.get_item_list([ItemStatus.NORMAL, ItemStatus.BANNED], updated_from=BEGINS),
        (
            ("offset", "0"),
            ("page_size", "100"),
            ("update_time_from", FROM),
            ("item_status", "NORMAL"),
            ("item_status", "BANNED"),
        ),
        answer={"item": [], "has_next_page": False},
    ),
    Wire(
        "product/get_item_base_info",
        lambda c: shop(c).product.get_item_base_info([1, 2], need_tax_info=True),
        (("item_id_list", "1,2"), ("need_tax_info", "true")),
        answer={"item_list": []},
    ),
    Wire(
        "product/get_item_extra_info",
        lambda c: shop(c).product.get_item_extra_info([1]),
        (("item_id_list", "1"),),
        answer={"item_list": []},
    ),
    Wire(
        "product/get_model_list",
        lambda c: shop(c).product.get_model_list(1),
        (("item_id", "1"),),
        answer={"tier_variation": [], "model": []},
    ),
    Wire(
        "product/update_stock",
        lambda c: shop(c).product.update_stock(
            1, [VariantStock(0, (PlacedStock(stock=5),)), VariantStock(7, (PlacedStock(stock=0, location_id="SGZ"),))]
        ),
        body={
            "item_id": 1,
            "stock_list": [
                {"model_id": 0, "seller_stock": [{"stock": 5}]},
                {"model_id": 7, "seller_stock": [{"stock": 0, "location_id": "SGZ"}]},
            ],
        },
        answer={"success_list": []},
    ),
    Wire(
        "product/update_price",
        lambda c: shop(c).product.update_price(1, [VariantPrice(0, Decimal("12.50"))]),
        body={"item_id": 1, "price_list": [{"model_id": 0, "original_price": 12.50}]},
        answer={"success_list": []},
    ),
    Wire(
        "product/unlist_item",
        lambda c: shop(c).product.unlist_item([ItemListing(1, unlist=True)]),
        body={"item_list": [{"item_id": 1, "unlist": True}]},
        answer={"success_list": []},
    ),
    Wire(
        "product/search_item",
        lambda c: shop(c).product.search_item(item_name="kopi o", item_status=[ItemStatus.NORMAL], deboost_only=False),
        (
            ("offset", ""),
            ("page_size", "100"),
            ("item_name", "kopi o"),
            ("item_status", "NORMAL"),
            ("deboost_only", "false"),
        ),
        answer={"item_id_list": []},
    ),
    Wire(
        "product/get_item_promotion",
        lambda c: shop(c).product.get_item_promotion([1, 2]),
        (("item_id_list", "1,2"),),
        answer={"success_list": []},
    ),
    Wire(
        "product/update_model",
        lambda c: shop(c).product.update_model(
            1,
            [
                VariantChange(
                    model_id=7,
                    model_sku="K-7",
                    pre_order=Waiting(is_pre_order=True, days_to_ship=7),
                    weight=Decimal("0.25"),
                    dimension=ParcelSize(package_height=1, package_length=2, package_width=3),
                )
            ],
        ),
        body={
            "item_id": 1,
            "model": [
                {
                    "model_id": 7,
                    "model_sku": "K-7",
                    "pre_order": {"is_pre_order": True, "days_to_ship": 7},
                    "weight": 0.25,
                    "dimension": {"package_height": 1, "package_length": 2, "package_width": 3},
                }
            ],
        },
    ),
)
