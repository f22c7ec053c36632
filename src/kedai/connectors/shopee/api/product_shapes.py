"""What Shopee answers about products, stock and prices (contract §5.4)."""

from __future__ import annotations

from kedai.connectors.shopee.api.reading import Answer, Exact, Instant, Model, Text
from kedai.connectors.shopee.api.stock_shapes import Dimension, PreOrder, PriceInfo, StockInfo
from kedai.connectors.shopee.api.words import ItemStatus


class Tag(Model, frozen=True, kw_only=True):
    """What a product is tagged as."""

    kit: bool | None = None


class ItemRow(Model, frozen=True, kw_only=True):
    """One product of a list."""

    item_id: int
    item_status: ItemStatus | None = None
    update_time: Instant = None
    tag: Tag | None = None


class ItemList(Answer, frozen=True, kw_only=True):
    """A page of ``get_item_list``."""

    has_next_page: bool
    item: tuple[ItemRow, ...] = ()
    total_count: int | None = None
    next_offset: int | None = None


class AttributeValue(Model, frozen=True, kw_only=True):
    """A value of an attribute."""

    value_id: int | None = None
    original_value_name: str | None = None
    value_unit: str | None = None


class Attribute(Model, frozen=True, kw_only=True):
    """An attribute of a product."""

    attribute_id: int | None = None
    original_attribute_name: str | None = None
    is_mandatory: bool | None = None
    attribute_value_list: tuple[AttributeValue, ...] = ()


class Image(Model, frozen=True, kw_only=True):
    """Pictures."""

    image_url_list: tuple[str, ...] = ()
    image_id_list: tuple[str, ...] = ()
    image_ratio: str | None = None


class LogisticInfo(Model, frozen=True, kw_only=True):
    """A way that a product can be shipped."""

    logistic_id: int | None = None
    logistic_name: str | None = None
    enabled: bool | None = None
    shipping_fee: Exact = None
    size_id: int | None = None
    is_free: bool | None = None
    estimated_shipping_fee: Exact = None


class Wholesale(Model, frozen=True, kw_only=True):
    """A price for many."""

    min_count: int | None = None
    max_count: int | None = None
    unit_price: Exact = None
    inflated_price_of_unit_price: Exact = None


class VideoInfo(Model, frozen=True, kw_only=True):
    """A film about a product."""

    video_url: str | None = None
    thumbnail_url: str | None = None
    duration: int | None = None


class Brand(Model, frozen=True, kw_only=True):
    """A brand."""

    brand_id: int | None = None
    original_brand_name: str | None = None


class PromotionImage(Model, frozen=True, kw_only=True):
    """Pictures for promotions."""

    image_id_list: tuple[str, ...] = ()
    image_url_list: tuple[str, ...] = ()
    image_ratio: str | None = None


class VehicleInfo(Model, frozen=True, kw_only=True):
    """A vehicle that a part fits."""

    brand_id: int | None = None
    model_id: int | None = None
    year_id: int | None = None
    version_id: int | None = None


class CompatibilityInfo(Model, frozen=True, kw_only=True):
    """What a part fits."""

    vehicle_info_list: tuple[VehicleInfo, ...] = ()


class MaxPurchaseLimit(Model, frozen=True, kw_only=True):
    """The most that a buyer may have."""

    purchase_limit: int | None = None


class PurchaseLimitInfo(Model, frozen=True, kw_only=True):
    """How few and how many a buyer may have."""

    min_purchase_limit: int | None = None
    max_purchase_limit: MaxPurchaseLimit | None = None


class CertificationProof(Model, frozen=True, kw_only=True):
    """A picture of a certificate."""

    image_id: str | None = None
    ratio: Exact = None
    file_name: str | None = None
    image_url: str | None = None


class Certification(Model, frozen=True, kw_only=True):
    """A certificate."""

    permit_id: int | None = None
    certification_no: str | None = None
    expiry_date: Instant = None
    certification_proofs: tuple[CertificationProof, ...] = ()


class CertificationInfo(Model, frozen=True, kw_only=True):
    """The certificates of a product."""

    certification_list: tuple[Certification, ...] = ()


class ComplaintPolicy(Model, frozen=True, kw_only=True):
    """What a buyer may complain about (Poland)."""

    warranty_time: str | None = None
    exclude_entrepreneur_warranty: bool | None = None
    complaint_address_id: int | None = None
    additional_information: str | None = None


class GroupItemInfo(Model, frozen=True, kw_only=True):
    """What a group of items is made of (Brazil)."""

    group_qtd: str | None = None
    group_unit: str | None = None
    group_unit_value: str | None = None
    original_group_price: str | None = None
    group_gtin_sscc: str | None = None
    group_grai_gtin_sscc: str | None = None


class TaxInfo(Model, frozen=True, kw_only=True):
    """What the tax office wants to know (Brazil, India, Poland)."""

    ncm: str | None = None
    diff_state_cfop: str | None = None
    csosn: str | None = None
    origin: str | None = None
    cest: str | None = None
    measure_unit: str | None = None
    invoice_option: str | None = None
    vat_rate: str | None = None
    hs_code: str | None = None
    tax_code: str | None = None
    tax_type: int | None = None
    pis: str | None = None
    cofins: str | None = None
    icms_cst: str | None = None
    pis_cofins_cst: str | None = None
    federal_state_taxes: str | None = None
    operation_type: str | None = None
    ex_tipi: str | None = None
    fci_num: str | None = None
    recopi_num: str | None = None
    additional_info: str | None = None
    group_item_info: GroupItemInfo | None = None
    export_cfop: str | None = None


class DescriptionImage(Model, frozen=True, kw_only=True):
    """A picture in a description."""

    image_id: str | None = None
    image_url: str | None = None


class DescriptionField(Model, frozen=True, kw_only=True):
    """A paragraph or picture of a description."""

    field_type: str | None = None
    text: str | None = None
    image_info: DescriptionImage | None = None


class ExtendedDescription(Model, frozen=True, kw_only=True):
    """A description of paragraphs and pictures."""

    field_list: tuple[DescriptionField, ...] = ()


class DescriptionInfo(Model, frozen=True, kw_only=True):
    """How a product is described."""

    extended_description: ExtendedDescription | None = None


class Item(Model, frozen=True, kw_only=True):
    """A product; price and stock of one that has variants are in `ModelList` (§5.4)."""

    item_id: int
    category_id: int | None = None
    item_name: str | None = None
    description: str | None = None
    item_sku: str | None = None
    create_time: Instant = None
    update_time: Instant = None
    attribute_list: tuple[Attribute, ...] = ()
    price_info: tuple[PriceInfo, ...] = ()
    image: Image | None = None
    weight: Exact = None
    dimension: Dimension | None = None
    logistic_info: tuple[LogisticInfo, ...] = ()
    pre_order: PreOrder | None = None
    wholesales: tuple[Wholesale, ...] = ()
    condition: str | None = None
    size_chart: str | None = None
    item_status: ItemStatus | None = None
    deboost: bool | None = None
    has_model: bool | None = None
    has_promotion: bool | None = None
    video_info: tuple[VideoInfo, ...] = ()
    brand: Brand | None = None
    item_dangerous: int | None = None
    gtin_code: str | None = None
    size_chart_id: int | None = None
    promotion_image: PromotionImage | None = None
    compatibility_info: CompatibilityInfo | None = None
    scheduled_publish_time: Instant = None
    authorised_brand_id: int | None = None
    ssp_id: int | None = None
    is_fulfillment_by_shopee: bool | None = None
    tag: Tag | None = None
    purchase_limit_info: PurchaseLimitInfo | None = None
    medicine_id: int | None = None
    certification_info: CertificationInfo | None = None
    complaint_policy: ComplaintPolicy | None = None
    tax_info: TaxInfo | None = None
    description_info: DescriptionInfo | None = None
    description_type: str | None = None
    stock_info_v2: StockInfo | None = None


class ItemBaseInfo(Answer, frozen=True, kw_only=True):
    """The products of one call."""

    item_list: tuple[Item, ...] = ()


class ItemExtra(Model, frozen=True, kw_only=True):
    """How a product is doing."""

    item_id: int
    sale: int | None = None
    views: int | None = None
    likes: int | None = None
    rating_star: Exact = None
    comment_count: int | None = None


class ItemExtraInfo(Answer, frozen=True, kw_only=True):
    """How the products of one call are doing."""

    item_list: tuple[ItemExtra, ...] = ()


class FoundItems(Answer, frozen=True, kw_only=True):
    """A page of ``search_item``; its places are texts."""

    item_id_list: tuple[int, ...] = ()
    total_count: int | None = None
    next_offset: Text = None
