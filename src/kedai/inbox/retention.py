"""What the inbox forgets: pushes that were dealt with, and rejected deliveries, once they are old."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db.sweep import Swept, sweep_by_id
from kedai.inbox.models import RawEvent, RejectedDelivery
from kedai.values.environment import ConnectorName, Environment
from kedai.values.event import EventState

_FINISHED = (EventState.APPLIED, EventState.SKIPPED, EventState.DISCARDED)


def sweep_events(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    *,
    before: datetime,
    after: list[Any] | None,
    limit: int,
) -> Swept:
    """Remove pushes that arrived before that and are finished; what waits, is parked or is dead stays."""
    within = (RawEvent.environment == environment, RawEvent.connector == connector)
    old, doomed = RawEvent.received_at < before, RawEvent.state.in_(_FINISHED)
    return sweep_by_id(db, RawEvent, within, old=old, doomed=doomed, after=after, limit=limit)


def sweep_rejected(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    *,
    before: datetime,
    after: list[Any] | None,
    limit: int,
) -> Swept:
    """Remove rejected deliveries that arrived before that; their counters stay."""
    within = (RejectedDelivery.environment == environment, RejectedDelivery.connector == connector)
    old = RejectedDelivery.received_at < before
    return sweep_by_id(db, RejectedDelivery, within, old=old, doomed=sa.true(), after=after, limit=limit)
