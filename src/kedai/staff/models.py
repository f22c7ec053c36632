"""Tables of people, sessions and API tokens. Session and API tokens are stored only as hashes."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from kedai.db.base import Model
from kedai.db.types import Bytes, EnvironmentType, Id, Integer, KeyText, UtcDateTime, environment_check
from kedai.values.environment import Environment

_ROLES = "role IN ('viewer', 'operator', 'admin')"


class Staff(Model):
    """A person. ``email`` is stored normalised (NFKC, lower case)."""

    __tablename__ = "staff"
    __table_args__ = (sa.CheckConstraint(_ROLES, name="role_known"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    email: Mapped[str] = mapped_column(KeyText, unique=True)
    role: Mapped[str] = mapped_column(sa.Text)
    password_hash: Mapped[str] = mapped_column(sa.Text)
    failed_logins: Mapped[int] = mapped_column(Integer, default=0)
    last_failed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class StaffSession(Model):
    """A signed-in browser."""

    __tablename__ = "staff_session"

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(Bytes, unique=True)
    staff_id: Mapped[UUID] = mapped_column(Id, sa.ForeignKey("staff.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    address: Mapped[str] = mapped_column(sa.Text, default="")
    user_agent: Mapped[str] = mapped_column(sa.Text, default="")


class ApiToken(Model):
    """A program's access, bound to one environment."""

    __tablename__ = "api_token"
    __table_args__ = (environment_check(), sa.CheckConstraint(_ROLES, name="role_known"))

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(sa.Text)
    role: Mapped[str] = mapped_column(sa.Text)
    environment: Mapped[Environment] = mapped_column(EnvironmentType)
    token_hash: Mapped[bytes] = mapped_column(Bytes, unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(sa.Text)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
