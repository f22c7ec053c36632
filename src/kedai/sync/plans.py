"""How a kind of run comes round by itself: its period, its grace, where it runs, and what it does in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Plan:
    """The schedule that a kind of run declares; exactly one of ``every`` and ``cron`` (five fields, UTC) is given.

    ``label`` and ``does`` are words for people: a name of two or three words, and one sentence. ``grace`` is how long
    after its time a success may be missing before somebody must look; ``timeout`` ends a run that takes longer, so
    that the next one can begin. ``spread`` puts off the start by a part of it that is each installation's own, so that
    not all of them ask the marketplace at the same second.
    """

    kind: str
    label: str
    does: str
    grace: timedelta
    timeout: timedelta
    every: timedelta | None = None
    cron: str | None = None
    spread: timedelta = timedelta()
    per_shop: bool = False
    """One run for each connected shop (its id in the run's scope, ``shop_id``), or one for the environment."""

    everywhere: bool = False
    """Also in the environment that is not the active one."""

    calls_marketplace: bool = True
    """If so it runs only where the environment's credentials are complete."""

    at_start: bool = False
    """Also when a worker starts: meanwhile nobody was there."""

    def __post_init__(self) -> None:
        if (self.every is None) is (self.cron is None):
            raise ValueError(f"{self.kind}: say every or cron, and not both")
