"""Busy days at both marketplaces, one after the other, for as long as somebody wants things to happen."""

from __future__ import annotations

import random

from tests.support.installation import ENVIRONMENTS, Installation
from tests.support.processes import wait_until

PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.1


class Days:
    """Each day has so many orders in an environment, and takes so many seconds."""

    def __init__(self, home: Installation, chance: random.Random, *, orders: int, seconds: float) -> None:
        self._home = home
        self._chance = chance
        self._wish: dict[str, float] = {"orders": orders, "duration_seconds": seconds}
        self._gone = 0

    def roughen(self) -> None:
        """Pushes are doubled, shuffled, late and lost, and so are the answers to them and to calls, at random."""
        for environment in ENVIRONMENTS:
            rules = [
                {"kind": "lost_push", "path": "push:*", "probability": 0.02},
                {"kind": "late_push", "path": "push:*", "probability": 0.05, "seconds": 2},
                {"kind": "lost_answer", "path": "push:*", "probability": 0.01},
                {"kind": "drop", "after": True, "path": "/api/v2/order/*", "probability": 0.01},
            ]
            for rule in rules:
                rule |= {"times": None, "seed": self._chance.getrandbits(32)}
            wish = {"duplicate_pushes": 0.1, "shuffle_pushes": True, "fail": rules}
            self._home.control(environment, "POST", "/control/settings", wish)

    def smooth(self) -> None:
        """Nothing goes wrong by chance any more."""
        for environment in ENVIRONMENTS:
            self._home.control(environment, "POST", "/control/settings", {"duplicate_pushes": 0.0, "fail": []})

    def ask_for_pushes(self) -> None:
        """As an operator does where the marketplace holds them back: too many of our answers were bad."""
        for environment in ENVIRONMENTS:
            app = self._home.app(environment)
            if app["push_status"] != "Normal":
                self._home.control(environment, "POST", f"/control/apps/{app['partner_id']}", {"push_status": "Normal"})

    def let_happen(self, steps: int) -> None:
        """Until so many more things have happened; a day that is over is followed by the next."""
        until = self._count_steps() + steps
        wait_until(
            lambda: self._count_steps() >= until,
            timeout=PATIENCE_SECONDS,
            every=LOOK_SECONDS,
            message="nothing happens any more",
        )

    def end(self) -> None:
        """The days are cut short, and every push comes to its end: taken, or given up."""

        def is_over() -> bool:
            counts = (self._counts(environment) for environment in ENVIRONMENTS)
            return not any(one.get("pending") or one.get("waiting_retry") for one in counts)

        for environment in ENVIRONMENTS:
            self._home.control(environment, "DELETE", "/control/busy-day")
        wait_until(is_over, timeout=PATIENCE_SECONDS, every=LOOK_SECONDS, message="pushes are still being tried")

    def count_pushes(self) -> int:
        """How many pushes were made so far, doubled ones included."""
        return sum(sum(self._counts(environment).values()) for environment in ENVIRONMENTS)

    def _count_steps(self) -> int:
        return self._gone + sum(self._look(environment) for environment in ENVIRONMENTS)

    def _look(self, environment: str) -> int:
        report = self._home.control(environment, "GET", "/control/busy-day")
        if report["running"]:
            return int(report["steps_done"])
        self._gone += report["steps_done"]
        wish = {"seed": self._chance.getrandbits(32), **self._wish}
        self._home.control(environment, "POST", "/control/busy-day", wish)
        return 0

    def _counts(self, environment: str) -> dict[str, int]:
        state = self._home.control(environment, "GET", "/control/state?orders=0&deliveries=0")
        found: dict[str, int] = state["delivery_counts"]
        return found
