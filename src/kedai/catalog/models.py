"""Tables of the catalogue. Every row carries its environment: the maps of sandbox and live never mix."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from kedai.db.base import Model
from kedai.db.types import EnvironmentType, Id, Integer, KeyText, UtcDateTime, environment_check
from kedai.values.environment import Environment
from kedai.values.listing import ListingKey

_SHOP = ["connector", "environment", "shop_id"]
_LISTING = [*_SHOP, "item_id", "model_id"]


class ChannelListing(Model):
    """A listing of a shop, and its entry in the SKU map: ``sku`` is ``None`` where it is not mapped.

    ``last_seen_at`` is ``None`` where only an imported file has named it. ``sku_version`` counts every change of the
    entry, its removal too.
    """

    __tablename__ = "channel_listing"
    __table_args__ = (
        environment_check(),
        sa.CheckConstraint("sku IS NULL OR sku <> ''", name="sku_not_blank"),
        sa.UniqueConstraint(*_LISTING, name="uq_channel_listing_key"),
        sa.ForeignKeyConstraint(_SHOP, [f"shop.{name}" for name in _SHOP]),
        sa.Index(
            "ix_channel_listing_unmapped",
            "environment",
            "id",
            sqlite_where=sa.text("sku IS NULL"),
            postgresql_where=sa.text("sku IS NULL"),
        ),
        sa.Index(
            "ix_channel_listing_mapped",
            "environment",
            "id",
            sqlite_where=sa.text("sku IS NOT NULL"),
            postgresql_where=sa.text("sku IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    connector: Mapped[str] = mapped_column(KeyText)
    environment: Mapped[Environment] = mapped_column(EnvironmentType)
    shop_id: Mapped[str] = mapped_column(KeyText)
    item_id: Mapped[str] = mapped_column(KeyText)
    model_id: Mapped[str] = mapped_column(KeyText)
    name: Mapped[str] = mapped_column(sa.Text)
    model_name: Mapped[str] = mapped_column(sa.Text)
    channel_sku: Mapped[str] = mapped_column(sa.Text)
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sku: Mapped[str | None] = mapped_column(sa.Text)
    sku_version: Mapped[int] = mapped_column(Integer)
    sku_set_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sku_set_by: Mapped[str | None] = mapped_column(sa.Text)

    @property
    def key(self) -> ListingKey:
        return ListingKey(self.shop_id, self.item_id, self.model_id)


class SkuMap(Model):
    """One environment's map as a whole: whether it is demanded, and a version that counts every change of it."""

    __tablename__ = "sku_map"
    __table_args__ = (
        environment_check(),
        sa.ForeignKeyConstraint(
            ["connector", "environment"], ["environment_credentials.connector", "environment_credentials.environment"]
        ),
    )

    connector: Mapped[str] = mapped_column(KeyText, primary_key=True)
    environment: Mapped[Environment] = mapped_column(EnvironmentType, primary_key=True)
    demanded: Mapped[bool] = mapped_column(sa.Boolean)
    version: Mapped[int] = mapped_column(Integer)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_by: Mapped[str] = mapped_column(sa.Text)


class UnmappedOrder(Model):
    """An order that waits for the SKU of a listing: so that each counts once, however often it is written."""

    __tablename__ = "unmapped_order"
    __table_args__ = (
        environment_check(),
        sa.ForeignKeyConstraint(
            _LISTING, [f"channel_listing.{name}" for name in _LISTING], name="fk_unmapped_order_listing"
        ),
    )

    connector: Mapped[str] = mapped_column(KeyText, primary_key=True)
    environment: Mapped[Environment] = mapped_column(EnvironmentType, primary_key=True)
    shop_id: Mapped[str] = mapped_column(KeyText, primary_key=True)
    item_id: Mapped[str] = mapped_column(KeyText, primary_key=True)
    model_id: Mapped[str] = mapped_column(KeyText, primary_key=True)
    order_sn: Mapped[str] = mapped_column(KeyText, primary_key=True)
    noted_at: Mapped[datetime] = mapped_column(UtcDateTime)
