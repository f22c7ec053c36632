"""The tables of outgoing calls."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from kedai.db.base import Model
from kedai.db.types import EnvironmentType, Integer, KeyText, Real, UtcDateTime, environment_check
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
