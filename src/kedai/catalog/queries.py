"""Reading the catalogue: listings with their entry in the SKU map, and how the map stands. Writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.catalog.models import ChannelListing, SkuMap, UnmappedOrder
from kedai.db.database import Database
from kedai.db.hop import list_values
from kedai.errors import Invalid, NotFound
from kedai.kit.paging import decode_cursor, encode_cursor
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.values.listing import ListingKey
from kedai.values.order import Page
from kedai.values.wording import N_

_KEYS_AT_ONCE = 400
_ROWS_AT_ONCE = 500
_AT_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Wish:
    """Which listings are meant: ``mapped`` is ``None`` for all; ``text`` is part of a name, an id or a SKU."""

    mapped: bool | None = None
    shop_id: str | None = None
    text: str | None = None


def find_map(db: Session, connector: ConnectorName, environment: Environment, *, lock: bool = False) -> SkuMap | None:
    """How an environment's map stands; None where nobody has begun it."""
    statement = sa.select(SkuMap).where(SkuMap.connector == connector, SkuMap.environment == environment)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return db.execute(statement).scalar_one_or_none()


def is_demanded(db: Session, connector: ConnectorName, environment: Environment) -> bool:
    """Whether an order with a line that is not mapped is told to a person; one look at one row."""
    statement = sa.select(SkuMap.demanded).where(SkuMap.connector == connector, SkuMap.environment == environment)
    return bool(db.execute(statement).scalar())


def list_listings(
    db: Session, wish: Wish, *, environment: Environment | None, cursor: str | None, cursor_key: bytes, limit: int
) -> Page[ChannelListing]:
    """Listings, those without a SKU first, and of each kind the one that was seen first last.

    Raises:
        Invalid: the cursor belongs to another list.
    """
    bound_to = "\0".join(("listings", str(environment), str(wish.mapped), wish.shop_id or "", wish.text or ""))
    place = _position(cursor, cursor_key, bound_to)
    rows: list[ChannelListing] = []
    for mapped in (False, True) if wish.mapped is None else (wish.mapped,):
        if place is not None and place[0] > mapped:
            continue
        before = place[1] if place is not None and place[0] == mapped else None
        rows += _newest(db, wish, mapped, environment, before, limit + 1 - len(rows))
        if len(rows) > limit:
            break
    shown = tuple(rows[:limit])
    if len(rows) <= limit:
        return Page(shown, None)
    return Page(shown, encode_cursor(cursor_key, bound_to, (int(shown[-1].sku is not None), shown[-1].id.hex)))


def count_listings(db: Session, wish: Wish, *, environment: Environment | None) -> dict[bool, int]:
    """How many are mapped (``True``) and how many are not, counted to ten thousand."""
    found = {}
    for mapped in (False, True):
        total = 0
        for one in _environments(environment):
            statement = sa.select(sa.literal(1)).where(*_where(wish, mapped, one)).limit(_AT_MOST)
            total += db.execute(sa.select(sa.func.count()).select_from(statement.subquery())).scalar_one()
        found[mapped] = min(total, _AT_MOST)
    return found


def get_listing(db: Session, listing_id: UUID, *, environment: Environment, lock: bool = False) -> ChannelListing:
    """One listing.

    Raises:
        NotFound: no such listing, or it belongs to the other environment.
    """
    statement = sa.select(ChannelListing).where(ChannelListing.id == listing_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    row = db.execute(statement).scalar_one_or_none()
    if row is None or row.environment is not environment:
        raise NotFound(N_("There is no such listing here."))
    return row


def find_listings(
    db: Session, connector: ConnectorName, environment: Environment, keys: Collection[ListingKey]
) -> dict[ListingKey, ChannelListing]:
    """Those of the named listings that are known."""
    found: dict[ListingKey, ChannelListing] = {}
    wanted = sorted(set(keys))
    for at in range(0, len(wanted), _KEYS_AT_ONCE):
        some = set(wanted[at : at + _KEYS_AT_ONCE])
        for row in db.execute(sa.select(ChannelListing).where(*of_keys(connector, environment, some))).scalars():
            if row.key in some:
                found[row.key] = row
    return found


def count_waiting(
    db: Session, connector: ConnectorName, environment: Environment, keys: Collection[ListingKey]
) -> dict[ListingKey, int]:
    """How many orders wait for each of these listings; one that none waits for is left out."""
    if not keys:
        return {}
    columns = (UnmappedOrder.shop_id, UnmappedOrder.item_id, UnmappedOrder.model_id)
    statement = sa.select(*columns, sa.func.count()).where(
        UnmappedOrder.connector == connector,
        UnmappedOrder.environment == environment,
        UnmappedOrder.shop_id.in_(sorted({key.shop_id for key in keys})),
        UnmappedOrder.item_id.in_(sorted({key.item_id for key in keys})),
    )
    return {key: row[3] for row in db.execute(statement.group_by(*columns)) if (key := ListingKey(*row[:3])) in keys}


def list_shops(db: Session, *, environment: Environment | None) -> tuple[str, ...]:
    """The shops that have listings, each found by one seek along the unique index."""
    found: set[str] = set()
    for one in _environments(environment):
        for connector in list_values(db, ChannelListing.connector):
            where = (ChannelListing.connector == connector, ChannelListing.environment == one)
            found.update(list_values(db, ChannelListing.shop_id, *where))
    return tuple(sorted(found))


def each_listing(
    database: Database, connector: ConnectorName, environment: Environment, wish: Wish
) -> Iterator[list[ChannelListing]]:
    """All listings that fit, oldest first, a piece at a time; each piece is read for itself."""
    after: UUID | None = None
    while True:
        statement = sa.select(ChannelListing).where(ChannelListing.connector == connector)
        statement = statement.where(*_where(wish, wish.mapped, environment))
        if after is not None:
            statement = statement.where(ChannelListing.id > after)
        with database.read() as db:
            rows = list(db.execute(statement.order_by(ChannelListing.id).limit(_ROWS_AT_ONCE)).scalars())
        if rows:
            yield rows
        if len(rows) < _ROWS_AT_ONCE:
            return
        after = rows[-1].id


def list_all(
    db: Session, connector: ConnectorName, environment: Environment, *, mapped: bool, limit: int
) -> list[ChannelListing]:
    """The mapped listings of an environment, or those that are not, oldest first."""
    statement = sa.select(ChannelListing).where(ChannelListing.connector == connector)
    statement = statement.where(*_where(Wish(), mapped, environment)).order_by(ChannelListing.id).limit(limit)
    return list(db.execute(statement).scalars())


def of_keys(
    connector: ConnectorName, environment: Environment, keys: Collection[ListingKey]
) -> tuple[sa.ColumnElement[bool], ...]:
    """Along the unique index to all variants of the items meant: the caller leaves out those it did not ask for."""
    return (
        ChannelListing.connector == connector,
        ChannelListing.environment == environment,
        ChannelListing.shop_id.in_(sorted({key.shop_id for key in keys})),
        ChannelListing.item_id.in_(sorted({key.item_id for key in keys})),
    )


def _newest(
    db: Session, wish: Wish, mapped: bool, environment: Environment | None, before: UUID | None, limit: int
) -> list[ChannelListing]:
    rows: list[ChannelListing] = []
    for one in _environments(environment):
        statement = sa.select(ChannelListing).where(*_where(wish, mapped, one))
        if before is not None:
            statement = statement.where(ChannelListing.id < before)
        rows += db.execute(statement.order_by(ChannelListing.id.desc()).limit(limit)).scalars()
    rows.sort(key=lambda row: row.id, reverse=True)
    return rows[:limit]


def _where(wish: Wish, mapped: bool | None, environment: Environment) -> list[sa.ColumnElement[bool]]:
    where = [ChannelListing.environment == environment]
    if mapped is not None:
        where.append(ChannelListing.sku.is_not(None) if mapped else ChannelListing.sku.is_(None))
    if wish.shop_id is not None:
        where.append(ChannelListing.shop_id == wish.shop_id)
    if wish.text is not None:
        where.append(_speaks_of(wish.text))
    return where


def _speaks_of(text: str) -> sa.ColumnElement[bool]:
    columns = (
        ChannelListing.name,
        ChannelListing.model_name,
        ChannelListing.channel_sku,
        ChannelListing.sku,
        ChannelListing.item_id,
        ChannelListing.model_id,
    )
    return sa.or_(*(column.icontains(text, autoescape=True) for column in columns))


def _environments(environment: Environment | None) -> Iterable[Environment]:
    return tuple(Environment) if environment is None else (environment,)


def _position(cursor: str | None, key: bytes, bound_to: str) -> tuple[bool, UUID] | None:
    if cursor is None:
        return None
    position = decode_cursor(key, bound_to, cursor)
    if len(position) != 2:
        raise Invalid(N_("The cursor is not valid."), field="cursor")
    return bool(position[0]), UUID(hex=str(position[1]))


def list_waiting(db: Session, scope: Scope, order_sns: Collection[str]) -> Sequence[tuple[ListingKey, str]]:
    """For which listings these orders of a shop wait, each with the order number; sorted."""
    table = UnmappedOrder
    mine = (table.connector == scope.connector, table.environment == scope.environment, table.shop_id == scope.shop_id)
    columns = (table.shop_id, table.item_id, table.model_id, table.order_sn)
    statement = sa.select(*columns).where(*mine, table.order_sn.in_(sorted(order_sns))).order_by(*columns)
    return [(ListingKey(shop_id, item, model), order_sn) for shop_id, item, model, order_sn in db.execute(statement)]
