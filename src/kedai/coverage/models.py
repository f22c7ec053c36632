"""The tables of coverage: intervals, and the last word on how pushes go."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from kedai.db.base import Model
from kedai.db.types import EnvironmentType, Id, KeyText, UtcDateTime, environment_check
from kedai.values.environment import Environment


class CoveredInterval(Model):
    """A time in which a source would have told us of every change to a shop's orders; ``run_id`` is the run that did.

    Its beginning is in it, its end is not.
    """

    __tablename__ = "covered_interval"
    __table_args__ = (
        environment_check(),
        sa.CheckConstraint("source IN ('push', 'lost_push', 'reconcile', 'backfill', 'catch_up')", name="source_known"),
        sa.CheckConstraint("covered_from < covered_until", name="not_empty"),
        sa.ForeignKeyConstraint(
            ["connector", "environment", "shop_id"], ["shop.connector", "shop.environment", "shop.shop_id"]
        ),
        sa.Index("ix_covered_interval_shop", "connector", "environment", "shop_id", "source", "covered_until"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    connector: Mapped[str] = mapped_column(KeyText)
    environment: Mapped[Environment] = mapped_column(EnvironmentType)
    shop_id: Mapped[str] = mapped_column(KeyText)
    source: Mapped[str] = mapped_column(sa.Text)
    covered_from: Mapped[datetime] = mapped_column(UtcDateTime)
    covered_until: Mapped[datetime] = mapped_column(UtcDateTime)
    run_id: Mapped[UUID | None] = mapped_column(Id)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PushHealth(Model):
    """How the marketplace rated our answers to its pushes when it was last asked.

    ``since`` is when it came to be so, as far as anybody can tell; ``sound_until`` the last instant at which all was
    well, kept while it is not.
    """

    __tablename__ = "push_health"
    __table_args__ = (
        environment_check(),
        sa.CheckConstraint("status IN ('normal', 'warning', 'suspended', 'unknown')", name="status_known"),
        sa.ForeignKeyConstraint(
            ["connector", "environment"], ["environment_credentials.connector", "environment_credentials.environment"]
        ),
    )

    connector: Mapped[str] = mapped_column(KeyText, primary_key=True)
    environment: Mapped[Environment] = mapped_column(EnvironmentType, primary_key=True)
    status: Mapped[str] = mapped_column(sa.Text)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    sound_until: Mapped[datetime] = mapped_column(UtcDateTime)
    reaches_us: Mapped[bool] = mapped_column(sa.Boolean)
    checked_at: Mapped[datetime] = mapped_column(UtcDateTime)
