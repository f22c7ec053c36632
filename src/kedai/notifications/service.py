"""Writing channels: add, change, pause, resume, remove. Every deed is in the audit trail; secrets come here sealed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.errors import Conflict, Invalid, NotFound
from kedai.kit.ids import new_id, show_id
from kedai.notifications.channels import PREFIX, Draft
from kedai.notifications.models import NotificationChannel, NotificationDelivery
from kedai.notifications.queries import find_channel
from kedai.values.actor import Actor
from kedai.values.wording import N_

MOST_CHANNELS = 20


def add_channel(db: Session, draft: Draft, sealed: str | None, *, actor: Actor, now: datetime) -> NotificationChannel:
    """A new channel; it is told of what begins from now on.

    Raises:
        Invalid: the name is taken. Conflict: there are as many as there may be.
    """
    if (db.scalar(sa.select(sa.func.count()).select_from(NotificationChannel)) or 0) >= MOST_CHANNELS:
        raise Conflict(N_("There are %(most)s channels already: remove one first.", most=MOST_CHANNELS))
    _refuse_taken(db, draft.name)
    channel = NotificationChannel(
        id=new_id(),
        name=draft.name,
        kind=draft.kind.value,
        environments=[one.value for one in draft.environments],
        topics=[one.value for one in draft.topics],
        settings=dict(draft.settings),
        secret_encrypted=sealed,
        created_at=now,
        created_by=actor.name,
        last_error="",
        failures=0,
    )
    db.add(channel)
    db.flush()
    _record(db, "added", channel, {"name": draft.name, "kind": draft.kind.value}, actor, now)
    return channel


def change_channel(
    db: Session, channel: NotificationChannel, draft: Draft, sealed: str | None, *, actor: Actor, now: datetime
) -> bool:
    """Take over what a (locked) channel's form holds; false where nothing is new.

    Raises:
        Invalid: the name is another channel's.
    """
    if draft.name != channel.name:
        _refuse_taken(db, draft.name)
    settings = {**channel.settings, **draft.settings}
    wanted: dict[str, Any] = {
        "name": draft.name,
        "environments": [one.value for one in draft.environments],
        "topics": [one.value for one in draft.topics],
        "settings": settings,
        "secret_encrypted": sealed,
    }
    changed = [name for name, value in wanted.items() if getattr(channel, name) != value]
    for name in changed:
        setattr(channel, name, wanted[name])
    if changed:
        db.flush()
        told = ["secret" if name == "secret_encrypted" else name for name in changed]
        _record(db, "changed", channel, {"name": channel.name, "changed": told}, actor, now)
    return bool(changed)


def pause_channel(db: Session, channel: NotificationChannel, *, actor: Actor, now: datetime) -> None:
    """Tell nobody by this (locked) channel until it is resumed; what waits is given up.

    Raises:
        Conflict: it is paused.
    """
    if channel.paused_at is not None:
        raise Conflict(N_("This channel is paused already."))
    channel.paused_at, channel.paused_by = now, actor.name
    waiting = NotificationDelivery.channel_id == channel.id, NotificationDelivery.state == "waiting"
    given_up = {"state": "dead", "last_error": N_("The channel was paused."), "ended_at": now}
    db.execute(sa.update(NotificationDelivery).where(*waiting).values(**given_up))
    _record(db, "paused", channel, {"name": channel.name}, actor, now)


def resume_channel(db: Session, channel: NotificationChannel, *, actor: Actor, now: datetime) -> None:
    """Tell people by this (locked) channel again, of what begins from now on.

    Raises:
        Conflict: it is not paused.
    """
    if channel.paused_at is None:
        raise Conflict(N_("This channel is not paused."))
    channel.paused_at = channel.paused_by = None
    channel.failures = 0
    _record(db, "resumed", channel, {"name": channel.name}, actor, now)


def remove_channel(db: Session, channel: NotificationChannel, *, actor: Actor, now: datetime) -> None:
    """Forget a (locked) channel, its secret and its messages."""
    details = {"name": channel.name, "kind": channel.kind}
    db.execute(sa.delete(NotificationDelivery).where(NotificationDelivery.channel_id == channel.id))
    _record(db, "removed", channel, details, actor, now)
    db.delete(channel)
    db.flush()


def lock_channel(db: Session, channel: NotificationChannel) -> NotificationChannel:
    """The row as it stands now, held until the transaction ends.

    Raises:
        NotFound: it is gone.
    """
    row = db.get(NotificationChannel, channel.id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(N_("There is no such channel."))
    return row


def _refuse_taken(db: Session, name: str) -> None:
    if find_channel(db, name) is not None:
        raise Invalid(N_("Another channel has this name."), field="name")


def _record(
    db: Session, deed: str, channel: NotificationChannel, details: dict[str, Any], actor: Actor, now: datetime
) -> None:
    db.flush()
    subject, action = show_id(PREFIX, channel.id), f"notifications.{deed}"
    record(db, actor=actor, action=action, environment=None, subject=subject, details=details, now=now)
