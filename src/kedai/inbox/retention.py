"""What the inbox forgets: finished pushes, notices that were read, and rejected deliveries, once they are old."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db.sweep import Swept, sweep_by_id
from kedai.inbox.models import Notice, RawEvent, RejectedDelivery
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


def sweep_notices(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    *,
    before: datetime,
    after: list[Any] | None,
    limit: int,
) -> Swept:
    """Remove notices that came before that and were read; the others wait for a person."""
    within = (Notice.environment == environment, Notice.connector == connector)
    old, doomed = Notice.received_at < before, Notice.seen_at.is_not(None)
    return sweep_by_id(db, Notice, within, old=old, doomed=doomed, after=after, limit=limit)


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
