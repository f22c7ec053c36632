"""Short words for what these tests do to the SKU map."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import sqlalchemy as sa

from kedai.catalog.csv_file import parse
from kedai.catalog.importing import Plan
from kedai.catalog.models import ChannelListing, SkuMap
from kedai.catalog.service import see_listings
from kedai.orders.service import prepare
from kedai.sync import sku_import, skus
from kedai.sync.runner import run_next
from kedai.sync.store import store_orders
from kedai.values.environment import Environment, Scope
from kedai.values.listing import Listing
from kedai.values.order import OrderSnapshot
from tests.support.factories import ANNA, FAKE, SANDBOX, SHOP, House


def listing(item_id: str = "1", model_id: str = "0", **told: str) -> Listing:
    given = {"name": f"Item {item_id}", "model_name": "", "sku": "", **told}
    return Listing(item_id, model_id, **given)


def see(house: House, *listings: Listing, environment: Environment = SANDBOX, shop_id: str = SHOP) -> None:
    with house.db.write() as db:
        see_listings(db, Scope(FAKE, environment, shop_id), listings, now=house.now)


def store(house: House, *snapshots: OrderSnapshot, environment: Environment = SANDBOX, shop_id: str = SHOP) -> None:
    """Orders as the worker writes them."""
    with house.db.write() as db:
        store_orders(db, Scope(FAKE, environment, shop_id), prepare(snapshots), now=house.now)


def demand(house: House, environment: Environment = SANDBOX, *, demanded: bool = True) -> None:
    version = map_version(house, environment)
    with house.db.write() as db:
        skus.set_demanded(db, FAKE, environment, demanded, expected_version=version, actor=ANNA, now=house.now)


def map_to(house: House, sku: str | None, item_id: str = "1", environment: Environment = SANDBOX) -> bool:
    """Map an item's first listing by hand."""
    row = next(one for one in listings(house, environment) if one.item_id == item_id)
    version = row.sku_version
    with house.db.write() as db:
        return skus.set_sku(
            db, row.id, sku, environment=environment, expected_version=version, actor=ANNA, now=house.now
        )


def run_import(
    house: House,
    text: str,
    environment: Environment = SANDBOX,
    *,
    version: int | None = None,
    shop_id: str | None = None,
) -> Plan:
    with house.db.write() as db:
        return sku_import.apply(
            db,
            FAKE,
            environment,
            parse(text.encode()),
            shop_id=shop_id,
            expected_version=version,
            actor=ANNA,
            now=house.now,
        )


def preview(house: House, text: str, environment: Environment = SANDBOX) -> Plan:
    with house.db.read() as db:
        return sku_import.plan(db, FAKE, environment, parse(text.encode()), shop_id=None)


def listings(house: House, environment: Environment = SANDBOX) -> Sequence[ChannelListing]:
    statement = sa.select(ChannelListing).where(ChannelListing.environment == environment)
    order = (ChannelListing.shop_id, ChannelListing.item_id, ChannelListing.model_id)
    with house.db.read() as db:
        return db.execute(statement.order_by(*order)).scalars().all()


def skus_of(house: House, environment: Environment = SANDBOX) -> dict[str, str | None]:
    """The merchant's SKU by item/model."""
    return {f"{one.item_id}/{one.model_id}": one.sku for one in listings(house, environment)}


def map_version(house: House, environment: Environment = SANDBOX) -> int:
    statement = sa.select(SkuMap.version).where(SkuMap.connector == FAKE, SkuMap.environment == environment)
    return house.scalar(statement) or 0


def run_all(house: House) -> None:
    """Take every run to its end."""

    async def until_idle() -> None:
        while await run_next(house.parts):
            pass

    asyncio.run(until_idle())
