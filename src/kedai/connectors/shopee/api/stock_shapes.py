"""What Shopee answers about variants, stock, prices and promotions (contract §5.4)."""

from __future__ import annotations

from kedai.connectors.shopee.api.reading import Answer, Exact, Instant, Model, Partial


class OptionImage(Model, frozen=True, kw_only=True):
    """A picture of an option."""

    image_id: str | None = None
    image_url: str | None = None


class TierOption(Model, frozen=True, kw_only=True):
    """An option of a variation."""

    option: str | None = None
    image: OptionImage | None = None


class TierVariation(Model, frozen=True, kw_only=True):
    """What variants differ in, as colour or size."""

    option_list: tuple[TierOption, ...] = ()
    name: str | None = None


class PriceInfo(Model, frozen=True, kw_only=True):
    """Prices in one currency; absent from a product that has variants (§5.4)."""

    currency: str = ""
    current_price: Exact = None
    original_price: Exact = None
    inflated_price_of_original_price: Exact = None
    inflated_price_of_current_price: Exact = None
    sip_item_price: Exact = None
    sip_item_price_source: str | None = None
    sip_item_price_currency: str | None = None
    local_price: Exact = None
    local_promotion_price: Exact = None


class PreOrder(Model, frozen=True, kw_only=True):
    """Whether, and how long, buyers wait."""

    is_pre_order: bool | None = None
    days_to_ship: int | None = None


class SummaryInfo(Model, frozen=True, kw_only=True):
    """Sums of stock."""

    total_reserved_stock: int | None = None
    total_available_stock: int | None = None


class SellerStock(Model, frozen=True, kw_only=True):
    """What the seller has at one place."""

    location_id: str | None = None
    stock: int | None = None
    if_saleable: bool | None = None


class ShopeeStock(Model, frozen=True, kw_only=True):
    """What Shopee's warehouse has; a number or a text, both are read (§7.1)."""

    location_id: str | None = None
    stock: int | None = None


class AdvanceStock(Model, frozen=True, kw_only=True):
    """What is on its way to a warehouse."""

    sellable_advance_stock: int | None = None
    in_transit_advance_stock: int | None = None


class StockInfo(Model, frozen=True, kw_only=True):
    """What there is of a product or variant."""

    summary_info: SummaryInfo | None = None
    seller_stock: tuple[SellerStock, ...] = ()
    shopee_stock: tuple[ShopeeStock, ...] = ()
    advance_stock: AdvanceStock | None = None


class Dimension(Model, frozen=True, kw_only=True):
    """How large a parcel is, in centimetres."""

    package_height: int | None = None
    package_length: int | None = None
    package_width: int | None = None


class Variant(Model, frozen=True, kw_only=True):
    """A variant: Shopee calls it a model."""

    model_id: int
    price_info: tuple[PriceInfo, ...] = ()
    tier_index: tuple[int, ...] = ()
    promotion_id: int | None = None
    has_promotion: bool | None = None
    model_sku: str | None = None
    model_status: str | None = None
    pre_order: PreOrder | None = None
    stock_info_v2: StockInfo | None = None
    gtin_code: str | None = None
    weight: Exact = None
    dimension: Dimension | None = None
    is_fulfillment_by_shopee: bool | None = None


class StandardOption(Model, frozen=True, kw_only=True):
    """An option of a standard variation."""

    variation_option_id: int | None = None
    variation_option_name: str | None = None
    image_id: str | None = None
    image_url: str | None = None


class StandardVariation(Model, frozen=True, kw_only=True):
    """What variants differ in, in Shopee's own terms."""

    variation_id: int | None = None
    variation_name: str | None = None
    variation_group_id: int | None = None
    variation_option_list: tuple[StandardOption, ...] = ()


class ModelList(Answer, frozen=True, kw_only=True):
    """The variants of a product."""

    tier_variation: tuple[TierVariation, ...] = ()
    model: tuple[Variant, ...] = ()
    standardise_tier_variation: tuple[StandardVariation, ...] = ()


class VariantFailure(Model, frozen=True, kw_only=True):
    """A variant for which it did not work, and why."""

    model_id: int | None = None
    failed_reason: str = ""


class StockSuccess(Model, frozen=True, kw_only=True):
    """A stock that was set."""

    model_id: int | None = None
    location_id: str | None = None
    stock: int | None = None


class StockResults(Partial, frozen=True, kw_only=True):
    """Which stocks were set; with failures Shopee may call the whole refused (§5.4)."""

    failure_list: tuple[VariantFailure, ...] = ()
    success_list: tuple[StockSuccess, ...] = ()


class PriceSuccess(Model, frozen=True, kw_only=True):
    """A price that was set."""

    model_id: int | None = None
    original_price: Exact = None


class PriceResults(Partial, frozen=True, kw_only=True):
    """Which prices were set."""

    failure_list: tuple[VariantFailure, ...] = ()
    success_list: tuple[PriceSuccess, ...] = ()


class ItemFailure(Model, frozen=True, kw_only=True):
    """A product for which it did not work, and why."""

    item_id: int | None = None
    failed_reason: str = ""


class UnlistSuccess(Model, frozen=True, kw_only=True):
    """A product that was listed or unlisted."""

    item_id: int
    unlist: bool | None = None


class UnlistResults(Partial, frozen=True, kw_only=True):
    """Which products were listed or unlisted."""

    failure_list: tuple[ItemFailure, ...] = ()
    success_list: tuple[UnlistSuccess, ...] = ()


class PromotionPrice(Model, frozen=True, kw_only=True):
    """A price in a promotion; it names no currency."""

    promotion_price: Exact = None


class PromotionStock(Model, frozen=True, kw_only=True):
    """What is reserved for a promotion."""

    summary_info: SummaryInfo | None = None
    total_reserved_stock: int | None = None


class ItemPromotion(Model, frozen=True, kw_only=True):
    """A promotion that a product is in."""

    promotion_type: str | None = None
    promotion_id: int | None = None
    model_id: int | None = None
    start_time: Instant = None
    end_time: Instant = None
    promotion_price_info: tuple[PromotionPrice, ...] = ()
    promotion_staging: str | None = None
    promotion_stock_info_v2: PromotionStock | None = None


class PromotedItem(Model, frozen=True, kw_only=True):
    """The promotions of a product."""

    item_id: int
    promotion: tuple[ItemPromotion, ...] = ()


class PromotionResults(Partial, frozen=True, kw_only=True):
    """The promotions of the products of one call."""

    success_list: tuple[PromotedItem, ...] = ()
    failure_list: tuple[ItemFailure, ...] = ()
