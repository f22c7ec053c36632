"""Writing the catalogue: listings as they are seen, entries of the SKU map, and which orders wait for one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.catalog.models import ChannelListing, SkuMap, UnmappedOrder
from kedai.catalog.queries import find_map, of_keys
from kedai.db.upsert import insert_into
from kedai.errors import Invalid
from kedai.kit.ids import new_id
from kedai.values.actor import Actor
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.values.listing import Listing, ListingKey
from kedai.values.wording import N_

LONGEST_SKU = 100
_SEEN_AGAIN_AFTER = timedelta(days=1)
_KEY = ("connector", "environment", "shop_id", "item_id", "model_id")
_ROWS_AT_ONCE = 500
_FEW = 50
_NOT_COUNTED = datetime(1970, 1, 1, tzinfo=UTC)
"""When an order was noted that shall count once more."""


def check_sku(text: str) -> str:
    """The merchant's own SKU as it is stored.

    Raises:
        Invalid: blank, too long, or it holds what no label can show.
    """
    sku = text.strip()
    if not sku:
        raise Invalid(N_("A SKU is not blank."), field="sku")
    if len(sku) > LONGEST_SKU:
        raise Invalid(N_("A SKU has at most %(longest_sku)s characters.", longest_sku=LONGEST_SKU), field="sku")
    if not sku.isprintable():
        raise Invalid(N_("A SKU holds no line breaks and no control characters."), field="sku")
    return sku


def see_listings(db: Session, scope: Scope, listings: Collection[Listing], *, now: datetime) -> int:
    """Note what a shop offers, as the marketplace states it now; returns how many there were."""
    rows = [_row(scope, one, now) | {"last_seen_at": now} for one in _sorted(listings)]
    for at in range(0, len(rows), _ROWS_AT_ONCE):
        statement = insert_into(db, ChannelListing)
        told = {name: statement.excluded[name] for name in ("name", "model_name", "channel_sku", "last_seen_at")}
        db.execute(statement.on_conflict_do_update(index_elements=list(_KEY), set_=told), rows[at : at + _ROWS_AT_ONCE])
    return len(rows)


@dataclass(frozen=True, slots=True)
class Lacking:
    """A listing that orders wait for: its name, and the orders that had not been counted before, sorted."""

    key: ListingKey
    name: str
    order_sns: tuple[str, ...]


def note_order_lines(
    db: Session, scope: Scope, lines: Mapping[str, Sequence[Listing]], *, now: datetime
) -> list[Lacking]:
    """Look up the lines of orders (by order number) in the map; the listings that lack an entry, sorted.

    Whoever writes an entry meanwhile waits for this transaction, or this one sees what they wrote.
    """
    orders_of: dict[ListingKey, set[str]] = {}
    told: dict[ListingKey, Listing] = {}
    for order_sn, offered in lines.items():
        for one in offered:
            key = ListingKey(scope.shop_id, one.item_id, one.model_id)
            orders_of.setdefault(key, set()).add(order_sn)
            told[key] = one
    if not told or not _see_ordered(db, scope, told, now=now):
        return []
    where = (*of_keys(scope.connector, scope.environment, told), ChannelListing.sku.is_(None))
    by_key = (ChannelListing.shop_id, ChannelListing.item_id, ChannelListing.model_id)
    unmapped = db.execute(sa.select(*by_key).where(*where).order_by(*by_key).with_for_update(read=True)).all()
    keys = [key for row in unmapped if (key := ListingKey(*row)) in told]
    return _wait_for(db, scope, {key: (told[key].name, orders_of[key]) for key in keys}, now=now)


def _see_ordered(db: Session, scope: Scope, told: Mapping[ListingKey, Listing], *, now: datetime) -> bool:
    """Note the listings of order lines; False where each of them is mapped.

    Where all were seen within a day nothing is written; else all are, so that rows are locked in one order.
    """
    columns = (ChannelListing.item_id, ChannelListing.model_id, ChannelListing.sku, ChannelListing.last_seen_at)
    statement = sa.select(*columns).where(*of_keys(scope.connector, scope.environment, told))
    known = {ListingKey(scope.shop_id, row.item_id, row.model_id): row for row in db.execute(statement)}
    seen = [known[key].last_seen_at if key in known else None for key in told]
    if any(at is None or now - at > _SEEN_AGAIN_AFTER for at in seen):
        see_listings(db, scope, told.values(), now=now)
    return any(key not in known or known[key].sku is None for key in told)


def _wait_for(
    db: Session, scope: Scope, lacking: Mapping[ListingKey, tuple[str, set[str]]], *, now: datetime
) -> list[Lacking]:
    found = []
    for key, (name, order_sns) in sorted(lacking.items()):
        rows = [
            {
                "connector": scope.connector,
                "environment": scope.environment,
                **key._asdict(),
                "order_sn": one,
                "noted_at": now,
            }
            for one in sorted(order_sns)
        ]
        added = insert_into(db, UnmappedOrder)
        counted = added.on_conflict_do_update(
            index_elements=list(sa.inspect(UnmappedOrder).primary_key),
            set_={"noted_at": added.excluded.noted_at},
            where=UnmappedOrder.noted_at == _NOT_COUNTED,
        )
        new = sorted(db.execute(counted.returning(UnmappedOrder.order_sn), rows).scalars())
        if new:
            found.append(Lacking(key, name, tuple(new)))
    return found


@dataclass(frozen=True, slots=True)
class Entry:
    """What an entry of the map shall be: ``sku`` is ``None`` to remove it; the rest is for a listing not seen yet."""

    key: ListingKey
    sku: str | None
    name: str = ""
    model_name: str = ""
    channel_sku: str = ""


def lock_map(db: Session, connector: ConnectorName, environment: Environment) -> SkuMap | None:
    """Whoever changes the map passes here first: one at a time for each environment."""
    return find_map(db, connector, environment, lock=True)


def write_entries(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    entries: Iterable[Entry],
    *,
    actor: Actor,
    now: datetime,
) -> None:
    """Write entries, all of which must be changes, and count one version of the map; call `lock_map` first.

    The first entry of an environment makes the map demanded there.
    """
    rows = [
        {
            **_row(
                Scope(connector, environment, one.key.shop_id),
                Listing(one.key.item_id, one.key.model_id, one.name, one.model_name, one.channel_sku),
                now,
            ),
            "sku": one.sku,
            "sku_version": 1,
            "sku_set_at": now,
            "sku_set_by": actor.name,
        }
        for one in sorted(entries, key=lambda one: one.key)
    ]
    statement = insert_into(db, ChannelListing)
    changes: dict[str, Any] = {name: statement.excluded[name] for name in ("sku", "sku_set_at", "sku_set_by")}
    changes["sku_version"] = ChannelListing.sku_version + 1
    for at in range(0, len(rows), _ROWS_AT_ONCE):
        db.execute(
            statement.on_conflict_do_update(index_elements=list(_KEY), set_=changes), rows[at : at + _ROWS_AT_ONCE]
        )
    touch_map(db, connector, environment, actor=actor, now=now)


def touch_map(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    *,
    demanded: bool | None = None,
    actor: Actor,
    now: datetime,
) -> None:
    """Count a version of the map; ``demanded`` is ``None`` to keep it, which for a new map means demanded."""
    row = {
        "connector": connector,
        "environment": environment,
        "demanded": demanded is not False,
        "version": 1,
        "updated_at": now,
        "updated_by": actor.name,
    }
    statement = insert_into(db, SkuMap)
    changes: dict[str, Any] = {name: statement.excluded[name] for name in ("updated_at", "updated_by")}
    changes["version"] = SkuMap.version + 1
    if demanded is not None:
        changes["demanded"] = demanded
    db.execute(statement.on_conflict_do_update(index_elements=["connector", "environment"], set_=changes), row)


def forget_waiting(
    db: Session, connector: ConnectorName, environment: Environment, keys: Collection[ListingKey] | None
) -> list[ListingKey]:
    """No order waits for these listings (``None``: for any) any more; which of them had some waiting, sorted."""
    where = [UnmappedOrder.connector == connector, UnmappedOrder.environment == environment]
    columns = (UnmappedOrder.shop_id, UnmappedOrder.item_id, UnmappedOrder.model_id)
    if keys is None or len(keys) > _FEW:
        found = {ListingKey(*row) for row in db.execute(sa.select(*columns).where(*where).distinct())}
        keys = found if keys is None else found.intersection(keys)
    ended = []
    for key in sorted(keys):
        same = [column == text for column, text in zip(columns, key, strict=True)]
        gone = db.execute(sa.delete(UnmappedOrder).where(*where, *same).returning(UnmappedOrder.order_sn)).all()
        ended += [key] if gone else []
    return ended


def note_anew(db: Session, scope: Scope, waiting: Iterable[tuple[ListingKey, str]]) -> None:
    """These orders go on waiting for these listings, and count once more the next time that they are written."""
    for key, order_sn in sorted(waiting):
        same = [getattr(UnmappedOrder, name) == value for name, value in key._asdict().items()]
        mine = (UnmappedOrder.connector == scope.connector, UnmappedOrder.environment == scope.environment)
        statement = sa.update(UnmappedOrder).where(*mine, *same, UnmappedOrder.order_sn == order_sn)
        db.execute(statement.values(noted_at=_NOT_COUNTED), execution_options={"synchronize_session": False})


def _row(scope: Scope, one: Listing, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "connector": scope.connector,
        "environment": scope.environment,
        "shop_id": scope.shop_id,
        "item_id": one.item_id,
        "model_id": one.model_id,
        "name": one.name,
        "model_name": one.model_name,
        "channel_sku": one.sku,
        "first_seen_at": now,
        "last_seen_at": None,
        "sku": None,
        "sku_version": 0,
        "sku_set_at": None,
        "sku_set_by": None,
    }


def _sorted(listings: Iterable[Listing]) -> list[Listing]:
    """Each once, in the order in which rows are locked."""
    return [one for _, one in sorted({(one.item_id, one.model_id): one for one in listings}.items())]
