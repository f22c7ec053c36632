"""Noting what is wrong, and putting into messages what is to be told of it: once, gathered, and never a flood."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db.upsert import insert_into
from kedai.kit.ids import new_id
from kedai.notifications.models import NotificationChannel, NotificationCondition, NotificationDelivery
from kedai.notifications.queries import list_channels
from kedai.values.environment import Environment
from kedai.values.notification import Change, Condition, Kind, News

MOST_ENTRIES: Final = 20
"""What one message tells; the rest is counted."""

GAP: Final = timedelta(minutes=1)
LONG_GAP: Final = timedelta(minutes=10)
MOST_AN_HOUR: Final = 10
"""A channel gets a message a minute at most of each environment, and after so many in an hour one in ten minutes."""


def note_condition(db: Session, condition: Condition, *, now: datetime) -> Change | None:
    """Note that something is wrong, or has become worse; None where that was known."""
    table = NotificationCondition.__table__.c
    statement = insert_into(db, NotificationCondition)
    offered = statement.excluded
    is_back = table.ended_at.is_not(None)
    is_worse = sa.and_(table.level == "warn", offered.level == "bad")
    values = {
        "environment": condition.environment,
        "kind": condition.kind.value,
        "subject": condition.subject,
        "level": condition.level,
        "title": condition.title,
        "path": condition.path,
        "began_at": now,
    }
    changes: dict[str, Any] = {name: offered[name] for name in ("level", "title", "path")} | {"ended_at": None}
    changes["began_at"] = sa.case((is_back, offered.began_at), else_=table.began_at)
    upsert = statement.values(values).on_conflict_do_update(
        index_elements=["environment", "kind", "subject"], set_=changes, where=sa.or_(is_back, is_worse)
    )
    began_at = db.execute(upsert.returning(table.began_at)).scalar_one_or_none()
    if began_at is None:
        return None
    return Change.BEGAN if began_at == now else Change.WORSE


def end_condition(db: Session, row: NotificationCondition, *, now: datetime) -> bool:
    """Note that it is well again; False where somebody else noted it first."""
    table = NotificationCondition
    mine = table.environment == row.environment, table.kind == row.kind, table.subject == row.subject
    statement = sa.update(table).where(*mine, table.ended_at.is_(None)).values(ended_at=now).returning(table.subject)
    return db.execute(statement, execution_options={"synchronize_session": False}).first() is not None


def tell(db: Session, news: Sequence[News], *, now: datetime) -> int:
    """Put news into messages of the channels that want them; returns how many messages were begun or grew.

    A message that did not go out yet takes up what comes meanwhile.
    """
    if not news:
        return 0
    number = 0
    for channel in list_channels(db):
        for environment in Environment if channel.paused_at is None else ():
            wanted = [one for one in news if one.environment is environment and wants(channel, one)]
            for of_seal in (False, True):
                chosen = [one for one in wanted if (one.kind is Kind.SEALED) is of_seal]
                if chosen:
                    _put(db, channel, environment, chosen, of_seal=of_seal, now=now)
                    number += 1
    return number


def wants(channel: NotificationChannel, one: News) -> bool:
    """Whether a channel is told of it."""
    return one.environment.value in channel.environments and one.kind.value in channel.topics


def add_delivery(
    db: Session,
    channel: NotificationChannel,
    environment: Environment,
    news: Iterable[News],
    *,
    of_seal: bool,
    due_at: datetime,
    now: datetime,
) -> NotificationDelivery:
    """Begin a message."""
    row = NotificationDelivery(
        id=new_id(),
        channel_id=channel.id,
        environment=environment,
        state="waiting",
        entries=[],
        left_out=0,
        tells_of_seal=of_seal,
        attempts=0,
        planned_at=due_at,
        due_at=due_at,
        last_error="",
        created_at=now,
    )
    _append(row, news)
    db.add(row)
    db.flush()
    return row


def entry_of(one: News) -> dict[str, Any]:
    """One thing as a message holds it."""
    return {
        "topic": "test" if one.change is Change.TEST else one.kind.value,
        "change": one.change.value,
        "title": one.title,
        "detail": one.detail,
        "path": one.path,
        "at": one.at.isoformat(),
    }


def _put(
    db: Session,
    channel: NotificationChannel,
    environment: Environment,
    news: Sequence[News],
    *,
    of_seal: bool,
    now: datetime,
) -> None:
    table = NotificationDelivery
    mine = table.channel_id == channel.id, table.environment == environment
    untouched = table.state == "waiting", table.attempts == 0, table.tells_of_seal.is_(of_seal)
    waiting = sa.select(table).where(*mine, *untouched).order_by(table.id.desc()).limit(1).with_for_update()
    row = db.execute(waiting).scalar_one_or_none()
    if row is not None:
        _append(row, news)
        db.flush()
        return
    recent = sa.select(table.planned_at).where(*mine, table.planned_at > now - timedelta(hours=1))
    times = db.execute(recent.order_by(table.id.desc()).limit(MOST_AN_HOUR)).scalars().all()
    gap = LONG_GAP if len(times) == MOST_AN_HOUR else GAP
    due_at = max(now, max(times) + gap) if times else now
    add_delivery(db, channel, environment, news, of_seal=of_seal, due_at=due_at, now=now)


def _append(row: NotificationDelivery, news: Iterable[News]) -> None:
    entries = [*row.entries, *map(entry_of, news)]
    row.left_out += max(0, len(entries) - MOST_ENTRIES)
    row.entries = entries[:MOST_ENTRIES]
