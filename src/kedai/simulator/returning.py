"""Returns as verbs: raised by the buyer, decided by the seller or the marketplace; the order follows, pushes tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kedai.simulator.state.lifecycle import WrongState, status_push
from kedai.simulator.state.returns import (
    ENDED,
    RETURNABLE,
    Return,
    ReturnLine,
    change,
    draft_return,
    return_push,
    take_return_step,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from kedai.simulator.state.lifecycle import Push
    from kedai.simulator.state.orders import Order
    from kedai.simulator.state.world import World


class Returning:
    """Writes the environment's returns."""

    def __init__(self, world: World, tell: Callable[[Order, list[Push]], None]) -> None:
        """Work on the environment's orders and returns."""
        self._world = world
        self._tell = tell

    def open(self, order: Order, *, reason: str, text: str, needs_logistics: bool, lines: list[ReturnLine]) -> Return:
        """Raise a return for an order, which goes to TO_RETURN.

        Raises:
            WrongState: the order is not with the buyer yet, or a return is open.
        """
        if order.status not in RETURNABLE:
            needs = " or ".join(RETURNABLE)
            raise WrongState(f"Order {order.order_sn} is {order.status}; a return needs {needs}.")
        world = self._world
        raised = draft_return(
            order,
            number=len(world.returns) + 1,
            now=world.clock.now(),
            reason=reason,
            text=text,
            needs_logistics=needs_logistics,
            lines=lines,
        )
        world.returns[raised.return_sn] = raised
        order.status_before_return = order.status
        pushes = [self._move(order, "TO_RETURN"), return_push(raised, "return_status", "", raised.status)]
        self._tell(order, pushes)
        return raised

    def step(self, found: Return, verb: str) -> None:
        """Carry out a step of the return, and let the order go on when the return is over.

        Raises:
            WrongReturnState: not allowed in the return's state.
        """
        push = take_return_step(found, verb, now=self._world.clock.now())
        order = self._world.book.orders[found.order_sn]
        self._tell(order, [push, *self._release(order, found)])

    def note(self, found: Return, field_name: str, value: str) -> None:
        """Change the solution, the proof's or the parcel's state, and tell it."""
        push = change(found, field_name, value, now=self._world.clock.now())
        self._tell(self._world.book.orders[found.order_sn], [push])

    def _release(self, order: Order, found: Return) -> list[Push]:
        if found.status not in ENDED or order.status != "TO_RETURN":
            return []
        before = order.status_before_return
        if found.was_accepted or before == "COMPLETED":
            order.completed_scenario = "RRAOC" if before == "COMPLETED" else "NORMAL"
            push = self._move(order, "COMPLETED")
            order.complete_time = order.complete_time or order.update_time
            return [push]
        return [self._move(order, before)]

    def _move(self, order: Order, status: str) -> Push:
        self._world.book.touch(order, self._world.clock.now())
        order.status = status
        return status_push(order)
