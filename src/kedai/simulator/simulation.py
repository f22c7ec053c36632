"""One environment, assembled: its state, its couriers and the verbs that the API, the control API and scripts share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kedai.simulator.consents import Consents
from kedai.simulator.pushing.courier import Courier
from kedai.simulator.pushing.timers import Timers
from kedai.simulator.state.authorizations import Subject
from kedai.simulator.state.lifecycle import Push, WrongState, assign_tracking, status_push, take_step
from kedai.simulator.state.order_book import DuplicateOrder
from kedai.simulator.state.order_draft import draft_order, order_number
from kedai.simulator.state.world import World

if TYPE_CHECKING:
    from kedai.simulator.script.busy_day import BusyDay
    from kedai.simulator.state.apps import Shop
    from kedai.simulator.state.orders import Order


@dataclass(frozen=True, slots=True)
class OrderWish:
    """What is asked of a new order; what is left out follows from the seed and the clock."""

    order_sn: str | None = None
    items: int | None = None
    is_paid: bool = False
    create_time: int | None = None


class Simulation:
    """The running marketplace of one environment."""

    def __init__(self, seed: int, environment: str, push_retry_seconds: tuple[float, ...]) -> None:
        """Found the environment; pushes go out once an event loop runs."""
        self.world = World(seed, environment)
        self.timers = Timers(self.world.clock)
        self.courier = Courier(self.world, self.timers, push_retry_seconds)
        self.consents = Consents(self.world, self.timers, self.courier)
        self.busy_day: BusyDay | None = None
        self._orders_issued = 0

    async def close(self) -> None:
        """Stop scripts, timers and couriers."""
        if self.busy_day is not None:
            await self.busy_day.stop()
        self.timers.close()
        await self.courier.close()

    def create_order(self, shop: Shop, wish: OrderWish, *, pushes: bool = True) -> Order:
        """Place an order, unpaid or paid already.

        Raises:
            DuplicateOrder: the wished number is taken.
        """
        world = self.world
        now = world.clock.now() if wish.create_time is None else wish.create_time
        order_sn = wish.order_sn or self._free_number(now)
        order = draft_order(shop, order_sn=order_sn, seed=world.seed, now=now, items=wish.items)
        world.book.add(order)
        told = [status_push(order)] if world.switches.unpaid_pushes else []
        if wish.is_paid:
            told += take_step(world.book, order, "pay", now=now)
        if pushes:
            self._tell(order, told)
        return order

    def step(self, order: Order, verb: str, *, by: str | None = None, pushes: bool = True) -> None:
        """Carry out a step of the order's life and push what it causes.

        Raises:
            WrongState: not allowed in the order's state.
        """
        told = take_step(self.world.book, order, verb, now=self.world.clock.now(), by=by)
        delay = self.world.switches.tracking_delay_seconds
        if verb == "ship" and not delay:
            told += assign_tracking(order)
        elif verb == "ship":
            self.timers.at(self.world.clock.time() + delay, lambda: self._track(order))
        if pushes:
            self._tell(order, told)

    def script_order(self, shop_id: int, *name: object) -> str:
        """Create an unpaid order whose number follows from the name; the first free one of a fixed series."""
        now = self.world.clock.now()
        for attempt in range(1000):
            number = order_number(now, self.world.seed, self.world.environment, "script", *name, attempt)
            if number not in self.world.book.orders:
                return self.create_order(self.world.shops[shop_id], OrderWish(order_sn=number)).order_sn
        raise DuplicateOrder

    def try_step(self, order_sn: str, verb: str) -> bool:
        """Carry out a step; False if the order's state does not allow it any more."""
        try:
            self.step(self.world.book.orders[order_sn], verb)
        except WrongState:
            return False
        return True

    def _free_number(self, now: int) -> str:
        while True:
            self._orders_issued += 1
            number = order_number(now, self.world.seed, self.world.environment, self._orders_issued)
            if number not in self.world.book.orders:
                return number

    def _track(self, order: Order) -> None:
        if order.status != "CANCELLED":
            self._tell(order, assign_tracking(order))

    def _tell(self, order: Order, pushes: list[Push]) -> None:
        # An app whose link is over hears no more; one never linked does, so that a test of pushes needs no seller.
        subject, now = Subject("shop", order.shop_id), self.world.clock.now()
        for app in self.world.apps.values():
            if not self.world.ledger.is_over(app.partner_id, subject, now):
                self.courier.emit(app, order.shop_id, pushes)
