"""Tables of the inbox. The event row *is* the job: being worked on is its lease, not a state."""

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


class RawEvent(LeasedModel):
    """A verified push: its exact bytes and what was understood of them (null where malformed)."""

    __tablename__ = "raw_event"
    __table_args__ = (
        environment_check(),
        sa.CheckConstraint(
            "state IN ('received', 'parked', 'applied', 'skipped', 'dead', 'discarded')", name="state_known"
        ),
        sa.CheckConstraint(
            "(state = 'parked') = (parked_reason IS NOT NULL) AND (parked_reason IS NULL OR parked_reason IN "
            "('inactive_environment', 'unknown_shop', 'order_not_found'))",
            name="parked_reason_known",
        ),
        sa.UniqueConstraint("connector", "environment", "event_id"),
        sa.ForeignKeyConstraint(
            ["connector", "environment"], ["environment_credentials.connector", "environment_credentials.environment"]
        ),
        # the queue: small, since only waiting rows are in it; claiming an order's rows must never read past them
        sa.Index(
            "ix_raw_event_waiting",
            "connector",
            "environment",
            "shop_id",
            "order_sn",
            sqlite_where=sa.text("state = 'received'"),
            postgresql_where=sa.text("state = 'received'"),
        ),
        # On PostgreSQL it says twice what is so: a statement that does not speak of `due_at` cannot use it. A planner
        # that believes that next to nothing waits would else read all of it to find one order.
        sa.Index(
            "ix_raw_event_due",
            "due_at",
            "id",
            sqlite_where=sa.text("state = 'received'"),
            postgresql_where=sa.text("state = 'received' AND due_at IS NOT NULL"),
        ),
        sa.Index(
            "ix_raw_event_parked",
            "connector",
            "environment",
            "id",
            sqlite_where=sa.text("state = 'parked'"),
            postgresql_where=sa.text("state = 'parked'"),
        ),
        sa.Index(
            "ix_raw_event_dead",
            "connector",
            "environment",
            "id",
            sqlite_where=sa.text("state = 'dead'"),
            postgresql_where=sa.text("state = 'dead'"),
        ),
        # few rows: when the push key that was replaced last signed anything must not cost a walk over all pushes
        sa.Index(
            "ix_raw_event_previous_key",
            "connector",
            "environment",
            "id",
            sqlite_where=sa.text("matched_key = 'previous'"),
            postgresql_where=sa.text("matched_key = 'previous'"),
        ),
        # what was finished lately, for figures; the intake never writes it
        sa.Index(
            "ix_raw_event_finished",
            "environment",
            "finished_at",
            sqlite_where=sa.text("finished_at IS NOT NULL"),
            postgresql_where=sa.text("finished_at IS NOT NULL"),
        ),
        sa.Index("ix_raw_event_list", "environment", "id"),
        sa.Index("ix_raw_event_order", "order_sn", "shop_id", "environment"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    connector: Mapped[str] = mapped_column(KeyText)
    environment: Mapped[Environment] = mapped_column(EnvironmentType)
    event_id: Mapped[bytes] = mapped_column(Bytes)
    body: Mapped[bytes] = mapped_column(Bytes)
    headers: Mapped[Any] = mapped_column(JsonText)
    matched_key: Mapped[str] = mapped_column(sa.Text)
    matched_url: Mapped[str] = mapped_column(sa.Text)
    topic: Mapped[str] = mapped_column(sa.Text)
    code: Mapped[int | None] = mapped_column(Integer)
    shop_id: Mapped[str | None] = mapped_column(KeyText)
    order_sn: Mapped[str | None] = mapped_column(KeyText)
    pushed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(sa.Text)
    parked_reason: Mapped[str | None] = mapped_column(sa.Text)
    note: Mapped[str] = mapped_column(sa.Text, default="", server_default="")
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    stalls: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    duplicates: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    discarded_by: Mapped[str | None] = mapped_column(sa.Text)
    tries: Mapped[str] = mapped_column(sa.Text, default="", server_default="")
    """Those that did not end well, as `inbox.tries` keeps them; what is applied at once writes nothing here."""


class RejectedDelivery(Model):
    """A delivery that failed verification, kept for a look (bounded in size, number and rate).

    ``signature`` is what came in the signature header where it had the shape of one, else null: it is never shown.
    ``size`` is the body's whole size. ``diagnosis`` is why it fails, judged by keys and URLs named ``diagnosed_for``.
    """

    __tablename__ = "rejected_delivery"
    __table_args__ = (environment_check(), sa.Index("ix_rejected_delivery_list", "environment", "id"))

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    connector: Mapped[str] = mapped_column(KeyText)
    environment: Mapped[Environment] = mapped_column(EnvironmentType)
    reason: Mapped[str] = mapped_column(sa.Text)
    headers: Mapped[Any] = mapped_column(JsonText)
    body: Mapped[bytes] = mapped_column(Bytes)
    size: Mapped[int] = mapped_column(Integer)
    signature: Mapped[bytes | None] = mapped_column(Bytes)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    diagnosis: Mapped[str] = mapped_column(sa.Text, default="unknown_key", server_default="unknown_key")
    diagnosed_for: Mapped[str] = mapped_column(sa.Text, default="", server_default="")
    admitted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    admitted_by: Mapped[str | None] = mapped_column(sa.Text)
    event_id: Mapped[UUID | None] = mapped_column(Id)


class RejectedCount(Model):
    """How many deliveries were rejected per environment and reason, including those not kept as rows."""

    __tablename__ = "rejected_count"
    __table_args__ = (environment_check(),)

    connector: Mapped[str] = mapped_column(KeyText, primary_key=True)
    environment: Mapped[Environment] = mapped_column(EnvironmentType, primary_key=True)
    reason: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    count: Mapped[int] = mapped_column(Integer)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Notice(Model):
    """Something the marketplace told the operator in words, taken from a push; ``seen_at`` is null until read."""

    __tablename__ = "notice"
    __table_args__ = (
        environment_check(),
        sa.UniqueConstraint("connector", "environment", "event_id", "number"),
        sa.ForeignKeyConstraint(
            ["connector", "environment"], ["environment_credentials.connector", "environment_credentials.environment"]
        ),
        sa.Index("ix_notice_list", "environment", "id"),
        sa.Index(
            "ix_notice_unseen",
            "environment",
            "id",
            sqlite_where=sa.text("seen_at IS NULL"),
            postgresql_where=sa.text("seen_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    connector: Mapped[str] = mapped_column(KeyText)
    environment: Mapped[Environment] = mapped_column(EnvironmentType)
    event_id: Mapped[UUID] = mapped_column(Id)
    number: Mapped[int] = mapped_column(Integer)
    shop_id: Mapped[str | None] = mapped_column(KeyText)
    title: Mapped[str] = mapped_column(sa.Text)
    content: Mapped[str] = mapped_column(sa.Text)
    url: Mapped[str | None] = mapped_column(sa.Text)
    stated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    seen_by: Mapped[str | None] = mapped_column(sa.Text)


class EventFigure(Model):
    """How the pushes of one minute or hour fared; ``grain`` says which of both. Every number only grows.

    ``received`` and ``parked`` count by when they arrived, the others by when they were finished; ``failed`` are dead.
    ``latency_ms`` is summed over the applied, from receipt on; ``within_…`` says how many of them took no longer.
    ``oldest_ms`` is how long the oldest waiting one had waited at most; null while nobody looked.
    """

    __tablename__ = "event_figure"
    __table_args__ = (
        environment_check(),
        sa.CheckConstraint("grain IN ('minute', 'hour')", name="grain_known"),
        sa.Index("ix_event_figure_list", "environment", "grain", "starts_at"),
    )

    connector: Mapped[str] = mapped_column(KeyText, primary_key=True)
    environment: Mapped[Environment] = mapped_column(EnvironmentType, primary_key=True)
    grain: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    received: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    parked: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    applied: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    skipped: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    failed: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    latency_ms: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    within_100ms: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    within_1s: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    within_5s: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    within_30s: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    within_5min: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    oldest_ms: Mapped[int | None] = mapped_column(Integer)
