"""Orders in JSON: the list, one with all that belongs to it, reading it again, and the recorded look at who bought."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from kedai.errors import Invalid
from kedai.kit.ids import parse_id
from kedai.orders import people, queries
from kedai.sync.fetching import fetch_again
from kedai.vault.queries import get_cursor_key
from kedai.web.api.place import PREFIX, Place, Reader, Replayer, Revealer
from kedai.web.api.shown_order import shown_order, shown_person, shown_row
from kedai.web.deps import ReadSession, RuntimeDep, WriteSession

router = APIRouter(prefix=f"{PREFIX}/orders")


@router.get("")
def list_all(
    place: Place,
    _caller: Reader,
    db: ReadSession,
    status: Annotated[str | None, Query(max_length=64)] = None,
    shop: Annotated[str | None, Query(max_length=64)] = None,
    number: Annotated[str | None, Query(max_length=64)] = None,
    cursor: Annotated[str | None, Query(max_length=600)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> dict[str, Any]:
    """An environment's orders, newest change first; with ``number`` those whose number begins so, highest first."""
    for name, text in (("status", status), ("shop", shop), ("number", number)):
        if text is not None and not text.isprintable():
            raise Invalid(f"No {name} looks like this.", field=name)
    if number and status:
        raise Invalid("Ask by number or by status, not by both.", field="number")
    given: dict[str, Any] = {"environment": place, "shop_id": shop or None, "cursor": cursor, "limit": limit}
    given["cursor_key"] = get_cursor_key(db)
    page = (
        queries.search_orders(db, order_sn=number, **given)
        if number
        else queries.list_orders(db, statuses=(status,) if status else None, **given)
    )
    rows = [{**shown_row(row), "buyer": row.buyer} for row in page.rows]
    return {"orders": rows, "next_cursor": page.next_cursor, "has_more": page.next_cursor is not None}


@router.get("/{order_id}")
def show(order_id: str, place: Place, _caller: Reader, db: ReadSession) -> dict[str, Any]:
    """One order; personal data is masked."""
    return shown_order(db, queries.get_order(db, parse_id("ord", order_id), environment=place))


@router.post("/{order_id}/fetches")
async def fetch(order_id: str, place: Place, runtime: RuntimeDep, caller: Replayer) -> dict[str, Any]:
    """Ask the marketplace about this order now; ``new`` says whether it told something new."""
    found = parse_id("ord", order_id)
    is_new = await fetch_again(runtime.parts, found, environment=place, actor=caller.actor)
    order = await runtime.parts.read(lambda db: shown_order(db, queries.get_order(db, found, environment=place)))
    return {"new": is_new, "order": order}


@router.post("/{order_id}/reveals")
def reveal(order_id: str, place: Place, runtime: RuntimeDep, caller: Revealer, db: WriteSession) -> dict[str, Any]:
    """The personal data in full; that it was shown, and to whom, is recorded."""
    found, now = parse_id("ord", order_id), runtime.clock.now()
    return shown_person(people.reveal(db, found, environment=place, actor=caller.actor, now=now))
