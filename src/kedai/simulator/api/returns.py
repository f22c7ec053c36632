"""Returns and refunds: lists, and what a seller answers (contract §5.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kedai.simulator.api import texts
from kedai.simulator.api.errors import ApiError
from kedai.simulator.api.params import (
    body_amount,
    body_number,
    body_objects,
    body_optional_text,
    body_text,
    checked_page_size,
    optional_number,
    required_text,
)
from kedai.simulator.api.return_rows import CARRIERS, detail, summary
from kedai.simulator.api.texts import Refusal
from kedai.simulator.state.money import to_number
from kedai.simulator.state.returns import WrongReturnState

if TYPE_CHECKING:
    from kedai.simulator.api.call import Answer, ShopCall
    from kedai.simulator.state.returns import Return

WINDOW_SECONDS = 15 * 86_400
USUAL_PAGE = 40
MAX_PHOTOS = 10
DISPUTE_REASONS = ((1, "I did not receive the returned item"), (2, "The returned item is damaged"))
REASON_IDS = tuple(number for number, _ in DISPUTE_REASONS)
NO_SUCH_RETURN = Refusal("err_data", "The return is not found.")
WRONG_STATUS = Refusal("error_return_status", "The return status does not allow this operation.")
NO_DISPUTE_NOW = Refusal("dispute.rr.not.allow", "This return cannot be disputed now.")
NO_CANCEL_DISPUTE = Refusal("dispute.cancel.ineligible", "This dispute cannot be cancelled.")
DISPUTE_PARAM = Refusal("dispute.request.param.error", "The dispute parameter is wrong.")
NO_OFFER = Refusal("error_no_buyer_offer", "There is no offer of the buyer.")
NOT_NEGOTIABLE = Refusal("error_negotiation_status", "The negotiation status does not allow this operation.")
NO_PROOF = Refusal("no.proof", "There is no proof.")
BAD_IMAGE = Refusal("format.unsupport", "The image format is not supported.")
BAD_CARRIER = Refusal("returns.invalid_carrier_id", "The reverse_logistics_carrier_id is invalid.")
NO_TRACKING = Refusal("returns.missing_tracking_no", "The tracking_number is missing.")
RETURN_NOT_FOUND = Refusal("returns.return_not_found", "The return is not found.")
MISSING_RETURN_SN = Refusal("returns.missing_return_sn", "The return_sn is missing.")
_IMAGE_STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8")


def get_return_list(call: ShopCall) -> Answer:
    """List the shop's returns; pages count from 0."""
    query = call.query
    size = checked_page_size(optional_number(query, "page_size", USUAL_PAGE))
    page_no = optional_number(query, "page_no", 0)
    created = _window(call, "create_time")
    updated = _window(call, "update_time")
    wished = {name: query.get(name, "") for name in _FILTERS}
    found = [
        found
        for found in call.world.returns.values()
        if found.shop_id == call.shop.shop_id
        and created[0] <= found.create_time <= created[1]
        and updated[0] <= found.update_time <= updated[1]
        and all(value in ("", getattr(found, _FILTERS[name])) for name, value in wished.items())
    ]
    found.sort(key=lambda one: (one.create_time, one.return_sn))
    page = found[page_no * size : (page_no + 1) * size]
    rows = [summary(call.world.book.orders[one.order_sn], one) for one in page]
    return {"response": {"more": (page_no + 1) * size < len(found), "return": rows}}


_FILTERS = {
    "status": "status",
    "negotiation_status": "negotiation_status",
    "seller_proof_status": "proof_status",
    "seller_compensation_status": "compensation_status",
}


def _window(call: ShopCall, name: str) -> tuple[int, int]:
    since = optional_number(call.query, f"{name}_from", 0)
    until = optional_number(call.query, f"{name}_to", texts.UINT32_MAX)
    named = bool(call.query.get(f"{name}_from")) and bool(call.query.get(f"{name}_to"))
    if since > until or (named and until - since > WINDOW_SECONDS):
        raise ApiError(texts.wrong_parameters(f"{name}_from and {name}_to must be within 15 days"))
    return since, until


def get_return_detail(call: ShopCall) -> Answer:
    """Return one return in full."""
    found = _asked(call)
    order = call.world.book.orders[found.order_sn]
    return {"response": detail(order, found)}


def confirm(call: ShopCall) -> Answer:
    """Agree to the return."""
    found = _named(call)
    _step(call, found, "accept", WRONG_STATUS)
    return _echo(found)


def dispute(call: ShopCall) -> Answer:
    """Contest the return."""
    found = _named(call)
    if "@" not in body_text(call.body, "email"):
        raise ApiError(DISPUTE_PARAM)
    reason = body_number(call.body, "dispute_reason_id")
    if reason not in REASON_IDS:
        raise ApiError(DISPUTE_PARAM)
    body_objects(call.body, "image_list", required=False)
    text = body_optional_text(call.body, "dispute_text_reason")
    _step(call, found, "dispute", NO_DISPUTE_NOW)
    found.dispute_reason, found.dispute_text = dict(DISPUTE_REASONS)[reason], text
    return {"response": {"return_sn": found.return_sn, "msg": "success"}}


def cancel_dispute(call: ShopCall) -> Answer:
    """Take the contest back."""
    found = _named(call)
    body_text(call.body, "email")
    _step(call, found, "cancel_dispute", NO_CANCEL_DISPUTE)
    return {"response": {"return_sn": found.return_sn, "message": "success"}}


def get_available_solutions(call: ShopCall) -> Answer:
    """Say what the seller could offer instead."""
    found = _asked(call)
    can_offer = found.status == "REQUESTED" and found.negotiation_status != "TERMINATED"
    most = to_number(found.refund_minor, call.shop.decimals)
    offer = {
        "eligibility": can_offer,
        "refund_amount_adjustable": can_offer,
        "max_refund_amount": most if can_offer else 0,
        "min_refund_amount": 0,
    }
    return_too = {**offer, "eligibility": can_offer and found.needs_logistics, "refund_amount_adjustable": False}
    return {"response": {"return_sn": found.return_sn, "offer_return_refund": return_too, "offer_refund": offer}}


def offer(call: ShopCall) -> Answer:
    """Offer the buyer another solution."""
    found = _named(call)
    solution = body_text(call.body, "proposed_solution")
    if solution not in ("RETURN_REFUND", "REFUND"):
        raise ApiError(texts.wrong_parameters("proposed_solution must be one of RETURN_REFUND REFUND"))
    if found.status != "REQUESTED":
        raise ApiError(WRONG_STATUS)
    if found.negotiation_status == "TERMINATED":
        raise ApiError(NOT_NEGOTIABLE)
    amount = found.refund_minor
    if call.body.get("proposed_adjusted_refund_amount") is not None:
        amount = body_amount(call.body, "proposed_adjusted_refund_amount", call.shop.decimals)
    if amount > found.refund_minor:
        raise ApiError(texts.wrong_parameters("proposed_adjusted_refund_amount is more than the buyer asked for"))
    found.latest_offer_minor, found.latest_offer_creator = amount, "SELLER"
    found.negotiation_status = "PENDING_BUYER_RESPOND"
    call.simulation.returning.note(found, "return_solution", solution)
    return _echo(found)


def accept_offer(call: ShopCall) -> Answer:
    """Take the buyer's offer."""
    found = _named(call)
    if found.status != "REQUESTED" or found.negotiation_status != "PENDING_RESPOND":
        raise ApiError(NOT_NEGOTIABLE)
    if found.latest_offer_creator != "BUYER":
        raise ApiError(NO_OFFER)
    found.refund_minor = found.latest_offer_minor
    _step(call, found, "accept", WRONG_STATUS)
    return _echo(found)


def get_return_dispute_reason(call: ShopCall) -> Answer:
    """List why a return can be contested."""
    _asked(call)
    return {
        "response": {
            "dispute_reason_list": [
                {
                    # Not in the documents, which never say where the number that a dispute needs comes from.
                    "dispute_reason_id": number,
                    "dispute_reason": text,
                    "dispute_requirement": "A photo of the parcel",
                    "sample_evidence": [],
                    "evidence_module_list": [{"module_index": 1, "requirement": "A photo", "is_required": True}],
                }
                for number, text in DISPUTE_REASONS
            ]
        }
    }


def convert_image(call: ShopCall) -> Answer:
    """Take an uploaded picture and return where it can be seen."""
    found = _named(call)
    image = call.body.get("upload_image")
    if not isinstance(image, bytes) or not image.startswith(_IMAGE_STARTS):
        raise ApiError(BAD_IMAGE)
    address = f"https://images.simulator.test/returns/{found.return_sn}/{len(image)}"
    return {"response": {"url": address, "thumbnail": f"{address}?thumbnail=1"}}


def upload_proof(call: ShopCall) -> Answer:
    """Hand in proof."""
    found = _named(call)
    photos = body_objects(call.body, "photo", most=MAX_PHOTOS, required=False)
    found.proof_photos = [{"url": body_text(one, "url"), "thumbnail": body_text(one, "thumbnail")} for one in photos]
    found.proof_text = body_optional_text(call.body, "description")
    if found.proof_status != "UPLOADED":
        call.simulation.returning.note(found, "seller_proof_status", "UPLOADED")
    return {"response": {}}


def query_proof(call: ShopCall) -> Answer:
    """Return the proof handed in."""
    found = _asked(call)
    if found.proof_status != "UPLOADED":
        raise ApiError(NO_PROOF)
    return {"response": {"image": found.proof_photos, "video": [], "description": found.proof_text}}


def get_shipping_carrier(call: ShopCall) -> Answer:
    """List who can bring the goods back."""
    found = _asked(call, missing=RETURN_NOT_FOUND)
    template = [{"is_tracking_number_required": True, "is_shipping_image_file_mandatory": False}]
    carriers = [
        {"reverse_logistics_carrier_id": number, "reverse_logistics_carrier_name": name} for number, name in CARRIERS
    ]
    return {
        "response": {
            "is_shipping_proof_mandatory": found.needs_logistics,
            "has_uploaded_seller_arrange_proof": found.has_shipping_proof,
            "shipping_proof_template": template,
            "reverse_logistics_carrier_list": carriers,
        }
    }


def upload_shipping_proof(call: ShopCall) -> Answer:
    """Say by whom and under which number the goods come back."""
    found = _named(call, missing=RETURN_NOT_FOUND)
    carrier = body_number(call.body, "reverse_logistics_carrier_id")
    if carrier not in [number for number, _ in CARRIERS]:
        raise ApiError(BAD_CARRIER)
    tracking = body_optional_text(call.body, "tracking_number")
    if not tracking:
        raise ApiError(NO_TRACKING)
    if not tracking.isalnum():
        raise ApiError(Refusal("returns.error_tracking_no_alphanumeric", "The tracking_number must be alphanumeric."))
    found.carrier_id, found.tracking_number, found.has_shipping_proof = carrier, tracking, True
    call.simulation.returning.note(found, "logistics_status", "LOGISTICS_REQUEST_CREATED")
    return {"response": {}}


def get_reverse_tracking_info(call: ShopCall) -> Answer:
    """Tell how the goods come back."""
    found = _asked(call, missing=RETURN_NOT_FOUND)
    steps = [{"update_time": found.update_time, "tracking_description": "The parcel is on its way back"}]
    return {
        "response": {
            "return_sn": found.return_sn,
            "return_refund_request_type": 0,
            "validation_type": "seller_validation",
            "reverse_logistics_status": found.logistics_status,
            "reverse_logistics_update_time": found.update_time,
            "tracking_number": found.tracking_number,
            "tracking_info": steps if found.tracking_number else [],
        }
    }


def _asked(call: ShopCall, missing: Refusal = NO_SUCH_RETURN) -> Return:
    return _find(call, required_text(call.query, "return_sn"), missing)


def _named(call: ShopCall, missing: Refusal = NO_SUCH_RETURN) -> Return:
    # An upload names it in its form, where there is no JSON, or in the query.
    if call.body.get("return_sn") is None and call.query.get("return_sn"):
        return _find(call, call.query.get("return_sn", ""), missing)
    return _find(call, body_text(call.body, "return_sn"), missing)


def _find(call: ShopCall, return_sn: str, missing: Refusal) -> Return:
    found = call.world.returns.get(return_sn)
    if found is None or found.shop_id != call.shop.shop_id:
        raise ApiError(missing)
    return found


def _step(call: ShopCall, found: Return, verb: str, refusal: Refusal) -> None:
    try:
        call.simulation.returning.step(found, verb)
    except WrongReturnState:
        raise ApiError(refusal) from None


def _echo(found: Return) -> Answer:
    return {"response": {"return_sn": found.return_sn}}
