"""What a row of each list holds in a file, by the list's own filter: orders, events, rejected, exceptions and calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy.orm import Session

from kedai.calls import queries as calls
from kedai.connector_exceptions import queries as exceptions
from kedai.inbox import queries as inbox
from kedai.inbox import rejected
from kedai.kit.ids import show_id
from kedai.orders import people
from kedai.orders import queries as orders
from kedai.runtime import Runtime
from kedai.values.money import decimals
from kedai.vault.queries import get_cursor_key
from kedai.web.dashboard.events import name_event
from kedai.web.dashboard.exporting import ROWS_AT_ONCE, Sheet
from kedai.web.dashboard.order_tabs import statuses_of
from kedai.web.dashboard.routes_events import EventWish
from kedai.web.dashboard.routes_orders import OrderWish
from kedai.web.dashboard.routes_rejected import RejectedWish, words_of
from kedai.web.dashboard.shell import Viewed, environment_of

_ORDER: Final = (
    *("id", "connector", "environment", "shop_id", "order_sn", "status", "currency", "total_amount", "line_count"),
    *("ship_by_at", "remote_created_at", "remote_updated_at"),
)
_EVENT: Final = (
    *("id", "connector", "environment", "code", "name", "shop_id", "order_sn", "state", "parked_reason", "note"),
    *("pushed_at", "received_at", "attempts", "stalls", "duplicates"),
)
_REJECTED: Final = (
    *("id", "connector", "environment", "reason", "diagnosis", "title", "size", "received_at"),
    *("admitted_at", "admitted_by"),
)
_EXCEPTION: Final = (
    *("id", "connector", "environment", "code", "title", "next_step", "state", "count", "shop_id", "last_order_sn"),
    *("listed", "assignee", "note", "first_seen_at", "last_seen_at", "snoozed_until", "resolved_at", "resolved_by"),
)
_CALL: Final = (
    *("started_at", "connector", "environment", "shop_id", "method", "path", "outcome", "status", "code"),
    *("milliseconds", "request_id"),
)

Given = Mapping[str, str | None]


def orders_sheet(
    wish: OrderWish,
    viewed: Viewed,
    given: Given,
    *,
    known_statuses: tuple[str, ...],
    personal: bool,
) -> Sheet:
    """Orders; their buyers are masked unless ``personal``. The statuses of a tab are those known at the beginning."""
    statuses, environment = statuses_of(wish.tab, known_statuses), environment_of(viewed)

    def count(db: Session, at_most: int) -> int:
        if wish.query:
            return orders.count_found(
                db, environment=environment, order_sn=wish.query, shop_id=wish.shop, at_most=at_most
            )
        return orders.count_listed(db, environment=environment, statuses=statuses, shop_id=wish.shop, at_most=at_most)

    def read(db: Session, cursor: str | None) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        where: dict[str, Any] = {"environment": environment, "shop_id": wish.shop, "cursor": cursor}
        where |= {"cursor_key": get_cursor_key(db), "limit": ROWS_AT_ONCE}
        if wish.query:
            page = orders.search_orders(db, order_sn=wish.query, **where)
        else:
            page = orders.list_orders(db, statuses=statuses, **where)
        told = [
            _told(one, _ORDER, "ord", total_amount=_amount(one)) | {"buyer_username": one.buyer} for one in page.rows
        ]
        if personal:
            in_full = people.read_in_full(db, [one.id for one in page.rows])
            for row, one in zip(told, page.rows, strict=True):
                row |= {name: getattr(in_full[one.id], name) for name in people.FIELDS}
        return told, page.next_cursor

    columns = (*_ORDER, *(people.FIELDS if personal else ("buyer_username",)))
    return Sheet("orders", columns, count, read, given, personal)


def events_sheet(runtime: Runtime, wish: EventWish, viewed: Viewed, given: Given) -> Sheet:
    """Pushes, without their bodies."""
    where: dict[str, Any] = {"environment": environment_of(viewed), "state": wish.state, "shop_id": wish.shop}
    where["order_sn"] = wish.order_sn

    def read(db: Session, cursor: str | None) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        page = inbox.list_events(db, **where, cursor=cursor, cursor_key=get_cursor_key(db), limit=ROWS_AT_ONCE)
        named = [_told(one, _EVENT, "evt", name=name_event(runtime, one)) for one in page.rows]
        return named, page.next_cursor

    return Sheet("events", _EVENT, lambda db, at_most: inbox.count_listed(db, **where, at_most=at_most), read, given)


def rejected_sheet(wish: RejectedWish, viewed: Viewed, given: Given) -> Sheet:
    """Deliveries that were refused: why, and what became of them; nothing that they brought along."""
    chosen = wish.chosen(viewed)

    def read(db: Session, cursor: str | None) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        rows, following = rejected.list_rejected(
            db, chosen, cursor=cursor, cursor_key=get_cursor_key(db), limit=ROWS_AT_ONCE
        )
        return [_told(one, _REJECTED, "rej", title=str(words_of(one.diagnosis))) for one in rows], following

    return Sheet("rejected", _REJECTED, lambda db, _at_most: rejected.count_kept(db, chosen), read, given)


def exceptions_sheet(chosen: exceptions.Filter, viewed: Viewed, given: Given, *, now: datetime) -> Sheet:
    """Groups of troubles, as they stand at ``now``."""
    where: dict[str, Any] = {"environment": environment_of(viewed), "chosen": chosen, "now": now}

    def read(db: Session, cursor: str | None) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        page = exceptions.list_exceptions(db, **where, cursor=cursor, cursor_key=get_cursor_key(db), limit=ROWS_AT_ONCE)
        told = [_told(one, _EXCEPTION, "exc", state=exceptions.shown_state(one, now)) for one in page.rows]
        return told, page.next_cursor

    return Sheet(
        "exceptions",
        _EXCEPTION,
        lambda db, at_most: exceptions.count_chosen(db, **where, at_most=at_most),
        read,
        given,
    )


def calls_sheet(wanted: calls.CallFilter, viewed: Viewed, given: Given) -> Sheet:
    """Outgoing calls."""
    environment = environment_of(viewed)

    def read(db: Session, cursor: str | None) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        page = calls.list_calls(
            db,
            environment=environment,
            wanted=wanted,
            cursor=cursor,
            cursor_key=get_cursor_key(db),
            limit=ROWS_AT_ONCE,
        )
        return [_told(one, _CALL) for one in page.rows], page.next_cursor

    return Sheet(
        "calls",
        _CALL,
        lambda db, at_most: calls.count_calls(db, environment=environment, wanted=wanted, at_most=at_most),
        read,
        given,
    )


def _amount(one: orders.OrderRow) -> Decimal | None:
    """With as many decimals as its currency is written with."""
    if one.total_amount is None:
        return None
    return Decimal(f"{one.total_amount:.{decimals(one.total_amount, one.currency)}f}")


def _told(row: Any, columns: Sequence[str], prefix: str = "", **other: object) -> dict[str, Any]:
    """A row's columns as they are written; its id as it is shown."""
    found = {name: other[name] if name in other else getattr(row, name) for name in columns}
    found["environment"] = row.environment.value
    return found | ({"id": show_id(prefix, row.id)} if prefix else {})
