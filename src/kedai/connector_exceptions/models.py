"""The table of connector exceptions: one row per group, however often it happens."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from kedai.db.base import Model
from kedai.db.types import EnvironmentType, Id, Integer, KeyText, UtcDateTime, environment_check
from kedai.values.environment import Environment


class ConnectorException(Model):
    """A group of equal troubles: how often, since when, and what to do."""

    __tablename__ = "connector_exception"
    __table_args__ = (
        environment_check(),
        sa.CheckConstraint("state IN ('new', 'ongoing', 'regressed', 'snoozed', 'resolved')", name="state_known"),
        sa.UniqueConstraint("connector", "environment", "fingerprint"),
        sa.Index("ix_connector_exception_list", "environment", "last_seen_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    connector: Mapped[str] = mapped_column(KeyText)
    environment: Mapped[Environment] = mapped_column(EnvironmentType)
    fingerprint: Mapped[str] = mapped_column(KeyText)
    code: Mapped[str] = mapped_column(sa.Text)
    title: Mapped[str] = mapped_column(sa.Text)
    next_step: Mapped[str] = mapped_column(sa.Text)
    state: Mapped[str] = mapped_column(sa.Text)
    count: Mapped[int] = mapped_column(Integer)
    shop_id: Mapped[str | None] = mapped_column(KeyText)
    last_event_id: Mapped[UUID | None] = mapped_column(Id)
    last_order_sn: Mapped[str | None] = mapped_column(KeyText)
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
