"""What the inbox forgets: finished pushes, notices that were read, rejected deliveries and figures of long ago."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db.sweep import Due, SweepById, Swept
from kedai.inbox.figures import GRAIN, HOUR, MINUTE
from kedai.inbox.models import EventFigure, Notice, RawEvent, RejectedDelivery
from kedai.values.environment import ConnectorName, Environment
from kedai.values.event import EventState

_FINISHED = (EventState.APPLIED, EventState.SKIPPED, EventState.DISCARDED)

sweep_events = SweepById(
    RawEvent,
    old=lambda before: RawEvent.received_at < before,
    doomed=lambda _before: RawEvent.state.in_(_FINISHED),
)
"""Pushes that arrived before that and are finished; what waits, is parked or is dead stays."""

sweep_notices = SweepById(
    Notice,
    old=lambda before: Notice.received_at < before,
    doomed=lambda _before: Notice.seen_at.is_not(None),
)
"""Notices that came before that and were read; the others wait for a person."""

sweep_rejected = SweepById(RejectedDelivery, old=lambda before: RejectedDelivery.received_at < before)
"""Rejected deliveries that arrived before that; their counters stay."""


@dataclass(frozen=True, slots=True)
class SweepFigures:
    """Removes the figures of minutes or of hours; they have no id, and are found by when they begin."""

    seconds: int

    def __call__(
        self,
        db: Session,
        connector: ConnectorName,
        environment: Environment,
        *,
        before: datetime,
        after: list[Any] | None,
        limit: int,
    ) -> Swept:
        """Remove the oldest ``limit`` of one environment that began before that; ``after`` is not needed."""
        mine = self._of(connector, environment)
        oldest = sa.select(EventFigure.starts_at).where(*mine, EventFigure.starts_at < before)
        found = db.execute(oldest.order_by(EventFigure.starts_at).limit(limit)).scalars().all()
        removing = sa.delete(EventFigure).where(*mine, EventFigure.starts_at.in_(found))
        db.execute(removing.execution_options(synchronize_session=False))
        return len(found), None if len(found) < limit else []

    def count(
        self, db: Session, connector: ConnectorName, environment: Environment, *, before: datetime, limit: int
    ) -> Due:
        """How many of one environment began before that, counted no further than ``limit``."""
        old = sa.select(EventFigure.starts_at).where(*self._of(connector, environment), EventFigure.starts_at < before)
        oldest = old.order_by(EventFigure.starts_at).limit(limit).subquery()
        number = db.execute(sa.select(sa.func.count()).select_from(oldest)).scalar_one()
        return Due(number, number < limit)

    def _of(self, connector: ConnectorName, environment: Environment) -> tuple[sa.ColumnElement[bool], ...]:
        return (
            EventFigure.environment == environment,
            EventFigure.connector == connector,
            EventFigure.grain == GRAIN[self.seconds],
        )


sweep_minutes = SweepFigures(MINUTE)
"""Figures of minutes before that; those of the hours go on telling of them."""

sweep_hours = SweepFigures(HOUR)
"""Figures of hours before that."""
