"""What Shopee answers about the money of an order (contract §5.3)."""

from __future__ import annotations

from kedai.connectors.shopee.api.reading import Answer, Exact, Instant, Model, Text, Texts


class KitItem(Model, frozen=True, kw_only=True):
    """A part of a kit."""

    original_product_id: Exact = None
    original_model_id: Exact = None
    total_qty: Exact = None
    original_price: Exact = None
    proportional_price: Exact = None


class Promotion(Model, frozen=True, kw_only=True):
    """A promotion that an item was bought in."""

    promotion_type: str | None = None
    promotion_id: int | None = None


class EscrowItem(Model, frozen=True, kw_only=True):
    """One line of an order; amounts are line totals, unlike the prices of an order."""

    item_id: int | None = None
    item_name: str | None = None
    item_sku: str | None = None
    model_id: int | None = None
    model_name: str | None = None
    model_sku: str | None = None
    line_item_id: int | None = None
    original_price: Exact = None
    original_price_pri: Exact = None
    selling_price: Exact = None
    discounted_price: Exact = None
    bcrs_deposit: Exact = None
    seller_discount: Exact = None
    shopee_discount: Exact = None
    discount_from_coin: Exact = None
    discount_from_voucher_shopee: Exact = None
    discount_from_voucher_seller: Exact = None
    activity_type: str | None = None
    activity_id: int | None = None
    is_main_item: bool | None = None
    quantity_purchased: int | None = None
    is_b2c_shop_item: bool | None = None
    ams_commission_fee: Exact = None
    is_kit: bool | None = None
    kit_items: tuple[KitItem, ...] = ()
    promotion_list: tuple[Promotion, ...] = ()


class Adjustment(Model, frozen=True, kw_only=True):
    """Something added to or taken from an escrow afterwards."""

    amount: Exact = None
    date: Instant = None
    currency: str = ""
    adjustment_reason: str | None = None


class Tenure(Model, frozen=True, kw_only=True):
    """An instalment plan."""

    payment_channel_name: str | None = None
    instalment_plan: Text = None


class CommissionRule(Model, frozen=True, kw_only=True):
    """A rule that a commission follows."""

    rule_id: Exact = None
    fee_amount: Exact = None
    rule_display_name: str | None = None


class ServiceFeeRule(Model, frozen=True, kw_only=True):
    """A rule that a service fee follows."""

    rule_id: Exact = None
    fee_amount: Exact = None
    rule_display_name: str | None = None
    category: str | None = None


class ProductRebate(Model, frozen=True, kw_only=True):
    """What Shopee adds to a seller's own rebate."""

    amount: Exact = None
    commission_fee_offset: Exact = None
    service_fee_offset: Exact = None


class OrderIncome(Model, frozen=True, kw_only=True):
    """All that makes up what the shop receives for an order; it moves until the order completes (§5.3)."""

    escrow_amount: Exact = None
    buyer_total_amount: Exact = None
    order_original_price: Exact = None
    original_price: Exact = None
    order_discounted_price: Exact = None
    order_selling_price: Exact = None
    order_seller_discount: Exact = None
    bcrs_deposit: Exact = None
    seller_discount: Exact = None
    shopee_discount: Exact = None
    voucher_from_seller: Exact = None
    voucher_from_shopee: Exact = None
    voucher_from_external_party: Exact = None
    coins: Exact = None
    buyer_paid_shipping_fee: Exact = None
    buyer_transaction_fee: Exact = None
    cross_border_tax: Exact = None
    payment_promotion: Exact = None
    commission_fee: Exact = None
    service_fee: Exact = None
    seller_transaction_fee: Exact = None
    seller_lost_compensation: Exact = None
    seller_coin_cash_back: Exact = None
    escrow_tax: Exact = None
    estimated_shipping_fee: Exact = None
    final_shipping_fee: Exact = None
    actual_shipping_fee: Exact = None
    shipping_fee_sst: Exact = None
    order_chargeable_weight: int | None = None
    shopee_shipping_rebate: Exact = None
    shipping_fee_discount_from_3pl: Exact = None
    seller_shipping_discount: Exact = None
    seller_voucher_code: Texts = ()
    drc_adjustable_refund: Exact = None
    cost_of_goods_sold: Exact = None
    original_cost_of_goods_sold: Exact = None
    original_shopee_discount: Exact = None
    seller_return_refund: Exact = None
    items: tuple[EscrowItem, ...] = ()
    escrow_amount_pri: Exact = None
    buyer_total_amount_pri: Exact = None
    original_price_pri: Exact = None
    seller_return_refund_pri: Exact = None
    commission_fee_pri: Exact = None
    service_fee_pri: Exact = None
    drc_adjustable_refund_pri: Exact = None
    pri_currency: str | None = None
    aff_currency: str | None = None
    exchange_rate: Exact = None
    reverse_shipping_fee: Exact = None
    reverse_shipping_fee_sst: Exact = None
    final_product_protection: Exact = None
    credit_card_promotion: Exact = None
    credit_card_transaction_fee: Exact = None
    final_product_vat_tax: Exact = None
    final_shipping_vat_tax: Exact = None
    campaign_fee: Exact = None
    sip_subsidy: Exact = None
    sip_subsidy_pri: Exact = None
    rsf_seller_protection_fee_claim_amount: Exact = None
    shipping_seller_protection_fee_amount: Exact = None
    final_escrow_product_gst: Exact = None
    final_escrow_shipping_gst: Exact = None
    delivery_seller_protection_fee_premium_amount: Exact = None
    order_adjustment: tuple[Adjustment, ...] = ()
    total_adjustment_amount: Exact = None
    escrow_amount_after_adjustment: Exact = None
    order_ams_commission_fee: Exact = None
    buyer_payment_method: Text = None
    instalment_plan: Text = None
    sales_tax_on_lvg: Exact = None
    final_return_to_seller_shipping_fee: Exact = None
    withholding_tax: Exact = None
    overseas_return_service_fee: Exact = None
    prorated_coins_value_offset_return_items: Exact = None
    prorated_shopee_voucher_offset_return_items: Exact = None
    prorated_seller_voucher_offset_return_items: Exact = None
    prorated_payment_channel_promo_bank_offset_return_items: Exact = None
    prorated_payment_channel_promo_shopee_offset_return_items: Exact = None
    fsf_seller_protection_fee_claim_amount: Exact = None
    vat_on_imported_goods: Exact = None
    tenure_info_list: tuple[Tenure, ...] = ()
    withholding_vat_tax: Exact = None
    withholding_pit_tax: Exact = None
    withholding_cit_tax: Exact = None
    tax_registration_code: str | None = None
    seller_order_processing_fee: Exact = None
    buyer_paid_packaging_fee: Exact = None
    trade_in_bonus_by_seller: Exact = None
    fbs_fee: Exact = None
    net_commission_fee: Exact = None
    net_service_fee: Exact = None
    net_commission_fee_info_list: tuple[CommissionRule, ...] = ()
    net_service_fee_info_list: tuple[ServiceFeeRule, ...] = ()
    seller_product_rebate: ProductRebate | None = None
    pix_discount: Exact = None
    prorated_pix_discount_offset_return_items: Exact = None
    ads_escrow_top_up_fee_or_technical_support_fee: Exact = None
    th_import_duty: Exact = None
    remaining_voucher: Exact = None
    refund_amount_to_buyer: Exact = None
    rsf_seller_protection_fee_premium_amount: Exact = None


class BuyerPaymentInfo(Model, frozen=True, kw_only=True):
    """What the buyer paid, and how."""

    buyer_payment_method: Text = None
    buyer_service_fee: Exact = None
    buyer_tax_amount: Exact = None
    buyer_total_amount: Exact = None
    shopeevip_subtotal: Exact = None
    credit_card_promotion: Exact = None
    icms_tax_amount: Exact = None
    import_tax_amount: Exact = None
    initial_buyer_txn_fee: Exact = None
    insurance_premium: Exact = None
    iof_tax_amount: Exact = None
    is_paid_by_credit_card: bool | None = None
    merchant_subtotal: Exact = None
    seller_voucher: Exact = None
    shipping_fee: Exact = None
    shipping_fee_sst_amount: Exact = None
    shopee_voucher: Exact = None
    shopee_coins_redeemed: Exact = None
    buyer_paid_packaging_fee: Exact = None
    trade_in_bonus: Exact = None
    bulky_handling_fee: Exact = None
    discount_pix: Exact = None
    bcrs_deposit: Exact = None
    ads_voucher_discount: Exact = None
    bcrs_discount: Exact = None


class EscrowDetail(Answer, frozen=True, kw_only=True):
    """The money of one order. It names no currency but those of cross-border shops: the order does (§5.3)."""

    order_sn: str
    order_income: OrderIncome
    buyer_user_name: str | None = None
    return_order_sn_list: tuple[str, ...] = ()
    buyer_payment_info: BuyerPaymentInfo | None = None


class EscrowRow(Model, frozen=True, kw_only=True):
    """The money of one order among several."""

    escrow_detail: EscrowDetail


class EscrowBatch(Answer, frozen=True, kw_only=True):
    """The money of several orders; the same as that of one, though documented with other spellings (§5.3)."""

    rows: tuple[EscrowRow, ...] = ()


class ReleasedEscrow(Model, frozen=True, kw_only=True):
    """What was paid out for an order."""

    order_sn: str
    payout_amount: Exact = None
    escrow_release_time: Instant = None


class EscrowList(Answer, frozen=True, kw_only=True):
    """A page of ``get_escrow_list``."""

    more: bool
    escrow_list: tuple[ReleasedEscrow, ...] = ()
