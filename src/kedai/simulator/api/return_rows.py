"""How returns look in answers: in the list and alone (contract §5.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kedai.simulator.state.money import to_number

if TYPE_CHECKING:
    from kedai.simulator.state.orders import Order
    from kedai.simulator.state.returns import Return

CARRIERS = ((101, "Simulated Post"), (102, "Parcel Pals"))


def summary(order: Order, found: Return) -> dict[str, Any]:
    """Return a return as the list shows it."""
    return {
        "image": [],
        "reason": found.reason,
        "text_reason": found.text_reason,
        "reassessed_request_reason": "",
        "return_sn": found.return_sn,
        "refund_amount": to_number(found.refund_minor, order.decimals),
        "currency": order.currency,
        "create_time": found.create_time,
        "update_time": found.update_time,
        "status": found.status,
        "due_date": found.due_date,
        "tracking_number": found.tracking_number,
        "dispute_reason": [found.dispute_reason] if found.dispute_reason else [],
        "dispute_text_reason": [found.dispute_text] if found.dispute_text else [],
        "needs_logistics": found.needs_logistics,
        "amount_before_discount": to_number(_before_discount(order, found), order.decimals),
        "user": {"username": order.buyer_username, "email": "****", "portrait": ""},
        "item": [_item(order, line.line, line.quantity) for line in found.lines],
        "order_sn": found.order_sn,
        "return_ship_due_date": 0,
        "return_seller_due_date": found.due_date,
        "negotiation_status": found.negotiation_status,
        "seller_proof_status": found.proof_status,
        "seller_compensation_status": found.compensation_status,
        "return_refund_type": found.solution,
        "return_solution": 0 if found.needs_logistics else 1,
        "is_seller_arrange": False,
        "is_shipping_proof_mandatory": found.needs_logistics,
        "return_refund_request_type": 0,
        "validation_type": "seller_validation",
        "is_arrived_at_warehouse": 0,
        "follow_up_action_list": [],
    }


def detail(order: Order, found: Return) -> dict[str, Any]:
    """Return a return in full."""
    shown = summary(order, found)
    offered = to_number(found.latest_offer_minor, order.decimals)
    for name in ("negotiation_status", "seller_proof_status", "seller_compensation_status"):
        del shown[name]
    return {
        **shown,
        "buyer_videos": [],
        "activity": [],
        "seller_proof": {
            "seller_proof_status": found.proof_status,
            "seller_evidence_deadline": found.due_date,
        },
        "seller_compensation": {
            "seller_compensation_status": found.compensation_status,
            "seller_compensation_due_date": 0,
            "compensation_amount": 0,
        },
        "negotiation": {
            "negotiation_status": found.negotiation_status,
            "latest_solution": found.latest_solution,
            "latest_offer_amount": offered,
            "latest_offer_creator": found.latest_offer_creator,
            "counter_limit": 3,
            "offer_due_date": found.due_date,
        },
        "logistics_status": found.logistics_status,
        "reverse_logistics_status": found.logistics_status,
        "return_pickup_address": {"address": "****", "name": "****", "phone": "****", "region": order.region},
        "virtual_contact_number": "",
        "package_query_number": "",
        "return_address": {"whs_id": ""},
        "has_uploaded_shipping_proof": found.has_shipping_proof,
        "is_reverse_logistics_channel_integrated": False,
        "reverse_logistics_channel_name": dict(CARRIERS).get(found.carrier_id, ""),
    }


def _before_discount(order: Order, found: Return) -> int:
    return sum(order.lines[line.line].original_minor * line.quantity for line in found.lines)


def _item(order: Order, place: int, quantity: int) -> dict[str, Any]:
    line = order.lines[place]
    return {
        "model_id": line.model_id,
        "name": line.item_name,
        "images": [],
        "amount": quantity,
        "item_price": to_number(line.discounted_minor, order.decimals),
        "is_add_on_deal": False,
        "is_main_item": False,
        "add_on_deal_id": 0,
        "item_id": line.item_id,
        "item_sku": line.item_sku,
        "variation_sku": line.model_sku,
    }
