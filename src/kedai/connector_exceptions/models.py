"""The tables of connector exceptions: a row per group, however often it happens, and some of the orders it touches."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from kedai.db.base import Model
from kedai.db.types import EnvironmentType, Id, Integer, KeyText, UtcDateTime, environment_check
from kedai.values.environment import Environment


class ConnectorException(Model):
    """A group of equal troubles: how often, since when, what to do, and what a person said of it.

    ``alert_raised_at`` is when the group became new or came back; an alert waits while ``alert_sent_at`` is null.
    ``listed`` orders stand in `exception_order`; ``unlisted`` times it touched one that found no room there.
    """

    __tablename__ = "connector_exception"
    __table_args__ = (
        environment_check(),
        sa.CheckConstraint("state IN ('new', 'ongoing', 'regressed', 'snoozed', 'resolved')", name="state_known"),
        sa.UniqueConstraint("connector", "environment", "fingerprint"),
        sa.UniqueConstraint("id", "environment"),
        sa.Index("ix_connector_exception_list", "environment", "last_seen_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    connector: Mapped[str] = mapped_column(KeyText)
    environment: Mapped[Environment] = mapped_column(EnvironmentType)
    fingerprint: Mapped[str] = mapped_column(KeyText)
    code: Mapped[str] = mapped_column(sa.Text)
    title: Mapped[str] = mapped_column(sa.Text)
    next_step: Mapped[str] = mapped_column(sa.Text)
    last_message: Mapped[str] = mapped_column(sa.Text, default="", server_default="")
    state: Mapped[str] = mapped_column(sa.Text)
    count: Mapped[int] = mapped_column(Integer)
    shop_id: Mapped[str | None] = mapped_column(KeyText)
    last_event_id: Mapped[UUID | None] = mapped_column(Id)
    last_order_sn: Mapped[str | None] = mapped_column(KeyText)
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    regressed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    snoozed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    resolved_by: Mapped[str | None] = mapped_column(sa.Text)
    assignee: Mapped[str | None] = mapped_column(sa.Text)
    note: Mapped[str] = mapped_column(sa.Text, default="", server_default="")
    alert_raised_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    alert_sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    listed: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    unlisted: Mapped[int] = mapped_column(Integer, default=0, server_default="0")


class ExceptionOrder(Model):
    """An order (or an event that names none) that a group touches; bounded in number, the rest is counted."""

    __tablename__ = "exception_order"
    __table_args__ = (
        environment_check(),
        sa.ForeignKeyConstraint(
            ["exception_id", "environment"], ["connector_exception.id", "connector_exception.environment"]
        ),
    )

    exception_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    subject: Mapped[str] = mapped_column(KeyText, primary_key=True)
    environment: Mapped[Environment] = mapped_column(EnvironmentType)
    shop_id: Mapped[str | None] = mapped_column(KeyText)
    order_sn: Mapped[str | None] = mapped_column(KeyText)
    event_id: Mapped[UUID | None] = mapped_column(Id)
    count: Mapped[int] = mapped_column(Integer)
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    retried_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
