"""Returns and refunds: their records, which step is allowed when, and the push each causes (contract §5.6, §9)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from kedai.simulator.state.dice import digest
from kedai.simulator.state.lifecycle import Push

if TYPE_CHECKING:
    from kedai.simulator.state.orders import Order

RETURN_PUSH = 29
ANSWER_SECONDS = 2 * 86_400
RETURNABLE = ("SHIPPED", "TO_CONFIRM_RECEIVE", "COMPLETED")
STATUSES = ("REQUESTED", "ACCEPTED", "CANCELLED", "JUDGING", "CLOSED", "PROCESSING", "SELLER_DISPUTE")
_OPEN = ("REQUESTED", "PROCESSING", "SELLER_DISPUTE", "JUDGING")


class ReturnStep(NamedTuple):
    """From which states, to which."""

    allowed_from: tuple[str, ...]
    status: str


RETURN_STEPS = {
    "process": ReturnStep(("REQUESTED",), "PROCESSING"),
    "accept": ReturnStep(_OPEN, "ACCEPTED"),
    "dispute": ReturnStep(("REQUESTED", "PROCESSING"), "SELLER_DISPUTE"),
    "cancel_dispute": ReturnStep(("SELLER_DISPUTE", "JUDGING"), "REQUESTED"),
    "judge": ReturnStep(("SELLER_DISPUTE",), "JUDGING"),
    "cancel": ReturnStep(_OPEN, "CANCELLED"),
    "close": ReturnStep((*_OPEN, "ACCEPTED"), "CLOSED"),
}
# After these the order goes on.
ENDED = ("CANCELLED", "CLOSED")


@dataclass(slots=True)
class ReturnLine:
    """How many of an order's line (by its place) come back."""

    line: int
    quantity: int


@dataclass(slots=True)
class Return:
    """One request of a buyer; money in minor units."""

    return_sn: str
    order_sn: str
    shop_id: int
    reason: str
    text_reason: str
    needs_logistics: bool
    refund_minor: int
    create_time: int
    update_time: int
    lines: list[ReturnLine]
    status: str = "REQUESTED"
    was_accepted: bool = False
    negotiation_status: str = "PENDING_RESPOND"
    latest_solution: str = ""
    latest_offer_minor: int = 0
    latest_offer_creator: str = ""
    proof_status: str = "NOT_NEEDED"
    proof_photos: list[dict[str, str]] = field(default_factory=list)
    proof_text: str = ""
    compensation_status: str = "COMPENSATION_NOT_APPLICABLE"
    logistics_status: str = "LOGISTICS_NOT_START"
    tracking_number: str = ""
    carrier_id: int = 0
    has_shipping_proof: bool = False
    dispute_reason: str = ""
    dispute_text: str = ""

    @property
    def solution(self) -> str:
        """What the buyer wants."""
        return "RETURN_REFUND" if self.needs_logistics else "REFUND"

    @property
    def due_date(self) -> int:
        """Until when the seller should answer."""
        return self.create_time + ANSWER_SECONDS


class WrongReturnState(Exception):
    """The step is not allowed in the return's present state."""


def draft_return(
    order: Order, *, number: int, now: int, reason: str, text: str, needs_logistics: bool, lines: list[ReturnLine]
) -> Return:
    """Return a request for some lines of an order, or all that are left of it."""
    chosen = lines or [ReturnLine(place, line.active) for place, line in enumerate(order.lines) if line.active]
    refund = sum(order.lines[part.line].discounted_minor * part.quantity for part in chosen)
    tail = int(digest(order.order_sn, "return", number), 16) % 10**10
    return Return(
        return_sn=f"{order.order_sn[:6]}{tail:010d}" if order.order_sn[:6].isdigit() else f"{tail:010d}",
        order_sn=order.order_sn,
        shop_id=order.shop_id,
        reason=reason,
        text_reason=text,
        needs_logistics=needs_logistics,
        refund_minor=refund,
        create_time=now,
        update_time=now,
        lines=chosen,
        latest_solution="RETURN_REFUND" if needs_logistics else "REFUND",
        latest_offer_minor=refund,
        latest_offer_creator="BUYER",
    )


def take_return_step(found: Return, verb: str, *, now: int) -> Push:
    """Carry out one of `RETURN_STEPS` and return its push.

    Raises:
        WrongReturnState: not allowed in this state; nothing has changed.
    """
    step = RETURN_STEPS[verb]
    if found.status not in step.allowed_from:
        needs = " or ".join(step.allowed_from)
        raise WrongReturnState(f"Return {found.return_sn} is {found.status}; {verb} needs {needs}.")
    if verb == "accept":
        found.was_accepted = True
        found.negotiation_status = "TERMINATED"
    return change(found, "return_status", step.status, now=now)


def change(found: Return, field_name: str, new: str, *, now: int) -> Push:
    """Set one of the four fields that push 29 tells of, and return the push."""
    attribute = _ATTRIBUTES[field_name]
    old = getattr(found, attribute)
    setattr(found, attribute, new)
    found.update_time = max(now, found.update_time + 1)
    return return_push(found, field_name, old, new)


_ATTRIBUTES = {
    "return_status": "status",
    "return_solution": "latest_solution",
    "seller_proof_status": "proof_status",
    "logistics_status": "logistics_status",
}
RETURN_FIELDS = tuple(_ATTRIBUTES)


def return_push(found: Return, field_name: str, old: str, new: str) -> Push:
    """Return push 29; it spells the order's number with an underscore."""
    data = {
        "order_sn": found.order_sn,
        "return_sn": found.return_sn,
        "updated_values": [
            {"update_field": field_name, "old_value": old, "new_value": new, "update_time": found.update_time}
        ],
    }
    return Push(RETURN_PUSH, data, found.order_sn)
