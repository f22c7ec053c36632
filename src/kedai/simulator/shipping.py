"""Shipping as verbs: arranged by the seller, tracking numbers and waybills that come in their own time, by push."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kedai.simulator.state.faults import Target, take
from kedai.simulator.state.lifecycle import Push, assign_tracking, take_step, tracking_push
from kedai.simulator.state.orders import Document

if TYPE_CHECKING:
    from collections.abc import Callable

    from kedai.simulator.pushing.timers import Timers
    from kedai.simulator.state.orders import Order, Package
    from kedai.simulator.state.world import World

DOCUMENT_PUSH = 15
_FAULTY_PATH = "/api/v2/logistics/create_shipping_document"


class Shipping:
    """Moves packages from arranged to labelled; what is to come stands in the packages, so it can be taken up again."""

    def __init__(self, world: World, timers: Timers, tell: Callable[[Order, list[Push]], None]) -> None:
        """Work on the environment's orders."""
        self._world = world
        self._timers = timers
        self._tell = tell

    def arrange(self, order: Order, package: Package, *, method: str, tracking_number: str, slot: str) -> None:
        """Carry out what a seller asked for by ``ship_order``.

        Raises:
            WrongState: the package is not waiting to be shipped.
        """
        now = self._world.clock.now()
        before = package.method
        package.method = method
        try:
            told = take_step(self._world.book, order, "ship", now=now, package_number=package.package_number)
        except Exception:
            package.method = before
            raise
        package.pickup_time_id = slot
        package.tracking_number = tracking_number
        if tracking_number:
            told.append(tracking_push(order, package))
        self._tell(order, told + self.track(order))

    def track(self, order: Order) -> list[Push]:
        """Let tracking numbers come, now or later; return the pushes of those that came."""
        delay = self._world.switches.tracking_delay_seconds
        if not delay:
            return assign_tracking(order)
        due = self._world.clock.time() + delay
        for package in order.packages:
            if package.awaits_tracking and package.tracking_due_at is None:
                package.tracking_due_at = due
        self._timers.at(due, lambda: self._come(order))
        return []

    def print(self, order: Order, package: Package, kind: str, partner_id: int) -> Document:
        """Start a waybill of a kind, or start it anew; it is ready, or has failed, after the set delay."""
        world = self._world
        target = Target(_FAULTY_PATH, partner_id, order.shop_id)
        fails = take(world.switches.fail, ("failed_document",), target) is not None
        due = world.clock.time() + world.switches.document_delay_seconds
        document = Document(kind, "PROCESSING", due, fails)
        package.documents[kind] = document
        if world.switches.document_delay_seconds:
            self._timers.at(due, lambda: self._finish(order, package, document))
        else:
            self._finish(order, package, document)
        return document

    def resume(self, order: Order) -> None:
        """Wait again for what the order's packages had to come."""
        for package in order.packages:
            if package.tracking_due_at is not None:
                self._timers.at(package.tracking_due_at, lambda: self._come(order))
            for document in package.documents.values():
                if document.status == "PROCESSING":
                    self._wait_for(order, package, document)

    def _wait_for(self, order: Order, package: Package, document: Document) -> None:
        self._timers.at(document.due_at, lambda: self._finish(order, package, document))

    def _come(self, order: Order) -> None:
        if order.status != "CANCELLED":
            order.rendered = None
            self._tell(order, assign_tracking(order))

    def _finish(self, order: Order, package: Package, document: Document) -> None:
        if document.status != "PROCESSING" or package.documents.get(document.kind) is not document:
            return
        document.status = "FAILED" if document.fails else "READY"
        data = {"ordersn": order.order_sn, "package_number": package.package_number, "status": document.status}
        self._tell(order, [Push(DOCUMENT_PUSH, data, order.order_sn)])
