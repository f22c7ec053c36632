"""The table of outgoing calls: what was asked and how it ended; no query, no body, no secret."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from kedai.db.base import Model
from kedai.db.types import EnvironmentType, Id, Integer, KeyText, UtcDateTime, environment_check
from kedai.values.environment import Environment


class OutgoingCall(Model):
    """One call to a marketplace. ``status`` is null where no answer came, ``code`` empty where all went well."""

    __tablename__ = "outgoing_call"
    __table_args__ = (
        environment_check(),
        sa.CheckConstraint("outcome IN ('ok', 'failed')", name="outcome_known"),
        sa.Index("ix_outgoing_call_list", "environment", "started_at", "id"),
        sa.Index("ix_outgoing_call_shop", "environment", "shop_id", "started_at", "id"),
        sa.Index("ix_outgoing_call_request", "environment", "request_id", "started_at", "id"),
        # few rows: what went wrong must not be looked for among all that went well
        sa.Index(
            "ix_outgoing_call_failed",
            "environment",
            "started_at",
            "id",
            sqlite_where=sa.text("outcome = 'failed'"),
            postgresql_where=sa.text("outcome = 'failed'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    connector: Mapped[str] = mapped_column(KeyText)
    environment: Mapped[Environment] = mapped_column(EnvironmentType)
    shop_id: Mapped[str | None] = mapped_column(KeyText)
    method: Mapped[str] = mapped_column(sa.Text)
    path: Mapped[str] = mapped_column(sa.Text)
    status: Mapped[int | None] = mapped_column(Integer)
    outcome: Mapped[str] = mapped_column(sa.Text)
    code: Mapped[str] = mapped_column(sa.Text)
    request_id: Mapped[str] = mapped_column(KeyText)
    milliseconds: Mapped[int] = mapped_column(Integer)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
