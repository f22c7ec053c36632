"""What Shopee answers about returns (contract §5.6)."""

from __future__ import annotations

from kedai.connectors.shopee.api.reading import Answer, Exact, Instant, Model
from kedai.connectors.shopee.api.words import CompensationStatus, NegotiationStatus, ReturnStatus, SellerProofStatus


class Buyer(Model, frozen=True, kw_only=True):
    """Who returns; masked by market."""

    username: str | None = None
    email: str | None = None
    portrait: str | None = None


class ReturnItem(Model, frozen=True, kw_only=True):
    """An item that is returned."""

    model_id: int | None = None
    name: str | None = None
    images: tuple[str, ...] = ()
    amount: int | None = None
    item_price: Exact = None
    is_add_on_deal: bool | None = None
    is_main_item: bool | None = None
    add_on_deal_id: int | None = None
    item_id: int | None = None
    item_sku: str | None = None
    variation_sku: str | None = None
    refund_amount: Exact = None


class FollowUpAction(Model, frozen=True, kw_only=True):
    """What happens with an item that came back."""

    item_id: int | None = None
    model_id: int | None = None
    qty: int | None = None
    current_status: int | None = None
    related_order_sn_list: tuple[str, ...] = ()
    resell_failed_next_step: str | None = None


class Return(Model, frozen=True, kw_only=True):
    """A return."""

    return_sn: str
    image: tuple[str, ...] = ()
    reason: str | None = None
    text_reason: str | None = None
    reassessed_request_reason: str | None = None
    refund_amount: Exact = None
    currency: str = ""
    create_time: Instant = None
    update_time: Instant = None
    status: ReturnStatus | None = None
    due_date: Instant = None
    tracking_number: str = ""
    dispute_reason: tuple[str, ...] = ()
    dispute_text_reason: tuple[str, ...] = ()
    needs_logistics: bool | None = None
    amount_before_discount: Exact = None
    user: Buyer | None = None
    item: tuple[ReturnItem, ...] = ()
    order_sn: str | None = None
    return_ship_due_date: Instant = None
    return_seller_due_date: Instant = None
    negotiation_status: NegotiationStatus | None = None
    seller_proof_status: SellerProofStatus | None = None
    seller_compensation_status: CompensationStatus | None = None
    return_refund_type: str | None = None
    return_solution: int | None = None
    is_seller_arrange: bool | None = None
    is_shipping_proof_mandatory: bool | None = None
    return_refund_request_type: int | None = None
    validation_type: str | None = None
    is_arrived_at_warehouse: int | None = None
    follow_up_action_list: tuple[FollowUpAction, ...] = ()


class ReturnList(Answer, frozen=True, kw_only=True):
    """A page of ``get_return_list``."""

    more: bool
    returns: tuple[Return, ...] = ()


class BuyerVideo(Model, frozen=True, kw_only=True):
    """A film of the buyer's."""

    thumbnail_url: str | None = None
    video_url: str | None = None


class ActivityItem(Model, frozen=True, kw_only=True):
    """An item in an activity."""

    item_id: int | None = None
    variation_id: int | None = None
    quantity_purchased: int | None = None
    original_price: Exact = None


class Activity(Model, frozen=True, kw_only=True):
    """A promotion that the order was in."""

    activity_id: int | None = None
    activity_type: str | None = None
    original_price: Exact = None
    discounted_price: Exact = None
    items: tuple[ActivityItem, ...] = ()
    refund_amount: Exact = None


class SellerProof(Model, frozen=True, kw_only=True):
    """Whether the seller must prove something, and until when."""

    seller_proof_status: SellerProofStatus | None = None
    seller_evidence_deadline: Instant = None


class CompensationPart(Model, frozen=True, kw_only=True):
    """A part of a compensation."""

    compensation_type: str | None = None
    compensation_amount: Exact = None


class Compensation(Model, frozen=True, kw_only=True):
    """What the seller is compensated."""

    seller_compensation_status: CompensationStatus | None = None
    seller_compensation_due_date: Instant = None
    compensation_amount: Exact = None
    compensation_amount_list: tuple[CompensationPart, ...] = ()


class Negotiation(Model, frozen=True, kw_only=True):
    """What was offered, and whose turn it is."""

    negotiation_status: NegotiationStatus | None = None
    latest_solution: str | None = None
    latest_offer_amount: Exact = None
    latest_offer_creator: str | None = None
    counter_limit: int | None = None
    offer_due_date: Instant = None


class ReturnPickupAddress(Model, frozen=True, kw_only=True):
    """Where the parcel is picked up."""

    address: str | None = None
    name: str | None = None
    phone: str | None = None
    town: str | None = None
    district: str | None = None
    city: str | None = None
    state: str | None = None
    region: str | None = None
    zipcode: str | None = None


class ReturnAddress(Model, frozen=True, kw_only=True):
    """Where the parcel goes."""

    whs_id: str | None = None


class ReturnDetail(Answer, frozen=True, kw_only=True):
    """A return with all that is known of it."""

    return_sn: str
    image: tuple[str, ...] = ()
    buyer_videos: tuple[BuyerVideo, ...] = ()
    reason: str | None = None
    text_reason: str | None = None
    reassessed_request_reason: str | None = None
    refund_amount: Exact = None
    currency: str = ""
    create_time: Instant = None
    update_time: Instant = None
    status: ReturnStatus | None = None
    due_date: Instant = None
    tracking_number: str = ""
    dispute_reason: tuple[str, ...] = ()
    dispute_text_reason: tuple[str, ...] = ()
    needs_logistics: bool | None = None
    amount_before_discount: Exact = None
    user: Buyer | None = None
    item: tuple[ReturnItem, ...] = ()
    order_sn: str | None = None
    return_ship_due_date: Instant = None
    return_seller_due_date: Instant = None
    activity: tuple[Activity, ...] = ()
    seller_proof: SellerProof | None = None
    seller_compensation: Compensation | None = None
    negotiation: Negotiation | None = None
    logistics_status: str | None = None
    reverse_logistics_status: str | None = None
    return_pickup_address: ReturnPickupAddress | None = None
    virtual_contact_number: str | None = None
    package_query_number: str | None = None
    return_address: ReturnAddress | None = None
    return_refund_type: str | None = None
    return_solution: int | None = None
    is_seller_arrange: bool | None = None
    is_shipping_proof_mandatory: bool | None = None
    has_uploaded_shipping_proof: bool | None = None
    is_reverse_logistics_channel_integrated: bool | None = None
    reverse_logistics_channel_name: str | None = None
    return_refund_request_type: int | None = None
    validation_type: str | None = None
    is_arrived_at_warehouse: int | None = None
    follow_up_action_list: tuple[FollowUpAction, ...] = ()


class ReturnChanged(Answer, frozen=True, kw_only=True):
    """A return that was acted on; some calls add a sentence."""

    return_sn: str | None = None
    msg: str | None = None
    message: str | None = None


class OfferRange(Model, frozen=True, kw_only=True):
    """Whether something can be offered, and how much."""

    eligibility: bool | None = None
    refund_amount_adjustable: bool | None = None
    max_refund_amount: Exact = None
    min_refund_amount: Exact = None


class Solutions(Answer, frozen=True, kw_only=True):
    """What the seller can offer."""

    return_sn: str | None = None
    offer_return_refund: OfferRange | None = None
    offer_refund: OfferRange | None = None


class SampleEvidence(Model, frozen=True, kw_only=True):
    """What a proof looks like."""

    type: int | None = None
    url: str | None = None
    thumbnail: str | None = None


class EvidenceModule(Model, frozen=True, kw_only=True):
    """A proof that is wanted."""

    module_index: int | None = None
    requirement: str | None = None
    is_required: bool | None = None


class DisputeReason(Model, frozen=True, kw_only=True):
    """Why a return can be disputed, and what proves it; the id is in no document, but `dispute` wants it."""

    dispute_reason_id: int | None = None
    dispute_reason: str | None = None
    dispute_requirement: str | None = None
    sample_evidence: tuple[SampleEvidence, ...] = ()
    evidence_module_list: tuple[EvidenceModule, ...] = ()


class DisputeReasons(Answer, frozen=True, kw_only=True):
    """Why a return can be disputed."""

    dispute_reason_list: tuple[DisputeReason, ...] = ()


class ConvertedImage(Answer, frozen=True, kw_only=True):
    """Where an uploaded picture is; `upload_proof` wants both addresses."""

    url: str
    thumbnail: str | None = None


class ProofPicture(Model, frozen=True, kw_only=True):
    """A picture or film."""

    url: str | None = None
    thumbnail: str | None = None


class Proof(Answer, frozen=True, kw_only=True):
    """What the seller has proven."""

    image: tuple[ProofPicture, ...] = ()
    video: tuple[ProofPicture, ...] = ()
    description: str | None = None


class ShippingProofTemplate(Model, frozen=True, kw_only=True):
    """What a proof of shipping must hold."""

    is_tracking_number_required: bool | None = None
    is_shipping_image_file_mandatory: bool | None = None


class ReturnCarrier(Model, frozen=True, kw_only=True):
    """A carrier that returns can be sent by."""

    reverse_logistics_carrier_id: int | None = None
    reverse_logistics_carrier_name: str | None = None


class ReturnCarriers(Answer, frozen=True, kw_only=True):
    """Whether a proof of shipping is wanted, and by which carriers returns can be sent."""

    is_shipping_proof_mandatory: bool | None = None
    has_uploaded_seller_arrange_proof: bool | None = None
    shipping_proof_template: tuple[ShippingProofTemplate, ...] = ()
    reverse_logistics_carrier_list: tuple[ReturnCarrier, ...] = ()


class ReverseTrackingEvent(Model, frozen=True, kw_only=True):
    """Something that happened to a returned parcel."""

    update_time: Instant = None
    tracking_description: str | None = None
    epop_image_list: tuple[str, ...] = ()
    epod_image_list: tuple[str, ...] = ()


class ReverseTracking(Answer, frozen=True, kw_only=True):
    """Where a returned parcel has been."""

    return_sn: str | None = None
    return_refund_request_type: int | None = None
    validation_type: str | None = None
    reverse_logistics_status: str | None = None
    reverse_logistics_update_time: Instant = None
    estimated_delivery_date_max: Instant = None
    estimated_delivery_date_min: Instant = None
    collection_pin_code: str | None = None
    tracking_number: str = ""
    tracking_info: tuple[ReverseTrackingEvent, ...] = ()
    post_return_logistics_status: str | None = None
    post_return_logistics_update_time: Instant = None
    rts_tracking_number: str | None = None
    post_return_logistics_tracking_info: tuple[ReverseTrackingEvent, ...] = ()
