"""Tables of orders. Every row carries its environment, and every reference carries it too."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from kedai.db.base import Model
from kedai.db.types import (
    Amount,
    Bytes,
    EnvironmentType,
    Id,
    Integer,
    JsonText,
    KeyText,
    UtcDateTime,
    environment_check,
)
from kedai.values.environment import Environment

_SHOP = ["shop.connector", "shop.environment", "shop.shop_id"]
_ORDER = ["order_sync.connector", "order_sync.environment", "order_sync.shop_id", "order_sync.order_sn"]
_ORDER_KEY = ["connector", "environment", "shop_id", "order_sn"]


class OrderSync(Model):
    """What we believe about an order. Never goes back to an older reading.

    Personal data is loaded only by who asks for it (`kedai.orders.people`): a page cannot show it by mistake.
    """

    __tablename__ = "order_sync"
    __table_args__ = (
        environment_check(),
        sa.UniqueConstraint(*_ORDER_KEY),
        sa.ForeignKeyConstraint(_ORDER_KEY[:3], _SHOP),
        sa.Index("ix_order_sync_list", "environment", "remote_updated_at", "id"),
        sa.Index("ix_order_sync_shop", "environment", "shop_id", "remote_updated_at", "id"),
        sa.Index("ix_order_sync_status", "environment", "status", "remote_updated_at", "id"),
        sa.Index(
            "ix_order_sync_booking",
            "booking_sn",
            "shop_id",
            sqlite_where=sa.text("booking_sn IS NOT NULL"),
            postgresql_where=sa.text("booking_sn IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    connector: Mapped[str] = mapped_column(KeyText)
    environment: Mapped[Environment] = mapped_column(EnvironmentType)
    shop_id: Mapped[str] = mapped_column(KeyText)
    order_sn: Mapped[str] = mapped_column(KeyText)
    status: Mapped[str] = mapped_column(sa.Text)
    currency: Mapped[str] = mapped_column(sa.Text)
    total_amount: Mapped[Decimal | None] = mapped_column(Amount)
    booking_sn: Mapped[str | None] = mapped_column(KeyText)
    buyer_username: Mapped[str | None] = mapped_column(sa.Text, deferred=True, deferred_raiseload=True)
    recipient_name: Mapped[str | None] = mapped_column(sa.Text, deferred=True, deferred_raiseload=True)
    recipient_phone: Mapped[str | None] = mapped_column(sa.Text, deferred=True, deferred_raiseload=True)
    recipient_address: Mapped[str | None] = mapped_column(sa.Text, deferred=True, deferred_raiseload=True)
    buyer_message: Mapped[str | None] = mapped_column(sa.Text, deferred=True, deferred_raiseload=True)
    tracking_number: Mapped[str | None] = mapped_column(sa.Text)
    shipping_carrier: Mapped[str | None] = mapped_column(sa.Text)
    payment_method: Mapped[str | None] = mapped_column(sa.Text)
    line_count: Mapped[int] = mapped_column(Integer)
    ship_by_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    remote_created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    remote_updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    read_started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answer_hash: Mapped[bytes] = mapped_column(Bytes)
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    synced_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OrderItem(Model):
    """One line of an order, in the marketplace's order of lines."""

    __tablename__ = "order_item"
    __table_args__ = (environment_check(), sa.ForeignKeyConstraint(_ORDER_KEY, _ORDER))

    connector: Mapped[str] = mapped_column(KeyText, primary_key=True)
    environment: Mapped[Environment] = mapped_column(EnvironmentType, primary_key=True)
    shop_id: Mapped[str] = mapped_column(KeyText, primary_key=True)
    order_sn: Mapped[str] = mapped_column(KeyText, primary_key=True)
    line: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    item_id: Mapped[str] = mapped_column(KeyText)
    model_id: Mapped[str] = mapped_column(KeyText)
    name: Mapped[str] = mapped_column(sa.Text)
    model_name: Mapped[str] = mapped_column(sa.Text)
    sku: Mapped[str] = mapped_column(sa.Text)
    quantity: Mapped[int] = mapped_column(Integer)
    unit_price: Mapped[Decimal | None] = mapped_column(Amount)


class OrderTimeline(Model):
    """A change of an order's status as we learned of it; ``unexpected`` where no order goes that way by the book."""

    __tablename__ = "order_timeline"
    __table_args__ = (
        environment_check(),
        sa.UniqueConstraint(*_ORDER_KEY, "remote_updated_at", "status", name="uq_order_timeline_change"),
        sa.ForeignKeyConstraint(_ORDER_KEY, _ORDER),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    connector: Mapped[str] = mapped_column(KeyText)
    environment: Mapped[Environment] = mapped_column(EnvironmentType)
    shop_id: Mapped[str] = mapped_column(KeyText)
    order_sn: Mapped[str] = mapped_column(KeyText)
    previous_status: Mapped[str | None] = mapped_column(sa.Text)
    status: Mapped[str] = mapped_column(sa.Text)
    unexpected: Mapped[bool] = mapped_column(sa.Boolean, default=False, server_default=sa.false())
    remote_updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OrderPackage(Model):
    """A package of an order. Tracking number and shipping document may come by push alone, each with its instant."""

    __tablename__ = "order_package"
    __table_args__ = (environment_check(), sa.ForeignKeyConstraint(_ORDER_KEY, _ORDER))

    connector: Mapped[str] = mapped_column(KeyText, primary_key=True)
    environment: Mapped[Environment] = mapped_column(EnvironmentType, primary_key=True)
    shop_id: Mapped[str] = mapped_column(KeyText, primary_key=True)
    order_sn: Mapped[str] = mapped_column(KeyText, primary_key=True)
    package_number: Mapped[str] = mapped_column(KeyText, primary_key=True)
    status: Mapped[str] = mapped_column(sa.Text)
    carrier: Mapped[str | None] = mapped_column(sa.Text)
    tracking_number: Mapped[str | None] = mapped_column(sa.Text)
    tracked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    document_status: Mapped[str | None] = mapped_column(sa.Text)
    documented_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    items: Mapped[Any] = mapped_column(JsonText)


class OrderPackageChange(Model):
    """What changed about a package: ``field`` is one of ``added``, ``removed``, or the name of a column."""

    __tablename__ = "order_package_change"
    __table_args__ = (
        environment_check(),
        sa.ForeignKeyConstraint(_ORDER_KEY, _ORDER),
        sa.Index("ix_order_package_change_order", *_ORDER_KEY, "id"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    connector: Mapped[str] = mapped_column(KeyText)
    environment: Mapped[Environment] = mapped_column(EnvironmentType)
    shop_id: Mapped[str] = mapped_column(KeyText)
    order_sn: Mapped[str] = mapped_column(KeyText)
    package_number: Mapped[str] = mapped_column(KeyText)
    field: Mapped[str] = mapped_column(sa.Text)
    before: Mapped[str | None] = mapped_column(sa.Text)
    after: Mapped[str | None] = mapped_column(sa.Text)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Settled:
    """The amounts of `kedai.values.settlement.Amounts`; null is what the marketplace did not say, never zero."""

    goods: Mapped[Decimal | None] = mapped_column(Amount)
    vouchers: Mapped[Decimal | None] = mapped_column(Amount)
    shipping: Mapped[Decimal | None] = mapped_column(Amount)
    refunds: Mapped[Decimal | None] = mapped_column(Amount)
    commission_fee: Mapped[Decimal | None] = mapped_column(Amount)
    service_fee: Mapped[Decimal | None] = mapped_column(Amount)
    transaction_fee: Mapped[Decimal | None] = mapped_column(Amount)
    adjustments: Mapped[Decimal | None] = mapped_column(Amount)
    other: Mapped[Decimal | None] = mapped_column(Amount)
    earned: Mapped[Decimal | None] = mapped_column(Amount)


class OrderEscrow(Settled, Model):
    """What an order earned. There is a row only once the marketplace has paid it out."""

    __tablename__ = "order_escrow"
    __table_args__ = (environment_check(), sa.ForeignKeyConstraint(_ORDER_KEY, _ORDER))

    connector: Mapped[str] = mapped_column(KeyText, primary_key=True)
    environment: Mapped[Environment] = mapped_column(EnvironmentType, primary_key=True)
    shop_id: Mapped[str] = mapped_column(KeyText, primary_key=True)
    order_sn: Mapped[str] = mapped_column(KeyText, primary_key=True)
    currency: Mapped[str] = mapped_column(sa.Text)
    payout: Mapped[Decimal | None] = mapped_column(Amount)
    released_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    captured_at: Mapped[datetime] = mapped_column(UtcDateTime)
    read_started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answer_hash: Mapped[bytes] = mapped_column(Bytes)


class OrderEscrowLine(Settled, Model):
    """A line's share of what its order earned; over the lines every amount adds up to the order's."""

    __tablename__ = "order_escrow_line"
    __table_args__ = (
        environment_check(),
        sa.ForeignKeyConstraint(_ORDER_KEY, [f"order_escrow.{name}" for name in _ORDER_KEY]),
    )

    connector: Mapped[str] = mapped_column(KeyText, primary_key=True)
    environment: Mapped[Environment] = mapped_column(EnvironmentType, primary_key=True)
    shop_id: Mapped[str] = mapped_column(KeyText, primary_key=True)
    order_sn: Mapped[str] = mapped_column(KeyText, primary_key=True)
    line: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    item_id: Mapped[str] = mapped_column(KeyText)
    model_id: Mapped[str] = mapped_column(KeyText)
    sku: Mapped[str] = mapped_column(sa.Text)
    quantity: Mapped[int] = mapped_column(Integer)


class OrderAnswer(Model):
    """Every distinct answer about an order: the exact bytes, compressed."""

    __tablename__ = "order_answer"
    __table_args__ = (environment_check(), sa.ForeignKeyConstraint(_ORDER_KEY[:3], _SHOP))

    connector: Mapped[str] = mapped_column(KeyText, primary_key=True)
    environment: Mapped[Environment] = mapped_column(EnvironmentType, primary_key=True)
    shop_id: Mapped[str] = mapped_column(KeyText, primary_key=True)
    order_sn: Mapped[str] = mapped_column(KeyText, primary_key=True)
    kind: Mapped[str] = mapped_column(KeyText, primary_key=True)
    hash: Mapped[bytes] = mapped_column(Bytes, primary_key=True)
    body: Mapped[bytes] = mapped_column(Bytes)
    remote_updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    read_started_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OrderShadow(Model):
    """An order that a rebuild would leave otherwise than it stands, until a person applies or discards it.

    ``answer_hash`` names the stored answer it was rebuilt from (null: none was known then, or it cannot be read), and
    ``standing_hash`` the one that stood when they were compared.
    """

    __tablename__ = "order_shadow"
    __table_args__ = (
        environment_check(),
        sa.CheckConstraint(
            "state IN ('differs', 'unknown_then', 'unreadable', 'applied', 'moved_on', 'discarded')", name="state_known"
        ),
        sa.ForeignKeyConstraint(_ORDER_KEY, _ORDER),
    )

    run_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    connector: Mapped[str] = mapped_column(KeyText, primary_key=True)
    environment: Mapped[Environment] = mapped_column(EnvironmentType, primary_key=True)
    shop_id: Mapped[str] = mapped_column(KeyText, primary_key=True)
    order_sn: Mapped[str] = mapped_column(KeyText, primary_key=True)
    state: Mapped[str] = mapped_column(sa.Text)
    answer_hash: Mapped[bytes | None] = mapped_column(Bytes)
    standing_hash: Mapped[bytes] = mapped_column(Bytes)
    events: Mapped[int] = mapped_column(Integer)
    differences: Mapped[Any] = mapped_column(JsonText)
