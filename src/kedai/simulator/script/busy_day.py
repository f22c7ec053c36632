"""Plays a planned day against the marketplace in real time, in the background."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

from kedai.simulator.script.plan import CREATE

if TYPE_CHECKING:
    from kedai.simulator.script.plan import PlannedDay

# So many steps in a row at most before others get the event loop.
_STEPS_AT_ONCE = 25


class Stage(Protocol):
    """What a script needs of the marketplace."""

    def script_order(self, shop_id: int, *name: object) -> str:
        """Create an unpaid order whose number follows from the name; return the number."""

    def try_step(self, order_sn: str, verb: str) -> bool:
        """Carry out a step; False if the order's state does not allow it any more."""


class BusyDay:
    """One performance."""

    def __init__(self, stage: Stage, day: PlannedDay, duration_seconds: float) -> None:
        """Prepare; nothing happens before `start`."""
        self._stage = stage
        self._day = day
        self._duration = duration_seconds
        self._numbers: dict[int, str] = {}
        self._steps_done = 0
        self._skipped = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._play())

    @property
    def is_running(self) -> bool:
        """Whether steps are still to come."""
        return self._task is not None and not self._task.done()

    async def stop(self) -> None:
        """End it where it is; orders stay as they are."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def report(self) -> dict[str, Any]:
        """Return how far it is; `skipped` steps met an order that others had changed."""
        return {
            "running": self.is_running,
            "seed": self._day.seed,
            "planned": len(self._day.shop_ids),
            "created": len(self._numbers),
            "steps_planned": len(self._day.steps),
            "steps_done": self._steps_done,
            "skipped": self._skipped,
            "planned_states": dict(Counter(self._day.ends)),
            "order_sns": list(self._numbers.values()),
        }

    async def _play(self) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        for count, step in enumerate(self._day.steps):
            wait = started + step.at * self._duration - loop.time()
            if wait > 0 or count % _STEPS_AT_ONCE == 0:
                await asyncio.sleep(max(wait, 0))
            if step.verb == CREATE:
                shop_id = self._day.shop_ids[step.order_index]
                self._numbers[step.order_index] = self._stage.script_order(shop_id, self._day.seed, step.order_index)
            elif not self._stage.try_step(self._numbers[step.order_index], step.verb):
                self._skipped += 1
            self._steps_done += 1
