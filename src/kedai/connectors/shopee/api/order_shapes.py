"""What Shopee answers about orders (contract §5.1)."""

from __future__ import annotations

from kedai.connectors.shopee.api.reading import Answer, Exact, Instant, Model, Texts
from kedai.connectors.shopee.api.words import OrderStatus, PackageStatus


class OrderRow(Model, frozen=True, kw_only=True):
    """One order of a list."""

    order_sn: str
    order_status: OrderStatus | None = None
    booking_sn: str | None = None


class OrderList(Answer, frozen=True, kw_only=True):
    """A page of ``get_order_list``: only ``more`` says whether it goes on, an empty page may (§5.1)."""

    more: bool
    order_list: tuple[OrderRow, ...] = ()
    next_cursor: str | None = None


class Geolocation(Model, frozen=True, kw_only=True):
    """Where an address lies."""

    latitude: Exact = None
    longitude: Exact = None


class RecipientAddress(Model, frozen=True, kw_only=True):
    """Where an order goes; masked by Shopee, field by field and by market."""

    name: str | None = None
    phone: str | None = None
    town: str | None = None
    district: str | None = None
    city: str | None = None
    state: str | None = None
    region: str | None = None
    zipcode: str | None = None
    full_address: str | None = None
    geolocation: Geolocation | None = None


class ImageInfo(Model, frozen=True, kw_only=True):
    """A picture."""

    image_url: str | None = None


class Promotion(Model, frozen=True, kw_only=True):
    """A promotion that an item was bought in."""

    promotion_type: str | None = None
    promotion_id: int | None = None


class OrderItem(Model, frozen=True, kw_only=True):
    """One line of an order; prices are per unit, unlike those of an escrow."""

    item_id: int
    item_name: str | None = None
    item_sku: str | None = None
    model_id: int | None = None
    model_name: str | None = None
    model_sku: str | None = None
    model_quantity_purchased: int | None = None
    model_original_price: Exact = None
    model_discounted_price: Exact = None
    wholesale: bool | None = None
    weight: Exact = None
    add_on_deal: bool | None = None
    main_item: bool | None = None
    add_on_deal_id: int | None = None
    promotion_type: str | None = None
    promotion_id: int | None = None
    order_item_id: int | None = None
    line_item_id: int | None = None
    promotion_group_id: int | None = None
    image_info: ImageInfo | None = None
    product_location_id: Texts = ()
    is_prescription_item: bool | None = None
    error_in_fetching_is_prescription_item: bool | None = None
    consultation_id: str | None = None
    is_b2c_owned_item: bool | None = None
    promotion_list: tuple[Promotion, ...] = ()
    hot_listing_item: bool | None = None
    active_qty: int | None = None
    cancel_requested_qty: int | None = None
    cancelled_qty: int | None = None
    return_requested_qty: int | None = None
    returned_qty: int | None = None


class OrderPackageItem(Model, frozen=True, kw_only=True):
    """What of an order is in a package."""

    item_id: int | None = None
    model_id: int | None = None
    model_quantity: int | None = None
    order_item_id: int | None = None
    promotion_group_id: int | None = None
    product_location_id: Texts = ()


class OrderPackage(Model, frozen=True, kw_only=True):
    """A package as its order tells it."""

    package_number: str | None = None
    logistics_status: PackageStatus | None = None
    logistics_channel_id: int | None = None
    shipping_carrier: str | None = None
    allow_self_design_awb: bool | None = None
    item_list: tuple[OrderPackageItem, ...] = ()
    parcel_chargeable_weight_gram: int | None = None
    group_shipment_id: int | None = None
    virtual_contact_number: str | None = None
    package_query_number: str | None = None
    sorting_group: str | None = None


class InvoiceData(Model, frozen=True, kw_only=True):
    """The fiscal invoice of an order (Brazil)."""

    number: str | None = None
    series_number: str | None = None
    access_key: str | None = None
    issue_date: Instant = None
    total_value: Exact = None
    products_total_value: Exact = None
    tax_code: str | None = None
    status: str | None = None
    pending_reason: str | None = None


class Payment(Model, frozen=True, kw_only=True):
    """A payment of an order (Brazil)."""

    payment_method: str | None = None
    payment_processor_register: str | None = None
    card_brand: str | None = None
    transaction_id: str | None = None
    payment_amount: Exact = None


class Order(Model, frozen=True, kw_only=True):
    """An order. Fields that were not asked for are absent; zeros of "none" are None (§5.1)."""

    order_sn: str
    region: str | None = None
    currency: str = ""
    cod: bool | None = None
    total_amount: Exact = None
    pending_terms: tuple[str, ...] = ()
    pending_description: tuple[str, ...] = ()
    order_status: OrderStatus | None = None
    shipping_carrier: str | None = None
    payment_method: str | None = None
    estimated_shipping_fee: Exact = None
    message_to_seller: str | None = None
    create_time: Instant = None
    update_time: Instant = None
    days_to_ship: int | None = None
    ship_by_date: Instant = None
    buyer_user_id: int | None = None
    buyer_username: str | None = None
    recipient_address: RecipientAddress | None = None
    actual_shipping_fee: Exact = None
    goods_to_declare: bool | None = None
    note: str | None = None
    note_update_time: Instant = None
    item_list: tuple[OrderItem, ...] = ()
    pay_time: Instant = None
    dropshipper: str | None = None
    dropshipper_phone: str | None = None
    split_up: bool | None = None
    buyer_cancel_reason: str | None = None
    cancel_by: str | None = None
    cancel_reason: str | None = None
    actual_shipping_fee_confirmed: bool | None = None
    buyer_cpf_id: str | None = None
    fulfillment_flag: str | None = None
    pickup_done_time: Instant = None
    package_list: tuple[OrderPackage, ...] = ()
    invoice_data: InvoiceData | None = None
    checkout_shipping_carrier: str | None = None
    reverse_shipping_fee: Exact = None
    order_chargeable_weight_gram: int | None = None
    prescription_check_status: int | None = None
    pharmacist_name: str | None = None
    prescription_images: tuple[str, ...] = ()
    prescription_approval_time: Instant = None
    prescription_rejection_time: Instant = None
    prescription_reject_reason: str | None = None
    is_buyer_shop_collection: bool | None = None
    buyer_proof_of_collection: tuple[str, ...] = ()
    edt_from: Instant = None
    edt_to: Instant = None
    booking_sn: str | None = None
    advance_package: bool | None = None
    return_request_due_date: Instant = None
    payment_info: tuple[Payment, ...] = ()
    hot_listing_order: bool | None = None
    is_international: bool | None = None
    can_full_cancel_order: bool | None = None
    can_partial_cancel_order: bool | None = None
    buyer_preference_for_partial_cancellation: int | None = None
    affiliate_sample_type: int | None = None


class OrderDetail(Answer, frozen=True, kw_only=True):
    """The orders of one call; those that Shopee does not know are left out (§5.1)."""

    order_list: tuple[Order, ...] = ()


class OrderChanged(Answer, frozen=True, kw_only=True):
    """When an order changed."""

    update_time: Instant = None


class PendingInvoice(Model, frozen=True, kw_only=True):
    """An order that waits for its invoice."""

    order_sn: str


class PendingInvoiceList(Answer, frozen=True, kw_only=True):
    """A page of the orders that wait for the buyer's invoice."""

    more: bool
    next_cursor: str | None = None
    order_list: tuple[PendingInvoice, ...] = ()
