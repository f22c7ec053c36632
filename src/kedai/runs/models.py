"""The tables of runs and of their schedule."""

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


class Run(LeasedModel):
    """One piece of long work. ``cursor`` is where to go on; it moves in the same transaction as the work itself."""

    __tablename__ = "run"
    __table_args__ = (
        environment_check(),
        sa.CheckConstraint("state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name="state_known"),
        # one run per tick (and shop), on however many processes; those that no tick made have no `scheduled_at`
        sa.UniqueConstraint("kind", "scheduled_at", "connector", "environment", "shop_id", name="uq_run_kind"),
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
        sa.Index("ix_run_list", "environment", "kind", "id"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(KeyText)
    connector: Mapped[str] = mapped_column(KeyText)
    environment: Mapped[Environment] = mapped_column(EnvironmentType)
    scope: Mapped[Any] = mapped_column(JsonText)
    shop_id: Mapped[str] = mapped_column(KeyText, default="")
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
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paused_by: Mapped[str | None] = mapped_column(sa.Text)
    paused_seconds: Mapped[int] = mapped_column(Integer, default=0)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Schedule(Model):
    """When a kind of run comes round in one environment, and how the last ones went.

    Exactly one of ``every_seconds`` and ``cron`` is set; ``offset_seconds`` is this row's own share of the plan's
    spread. ``active_since`` is null while nothing is expected of it: paused, or the kind does not run here now.
    """

    __tablename__ = "schedule"
    __table_args__ = (
        environment_check(),
        sa.CheckConstraint("(every_seconds IS NULL) <> (cron IS NULL)", name="one_period"),
        sa.ForeignKeyConstraint(
            ["connector", "environment"], ["environment_credentials.connector", "environment_credentials.environment"]
        ),
    )

    kind: Mapped[str] = mapped_column(KeyText, primary_key=True)
    connector: Mapped[str] = mapped_column(KeyText, primary_key=True)
    environment: Mapped[Environment] = mapped_column(EnvironmentType, primary_key=True)
    every_seconds: Mapped[int | None] = mapped_column(Integer)
    cron: Mapped[str | None] = mapped_column(sa.Text)
    grace_seconds: Mapped[int] = mapped_column(Integer)
    offset_seconds: Mapped[int] = mapped_column(Integer)
    active_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    next_due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_tick_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_success_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    durations: Mapped[Any] = mapped_column(JsonText)
    down_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paused_by: Mapped[str | None] = mapped_column(sa.Text)
    pause_reason: Mapped[str | None] = mapped_column(sa.Text)
