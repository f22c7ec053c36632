"""Tables of people, sessions and API tokens. Session and API tokens and recovery codes are stored only as hashes."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from kedai.db.base import Model
from kedai.db.types import Bytes, EnvironmentType, Id, Integer, JsonText, KeyText, UtcDateTime, environment_check
from kedai.values.environment import Environment

_ROLES = "role IN ('viewer', 'operator', 'admin')"


class Staff(Model):
    """A person. ``email`` is stored normalised (NFKC, lower case); ``time_zone`` is what pages show them times in."""

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
    password_changed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    must_change_password: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    totp_secret_encrypted: Mapped[str | None] = mapped_column(sa.Text)
    totp_confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    totp_last_step: Mapped[int | None] = mapped_column(Integer)
    time_zone: Mapped[str] = mapped_column(sa.Text, default="UTC", server_default="UTC")
    language: Mapped[str | None] = mapped_column(sa.Text)


class StaffSession(Model):
    """A signed-in browser. ``confirmed_at``: when the person last proved who they are."""

    __tablename__ = "staff_session"

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(Bytes, unique=True)
    staff_id: Mapped[UUID] = mapped_column(Id, sa.ForeignKey("staff.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    address: Mapped[str] = mapped_column(sa.Text, default="")
    user_agent: Mapped[str] = mapped_column(sa.Text, default="")


class StaffChallenge(Model):
    """A sign-in whose password was right and whose code is awaited: a table of its own, so that it is no session."""

    __tablename__ = "staff_challenge"

    token_hash: Mapped[bytes] = mapped_column(Bytes, primary_key=True)
    staff_id: Mapped[UUID] = mapped_column(Id, sa.ForeignKey("staff.id"), index=True)
    tries: Mapped[int] = mapped_column(Integer, default=0)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RecoveryCode(Model):
    """A code that stands once for the second factor, by its hash."""

    __tablename__ = "staff_recovery_code"

    staff_id: Mapped[UUID] = mapped_column(Id, sa.ForeignKey("staff.id"), primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(Bytes, primary_key=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Passkey(Model):
    """The public half of a key that a person's device holds. ``sign_count`` is 0 for devices that do not count."""

    __tablename__ = "passkey"

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    staff_id: Mapped[UUID] = mapped_column(Id, sa.ForeignKey("staff.id"), index=True)
    credential_id: Mapped[bytes] = mapped_column(Bytes, unique=True)
    public_key: Mapped[bytes] = mapped_column(Bytes)
    sign_count: Mapped[int] = mapped_column(Integer)
    transports: Mapped[str] = mapped_column(sa.Text)
    name: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PasskeyChallenge(Model):
    """What a browser was asked to sign, for five minutes and once: the hash of the cookie it was given with."""

    __tablename__ = "passkey_challenge"
    __table_args__ = (sa.CheckConstraint("purpose IN ('add', 'sign_in', 'confirm')", name="purpose_known"),)

    challenge: Mapped[bytes] = mapped_column(Bytes, primary_key=True)
    purpose: Mapped[str] = mapped_column(sa.Text)
    staff_id: Mapped[UUID | None] = mapped_column(Id, sa.ForeignKey("staff.id"), index=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class SignInTries(Model):
    """Failed tries from one place (``kind`` says of what), for the growing delay; old rows are removed."""

    __tablename__ = "sign_in_tries"

    kind: Mapped[str] = mapped_column(KeyText, primary_key=True)
    subject: Mapped[str] = mapped_column(KeyText, primary_key=True)
    failed: Mapped[int] = mapped_column(Integer)
    last_failed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SavedView(Model):
    """A list's filter under a name: one person's, and everybody's to use where it is shared.

    It holds no environment: it is applied to the one that is looked at.
    """

    __tablename__ = "saved_view"
    __table_args__ = (
        sa.CheckConstraint("page IN ('orders', 'events', 'exceptions', 'calls')", name="page_known"),
        sa.UniqueConstraint("staff_id", "page", "name"),
        sa.Index("ix_saved_view_page", "page", "shared"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    staff_id: Mapped[UUID] = mapped_column(Id, sa.ForeignKey("staff.id"))
    page: Mapped[str] = mapped_column(sa.Text)
    name: Mapped[str] = mapped_column(KeyText)
    query: Mapped[str] = mapped_column(sa.Text)
    shared: Mapped[bool] = mapped_column(sa.Boolean)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ApiToken(Model):
    """A program's access, bound to one environment. ``scopes`` lists what it may do beyond its role."""

    __tablename__ = "api_token"
    __table_args__ = (environment_check(), sa.CheckConstraint(_ROLES, name="role_known"))

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(sa.Text)
    role: Mapped[str] = mapped_column(sa.Text)
    environment: Mapped[Environment] = mapped_column(EnvironmentType)
    scopes: Mapped[Any] = mapped_column(JsonText)
    token_hash: Mapped[bytes] = mapped_column(Bytes, unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(sa.Text)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
