"""The tables of notifications: channels, what is known to be wrong, and the messages with their tries."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from kedai.db.base import Model
from kedai.db.lease import LeasedModel
from kedai.db.types import EnvironmentType, Id, Integer, JsonText, KeyText, UtcDateTime, environment_check
from kedai.values.environment import Environment


class NotificationChannel(Model):
    """A way to reach people, of the whole installation: it names the ``environments`` and ``topics`` it is told of.

    ``settings`` may be shown; what may not is sealed, bound to the ``name``. ``failures`` counts those in a row.
    """

    __tablename__ = "notification_channel"
    __table_args__ = (sa.CheckConstraint("kind IN ('webhook', 'email', 'chat', 'telegram')", name="kind_known"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(KeyText, unique=True)
    kind: Mapped[str] = mapped_column(sa.Text)
    environments: Mapped[Any] = mapped_column(JsonText)
    topics: Mapped[Any] = mapped_column(JsonText)
    settings: Mapped[Any] = mapped_column(JsonText)
    secret_encrypted: Mapped[str | None] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(sa.Text)
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paused_by: Mapped[str | None] = mapped_column(sa.Text)
    last_sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_failed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_error: Mapped[str] = mapped_column(sa.Text, default="", server_default="")
    failures: Mapped[int] = mapped_column(Integer, default=0, server_default="0")


class NotificationCondition(Model):
    """Something that is, or was, wrong: told once when it begins, and once when ``ended_at`` is set."""

    __tablename__ = "notification_condition"
    __table_args__ = (
        environment_check(),
        sa.CheckConstraint("level IN ('warn', 'bad')", name="level_known"),
        sa.Index(
            "ix_notification_condition_open",
            "environment",
            "kind",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )

    environment: Mapped[Environment] = mapped_column(EnvironmentType, primary_key=True)
    kind: Mapped[str] = mapped_column(KeyText, primary_key=True)
    subject: Mapped[str] = mapped_column(KeyText, primary_key=True)
    level: Mapped[str] = mapped_column(sa.Text)
    title: Mapped[str] = mapped_column(sa.Text)
    path: Mapped[str] = mapped_column(sa.Text)
    began_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class NotificationDelivery(LeasedModel):
    """One message to one channel, of one environment. Its id is what receivers know it by, however often it is sent.

    ``entries`` is what it tells; ``left_out`` counts what found no room. One that ``tells_of_seal`` goes out though its
    environment is sealed, and nothing else does. ``planned_at`` is when the first try was due, ``due_at`` the next one.
    """

    __tablename__ = "notification_delivery"
    __table_args__ = (
        environment_check(),
        sa.CheckConstraint("state IN ('waiting', 'sent', 'dead')", name="state_known"),
        sa.Index(
            "ix_notification_delivery_waiting",
            "due_at",
            "id",
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        ),
        sa.Index("ix_notification_delivery_channel", "channel_id", "environment", "id"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    channel_id: Mapped[UUID] = mapped_column(Id, sa.ForeignKey("notification_channel.id"))
    environment: Mapped[Environment] = mapped_column(EnvironmentType)
    state: Mapped[str] = mapped_column(sa.Text)
    entries: Mapped[Any] = mapped_column(JsonText)
    left_out: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    tells_of_seal: Mapped[bool] = mapped_column(sa.Boolean)
    attempts: Mapped[int] = mapped_column(Integer)
    planned_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_error: Mapped[str] = mapped_column(sa.Text, default="", server_default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
