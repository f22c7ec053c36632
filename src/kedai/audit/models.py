"""The table of the audit trail; triggers refuse UPDATE and DELETE."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from kedai.db.base import Model
from kedai.db.types import Bytes, EnvironmentType, Integer, JsonText, UtcDateTime, environment_check
from kedai.values.environment import Environment


class AuditEntry(Model):
    """One deed. ``hash`` covers the row and the previous row's hash."""

    __tablename__ = "audit"
    __table_args__ = (
        environment_check(),
        sa.Index("ix_audit_subject_sequence", "subject", "sequence"),
        sa.Index("ix_audit_actor_id_sequence", "actor_id", "sequence"),
    )

    sequence: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    actor_kind: Mapped[str] = mapped_column(sa.Text)
    actor_id: Mapped[str] = mapped_column(sa.Text)
    actor_name: Mapped[str] = mapped_column(sa.Text)
    action: Mapped[str] = mapped_column(sa.Text)
    environment: Mapped[Environment | None] = mapped_column(EnvironmentType)
    subject: Mapped[str] = mapped_column(sa.Text)
    details: Mapped[Any] = mapped_column(JsonText)
    previous_hash: Mapped[bytes] = mapped_column(Bytes)
    hash: Mapped[bytes] = mapped_column(Bytes)
