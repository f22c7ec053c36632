"""One environment, assembled: its state, its couriers and the verbs that the API, the control API and scripts share."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from kedai.simulator.consents import Consents
from kedai.simulator.pushing.courier import Courier
from kedai.simulator.pushing.timers import Timers
from kedai.simulator.returning import Returning
from kedai.simulator.shipping import Shipping
from kedai.simulator.state.authorizations import Subject
from kedai.simulator.state.dice import Dice
from kedai.simulator.state.lifecycle import Push, WrongState, status_push, take_step
from kedai.simulator.state.order_book import DuplicateOrder
from kedai.simulator.state.order_draft import ComingOrder, OrderWish, draft_order, order_number
from kedai.simulator.state.snapshot import Snapshot, put_back, read_snapshot, take_snapshot
from kedai.simulator.state.world import World

if TYPE_CHECKING:
    from kedai.simulator.script.busy_day import BusyDay
    from kedai.simulator.state.apps import Shop
    from kedai.simulator.state.orders import Order


class Simulation:
    """The running marketplace of one environment."""

    def __init__(self, seed: int, environment: str, push_retry_seconds: tuple[float, ...]) -> None:
        """Found the environment; pushes go out once an event loop runs."""
        self.world = World(seed, environment)
        self.timers = Timers(self.world.clock)
        self.courier = Courier(self.world, self.timers, push_retry_seconds)
        self.consents = Consents(self.world, self.timers, self.courier)
        self.shipping = Shipping(self.world, self.timers, self.tell)
        self.returning = Returning(self.world, self.tell)
        self.busy_day: BusyDay | None = None
        self.touched = 0

    @property
    def changes(self) -> int:
        """A number that grows whenever the state may have changed: by a request, a script, a push or the time."""
        return self.touched + self.timers.fired + self.courier.judged

    async def close(self) -> None:
        """Stop scripts, timers and couriers."""
        if self.busy_day is not None:
            await self.busy_day.stop()
        self.timers.close()
        await self.courier.close()

    def create_order(self, shop: Shop, wish: OrderWish, *, pushes: bool = True) -> Order:
        """Place an order, unpaid or paid already, and take what it buys from the stock.

        Raises:
            DuplicateOrder: the wished number is taken.
            UnknownGoods: the wish names what the shop does not have.
        """
        self.touched += 1
        world = self.world
        now = world.clock.now() if wish.create_time is None else wish.create_time
        order_sn = wish.order_sn or self._free_number(now)
        shelf = world.shelves[shop.shop_id]
        order = draft_order(shop, shelf, wish, order_sn=order_sn, seed=world.seed, now=now)
        world.book.add(order)
        shelf.take(order.lines)
        told = [status_push(order)] if world.switches.unpaid_pushes else []
        if wish.is_paid:
            told += take_step(world.book, order, "pay", now=now)
        if pushes:
            self.tell(order, told)
        return order

    def announce_order(self, shop: Shop, wish: OrderWish, *, delay_seconds: int, pushes: bool) -> str:
        """Let an order appear later, as the console's test orders do; return the number it will have."""
        due = self.world.clock.now() + delay_seconds
        order_sn = wish.order_sn or self._free_number(due)
        coming = ComingOrder(due, shop.shop_id, replace(wish, order_sn=order_sn), pushes)
        self.world.coming[order_sn] = coming
        self._await_order(coming)
        return order_sn

    def _await_order(self, coming: ComingOrder) -> None:
        self.timers.at(coming.due_at, lambda: self._appear(coming))

    def _appear(self, coming: ComingOrder) -> None:
        order_sn = coming.wish.order_sn or ""
        if self.world.coming.pop(order_sn, None) is None or order_sn in self.world.book.orders:
            return
        self.create_order(self.world.shops[coming.shop_id], coming.wish, pushes=coming.pushes)

    def step(
        self, order: Order, verb: str, *, by: str | None = None, pushes: bool = True, package_number: str | None = None
    ) -> None:
        """Carry out a step of the order's life, of all its packages or of one, and push what it causes.

        Raises:
            WrongState: not allowed in the order's state.
        """
        self.touched += 1
        now = self.world.clock.now()
        told = take_step(self.world.book, order, verb, now=now, by=by, package_number=package_number)
        if verb == "ship":
            told += self.shipping.track(order)
        elif verb == "cancel":
            for line in order.lines:
                self.world.shelves[order.shop_id].put_back(line.item_id, line.model_id, line.active)
        if pushes:
            self.tell(order, told)

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

    def tell(self, order: Order, pushes: list[Push]) -> None:
        """Push what happened to an order to every app that may hear of it."""
        subject, now = Subject("shop", order.shop_id), self.world.clock.now()
        for place, app in enumerate(self.world.apps.values()):
            link = self.world.ledger.links.get((app.partner_id, subject))
            # The first app hears even of shops it was never linked to, so that a test of pushes needs no seller.
            if link.is_alive(now) if link else place == 0:
                self.courier.emit(app, order.shop_id, pushes)

    def snapshot(self) -> bytes:
        """Return the whole state as JSON."""
        return msgspec.json.encode(take_snapshot(self.world, draws=self.courier.dice.draws))

    async def restore(self, raw: bytes) -> None:
        """Become what a snapshot says; whatever was waiting here is dropped, a busy day ends.

        Raises:
            BadSnapshot: nothing has changed.
        """
        await self._become(read_snapshot(raw, self.world.environment))

    async def reset(self, seed: int) -> None:
        """Begin anew, as if just started."""
        fresh = World(seed, self.world.environment)
        await self._become(take_snapshot(fresh, draws=0))

    async def _become(self, kept: Snapshot) -> None:
        if self.busy_day is not None:
            await self.busy_day.stop()
            self.busy_day = None
        self.timers.close()
        put_back(self.world, kept)
        self.courier.dice = Dice(kept.seed, kept.environment, "courier")
        self.courier.dice.resume(kept.draws)
        self.courier.resume()
        self.consents.resume()
        for order in self.world.book.orders.values():
            self.shipping.resume(order)
        for coming in self.world.coming.values():
            self._await_order(coming)

    def _free_number(self, now: int) -> str:
        book = self.world.book
        while True:
            book.issued += 1
            number = order_number(now, self.world.seed, self.world.environment, book.issued)
            if number not in book.orders and number not in self.world.coming:
                return number
