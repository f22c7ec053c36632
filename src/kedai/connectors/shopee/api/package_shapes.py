"""What Shopee answers about the packages of orders (contract §5.1)."""

from __future__ import annotations

from kedai.connectors.shopee.api.reading import Answer, Exact, Instant, Model, Texts
from kedai.connectors.shopee.api.words import PackageStatus


class Shipment(Model, frozen=True, kw_only=True):
    """Something that waits to be shipped."""

    order_sn: str
    package_number: str | None = None


class ShipmentList(Answer, frozen=True, kw_only=True):
    """A page of what waits to be shipped."""

    more: bool
    order_list: tuple[Shipment, ...] = ()
    next_cursor: str | None = None


class PackageRow(Model, frozen=True, kw_only=True):
    """A package that was found."""

    order_sn: str
    package_number: str
    logistics_channel_id: int | None = None
    product_location_id: Texts = ()
    sorting_group: str | None = None
    is_shipment_arranged: bool | None = None


class Pagination(Model, frozen=True, kw_only=True):
    """Where a search goes on; the cursor is opaque and holds a comma."""

    more: bool
    total_count: int | None = None
    next_cursor: str | None = None


class PackageOrdering(Model, frozen=True, kw_only=True):
    """How the packages found are sorted."""

    sort_type: int | None = None
    ascending: bool | None = None


class PackagePage(Answer, frozen=True, kw_only=True):
    """A page of ``search_package_list``."""

    pagination: Pagination
    packages_list: tuple[PackageRow, ...] = ()
    sort: PackageOrdering | None = None


class PackageItem(Model, frozen=True, kw_only=True):
    """What is in a package."""

    item_id: int | None = None
    model_id: int | None = None
    item_sku: str | None = None
    model_sku: str | None = None
    model_quantity: int | None = None
    order_item_id: int | None = None
    promotion_group_id: int | None = None
    product_location_id: Texts = ()
    consultation_id: str | None = None
    is_prescription_item: bool | None = None
    error_in_fetching_is_prescription_item: bool | None = None
    prescription_check_status: int | None = None
    prescription_reject_reason: str | None = None


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


class StatusInfoTag(Model, frozen=True, kw_only=True):
    """Since when a package is in a state."""

    tag_id: int | None = None
    timestamp: Instant = None


class DriverInfo(Model, frozen=True, kw_only=True):
    """Who fetches a package."""

    driver_name: str | None = None
    driver_phone: str | None = None
    vehicle_type: str | None = None
    license_plate: str | None = None
    courier_photo: str | None = None
    eta_start_time: Instant = None
    eta_end_time: Instant = None
    driver_status: str | None = None


class PackageInvoice(Model, frozen=True, kw_only=True):
    """What a package's invoice waits for (Brazil)."""

    status: str | None = None
    pending_reason: str | None = None


class Package(Model, frozen=True, kw_only=True):
    """A package with all that is known of it."""

    package_number: str
    order_sn: str | None = None
    fulfillment_status: PackageStatus | None = None
    update_time: Instant = None
    logistics_channel_id: int | None = None
    shipping_carrier: str | None = None
    allow_self_design_awb: bool | None = None
    days_to_ship: int | None = None
    ship_by_date: Instant = None
    pending_terms: tuple[str, ...] = ()
    pending_description: tuple[str, ...] = ()
    tracking_number: str = ""
    tracking_number_expiration_date: Instant = None
    pickup_done_time: Instant = None
    is_split_up: bool | None = None
    item_list: tuple[PackageItem, ...] = ()
    recipient_address: RecipientAddress | None = None
    parcel_chargeable_weight_gram: int | None = None
    group_shipment_id: int | None = None
    virtual_contact_number: str | None = None
    package_query_number: str | None = None
    sorting_group: str | None = None
    is_shipment_arranged: bool | None = None
    status_info_tag: StatusInfoTag | None = None
    can_split_order: bool | None = None
    can_unsplit_order: bool | None = None
    is_pre_order: bool | None = None
    pharmacist_name: str | None = None
    prescription_images: tuple[str, ...] = ()
    prescription_approval_time: Instant = None
    prescription_rejection_time: Instant = None
    is_buyer_shop_collection: bool | None = None
    buyer_proof_of_collection: tuple[str, ...] = ()
    preparation_end_time: Instant = None
    driver_info: DriverInfo | None = None
    can_full_cancel_order: bool | None = None
    can_partial_cancel_order: bool | None = None
    buyer_preference_for_partial_cancellation: int | None = None
    invoice_pending: PackageInvoice | None = None


class PackageDetail(Answer, frozen=True, kw_only=True):
    """The packages of one call."""

    package_list: tuple[Package, ...] = ()


class SplitPackageItem(Model, frozen=True, kw_only=True):
    """What goes into a package of a split order."""

    item_id: int | None = None
    model_id: int | None = None
    order_item_id: int | None = None
    promotion_group_id: int | None = None
    model_quantity: int | None = None


class SplitPackage(Model, frozen=True, kw_only=True):
    """A package of a split order."""

    package_number: str
    item_list: tuple[SplitPackageItem, ...] = ()


class SplitOrder(Answer, frozen=True, kw_only=True):
    """The packages that an order was split into."""

    order_sn: str | None = None
    package_list: tuple[SplitPackage, ...] = ()
