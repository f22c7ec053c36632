"""Reading orders: lists by keyset, one order with its lines, timeline and stored answers. Writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db.hop import MOST_VALUES, hop_along, list_values
from kedai.db.types import Id, UtcDateTime, from_microseconds, to_microseconds
from kedai.errors import Invalid, NotFound
from kedai.kit.paging import decode_cursor, encode_cursor
from kedai.orders.models import OrderSync
from kedai.orders.people import mask
from kedai.values.environment import Environment, Scope
from kedai.values.order import Page
from kedai.values.wording import N_

AFTER_EVERYTHING = "\U0010ffff"


class OrderKey(NamedTuple):
    """What names an order at a marketplace, inside one environment."""

    connector: str
    environment: Environment
    shop_id: str
    order_sn: str


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One order as a list shows it; ``buyer`` is masked."""

    id: UUID
    connector: str
    environment: Environment
    shop_id: str
    order_sn: str
    status: str
    currency: str
    total_amount: Decimal | None
    buyer: str | None
    line_count: int
    ship_by_at: datetime | None
    remote_created_at: datetime
    remote_updated_at: datetime


_COLUMNS = [getattr(OrderSync, "buyer_username" if name == "buyer" else name) for name in OrderRow.__dataclass_fields__]


def list_orders(
    db: Session,
    *,
    environment: Environment | None,
    statuses: Sequence[str] | None,
    shop_id: str | None,
    cursor: str | None,
    cursor_key: bytes,
    limit: int,
) -> Page[OrderRow]:
    """Orders, newest change first; ``environment`` and ``statuses`` are ``None`` for all of them.

    Each environment and status is read along its own index and the few rows are merged here, since one statement over
    several of them would sort the whole table.

    Raises:
        Invalid: the cursor belongs to another list.
    """
    bound_to = _bound("orders", environment, shop_id, *(statuses if statuses is not None else (None,)))
    position = _time_position(cursor, cursor_key, bound_to)
    rows: list[OrderRow] = []
    for one in _environments(environment):
        for status in statuses if statuses is not None else (None,):
            rows += _newest(db, one, status, shop_id, position, limit + 1)
    rows.sort(key=lambda row: (row.remote_updated_at, row.id), reverse=True)
    return _page(rows, limit, cursor_key, bound_to, lambda row: (to_microseconds(row.remote_updated_at), row.id.hex))


def search_orders(
    db: Session,
    *,
    environment: Environment | None,
    order_sn: str,
    shop_id: str | None,
    cursor: str | None,
    cursor_key: bytes,
    limit: int,
) -> Page[OrderRow]:
    """Orders whose number begins with ``order_sn``, highest number first.

    Raises:
        Invalid: the cursor belongs to another list.
    """
    bound_to = _bound("orders?", environment, shop_id, order_sn)
    position = _number_position(cursor, cursor_key, bound_to)
    rows: list[OrderRow] = []
    for scope in list_scopes(db, environment=environment):
        if shop_id is None or scope.shop_id == shop_id:
            rows += _numbered(db, scope, order_sn, position, limit + 1)
    rows.sort(key=lambda row: (row.order_sn, row.id), reverse=True)
    return _page(rows, limit, cursor_key, bound_to, lambda row: (row.order_sn, row.id.hex))


def list_statuses(db: Session, *, environment: Environment | None) -> tuple[str, ...]:
    """Every status that orders have, the marketplace's own words; found by hopping along the index."""
    found: set[str] = set()
    for one in _environments(environment):
        found.update(list_values(db, OrderSync.status, OrderSync.environment == one))
    return tuple(sorted(found))


def list_scopes(db: Session, *, environment: Environment | None) -> tuple[OrderKey, ...]:
    """Every shop that has orders (``order_sn`` is empty); found by hopping along the unique index."""
    found: list[OrderKey] = []
    for connector in list_values(db, OrderSync.connector):
        for one in _environments(environment):
            where = (OrderSync.connector == connector, OrderSync.environment == one)
            shop_ids = list_values(db, OrderSync.shop_id, *where)
            found += [OrderKey(connector, one, shop_id, "") for shop_id in shop_ids]
    return tuple(found)


def count_by_status(db: Session, *, environment: Environment | None, at_most: int) -> dict[str, int]:
    """How many orders have each status that orders have, counted no further than ``at_most`` in an environment."""
    found: Counter[str] = Counter()
    for one in _environments(environment):
        status = hop_along(OrderSync.status, OrderSync.environment == one)
        same = sa.and_(OrderSync.environment == one, OrderSync.status == status.c.value)
        some = sa.select(sa.literal(1)).select_from(OrderSync).where(same).limit(at_most).correlate(status).subquery()
        count = sa.select(sa.func.count()).select_from(some).scalar_subquery()
        statement = sa.select(status.c.value, count).where(status.c.value.is_not(None)).limit(MOST_VALUES)
        found.update({row[0]: row[1] for row in db.execute(statement)})
    return dict(found)


def count_listed(
    db: Session, *, environment: Environment | None, statuses: Sequence[str] | None, shop_id: str | None, at_most: int
) -> int:
    """How many orders `list_orders` would list, counted no further than ``at_most``."""
    total = 0
    for one in _environments(environment):
        for status in statuses if statuses is not None else (None,):
            statement = sa.select(sa.literal(1)).where(OrderSync.environment == one)
            if status is not None:
                statement = statement.where(OrderSync.status == status)
            if shop_id is not None:
                statement = statement.where(OrderSync.shop_id == shop_id)
            total += _capped(db, statement, at_most - total)
    return total


def count_found(
    db: Session, *, environment: Environment | None, order_sn: str, shop_id: str | None, at_most: int
) -> int:
    """How many orders `search_orders` would find, counted no further than ``at_most``."""
    total = 0
    for scope in list_scopes(db, environment=environment):
        if shop_id is None or scope.shop_id == shop_id:
            total += _capped(db, sa.select(sa.literal(1)).where(*_beginning(scope, order_sn)), at_most - total)
    return total


def count_orders_created(db: Session, *, environment: Environment | None, since: datetime, at_most: int) -> int:
    """How many orders were placed since then, counted no further than ``at_most``.

    An order placed since then has changed since then: that bounds the index range.
    """
    total = 0
    for one in _environments(environment):
        where = (OrderSync.environment == one, OrderSync.remote_updated_at >= since)
        statement = sa.select(sa.literal(1)).where(*where, OrderSync.remote_created_at >= since)
        total += _capped(db, statement, at_most - total)
    return total


def find_newest_change(db: Session, scope: Scope) -> datetime | None:
    """When the order of a shop that changed last changed at the marketplace, as far as we know."""
    statement = sa.select(OrderSync.remote_updated_at).where(
        OrderSync.environment == scope.environment,
        OrderSync.shop_id == scope.shop_id,
        OrderSync.connector == scope.connector,
    )
    return db.execute(statement.order_by(OrderSync.remote_updated_at.desc()).limit(1)).scalar()


def has_orders(db: Session, *, environment: Environment | None) -> bool:
    """Whether there is any order at all."""
    return any(
        _capped(db, sa.select(sa.literal(1)).where(OrderSync.environment == one), 1)
        for one in _environments(environment)
    )


def get_order(db: Session, order_id: UUID, *, environment: Environment | None) -> OrderSync:
    """One order.

    Raises:
        NotFound: no such order, or it belongs to the other environment.
    """
    row = db.get(OrderSync, order_id)
    if row is None or environment not in {None, row.environment}:
        raise NotFound(N_("There is no such order here."))
    return row


def find_order_ids(db: Session, keys: Collection[OrderKey]) -> dict[OrderKey, UUID]:
    """The ids of those of the named orders that exist."""
    found: dict[OrderKey, UUID] = {}
    for scope in sorted({key[:3] for key in keys}):
        numbers = sorted({key.order_sn for key in keys if key[:3] == scope})
        where = (OrderSync.connector == scope[0], OrderSync.environment == scope[1], OrderSync.shop_id == scope[2])
        statement = sa.select(OrderSync.order_sn, OrderSync.id).where(*where, OrderSync.order_sn.in_(numbers))
        found |= {OrderKey(*scope, order_sn): order_id for order_sn, order_id in db.execute(statement)}
    return found


def find_booked(db: Session, scope: Scope, booking_sns: Collection[str]) -> dict[str, str]:
    """The order numbers that bookings were matched to, by booking number, as far as we know."""
    statement = sa.select(OrderSync.booking_sn, OrderSync.order_sn).where(
        OrderSync.booking_sn.in_(sorted(booking_sns)),
        OrderSync.shop_id == scope.shop_id,
        OrderSync.environment == scope.environment,
        OrderSync.connector == scope.connector,
    )
    return {str(row.booking_sn): row.order_sn for row in db.execute(statement)}


def find_by_number(db: Session, order_sn: str, *, environment: Environment, shop_id: str | None) -> list[UUID]:
    """The orders of this number, one a shop."""
    keys = {
        scope._replace(order_sn=order_sn)
        for scope in list_scopes(db, environment=environment)
        if shop_id in {None, scope.shop_id}
    }
    return sorted(find_order_ids(db, keys).values())


def find_order(db: Session, scope: Scope, order_sn: str) -> OrderSync | None:
    """One order by its number at the marketplace."""
    where = (
        OrderSync.connector == scope.connector,
        OrderSync.environment == scope.environment,
        OrderSync.shop_id == scope.shop_id,
    )
    return db.execute(sa.select(OrderSync).where(*where, OrderSync.order_sn == order_sn)).scalar_one_or_none()


def _newest(
    db: Session,
    environment: Environment,
    status: str | None,
    shop_id: str | None,
    position: tuple[datetime, UUID] | None,
    limit: int,
) -> list[OrderRow]:
    statement = sa.select(*_COLUMNS).where(OrderSync.environment == environment)
    if status is not None:
        statement = statement.where(OrderSync.status == status)
    if shop_id is not None:
        statement = statement.where(OrderSync.shop_id == shop_id)
    if position is not None:
        before = sa.tuple_(sa.literal(position[0], UtcDateTime), sa.literal(position[1], Id))
        statement = statement.where(sa.tuple_(OrderSync.remote_updated_at, OrderSync.id) < before)
    statement = statement.order_by(OrderSync.remote_updated_at.desc(), OrderSync.id.desc()).limit(limit)
    return [_masked(row) for row in db.execute(statement)]


def _numbered(
    db: Session, scope: OrderKey, order_sn: str, position: tuple[str, UUID] | None, limit: int
) -> list[OrderRow]:
    statement = sa.select(*_COLUMNS).where(*_beginning(scope, order_sn))
    if position is not None:
        last, last_id = position
        statement = statement.where(
            OrderSync.order_sn <= last, sa.or_(OrderSync.order_sn < last, OrderSync.id < last_id)
        )
    return [_masked(row) for row in db.execute(statement.order_by(OrderSync.order_sn.desc()).limit(limit))]


def _beginning(scope: OrderKey, order_sn: str) -> tuple[sa.ColumnElement[bool], ...]:
    """A shop's orders whose number begins like this, along the unique index."""
    return (
        OrderSync.connector == scope.connector,
        OrderSync.environment == scope.environment,
        OrderSync.shop_id == scope.shop_id,
        OrderSync.order_sn >= order_sn,
        OrderSync.order_sn < order_sn + AFTER_EVERYTHING,
    )


def _masked(row: Sequence[Any]) -> OrderRow:
    found = OrderRow(*row)
    return replace(found, buyer=mask(found.buyer))


def _page(rows: list[OrderRow], limit: int, key: bytes, bound_to: str, position: Any) -> Page[OrderRow]:
    shown = tuple(rows[:limit])
    return Page(shown, encode_cursor(key, bound_to, position(shown[-1])) if len(rows) > limit else None)


def _time_position(cursor: str | None, key: bytes, bound_to: str) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    instant, digits = _pair(decode_cursor(key, bound_to, cursor))
    return from_microseconds(int(instant)), UUID(hex=str(digits))


def _number_position(cursor: str | None, key: bytes, bound_to: str) -> tuple[str, UUID] | None:
    if cursor is None:
        return None
    number, digits = _pair(decode_cursor(key, bound_to, cursor))
    return str(number), UUID(hex=str(digits))


def _pair(position: tuple[int | str, ...]) -> tuple[int | str, int | str]:
    if len(position) != 2:
        raise Invalid(N_("The cursor is not valid."), field="cursor")
    return position[0], position[1]


def _bound(*parts: str | None) -> str:
    return "\0".join("*" if part is None else f"={part}" for part in parts)


def _environments(environment: Environment | None) -> Iterable[Environment]:
    return tuple(Environment) if environment is None else (environment,)


def _capped(db: Session, statement: sa.Select[Any], at_most: int) -> int:
    if at_most <= 0:
        return 0
    return db.execute(sa.select(sa.func.count()).select_from(statement.limit(at_most).subquery())).scalar_one()
