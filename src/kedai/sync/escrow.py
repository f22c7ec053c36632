"""Escrow capture: what the orders of a shop earned, as soon as the marketplace has paid it out.

One run per shop: by schedule for what was paid out since the last one, or for a span that a person named. It lists
what was released in windows of at most 15 days, reads the earnings of each order in batches, and spreads them over the
lines. An order that is not held yet is read first. What is not released has no row at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from kedai.connector_exceptions.service import Trouble, raise_exception
from kedai.connectors.base import Client, Settles
from kedai.errors import NeedsReconnect, RemoteUnreadable
from kedai.orders import escrow
from kedai.orders import service as orders
from kedai.orders.escrow import PreparedSettlement
from kedai.orders.queries import OrderKey, find_order_ids
from kedai.orders.service import PreparedOrder
from kedai.runs.queries import list_latest_runs
from kedai.runs.service import create_run, end_run, move_on
from kedai.sync.asking import look_at_shop, lose
from kedai.sync.parts import Parts
from kedai.sync.plans import Plan
from kedai.sync.store import store_orders
from kedai.sync.tokens import call_with_token
from kedai.sync.work import Step, Work
from kedai.values.actor import Actor
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.values.order import Page
from kedai.values.secret import Secret
from kedai.values.settlement import ReleasedOrder, Settlement
from kedai.values.wording import N_
from kedai.vault.accounts import note_call
from kedai.vault.queries import list_shops

if TYPE_CHECKING:
    from kedai.runs.models import Run

KIND = "escrow"
SPAN_KIND = "escrow_span"
PLAN = Plan(
    kind=KIND,
    label=N_("Capture earnings"),
    does=N_("Reads what orders earned that the marketplace has paid out since the last time."),
    every=timedelta(hours=6),
    grace=timedelta(hours=12),
    timeout=timedelta(hours=2),
    per_shop=True,
)
LONGEST_WINDOW = timedelta(days=15)
LONGEST_LOOK_BACK = timedelta(days=365)
OVERLAP = timedelta(days=1)
"""What was released just before the last run may have appeared in the list only afterwards."""

MOST_PAGES = 2_000
_KNOWN_RUNS = 500
_AT_ONCE = 50
_WRITTEN_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Position:
    """Where a run stands: the window's ends in Unix seconds, the next page of its list, and orders not yet read.

    ``pending`` holds number, payout as text and instant of release of each.
    """

    first: int
    last: int
    page: str | None = None
    pages: int = 0
    pending: tuple[tuple[str, str | None, int | None], ...] = ()


def schedule(
    db: Session,
    name: ConnectorName,
    environment: Environment,
    *,
    since: datetime,
    until: datetime,
    actor: Actor,
    now: datetime,
) -> int:
    """Queue a run for each connected shop, for what was paid out in a span; returns how many."""
    count = 0
    for shop in list_shops(db, name, environment=environment):
        if shop.state != "connected":
            continue
        told = {"shop_id": shop.shop_id, "since": since.isoformat(), "until": until.isoformat()}
        create_run(db, SPAN_KIND, name, environment, scope=told, total=None, actor=actor, now=now)
        count += 1
    return count


async def read(parts: Parts, work: Work) -> Sequence[Step]:
    """Ask for the next page of the list, or for what its orders earned; with no transaction open."""
    scope = Scope(work.connector, work.environment, work.scope["shop_id"])
    waits = work.kind == SPAN_KIND  # the schedule comes round again
    standing = await parts.read(lambda db: look_at_shop(db, scope, waits=waits))
    if standing.obstacle is not None:
        return [standing.obstacle]
    position = await _position(parts, work)
    try:
        if position.pending:
            return await _read_earnings(parts, scope, position, work)
        return [await _list_released(parts, scope, position, work)]
    except NeedsReconnect as error:
        return [partial(lose, scope, standing.connected_at, error.message, waits)]


async def _position(parts: Parts, work: Work) -> Position:
    if work.cursor is not None:
        return Position(**{**work.cursor, "pending": tuple(tuple(one) for one in work.cursor["pending"])})
    if "since" in work.scope:
        since = datetime.fromisoformat(work.scope["since"])
    else:
        since = await parts.read(lambda db: _since(db, work))
    first = int(max(since, work.created_at - LONGEST_LOOK_BACK).timestamp())
    return Position(first, _window_end(work, first))


def _since(db: Session, work: Work) -> datetime:
    """Where the last run of the schedule began that captured this shop's earnings to the end."""
    for run in list_latest_runs(db, KIND, work.connector, environment=work.environment, limit=_KNOWN_RUNS):
        if run.state == "succeeded" and run.scope["shop_id"] == work.scope["shop_id"]:
            return run.created_at - OVERLAP
    return work.created_at - LONGEST_WINDOW


def _window_end(work: Work, first: int) -> int:
    return min(first + int(LONGEST_WINDOW.total_seconds()), _until(work))


def _until(work: Work) -> int:
    """A run of the schedule names no span: it ends where it began."""
    until = datetime.fromisoformat(work.scope["until"]) if "until" in work.scope else work.created_at
    return int(until.timestamp())


async def _list_released(parts: Parts, scope: Scope, position: Position, work: Work) -> Step:
    if position.pages >= MOST_PAGES:
        raise RemoteUnreadable(N_("The list of released orders does not end."))

    async def ask(client: Client, token: Secret) -> Page[ReleasedOrder] | None:
        if not isinstance(client, Settles):
            return None
        return await client.list_released(
            scope.shop_id,
            token,
            released_from=datetime.fromtimestamp(position.first, UTC),
            released_to=datetime.fromtimestamp(position.last, UTC),
            cursor=position.page,
        )

    page = await call_with_token(parts, scope, ask)
    if page is None:
        return partial(_end, N_("this marketplace does not tell what orders earned"))
    pending = tuple({row.order_sn: _pending(row) for row in page.rows}.values())
    listed = replace(position, page=page.next_cursor, pages=position.pages + 1, pending=pending)
    return partial(_move, scope, _advanced(work, listed), 0, ())


def _pending(row: ReleasedOrder) -> tuple[str, str | None, int | None]:
    payout = None if row.payout is None else str(row.payout)
    return row.order_sn, payout, None if row.released_at is None else int(row.released_at.timestamp())


async def _read_earnings(parts: Parts, scope: Scope, position: Position, work: Work) -> Sequence[Step]:
    """The next orders of the page, in transactions of a few; the last of them moves the cursor."""
    some = position.pending[:_AT_ONCE]
    released = {number: ReleasedOrder(number, _payout(payout), _instant(at)) for number, payout, at in some}
    missing = await _read_missing(parts, scope, sorted(released))

    async def ask(client: Client, token: Secret) -> tuple[Settlement, ...]:
        return (
            await client.get_settlements(scope.shop_id, token, sorted(released)) if isinstance(client, Settles) else ()
        )

    prepared = escrow.prepare(await call_with_token(parts, scope, ask), released)
    steps: list[Step] = [partial(_hold, scope, one) for one in _portions(missing)]
    steps += [partial(_record, scope, one) for one in _portions(prepared)]
    rest = replace(position, pending=position.pending[len(some) :])
    untold = sorted(set(released) - {one.settlement.order_sn for one in prepared})
    return [*steps, partial(_move, scope, _advanced(work, rest), len(some), tuple(untold))]


async def _read_missing(parts: Parts, scope: Scope, numbers: Sequence[str]) -> list[PreparedOrder]:
    """Orders that were paid out and are not held: nothing that is earned is left without its order."""
    keys = {OrderKey(scope.connector, scope.environment, scope.shop_id, number) for number in numbers}
    held = {key.order_sn for key in await parts.read(lambda db: find_order_ids(db, keys))}
    wanted = [number for number in numbers if number not in held]
    if not wanted:
        return []
    found = await call_with_token(parts, scope, lambda client, token: client.get_orders(scope.shop_id, token, wanted))
    return orders.prepare(found)


def _advanced(work: Work, position: Position) -> Position | None:
    """Where to go on, or ``None`` where nothing is left: all orders read, all pages listed, all windows done."""
    if position.pending or position.page is not None:
        return position
    if position.last >= _until(work):
        return None
    return Position(position.last, _window_end(work, position.last))


def _hold(scope: Scope, portion: Sequence[PreparedOrder], db: Session, _run: Run, *, now: datetime) -> bool:
    store_orders(db, scope, portion, now=now)
    return False


def _record(scope: Scope, portion: Sequence[PreparedSettlement], db: Session, _run: Run, *, now: datetime) -> bool:
    escrow.record(db, scope, portion, now=now)
    return False


def _move(
    scope: Scope, to: Position | None, done: int, untold: Sequence[str], db: Session, run: Run, *, now: datetime
) -> bool:
    note_call(db, scope, problem="", now=now)
    for order_sn in untold:
        trouble = Trouble(
            "escrow_untold",
            N_("Money was paid out for an order, but the marketplace does not tell what it earned"),
            N_("Look at this order's income at the marketplace; the next escrow run asks again."),
            scope.shop_id,
            group=KIND,
            order_sn=order_sn,
        )
        raise_exception(db, scope.connector, scope.environment, trouble, now=now)
    move_on(run, cursor=run.cursor if to is None else asdict(to), done=done)
    run.note = ""
    return to is None


def _end(note: str, _db: Session, run: Run, *, now: datetime) -> bool:
    end_run(run, "succeeded", note=note, now=now)
    return False


def _portions(rows: Sequence[Any]) -> list[Sequence[Any]]:
    return [rows[at : at + _WRITTEN_AT_ONCE] for at in range(0, len(rows), _WRITTEN_AT_ONCE)]


def _payout(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _instant(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
