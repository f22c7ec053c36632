"""An order's life: which step is allowed when, what it changes, and which pushes it causes (contract §5.1, §9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from kedai.simulator.state.catalog import CANCEL_REASONS
from kedai.simulator.state.dice import digest

if TYPE_CHECKING:
    from kedai.simulator.state.order_book import OrderBook
    from kedai.simulator.state.orders import Order

ORDER_STATUS_PUSH = 3
TRACKING_PUSH = 4
FULFILLMENT_PUSH = 30


class Push(NamedTuple):
    """Something the marketplace tells the app: the code and the ``data`` of its body."""

    code: int
    data: dict[str, Any]
    order_sn: str | None = None


class WrongState(Exception):
    """The step is not allowed in the order's present state; the text says which would be."""


@dataclass(frozen=True, slots=True)
class Step:
    """A change of state: from which order states, to which, and the package's new state per old one."""

    allowed_from: tuple[str, ...]
    order_status: str
    package_status: dict[str, str]
    tells_package: bool = True


STEPS = {
    "pay": Step(("UNPAID",), "READY_TO_SHIP", {"LOGISTICS_NOT_START": "LOGISTICS_READY"}, tells_package=False),
    "ship": Step(("READY_TO_SHIP", "RETRY_SHIP"), "PROCESSED", {"LOGISTICS_READY": "LOGISTICS_REQUEST_CREATED"}),
    "pickup": Step(("PROCESSED",), "SHIPPED", {"LOGISTICS_REQUEST_CREATED": "LOGISTICS_PICKUP_DONE"}),
    "deliver": Step(("SHIPPED",), "TO_CONFIRM_RECEIVE", {"LOGISTICS_PICKUP_DONE": "LOGISTICS_DELIVERY_DONE"}),
    "complete": Step(("TO_CONFIRM_RECEIVE",), "COMPLETED", {}, tells_package=False),
    "cancel": Step(
        ("UNPAID", "READY_TO_SHIP", "PROCESSED", "IN_CANCEL"),
        "CANCELLED",
        {"LOGISTICS_READY": "LOGISTICS_INVALID", "LOGISTICS_REQUEST_CREATED": "LOGISTICS_REQUEST_CANCELED"},
        tells_package=False,
    ),
}


def take_step(book: OrderBook, order: Order, verb: str, *, now: int, by: str | None = None) -> list[Push]:
    """Carry out one of `STEPS` and return the pushes it causes, in the table's order.

    Raises:
        WrongState: not allowed in this state; nothing has changed.
    """
    step = STEPS[verb]
    if order.status not in step.allowed_from:
        text = f"Order {order.order_sn} is {order.status}; {verb} needs {' or '.join(step.allowed_from)}."
        raise WrongState(text)
    unpaid = order.status == "UNPAID"
    book.touch(order, now)
    order.status = step.order_status
    for package in order.packages:
        package.logistics_status = step.package_status.get(package.logistics_status, package.logistics_status)
    _note_facts(order, verb, by or ("system" if unpaid else "seller"))
    pushes = [status_push(order)]
    if step.tells_package:
        pushes += [_package_push(order, package.package_number, package.logistics_status) for package in order.packages]
    return pushes


def _note_facts(order: Order, verb: str, by: str) -> None:
    if verb == "pay":
        order.pay_time = order.update_time
        order.ship_by_date = order.update_time + order.days_to_ship * 86_400
    elif verb == "pickup":
        order.pickup_done_time = order.update_time
    elif verb == "complete":
        order.completed_scenario = "NORMAL"
    elif verb == "cancel":
        order.cancel_by = by
        order.cancel_reason = CANCEL_REASONS[by]
        order.buyer_cancel_reason = CANCEL_REASONS[by] if by == "buyer" else ""


def assign_tracking(order: Order) -> list[Push]:
    """Give the packages their tracking numbers, which come after shipping was arranged, and return the pushes."""
    pushes = []
    for package in order.packages:
        if not package.tracking_number:
            package.tracking_number = f"SIM{order.region}{int(digest(package.package_number), 16) % 10**12:012d}"
            data = {
                "ordersn": order.order_sn,
                "forder_id": package.package_number,
                "package_number": package.package_number,
                "tracking_no": package.tracking_number,
            }
            pushes.append(Push(TRACKING_PUSH, data, order.order_sn))
    return pushes


def status_push(order: Order) -> Push:
    """Return the push of the order's present state."""
    data = {
        "items": [],
        "ordersn": order.order_sn,
        "status": order.status,
        "completed_scenario": order.completed_scenario,
        "update_time": order.update_time,
    }
    return Push(ORDER_STATUS_PUSH, data, order.order_sn)


def _package_push(order: Order, package_number: str, status: str) -> Push:
    data = {
        "ordersn": order.order_sn,
        "package_number": package_number,
        "fulfillment_status": status,
        "update_time": order.update_time,
    }
    return Push(FULFILLMENT_PUSH, data, order.order_sn)
