"""Reading channels, what is known to be wrong, and messages. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db import lease
from kedai.errors import NotFound
from kedai.notifications.models import NotificationChannel, NotificationCondition, NotificationDelivery
from kedai.values.environment import Environment
from kedai.values.wording import N_

FAILING: Final = 3
"""After so many tries in a row that failed a channel counts as failing."""


def list_channels(db: Session) -> Sequence[NotificationChannel]:
    """Every channel, by name."""
    return db.execute(sa.select(NotificationChannel).order_by(NotificationChannel.name)).scalars().all()


def get_channel(db: Session, channel_id: UUID) -> NotificationChannel:
    """One channel.

    Raises:
        NotFound: there is none by that id.
    """
    row = db.get(NotificationChannel, channel_id)
    if row is None:
        raise NotFound(N_("There is no such channel."))
    return row


def find_channel(db: Session, name: str) -> NotificationChannel | None:
    """One channel by its name."""
    return db.execute(sa.select(NotificationChannel).where(NotificationChannel.name == name)).scalar_one_or_none()


def list_deliveries(
    db: Session, *, environment: Environment | None, channel_id: UUID | None, limit: int
) -> Sequence[tuple[NotificationDelivery, str]]:
    """The latest messages, the newest first, each with its channel's name."""
    table = NotificationDelivery
    statement = sa.select(table, NotificationChannel.name).join(NotificationChannel)
    if environment is not None:
        statement = statement.where(table.environment == environment)
    if channel_id is not None:
        statement = statement.where(table.channel_id == channel_id)
    rows = db.execute(statement.order_by(table.id.desc()).limit(limit)).all()
    return [(row[0], row[1]) for row in rows]


def list_open_conditions(db: Session, *, environment: Environment) -> Sequence[NotificationCondition]:
    """What was told as wrong, and not yet as well again."""
    table = NotificationCondition
    statement = sa.select(table).where(table.environment == environment, table.ended_at.is_(None))
    return db.execute(statement.order_by(table.kind, table.subject)).scalars().all()


def is_due(db: Session, *, sealed: frozenset[Environment], now: datetime) -> bool:
    """Whether any message waits to be claimed: a look that takes no lock."""
    due = sa.exists().where(*due_conditions(db, sealed=sealed, now=now))
    return bool(db.execute(sa.select(due)).scalar_one())


def due_conditions(db: Session, *, sealed: frozenset[Environment], now: datetime) -> list[sa.ColumnElement[bool]]:
    """What holds of a message that may go out now."""
    table = NotificationDelivery
    may_leave = sa.or_(table.environment.not_in(sorted(sealed)), table.tells_of_seal)
    return [table.state == "waiting", table.due_at <= now, lease.free_at(table, lease.now(db)), may_leave]
