"""What Shopee answers about shipping, tracking and shipping documents (contract §5.2)."""

from __future__ import annotations

from kedai.connectors.shopee.api.reading import Answer, Exact, Instant, Model, Partial
from kedai.connectors.shopee.api.words import DocumentStatus, DocumentType, PackageStatus


class InfoNeeded(Model, frozen=True, kw_only=True):
    """Which of the three ways there are, and which fields each wants; a way that is not offered is None."""

    dropoff: tuple[str, ...] | None = None
    pickup: tuple[str, ...] | None = None
    non_integrated: tuple[str, ...] | None = None


class Branch(Model, frozen=True, kw_only=True):
    """A branch that parcels can be dropped at."""

    branch_id: int
    region: str | None = None
    state: str | None = None
    city: str | None = None
    address: str | None = None
    zipcode: str | None = None
    district: str | None = None
    town: str | None = None


class Slug(Model, frozen=True, kw_only=True):
    """A carrier that parcels can be dropped with."""

    slug: str | None = None
    slug_name: str | None = None


class DropoffChoice(Model, frozen=True, kw_only=True):
    """Where parcels can be dropped."""

    branch_list: tuple[Branch, ...] = ()
    slug_list: tuple[Slug, ...] = ()


class TimeSlot(Model, frozen=True, kw_only=True):
    """When a carrier can come."""

    date: Instant = None
    time_text: str | None = None
    pickup_time_id: str | None = None
    flags: tuple[str, ...] = ()


class PickupAddress(Model, frozen=True, kw_only=True):
    """Where a carrier can come to, and when."""

    address_id: int
    region: str | None = None
    state: str | None = None
    city: str | None = None
    district: str | None = None
    town: str | None = None
    address: str | None = None
    zipcode: str | None = None
    address_flag: tuple[str, ...] = ()
    time_slot_list: tuple[TimeSlot, ...] = ()


class PickupChoice(Model, frozen=True, kw_only=True):
    """Where parcels can be picked up."""

    address_list: tuple[PickupAddress, ...] = ()


class ShippingParameter(Answer, frozen=True, kw_only=True):
    """What ``ship_order`` wants to know (§5.2)."""

    info_needed: InfoNeeded
    dropoff: DropoffChoice | None = None
    pickup: PickupChoice | None = None


class ItemResult(Model, frozen=True, kw_only=True):
    """How one order or package of a batch fared; an empty ``fail_error`` is success."""

    order_sn: str
    package_number: str | None = None
    fail_error: str = ""
    fail_message: str = ""


class BatchResults(Partial, frozen=True, kw_only=True):
    """How each order or package of a batch fared (§5.2)."""

    result_list: tuple[ItemResult, ...] = ()


class PackageSuccess(Model, frozen=True, kw_only=True):
    """A package for which it worked."""

    package_number: str


class PackageFailure(Model, frozen=True, kw_only=True):
    """A package for which it did not, and why."""

    package_number: str
    fail_reason: str = ""


class MassResults(Partial, frozen=True, kw_only=True):
    """For which packages it worked; top level or ``response``, both are read (§5.2)."""

    success_list: tuple[PackageSuccess, ...] = ()
    fail_list: tuple[PackageFailure, ...] = ()


class MassDropoffChoice(Model, frozen=True, kw_only=True):
    """Where parcels of a mass shipment can be dropped."""

    branch_list: tuple[Branch, ...] = ()


class MassShippingParameter(Partial, frozen=True, kw_only=True):
    """What ``mass_ship_order`` wants to know."""

    info_needed: InfoNeeded | None = None
    dropoff: MassDropoffChoice | None = None
    pickup: PickupChoice | None = None
    success_list: tuple[PackageSuccess, ...] = ()
    fail_list: tuple[PackageFailure, ...] = ()


class TrackingNumber(Answer, frozen=True, kw_only=True):
    """``tracking_number`` may be empty for minutes after shipping: ask again, or wait for push 4 (§5.2)."""

    tracking_number: str = ""
    plp_number: str | None = None
    first_mile_tracking_number: str | None = None
    last_mile_tracking_number: str | None = None
    hint: str | None = None
    pickup_code: str | None = None


class PackageTracking(Model, frozen=True, kw_only=True):
    """The tracking number of one package."""

    package_number: str
    tracking_number: str = ""
    plp_number: str | None = None
    first_mile_tracking_number: str | None = None
    last_mile_tracking_number: str | None = None
    hint: str | None = None
    pickup_code: str | None = None


class MassTrackingNumber(Partial, frozen=True, kw_only=True):
    """The tracking numbers of several packages."""

    success_list: tuple[PackageTracking, ...] = ()
    fail_list: tuple[PackageFailure, ...] = ()


class TrackingEvent(Model, frozen=True, kw_only=True):
    """Something that happened to a parcel."""

    update_time: Instant = None
    description: str | None = None
    logistics_status: PackageStatus | None = None
    return_code: str | None = None


class ReversedTrackingEvent(Model, frozen=True, kw_only=True):
    """Something that happened to a parcel on its way back."""

    update_time: Instant = None
    description: str | None = None


class TrackingInfo(Answer, frozen=True, kw_only=True):
    """Where a parcel has been."""

    order_sn: str | None = None
    package_number: str | None = None
    logistics_status: PackageStatus | None = None
    tracking_info: tuple[TrackingEvent, ...] = ()
    collection_pin_code: str | None = None
    reversed_tracking_number: str | None = None
    reversed_courier_name: str | None = None
    reversed_tracking_info: tuple[ReversedTrackingEvent, ...] = ()


class ShopAddress(Model, frozen=True, kw_only=True):
    """An address of the shop."""

    address_id: int
    region: str | None = None
    state: str | None = None
    city: str | None = None
    address: str | None = None
    zipcode: str | None = None
    district: str | None = None
    town: str | None = None
    address_type: tuple[str, ...] = ()


class AddressList(Answer, frozen=True, kw_only=True):
    """The addresses of the shop."""

    show_pickup_address: bool | None = None
    address_list: tuple[ShopAddress, ...] = ()


class ParcelSize(Model, frozen=True, kw_only=True):
    """A size that a channel has a price for."""

    size_id: str | None = None
    name: str | None = None
    default_price: Exact = None


class WeightLimit(Model, frozen=True, kw_only=True):
    """What a parcel may weigh."""

    item_max_weight: Exact = None
    item_min_weight: Exact = None


class ItemMaxDimension(Model, frozen=True, kw_only=True):
    """How large a parcel may be."""

    height: Exact = None
    width: Exact = None
    length: Exact = None
    unit: str | None = None
    dimension_sum: Exact = None


class VolumeLimit(Model, frozen=True, kw_only=True):
    """How much a parcel may hold."""

    item_max_volume: Exact = None
    item_min_volume: Exact = None


class LogisticsCapability(Model, frozen=True, kw_only=True):
    """What a channel can do."""

    seller_logistics: bool | None = None


class PreparationTimeLimit(Model, frozen=True, kw_only=True):
    """How long preparing may take."""

    min_preparation_time: int | None = None
    max_preparation_time: int | None = None


class AutoCallDriverSetting(Model, frozen=True, kw_only=True):
    """Whether a driver is called by itself."""

    auto_call_driver_eligible: bool | None = None
    auto_call_driver_enabled: bool | None = None
    preparation_time: int | None = None
    preparation_time_limit: PreparationTimeLimit | None = None


class ChannelRelationRule(Model, frozen=True, kw_only=True):
    """How switching one channel concerns others."""

    related_enabled_channels: tuple[int, ...] = ()
    related_dependent_block_channels: tuple[int, ...] = ()


class Channel(Model, frozen=True, kw_only=True):
    """A way to ship."""

    logistics_channel_id: int
    logistics_channel_name: str | None = None
    cod_enabled: bool | None = None
    enabled: bool | None = None
    fee_type: str | None = None
    size_list: tuple[ParcelSize, ...] = ()
    weight_limit: WeightLimit | None = None
    item_max_dimension: ItemMaxDimension | None = None
    volume_limit: VolumeLimit | None = None
    logistics_description: str | None = None
    force_enable: bool | None = None
    mask_channel_id: int | None = None
    block_seller_cover_shipping_fee: bool | None = None
    support_cross_border: bool | None = None
    seller_logistic_has_configuration: bool | None = None
    logistics_capability: LogisticsCapability | None = None
    preprint: bool | None = None
    service_type_identifier: str | None = None
    auto_call_driver_setting: AutoCallDriverSetting | None = None
    support_pause: bool | None = None
    compulsory_channel: bool | None = None
    channel_relation_rules: tuple[ChannelRelationRule, ...] = ()


class ChannelList(Answer, frozen=True, kw_only=True):
    """The ways to ship."""

    logistics_channel_list: tuple[Channel, ...] = ()


class DocumentParameter(Model, frozen=True, kw_only=True):
    """Which documents one order or package can have."""

    order_sn: str
    package_number: str | None = None
    suggest_shipping_document_type: DocumentType | None = None
    selectable_shipping_document_type: tuple[DocumentType, ...] = ()
    fail_error: str = ""
    fail_message: str = ""


class DocumentParameters(Partial, frozen=True, kw_only=True):
    """Which documents can be made."""

    result_list: tuple[DocumentParameter, ...] = ()


class DocumentResult(Model, frozen=True, kw_only=True):
    """Whether the document of one order or package is ready."""

    order_sn: str
    package_number: str | None = None
    status: DocumentStatus | None = None
    fail_error: str = ""
    fail_message: str = ""


class DocumentResults(Partial, frozen=True, kw_only=True):
    """Which documents are ready."""

    result_list: tuple[DocumentResult, ...] = ()
