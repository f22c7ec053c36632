"""Trying again what was given up: the dead and parked pushes about certain orders, and putting them back."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.inbox.models import RawEvent
from kedai.inbox.service import put_back_now
from kedai.values.environment import ConnectorName, Environment
from kedai.values.event import EventState

_STOPPED = (EventState.DEAD, EventState.PARKED)


def find_stopped(
    db: Session,
    connector: ConnectorName,
    *,
    environment: Environment,
    shop_id: str | None,
    order_sns: Collection[str],
    event_ids: Collection[UUID],
) -> dict[UUID, str | None]:
    """The dead and parked pushes about these orders of a shop, and among these events: id and order number."""
    columns = sa.select(RawEvent.id, RawEvent.order_sn).where(
        RawEvent.connector == connector, RawEvent.environment == environment, RawEvent.state.in_(_STOPPED)
    )
    found: dict[UUID, str | None] = {}
    if order_sns:
        of_orders = columns.where(RawEvent.order_sn.in_(sorted(order_sns)), RawEvent.shop_id == shop_id)
        found |= {row.id: row.order_sn for row in db.execute(of_orders)}
    if event_ids:
        found |= {row.id: row.order_sn for row in db.execute(columns.where(RawEvent.id.in_(sorted(event_ids))))}
    return found


def read_states(db: Session, event_ids: Collection[UUID], *, environment: Environment) -> dict[UUID, str]:
    """Where these pushes of an environment stand now."""
    if not event_ids:
        return {}
    where = (RawEvent.id.in_(sorted(event_ids)), RawEvent.environment == environment)
    return {row.id: row.state for row in db.execute(sa.select(RawEvent.id, RawEvent.state).where(*where))}


def put_back(db: Session, event_ids: Collection[UUID], *, environment: Environment, now: datetime) -> int:
    """Put those of them that are dead or parked back in the queue; returns how many."""
    where = (RawEvent.id.in_(sorted(event_ids)), RawEvent.environment == environment, RawEvent.state.in_(_STOPPED))
    ids = db.execute(sa.select(RawEvent.id).where(*where).order_by(RawEvent.id).with_for_update()).scalars().all()
    if ids:
        statement = sa.update(RawEvent).where(RawEvent.id.in_(ids)).values(put_back_now(now))
        db.execute(statement, execution_options={"synchronize_session": False})
    return len(ids)
