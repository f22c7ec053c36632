"""Parked, replayed and rejected pushes. Claiming and finishing them is `claims`; storing them is `flush`."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.db.upsert import insert_into
from kedai.errors import Conflict, NotFound
from kedai.inbox.models import RawEvent, RejectedCount, RejectedDelivery
from kedai.kit.ids import new_id, show_id
from kedai.values.actor import Actor
from kedai.values.environment import ConnectorName, Environment
from kedai.values.event import EventState, ParkedReason

MAX_REJECTED_ROWS = 1_000
MAX_REJECTED_BODY = 64 * 1024


def unpark(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    *,
    reason: ParkedReason,
    shop_id: str | None,
    after: UUID | None,
    limit: int,
    now: datetime,
) -> tuple[int, UUID | None]:
    """Put the next parked pushes back in the queue, in order of arrival; returns how many and the last one's id."""
    statement = sa.select(RawEvent.id).where(*_parked(connector, environment, reason, shop_id))
    if after is not None:
        statement = statement.where(RawEvent.id > after)
    ids = db.execute(statement.order_by(RawEvent.id).limit(limit).with_for_update()).scalars().all()
    if not ids:
        return 0, None
    values: dict[str, Any] = {"state": EventState.RECEIVED, "parked_reason": None, "due_at": now, "finished_at": None}
    values |= {"attempts": 0, "stalls": 0}
    db.execute(sa.update(RawEvent).where(RawEvent.id.in_(ids)).values(values))
    return len(ids), ids[-1]


def count_parked(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    *,
    reason: ParkedReason = ParkedReason.INACTIVE_ENVIRONMENT,
    shop_id: str | None = None,
) -> int:
    """How many parked pushes wait for that reason."""
    statement = sa.select(sa.func.count()).select_from(RawEvent)
    return db.execute(statement.where(*_parked(connector, environment, reason, shop_id))).scalar_one()


def replay_event(db: Session, event_id: UUID, *, environment: Environment, actor: Actor, now: datetime) -> RawEvent:
    """Put one parked, dead or discarded push back in the queue because a person asked.

    Raises:
        NotFound: no such push in that environment.
        Conflict: it is waiting or already dealt with.
    """
    row = db.execute(
        sa.select(RawEvent).where(RawEvent.id == event_id, RawEvent.environment == environment).with_for_update()
    ).scalar_one_or_none()
    if row is None:
        raise NotFound("There is no such event.")
    if row.state not in {EventState.PARKED, EventState.DEAD, EventState.DISCARDED}:
        raise Conflict(f"This event is {row.state}: only parked, dead or discarded ones can be replayed.")
    before = row.state
    row.state, row.parked_reason, row.due_at = EventState.RECEIVED, None, now
    row.attempts, row.stalls, row.finished_at = 0, 0, None
    db.flush()
    subject, details = show_id("evt", event_id), {"from": before, "to": row.state}
    record(db, actor=actor, action="event.replay", environment=environment, subject=subject, details=details, now=now)
    return row


def keep_rejected(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    *,
    reason: str,
    count: int,
    headers: dict[str, str],
    body: bytes,
    now: datetime,
) -> None:
    """Count rejected deliveries and keep one of them for a look; the oldest rows beyond the limit go."""
    key = {"connector": connector, "environment": environment, "reason": reason}
    counted = insert_into(db, RejectedCount).values(**key, count=count, last_at=now)
    changes = {"count": RejectedCount.count + count, "last_at": now}
    db.execute(counted.on_conflict_do_update(index_elements=list(key), set_=changes))
    db.add(RejectedDelivery(id=new_id(), **key, headers=headers, body=body[:MAX_REJECTED_BODY], received_at=now))
    db.flush()
    kept = sa.select(RejectedDelivery.id).where(
        RejectedDelivery.connector == connector, RejectedDelivery.environment == environment
    )
    surplus = kept.order_by(RejectedDelivery.id.desc()).offset(MAX_REJECTED_ROWS)
    db.execute(sa.delete(RejectedDelivery).where(RejectedDelivery.id.in_(surplus)))


def _parked(
    connector: ConnectorName, environment: Environment, reason: ParkedReason, shop_id: str | None
) -> tuple[sa.ColumnElement[bool], ...]:
    where = (
        RawEvent.state == EventState.PARKED,
        RawEvent.connector == connector,
        RawEvent.environment == environment,
        RawEvent.parked_reason == reason,
    )
    return where if shop_id is None else (*where, RawEvent.shop_id == shop_id)
