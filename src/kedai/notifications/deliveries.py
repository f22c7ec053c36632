"""Messages as work: claim what is due by a lease, and note what became of each try. What is old is removed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db import lease
from kedai.db.sweep import Swept
from kedai.kit.ids import new_id
from kedai.notifications.models import NotificationChannel, NotificationCondition, NotificationDelivery
from kedai.notifications.outcome import NotSentError, next_try_in
from kedai.notifications.queries import due_conditions
from kedai.values.environment import ConnectorName, Environment

LEASE_SECONDS: Final = 60
"""Longer than any try: whoever claims anew knows that the one before is dead."""


def claim_due(
    db: Session, *, sealed: frozenset[Environment], now: datetime, limit: int
) -> Sequence[NotificationDelivery]:
    """The next messages, ours for a minute; the try counts from here, also if this process dies in the middle of it."""
    table = NotificationDelivery
    due = sa.select(table.id).where(*due_conditions(db, sealed=sealed, now=now))
    until = lease.now(db) + timedelta(seconds=LEASE_SECONDS)
    also = {"attempts": table.attempts + 1}
    return lease.take(
        db, table, due.order_by(table.due_at, table.id).limit(limit), holder=new_id().hex, until=until, also=also
    )


def hold(db: Session, row: NotificationDelivery) -> None:
    """Claim a message that was begun in this very transaction."""
    row.lease_by, row.lease_until = new_id().hex, lease.now(db) + timedelta(seconds=LEASE_SECONDS)
    row.attempts = 1
    db.flush()


def note_sent(db: Session, row: NotificationDelivery, *, now: datetime) -> bool:
    """The other side took it; False where the message was lost to another holder meanwhile."""
    told = {"state": "sent", "last_error": "", "ended_at": now}
    channel = {"last_sent_at": now, "last_error": "", "failures": 0}
    return _note(db, row, told, channel)


def note_failed(db: Session, row: NotificationDelivery, error: NotSentError, *, now: datetime) -> bool:
    """It was not taken: the message waits for its next try, or is given up."""
    wait = next_try_in(row.attempts, error)
    told: dict[str, Any] = {"last_error": error.message}
    told |= {"state": "dead", "ended_at": now} if wait is None else {"due_at": now + wait}
    failures = NotificationChannel.failures + 1
    return _note(db, row, told, {"last_failed_at": now, "last_error": error.message, "failures": failures})


def void_leases(db: Session) -> None:
    """After taking the lock file of an embedded installation: whoever held messages is gone."""
    held = NotificationDelivery.lease_by.is_not(None)
    db.execute(sa.update(NotificationDelivery).where(held).values(lease_by=None, lease_until=None))


def set_leases_back(db: Session, by: timedelta) -> None:
    """The clock of an embedded installation was set back by so much."""
    lease.set_back(db, NotificationDelivery, by)


def sweep_deliveries(
    db: Session,
    _connector: ConnectorName,
    environment: Environment,
    *,
    before: datetime,
    after: list[Any] | None,  # noqa: ARG001  the oldest are looked for anew
    limit: int,
) -> Swept:
    """Remove the oldest messages that ended before that, whatever marketplace they told of."""
    table = NotificationDelivery
    mine = table.environment == environment, table.ended_at < before
    found = db.execute(sa.select(table.id).where(*mine).order_by(table.id).limit(limit)).scalars().all()
    db.execute(sa.delete(table).where(table.id.in_(found)), execution_options={"synchronize_session": False})
    return len(found), None if len(found) < limit else []


def sweep_conditions(
    db: Session,
    _connector: ConnectorName,
    environment: Environment,
    *,
    before: datetime,
    after: list[Any] | None,  # noqa: ARG001  the oldest are looked for anew
    limit: int,
) -> Swept:
    """Remove what was well again before that."""
    table = NotificationCondition
    mine = table.environment == environment, table.ended_at < before
    oldest = sa.select(table.kind, table.subject).where(*mine).order_by(table.ended_at).limit(limit)
    found = [tuple(row) for row in db.execute(oldest)]
    for kind, subject in found:
        row = table.environment == environment, table.kind == kind, table.subject == subject, table.ended_at < before
        db.execute(sa.delete(table).where(*row), execution_options={"synchronize_session": False})
    return len(found), None if len(found) < limit else []


def _note(db: Session, row: NotificationDelivery, told: dict[str, Any], channel: dict[str, Any]) -> bool:
    table = NotificationDelivery
    mine = table.id == row.id, table.lease_by == row.lease_by, table.state == "waiting"
    values = {**told, "lease_by": None, "lease_until": None}
    options = {"synchronize_session": False}
    found = db.execute(sa.update(table).where(*mine).values(**values).returning(table.id), execution_options=options)
    if found.first() is None:
        return False
    where = NotificationChannel.id == row.channel_id
    db.execute(sa.update(NotificationChannel).where(where).values(**channel), execution_options=options)
    return True
