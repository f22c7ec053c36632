"""What is new in the lists, counted in memory: one look at the database serves all who watch. No row is kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from kedai.calls.newest import list_newest_calls
from kedai.connector_exceptions.newest import list_newest_exceptions
from kedai.inbox.counts import list_newest_events
from kedai.orders.newest import list_newest_orders
from kedai.runs.queries import list_newest_runs
from kedai.values.environment import Environment
from kedai.values.news import Newest
from kedai.web.live_standing import sum_standing

MOST = 200
"""So many new rows of a list are told apart; more than that are just many."""

KINDS: dict[str, Callable[..., list[Newest]]] = {
    "orders": list_newest_orders,
    "events": list_newest_events,
    "exceptions": list_newest_exceptions,
    "runs": list_newest_runs,
    "calls": list_newest_calls,
}
"""The lists that tell what is new, by the names of their pages."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at the database: the newest rows of every list, and how things stand, as a checksum."""

    newest: dict[tuple[str, Environment], list[Newest]]
    standing: dict[Environment, int]


@dataclass(slots=True)
class Standing:
    """How things stand in one environment, and which look found that they had changed."""

    is_now: int | None = None
    changed: int = 0
    changed_at: datetime | None = None

    def take(self, standing: int, look: int, at: datetime) -> None:
        """``at`` is after the look: what was shown before that instant may be out of date."""
        if standing != self.is_now:
            self.is_now, self.changed, self.changed_at = standing, look, at

    def has_changed(self, *, after: int, since: datetime | None) -> bool:
        """Since an instant, where one is known, else at a later look than that one."""
        if since is None:
            return self.changed > after
        return self.changed_at is not None and self.changed_at >= since


@dataclass(slots=True)
class News:
    """One list of one environment: its newest rows as they were at the last look, and when those came that were new."""

    known: set[Hashable] = field(default_factory=set)
    came: deque[tuple[int, datetime]] = field(default_factory=lambda: deque(maxlen=MOST))

    def take(self, rows: Sequence[Newest], look: int) -> None:
        """Note what stands among the newest and did not before; ``look`` numbers the looks."""
        fresh = [(look, row.at) for row in reversed(rows) if row.key not in self.known]
        self.came.extend(fresh)
        self.known = {row.key for row in rows}

    def count_after(self, look: int) -> int:
        """How many were new at a later look than that one."""
        return sum(1 for one, _at in self.came if one > look)

    def count_since(self, at: datetime) -> int:
        """How many of the newest came after an instant, also before anybody looked."""
        return sum(1 for _look, one in self.came if one > at)


def look(db: Session, *, now: datetime) -> Seen:
    """Ask for the newest rows of every list, along their indexes."""
    newest = {
        (kind, environment): ask(db, environment=environment, limit=MOST)
        for kind, ask in KINDS.items()
        for environment in Environment
    }
    return Seen(newest, {one: sum_standing(db, environment=one, now=now) for one in Environment})
