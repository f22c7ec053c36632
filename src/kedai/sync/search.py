"""Finds what somebody has the name of: an order number, a shop's id, or the id of anything that Kedai shows one of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from kedai.connector_exceptions.queries import get_exception
from kedai.errors import NotFound
from kedai.inbox import queries as inbox
from kedai.kit.ids import parse_id, show_id
from kedai.orders import queries as orders
from kedai.runs.queries import get_run
from kedai.sync.parts import Parts
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.vault.queries import find_shop, get_cursor_key

LONGEST: Final = 100
_EVENT_ID_DIGITS: Final = 64


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing: ``kind`` is order, events (of an order that is not stored), event, exception, rejected, run or shop.

    ``name`` is what its page is addressed by, ``label`` what people know it by.
    """

    kind: str
    environment: Environment
    connector: str
    name: str
    label: str


def find_things(parts: Parts, db: Session, text: str) -> list[Hit]:
    """Everything that has exactly this name, in both environments; sandbox first, and orders before shops."""
    wanted = text.strip()[:LONGEST]
    if not wanted or "\0" in wanted:
        return []
    found = [hit for environment in sorted(Environment) for hit in _in_environment(parts, db, wanted, environment)]
    return sorted(found, key=lambda hit: (hit.environment is Environment.LIVE, hit.kind == "shop", hit.label))


def _in_environment(parts: Parts, db: Session, wanted: str, environment: Environment) -> Iterator[Hit]:
    yield from _by_id(db, wanted, environment)
    yield from _by_event_id(parts, db, wanted, environment)
    yield from _orders(db, wanted, environment)
    for name in parts.connectors:
        shop = find_shop(db, Scope(name, environment, wanted))
        if shop is not None:
            yield Hit("shop", environment, name, shop.shop_id, shop.name or shop.shop_id)


def _by_id(db: Session, wanted: str, environment: Environment) -> Iterator[Hit]:
    """What a page shows as ``evt_…`` and the like."""
    looks: dict[str, tuple[str, Callable[[UUID], str]]] = {
        "ord": ("order", lambda one: orders.get_order(db, one, environment=environment).connector),
        "evt": ("event", lambda one: inbox.get_event(db, one, environment=environment).connector),
        "exc": ("exception", lambda one: get_exception(db, one, environment=environment).connector),
        "rej": ("rejected", lambda one: inbox.get_rejected(db, one, environment=environment).connector),
        "run": ("run", lambda one: get_run(db, one, environment=environment).connector),
    }
    prefix = wanted.partition("_")[0].lower()
    if prefix not in looks:
        return
    kind, find = looks[prefix]
    try:
        found = parse_id(prefix, wanted.lower())
        yield Hit(kind, environment, find(found), show_id(prefix, found), show_id(prefix, found))
    except NotFound:
        return


def _by_event_id(parts: Parts, db: Session, wanted: str, environment: Environment) -> Iterator[Hit]:
    """A push by what makes it one: 64 hex digits."""
    try:
        event_id = bytes.fromhex(wanted) if len(wanted) == _EVENT_ID_DIGITS else b""
    except ValueError:
        return
    for name in parts.connectors if event_id else ():
        found = inbox.find_event_id(db, name, environment=environment, event_id=event_id)
        if found is not None:
            yield Hit("event", environment, name, show_id("evt", found), show_id("evt", found))


def _orders(db: Session, wanted: str, environment: Environment) -> Iterator[Hit]:
    """By number, also where it was typed in lower case; where no order is stored, the pushes that name it."""
    for number in dict.fromkeys((wanted, wanted.upper())):
        ids = orders.find_by_number(db, number, environment=environment, shop_id=None)
        for one in ids:
            row = orders.get_order(db, one, environment=environment)
            yield Hit("order", environment, row.connector, show_id("ord", one), row.order_sn)
        if not ids:
            yield from _pushes(db, number, environment)


def _pushes(db: Session, number: str, environment: Environment) -> Iterator[Hit]:
    page = inbox.list_events(
        db,
        environment=environment,
        state=None,
        shop_id=None,
        order_sn=number,
        cursor=None,
        cursor_key=get_cursor_key(db),
        limit=1,
    )
    for row in page.rows:
        yield Hit("events", environment, ConnectorName(row.connector), number, number)
