"""What a page says of parked events: how many wait and why, what may be done with them, how far a run about them is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from kedai.inbox.waiting import count_parked
from kedai.runs.queries import find_latest_run
from kedai.sync.replay import KINDS
from kedai.values.environment import ConnectorName, Environment
from kedai.values.event import ParkedReason
from kedai.web.dashboard.formats import counted

if TYPE_CHECKING:
    from kedai.runs.models import Run

_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """The parked events of one reason."""

    reason: ParkedReason
    number: int
    count: str


@dataclass(frozen=True, slots=True)
class Parked:
    """One environment's parked events and the newest run about them; ``back`` is the page that an act returns to."""

    connector: ConnectorName
    environment: Environment
    waiting: tuple[Waiting, ...]
    run: Run | None
    back: str
    refresh_href: str

    @property
    def number(self) -> int:
        """All of them together, counted no further than the limit."""
        return sum(one.number for one in self.waiting)

    @property
    def count(self) -> str:
        return counted(self.number, _COUNTED)


def read_parked(
    db: Session, connector: ConnectorName, environment: Environment, *, back: str, refresh_href: str
) -> Parked:
    """How parked events of an environment stand."""
    found = count_parked(db, connector, environment=environment, at_most=_COUNTED)
    waiting = tuple(
        Waiting(reason, found[reason], counted(found[reason], _COUNTED)) for reason in ParkedReason if reason in found
    )
    runs = [find_latest_run(db, kind, connector, environment=environment) for kind in KINDS]
    run = max((one for one in runs if one is not None), key=lambda one: one.id, default=None)
    return Parked(connector, environment, waiting, run, back, refresh_href)
