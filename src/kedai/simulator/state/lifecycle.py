"""An order's life: which step is allowed when, what it changes, and which pushes it causes (contract §5.1, §9)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from kedai.simulator.state.catalog import CANCEL_REASONS
from kedai.simulator.state.dice import digest

if TYPE_CHECKING:
    from kedai.simulator.state.order_book import OrderBook
    from kedai.simulator.state.orders import Order, Package

ORDER_STATUS_PUSH = 3
TRACKING_PUSH = 4
FULFILLMENT_PUSH = 30

READY = "LOGISTICS_READY"
REQUESTED = "LOGISTICS_REQUEST_CREATED"
PICKED_UP = "LOGISTICS_PICKUP_DONE"
DELIVERED = "LOGISTICS_DELIVERY_DONE"
PICKUP_RETRY = "LOGISTICS_PICKUP_RETRY"
DELIVERY_FAILED = "LOGISTICS_DELIVERY_FAILED"
LOST = "LOGISTICS_LOST"
# What an order is while this is its slowest package, slowest first.
_BY_SLOWEST = {
    READY: "READY_TO_SHIP",
    PICKUP_RETRY: "RETRY_SHIP",
    REQUESTED: "PROCESSED",
    PICKED_UP: "SHIPPED",
    DELIVERY_FAILED: "SHIPPED",
    LOST: "SHIPPED",
    DELIVERED: "TO_CONFIRM_RECEIVE",
}
_SPEED = {status: place for place, status in enumerate(_BY_SLOWEST)}
# Brazil waits for the seller's invoice before anything can be shipped.
_INVOICE_REGION = "BR"


class Push(NamedTuple):
    """Something the marketplace tells the app: the code and the ``data`` of its body."""

    code: int
    data: dict[str, Any]
    order_sn: str | None = None


class WrongState(Exception):
    """The step is not allowed in the order's present state; the text says which would be."""


@dataclass(frozen=True, slots=True)
class Step:
    """A change of state: from which order states, to which (empty: that of the slowest package), and the packages'."""

    allowed_from: tuple[str, ...]
    order_status: str = ""
    package_status: dict[str, str] = field(default_factory=dict)
    tells_package: bool = True
    tells_order: bool = True

    @property
    def is_of_packages(self) -> bool:
        """Whether the step is taken by packages, and the order only follows."""
        return not self.order_status and bool(self.package_status)


_WAITING = ("READY_TO_SHIP", "RETRY_SHIP")
_ON_ITS_WAY = ("READY_TO_SHIP", "RETRY_SHIP", "PROCESSED", "SHIPPED")
_NOT_YET = {"LOGISTICS_NOT_START": READY}
STEPS = {
    "pay": Step(("UNPAID",), "READY_TO_SHIP", _NOT_YET, tells_package=False),
    # From unpaid to pending nothing is pushed (contract §4.4).
    "hold": Step(("UNPAID",), "PENDING", tells_order=False),
    "release": Step(("PENDING",), "READY_TO_SHIP", _NOT_YET, tells_package=False),
    "invoice": Step(("INVOICE_PENDING",), "READY_TO_SHIP", _NOT_YET, tells_package=False),
    "ship": Step((*_WAITING, "PROCESSED", "SHIPPED"), "", {READY: REQUESTED, PICKUP_RETRY: REQUESTED}),
    "fail_pickup": Step((*_WAITING, "PROCESSED", "SHIPPED"), "", {REQUESTED: PICKUP_RETRY}),
    "pickup": Step(_ON_ITS_WAY, "", {REQUESTED: PICKED_UP}),
    "fail_delivery": Step(_ON_ITS_WAY, "", {PICKED_UP: DELIVERY_FAILED}),
    "lose": Step(_ON_ITS_WAY, "", {PICKED_UP: LOST}),
    "deliver": Step(_ON_ITS_WAY, "", {PICKED_UP: DELIVERED, DELIVERY_FAILED: DELIVERED}),
    "complete": Step(("TO_CONFIRM_RECEIVE",), "COMPLETED", tells_package=False),
    "request_cancel": Step((*_WAITING, "PROCESSED"), "IN_CANCEL", tells_package=False),
    "reject_cancel": Step(("IN_CANCEL",), tells_package=False),
    "cancel": Step(
        ("UNPAID", "PENDING", "INVOICE_PENDING", *_WAITING, "PROCESSED", "IN_CANCEL"),
        "CANCELLED",
        {
            READY: "LOGISTICS_INVALID",
            REQUESTED: "LOGISTICS_REQUEST_CANCELED",
            PICKUP_RETRY: "LOGISTICS_REQUEST_CANCELED",
        },
        tells_package=False,
    ),
}


def can_take(order: Order, verb: str, package_number: str | None = None) -> bool:
    """Whether the step is allowed now."""
    step = STEPS[verb]
    return order.status in step.allowed_from and (not step.is_of_packages or bool(_moving(order, step, package_number)))


def take_step(
    book: OrderBook, order: Order, verb: str, *, now: int, by: str | None = None, package_number: str | None = None
) -> list[Push]:
    """Carry out one of `STEPS`, for all packages or the one that is named, and return the pushes it causes.

    Raises:
        WrongState: not allowed in this state; nothing has changed.
    """
    step = STEPS[verb]
    if not can_take(order, verb, package_number):
        needs = " or ".join(list(step.package_status) if step.is_of_packages else step.allowed_from)
        text = f"Order {order.order_sn} is {order.status}; {verb} needs {needs}."
        raise WrongState(text)
    before = order.status
    book.touch(order, now)
    told = [
        _move(order, package, step.package_status[package.logistics_status])
        for package in _moving(order, step, package_number)
    ]
    order.status = _next_status(order, verb, step)
    _note_facts(order, verb, before, by or ("system" if before == "UNPAID" else "seller"))
    pushes = [status_push(order)] if step.tells_order and order.status != before else []
    return pushes + (told if step.tells_package else [])


def _moving(order: Order, step: Step, package_number: str | None) -> list[Package]:
    return [
        package
        for package in order.packages
        if package.logistics_status in step.package_status and package_number in (None, package.package_number)
    ]


def _move(order: Order, package: Package, status: str) -> Push:
    is_own_fleet = status == REQUESTED and package.method == "non_integrated"
    package.logistics_status = PICKED_UP if is_own_fleet else status
    package.update_time = order.update_time
    package.events.append((order.update_time, package.logistics_status))
    if package.logistics_status == PICKED_UP:
        package.pickup_done_time = order.update_time
    return _package_push(order, package)


def _next_status(order: Order, verb: str, step: Step) -> str:
    if verb == "reject_cancel":
        return order.status_before_cancel
    if verb in ("pay", "release") and order.region == _INVOICE_REGION:
        return "INVOICE_PENDING"
    return step.order_status or status_by_packages(order)


def status_by_packages(order: Order) -> str:
    """Return what the order is by its slowest package."""
    return _BY_SLOWEST[min((package.logistics_status for package in order.packages), key=_SPEED.__getitem__)]


def _note_facts(order: Order, verb: str, before: str, by: str) -> None:
    if verb in ("pay", "hold"):
        order.pay_time = order.update_time
        order.ship_by_date = order.update_time + order.days_to_ship * 86_400
    elif verb == "pickup" and not order.pickup_done_time:
        order.pickup_done_time = order.update_time
    elif verb == "complete":
        order.completed_scenario = "NORMAL"
        order.complete_time = order.update_time
    elif verb == "request_cancel":
        order.status_before_cancel = before
        order.buyer_cancel_reason = CANCEL_REASONS["buyer"]
    elif verb == "reject_cancel":
        order.buyer_cancel_reason = ""
    elif verb == "cancel":
        order.cancel_by = by
        order.cancel_reason = CANCEL_REASONS[by]
        order.buyer_cancel_reason = CANCEL_REASONS[by] if by == "buyer" else ""


def assign_tracking(order: Order) -> list[Push]:
    """Give arranged packages their tracking numbers, which come after shipping was arranged, and return the pushes."""
    return [_assign(order, package) for package in order.packages if package.awaits_tracking]


def _assign(order: Order, package: Package) -> Push:
    package.tracking_due_at = None
    package.tracking_number = f"SIM{order.region}{int(digest(package.package_number), 16) % 10**12:012d}"
    return tracking_push(order, package)


def tracking_push(order: Order, package: Package) -> Push:
    """Return the push of a package's tracking number."""
    data = {
        "ordersn": order.order_sn,
        "forder_id": package.package_number,
        "package_number": package.package_number,
        "tracking_no": package.tracking_number,
    }
    return Push(TRACKING_PUSH, data, order.order_sn)


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


def _package_push(order: Order, package: Package) -> Push:
    data = {
        "ordersn": order.order_sn,
        "package_number": package.package_number,
        "fulfillment_status": package.logistics_status,
        "update_time": package.update_time,
    }
    return Push(FULFILLMENT_PUSH, data, order.order_sn)
