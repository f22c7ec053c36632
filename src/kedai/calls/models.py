"""The tables of outgoing calls."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from kedai.db.base import Model
from kedai.db.types import EnvironmentType, Id, Integer, KeyText, Real, UtcDateTime, environment_check
from kedai.values.environment import Environment


class RateBucket(Model):
    """One app's pace for one account, shared by all processes: tokens at ``filled_at``, filling at ``rate`` a second.

    ``given`` is what the latest asker got. Until ``paused_until`` there are none, because of ``paused_by``.
    """

    __tablename__ = "rate_bucket"
    __table_args__ = (
        environment_check(),
        sa.CheckConstraint("paused_by IN ('', 'rate', 'day')", name="paused_by_known"),
    )

    connector: Mapped[str] = mapped_column(KeyText, primary_key=True)
    environment: Mapped[Environment] = mapped_column(EnvironmentType, primary_key=True)
    partner_id: Mapped[str] = mapped_column(KeyText, primary_key=True)
    account: Mapped[str] = mapped_column(KeyText, primary_key=True)
    tokens: Mapped[float] = mapped_column(Real)
    rate: Mapped[float] = mapped_column(Real)
    given: Mapped[int] = mapped_column(Integer)
    filled_at: Mapped[datetime] = mapped_column(UtcDateTime)
    paused_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paused_by: Mapped[str] = mapped_column(sa.Text)


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
