"""Writes the script of a busy day: a pure function of its seed, so that the same day can be had again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from kedai.simulator.state.dice import Dice

if TYPE_CHECKING:
    from collections.abc import Sequence

# How many of a hundred orders live so; what is left out at the end never happens to them.
_LIVES: tuple[tuple[int, tuple[str, ...]], ...] = (
    (52, ("pay", "ship", "pickup", "deliver", "complete")),
    (9, ("pay", "ship", "pickup", "deliver")),
    (9, ("pay", "ship", "pickup")),
    (8, ("pay", "ship")),
    (7, ("pay",)),
    (5, ()),
    (4, ("cancel",)),
    (4, ("pay", "cancel")),
    (2, ("pay", "ship", "cancel")),
)
_ENDS = {
    "pay": "READY_TO_SHIP",
    "ship": "PROCESSED",
    "pickup": "SHIPPED",
    "deliver": "TO_CONFIRM_RECEIVE",
    "complete": "COMPLETED",
    "cancel": "CANCELLED",
}
CREATE = "create"
# Orders come in during this part of the day; the rest is left for their lives.
_ORDERS_UNTIL = 0.6


class PlannedStep(NamedTuple):
    """One thing to do: when, as a part of the day (0 to 1), to which order, and what."""

    at: float
    order_index: int
    verb: str


@dataclass(frozen=True, slots=True)
class PlannedDay:
    """A whole day."""

    seed: int
    shop_ids: tuple[int, ...]
    ends: tuple[str, ...]
    steps: tuple[PlannedStep, ...]


def plan_day(seed: int, orders: int, shops: Sequence[int]) -> PlannedDay:
    """Return the day's steps by time; equal arguments give an equal day."""
    dice = Dice("busy-day", seed)
    shop_ids, ends, steps = [], [], []
    for index in range(orders):
        shop_ids.append(dice.pick(shops))
        verbs = dice.pick_weighted(_LIVES)
        ends.append(_ENDS[verbs[-1]] if verbs else "UNPAID")
        start = dice.fraction() * _ORDERS_UNTIL
        moments = sorted(start + dice.fraction() * (1.0 - start) for _ in verbs)
        steps.append(PlannedStep(start, index, CREATE))
        steps += [PlannedStep(moment, index, verb) for moment, verb in zip(moments, verbs, strict=True)]
    # Stable: equal moments keep an order's own steps in line.
    steps.sort(key=lambda step: step.at)
    return PlannedDay(seed, tuple(shop_ids), tuple(ends), tuple(steps))
