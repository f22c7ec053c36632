"""Fetching listings: what a shop offers now, as the marketplace lists it, and then what its stored orders name besides.

One run per shop, on demand, in either environment. It goes page by page and resumes where it stood.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from kedai.catalog.queries import find_listings
from kedai.catalog.service import see_listings
from kedai.connectors.base import Client, ReadsListings
from kedai.errors import Conflict
from kedai.orders.lines import list_lines_after
from kedai.runs.queries import find_open_runs
from kedai.runs.service import create_run, end_run, move_on
from kedai.sync.parts import Parts
from kedai.sync.tokens import call_with_token
from kedai.sync.work import Step, Work
from kedai.values.actor import Actor
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.values.listing import Listing, ListingKey
from kedai.values.order import Page
from kedai.values.secret import Secret
from kedai.values.wording import N_
from kedai.vault.accounts import note_call
from kedai.vault.queries import find_shop, list_shops

if TYPE_CHECKING:
    from kedai.runs.models import Run

KIND = "listings"
_LINES_AT_ONCE = 200
_OFFERED, _ORDERED = "offered", "ordered"


def start(
    parts: Parts, db: Session, name: ConnectorName, environment: Environment, *, actor: Actor, now: datetime
) -> list[Run]:
    """Queue a run for each connected shop that has none going on.

    Raises:
        Conflict: no shop is connected, or all of them are being fetched already.
    """
    parts.connector(name)
    connected = [shop for shop in list_shops(db, name, environment=environment) if shop.state == "connected"]
    if not connected:
        raise Conflict(N_("No shop is connected in %(environment)s: connect one first.", environment=environment.value))
    going_on = {run.scope["shop_id"] for run in find_open_runs(db, [KIND], name, environment=environment, lock=True)}
    waiting = [shop.shop_id for shop in connected if shop.shop_id not in going_on]
    if not waiting:
        raise Conflict(N_("The listings are being fetched already."))
    return [
        create_run(db, KIND, name, environment, scope={"shop_id": one}, total=None, actor=actor, now=now)
        for one in waiting
    ]


async def read(parts: Parts, work: Work) -> Sequence[Step]:
    """Ask for the next page of what is offered, with no transaction open; then look through stored orders."""
    scope = Scope(work.connector, work.environment, work.scope["shop_id"])
    cursor: dict[str, Any] = work.cursor or {"stage": _OFFERED, "page": None}
    if cursor["stage"] == _ORDERED:
        return [partial(_see_ordered, scope, cursor["after"])]
    if not await parts.read(lambda db: _is_connected(db, scope)):
        return [_end]
    page = await call_with_token(
        parts, scope, lambda client, token: _read_page(client, scope.shop_id, token, cursor["page"])
    )
    return [partial(_see_offered, scope, page)]


async def _read_page(client: Client, shop_id: str, token: Secret, cursor: str | None) -> Page[Listing]:
    """Where the marketplace lists nothing, stored orders alone tell what is sold."""
    if not isinstance(client, ReadsListings):
        return Page((), None)
    return await client.list_listings(shop_id, token, cursor=cursor)


def _is_connected(db: Session, scope: Scope) -> bool:
    shop = find_shop(db, scope)
    return shop is not None and shop.state == "connected"


def _see_offered(scope: Scope, page: Page[Listing], db: Session, run: Run, *, now: datetime) -> bool:
    note_call(db, scope, problem="", now=now)
    seen = see_listings(db, scope, page.rows, now=now)
    following: dict[str, Any] = {"stage": _OFFERED, "page": page.next_cursor}
    if page.next_cursor is None:
        following = {"stage": _ORDERED, "after": None}
    move_on(run, cursor=following, done=seen)
    run.note = ""
    return False


def _see_ordered(scope: Scope, after: list[Any] | None, db: Session, run: Run, *, now: datetime) -> bool:
    """Listings that only orders name: what is offered was written already, and is left as it is."""
    place = None if after is None else (str(after[0]), int(after[1]))
    lines = list_lines_after(db, scope, place, limit=_LINES_AT_ONCE)
    named = {
        ListingKey(scope.shop_id, one.item_id, one.model_id): Listing(
            one.item_id, one.model_id, one.name, one.model_name, one.sku
        )
        for one in lines
    }
    known = find_listings(db, scope.connector, scope.environment, named)
    seen = see_listings(db, scope, [one for key, one in named.items() if key not in known], now=now)
    is_last = len(lines) < _LINES_AT_ONCE
    cursor = run.cursor if is_last else {"stage": _ORDERED, "after": [lines[-1].order_sn, lines[-1].line]}
    move_on(run, cursor=cursor, done=seen)
    return is_last


def _end(_db: Session, run: Run, *, now: datetime) -> bool:
    end_run(run, "cancelled", note=N_("the shop is not connected any more"), now=now)
    return False
