"""The table of runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from kedai.db.lease import LeasedModel
from kedai.db.types import EnvironmentType, Id, Integer, JsonText, KeyText, UtcDateTime, environment_check
from kedai.values.environment import Environment


class Run(LeasedModel):
    """One piece of long work. ``cursor`` is where to go on; it moves in the same transaction as the work itself."""

    __tablename__ = "run"
    __table_args__ = (
        environment_check(),
        sa.CheckConstraint("state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name="state_known"),
        sa.UniqueConstraint("kind", "scheduled_at", "connector", "environment", name="uq_run_kind"),
        sa.ForeignKeyConstraint(
            ["connector", "environment"], ["environment_credentials.connector", "environment_credentials.environment"]
        ),
        sa.Index(
            "ix_run_open",
            "due_at",
            "id",
            sqlite_where=sa.text("state IN ('queued', 'running')"),
            postgresql_where=sa.text("state IN ('queued', 'running')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(KeyText)
    connector: Mapped[str] = mapped_column(KeyText)
    environment: Mapped[Environment] = mapped_column(EnvironmentType)
    scope: Mapped[Any] = mapped_column(JsonText)
    scheduled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(sa.Text)
    cursor: Mapped[Any | None] = mapped_column(JsonText)
    done: Mapped[int] = mapped_column(Integer, default=0)
    total: Mapped[int | None] = mapped_column(Integer)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    cancel_requested: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    note: Mapped[str] = mapped_column(sa.Text, default="")
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(sa.Text)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
