"""Tables of the vault. Columns that end in ``_encrypted`` hold only sealed text (``v1:…`` or ``v2:…``)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from kedai.db.base import Model
from kedai.db.lease import LeasedModel
from kedai.db.types import Bytes, EnvironmentType, Id, Integer, JsonText, KeyText, UtcDateTime, environment_check
from kedai.values.environment import Environment


class EnvironmentCredentials(Model):
    """One environment's app at one marketplace. An empty row is a normal state."""

    __tablename__ = "environment_credentials"
    __table_args__ = (environment_check(),)

    connector: Mapped[str] = mapped_column(KeyText, primary_key=True)
    environment: Mapped[Environment] = mapped_column(EnvironmentType, primary_key=True)
    partner_id: Mapped[str | None] = mapped_column(KeyText)
    shop_id: Mapped[str | None] = mapped_column(KeyText)
    region: Mapped[str] = mapped_column(sa.Text, default="GLOBAL")
    host: Mapped[str | None] = mapped_column(sa.Text)
    default_location_id: Mapped[str | None] = mapped_column(sa.Text)
    default_shipping_option_id: Mapped[str | None] = mapped_column(sa.Text)
    partner_key_encrypted: Mapped[str | None] = mapped_column(sa.Text)
    partner_key_changed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    partner_key_changed_by: Mapped[str | None] = mapped_column(sa.Text)
    push_partner_key_encrypted: Mapped[str | None] = mapped_column(sa.Text)
    push_partner_key_changed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    push_partner_key_changed_by: Mapped[str | None] = mapped_column(sa.Text)
    previous_push_partner_key_encrypted: Mapped[str | None] = mapped_column(sa.Text)
    previous_push_partner_key_valid_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    app_problem: Mapped[str] = mapped_column(sa.Text, default="", server_default="")
    app_problem_version: Mapped[int | None] = mapped_column(Integer)
    version: Mapped[int] = mapped_column(Integer, default=1)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_by: Mapped[str] = mapped_column(sa.Text)


class ActiveEnvironment(Model):
    """Which environment a marketplace is signed in to: the one row whose environment is meant to change."""

    __tablename__ = "active_environment"
    __table_args__ = (environment_check(),)

    connector: Mapped[str] = mapped_column(KeyText, primary_key=True)
    environment: Mapped[Environment] = mapped_column(EnvironmentType)
    version: Mapped[int] = mapped_column(Integer, default=1)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_by: Mapped[str] = mapped_column(sa.Text)


class Connected:
    """What every table of accounts has: what one is called, and how its connection and its authorisation stand."""

    name: Mapped[str] = mapped_column(sa.Text, default="")
    region: Mapped[str] = mapped_column(sa.Text, default="")
    main_account_id: Mapped[str | None] = mapped_column(KeyText)
    state: Mapped[str] = mapped_column(sa.Text)
    state_reason: Mapped[str] = mapped_column(sa.Text, default="")
    authorized_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    authorized_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    connected_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_call_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_call_problem: Mapped[str] = mapped_column(sa.Text, default="", server_default="")
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """When ``state`` was written last, and nothing else: a grant that is older than a disconnection is dropped."""


class Shop(Connected, Model):
    """A shop known to one environment; ``main_account_id`` names who granted it last, where it was a main account."""

    __tablename__ = "shop"
    __table_args__ = (
        environment_check(),
        sa.CheckConstraint(
            "state IN ('connected', 'pending', 'paused', 'needs_reauth', 'disconnected')", name="state_known"
        ),
        sa.ForeignKeyConstraint(
            ["connector", "environment"], ["environment_credentials.connector", "environment_credentials.environment"]
        ),
    )

    connector: Mapped[str] = mapped_column(KeyText, primary_key=True)
    environment: Mapped[Environment] = mapped_column(EnvironmentType, primary_key=True)
    shop_id: Mapped[str] = mapped_column(KeyText, primary_key=True)


class Renewed:
    """What every table of token pairs has besides its lease: the intent says who began to renew a pair and when.

    An intent is open while it names the row's own generation: the marketplace may have answered, and nobody stored it.
    ``granted_at`` is when the seller's permission brought the pair, of which later ones are renewals.
    """

    partner_id: Mapped[str] = mapped_column(KeyText)
    granted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    access_token_encrypted: Mapped[str] = mapped_column(sa.Text)
    refresh_token_encrypted: Mapped[str] = mapped_column(sa.Text)
    access_expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    refresh_expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    generation: Mapped[int] = mapped_column(Integer, default=1)
    shared_generation: Mapped[int | None] = mapped_column(Integer)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    refresh_intent_by: Mapped[str | None] = mapped_column(sa.Text)
    refresh_intent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    refresh_intent_generation: Mapped[int | None] = mapped_column(Integer)


class AuthToken(Renewed, LeasedModel):
    """A shop's token pair. The lease is held while it is refreshed; ``generation`` fences late holders.

    The pair of ``shared_generation`` is a main account's, which others hold too: the next generation is its own.
    """

    __tablename__ = "auth_token"
    __table_args__ = (
        environment_check(),
        sa.UniqueConstraint("connector", "environment", "shop_id"),
        sa.ForeignKeyConstraint(
            ["connector", "environment", "shop_id"], ["shop.connector", "shop.environment", "shop.shop_id"]
        ),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    connector: Mapped[str] = mapped_column(KeyText)
    environment: Mapped[Environment] = mapped_column(EnvironmentType)
    shop_id: Mapped[str] = mapped_column(KeyText)


class Merchant(Connected, Model):
    """A merchant of a main account, known to one environment; merchant ids and shop ids are separate spaces."""

    __tablename__ = "merchant"
    __table_args__ = (
        environment_check(),
        sa.CheckConstraint(
            "state IN ('connected', 'pending', 'paused', 'needs_reauth', 'disconnected')", name="state_known"
        ),
        sa.ForeignKeyConstraint(
            ["connector", "environment"], ["environment_credentials.connector", "environment_credentials.environment"]
        ),
    )

    connector: Mapped[str] = mapped_column(KeyText, primary_key=True)
    environment: Mapped[Environment] = mapped_column(EnvironmentType, primary_key=True)
    merchant_id: Mapped[str] = mapped_column(KeyText, primary_key=True)


class MerchantToken(Renewed, LeasedModel):
    """A merchant's token pair, of the same shape as a shop's."""

    __tablename__ = "merchant_token"
    __table_args__ = (
        environment_check(),
        sa.UniqueConstraint("connector", "environment", "merchant_id"),
        sa.ForeignKeyConstraint(
            ["connector", "environment", "merchant_id"],
            ["merchant.connector", "merchant.environment", "merchant.merchant_id"],
        ),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    connector: Mapped[str] = mapped_column(KeyText)
    environment: Mapped[Environment] = mapped_column(EnvironmentType)
    merchant_id: Mapped[str] = mapped_column(KeyText)


class HeldToken(Model):
    """A pair granted for a shop or merchant that was connected already: kept aside until a person takes it.

    ``account`` is its kind and id in one text, such as ``shop:7001``.
    """

    __tablename__ = "held_token"
    __table_args__ = (
        environment_check(),
        sa.ForeignKeyConstraint(
            ["connector", "environment"], ["environment_credentials.connector", "environment_credentials.environment"]
        ),
    )

    connector: Mapped[str] = mapped_column(KeyText, primary_key=True)
    environment: Mapped[Environment] = mapped_column(EnvironmentType, primary_key=True)
    account: Mapped[str] = mapped_column(KeyText, primary_key=True)
    partner_id: Mapped[str] = mapped_column(KeyText)
    main_account_id: Mapped[str | None] = mapped_column(KeyText)
    access_token_encrypted: Mapped[str] = mapped_column(sa.Text)
    refresh_token_encrypted: Mapped[str] = mapped_column(sa.Text)
    access_expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    refresh_expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    held_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OAuthState(Model):
    """A one-time authorisation attempt; only the hash of its token is stored."""

    __tablename__ = "oauth_state"
    __table_args__ = (
        environment_check(),
        sa.ForeignKeyConstraint(
            ["connector", "environment"], ["environment_credentials.connector", "environment_credentials.environment"]
        ),
    )

    token_hash: Mapped[bytes] = mapped_column(Bytes, primary_key=True)
    connector: Mapped[str] = mapped_column(KeyText)
    environment: Mapped[Environment] = mapped_column(EnvironmentType)
    staff_id: Mapped[str] = mapped_column(sa.Text)
    session_id: Mapped[str] = mapped_column(sa.Text)
    intent: Mapped[str] = mapped_column(sa.Text)
    expected_shop_id: Mapped[str | None] = mapped_column(KeyText)
    expected_merchant_id: Mapped[str | None] = mapped_column(KeyText)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    consumed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    exchange_open_since: Mapped[datetime | None] = mapped_column(UtcDateTime)


class KeyRingEntry(Model):
    """A master key by its id: never the key, but a canary that only the right key opens."""

    __tablename__ = "key_ring"
    __table_args__ = (
        sa.CheckConstraint("state IN ('primary', 'active', 'retired')", name="state_known"),
        sa.Index(
            "uq_key_ring_primary",
            "state",
            unique=True,
            sqlite_where=sa.text("state = 'primary'"),
            postgresql_where=sa.text("state = 'primary'"),
        ),
    )

    kid: Mapped[str] = mapped_column(KeyText, primary_key=True)
    canary: Mapped[str] = mapped_column(sa.Text)
    state: Mapped[str] = mapped_column(sa.Text)
    writes: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Process(Model):
    """A running process and the master keys it holds; one that was not seen for a minute counts as gone."""

    __tablename__ = "process"

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    role: Mapped[str] = mapped_column(sa.Text)
    host: Mapped[str] = mapped_column(sa.Text)
    kids: Mapped[Any] = mapped_column(JsonText)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Installation(Model):
    """This installation: one row. ``fingerprint_key_encrypted`` tells two secrets apart without showing them."""

    __tablename__ = "installation"
    __table_args__ = (sa.CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(sa.Integer, primary_key=True, autoincrement=False)
    fingerprint_key_encrypted: Mapped[str | None] = mapped_column(sa.Text)
    identity: Mapped[str | None] = mapped_column(sa.Text)
    identity_public_url: Mapped[str | None] = mapped_column(sa.Text)
    identity_database: Mapped[str | None] = mapped_column(sa.Text)
    cursor_key: Mapped[bytes] = mapped_column(Bytes)
    v1_refused: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class GoLiveCertificate(Model):
    """What the checks of one environment found, at one credentials version; triggers refuse UPDATE and DELETE.

    ``checks`` is a list of `kedai.values.check.Check` as plain values; ``checked_at`` is when the checks began.
    """

    __tablename__ = "go_live_certificate"
    __table_args__ = (
        environment_check(),
        sa.ForeignKeyConstraint(
            ["connector", "environment"], ["environment_credentials.connector", "environment_credentials.environment"]
        ),
        sa.Index("ix_go_live_certificate_latest", "connector", "environment", "id"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    connector: Mapped[str] = mapped_column(KeyText)
    environment: Mapped[Environment] = mapped_column(EnvironmentType)
    credentials_version: Mapped[int] = mapped_column(Integer)
    checked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    checked_by: Mapped[str] = mapped_column(sa.Text)
    passed: Mapped[bool] = mapped_column(sa.Boolean)
    checks: Mapped[Any] = mapped_column(JsonText)


class EnvironmentSeal(Model):
    """An environment that nothing is asked for by a process of this identity, until a person confirms.

    ``found`` holds, for ``public_url`` and ``database``, what it ``was`` and what it ``is``.
    """

    __tablename__ = "environment_seal"
    __table_args__ = (environment_check(),)

    environment: Mapped[Environment] = mapped_column(EnvironmentType, primary_key=True)
    identity: Mapped[str] = mapped_column(KeyText, primary_key=True)
    found: Mapped[Any] = mapped_column(JsonText)
    sealed_at: Mapped[datetime] = mapped_column(UtcDateTime)
