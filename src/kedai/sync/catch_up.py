"""Catching up: which orders of a shop changed while its environment was not active, and what they are now.

One run per shop. It lists changes in windows of at most 15 days and reads each order anew, page by page; what it writes
goes the same way as what a push brings, so that an older reading never replaces a newer one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import OperationalError, StatementError
from sqlalchemy.orm import Session

from kedai.connector_exceptions.service import Trouble, raise_exceptions
from kedai.errors import KedaiError, NeedsReconnect, RemoteUnreadable
from kedai.orders import queries as orders_read
from kedai.orders import service as orders
from kedai.orders.service import PreparedOrder
from kedai.runs.queries import OPEN_STATES, list_latest_runs
from kedai.runs.service import create_run, end_run, move_on, postpone_run, request_cancel
from kedai.sync.outcome import Action, rule_for
from kedai.sync.parts import Parts
from kedai.sync.store import store_orders
from kedai.sync.tokens import call_with_token
from kedai.sync.work import Step, Work
from kedai.values.actor import Actor
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.values.order import OrderSnapshot
from kedai.vault.queries import find_shop, get_active_environment, list_shops
from kedai.vault.shops import lose_shop, note_call

if TYPE_CHECKING:
    from kedai.runs.models import Run

KIND = "catch_up"
LONGEST_WINDOW = timedelta(days=15)
LONGEST_LOOK_BACK = timedelta(days=90)
FIRST_LOOK_BACK = timedelta(days=15)
OVERLAP = timedelta(minutes=10)
"""Clocks differ, and a push may be late: what changed just before is looked at too."""

MOST_PAGES = 2_000
"""Of one window: 200,000 orders. A list that never ends is the marketplace's fault, and must not keep us for ever."""

_KNOWN_RUNS = 500
_WRITTEN_AT_ONCE = 16  # as the worker does: SQLite's one writer is held for a few milliseconds
_REFUSED = (StatementError, UnicodeEncodeError, OverflowError)
_WHOLE_TRIES = 3
_SHOP_PAUSE = timedelta(seconds=60)
_WAITING_STATES = frozenset({"connected", "paused", "needs_reauth"})


@dataclass(frozen=True, slots=True)
class Position:
    """Where a run stands: the window's ends in Unix seconds, the next page of its list, and orders not yet read."""

    first: int
    last: int
    page: str | None = None
    pages: int = 0
    pending: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Moved:
    """How far the last look brought us; ``to`` is ``None`` at the end."""

    to: Position | None
    done: int
    troubles: tuple[Trouble, ...] = ()


def schedule(
    parts: Parts,
    db: Session,
    name: ConnectorName,
    environment: Environment,
    *,
    inactive_since: datetime | None,
    actor: Actor,
    now: datetime,
) -> int:
    """Queue a run for each shop of an environment that has just become active; returns how many.

    Each begins at the shop's last activity: when its environment was left (``None`` where it never was active), its
    newest known change, or where an unfinished catch-up of before stood, whichever is earliest. That one is stopped.
    """
    parts.connector(name)
    earlier = _latest_by_shop(db, name, environment)
    count = 0
    for shop in list_shops(db, name, environment=environment):
        if shop.state not in _WAITING_STATES:
            continue
        scope = Scope(name, environment, shop.shop_id)
        since = _last_activity(db, scope, earlier.get(shop.shop_id), inactive_since, now)
        _stop(db, earlier.get(shop.shop_id), actor, now)
        told = {"shop_id": shop.shop_id, "since": since.isoformat(), "until": now.isoformat()}
        create_run(db, KIND, name, environment, scope=told, total=None, actor=actor, now=now)
        count += 1
    return count


async def read(parts: Parts, work: Work) -> Sequence[Step]:
    """Ask for the next page of the list, or for the orders of the last one; with no transaction open."""
    scope = Scope(work.connector, work.environment, work.scope["shop_id"])
    standing = await parts.read(lambda db: _look(db, scope))
    if standing.obstacle is not None:
        return [standing.obstacle]
    position = _position(work)
    try:
        if position.pending:
            return await _read_orders(parts, scope, position, work)
        return [await _list_changes(parts, scope, position, work)]
    except NeedsReconnect as error:
        return [partial(_lose_shop, scope, standing.connected_at, error.message)]


def _latest_by_shop(db: Session, name: ConnectorName, environment: Environment) -> dict[str, Run]:
    found: dict[str, Run] = {}
    for run in list_latest_runs(db, KIND, name, environment=environment, limit=_KNOWN_RUNS):
        found.setdefault(run.scope["shop_id"], run)
    return found


def _last_activity(
    db: Session, scope: Scope, earlier: Run | None, inactive_since: datetime | None, now: datetime
) -> datetime:
    known = [inactive_since, orders_read.find_newest_change(db, scope)]
    if earlier is not None and earlier.state != "succeeded":
        known.append(_instant(earlier.cursor["first"]) if earlier.cursor else _told(earlier.scope, "since"))
    instants = [one for one in known if one is not None]
    begin = min(instants) - OVERLAP if instants else now - FIRST_LOOK_BACK
    return max(begin, now - LONGEST_LOOK_BACK)


def _stop(db: Session, earlier: Run | None, actor: Actor, now: datetime) -> None:
    """The new run begins where this one stands."""
    if earlier is not None and earlier.state in OPEN_STATES and not earlier.cancel_requested:
        request_cancel(db, earlier.id, environment=earlier.environment, actor=actor, now=now)


@dataclass(frozen=True, slots=True)
class _Standing:
    """Whether the shop can be asked: if not, the step that says what becomes of the run."""

    obstacle: Step | None
    connected_at: datetime | None


def _look(db: Session, scope: Scope) -> _Standing:
    shop = find_shop(db, scope)
    if get_active_environment(db, scope.connector) is not scope.environment:
        return _Standing(partial(_end, "its environment is not the active one any more"), None)
    if shop is None or shop.state not in _WAITING_STATES:
        return _Standing(partial(_end, "the shop is not connected any more"), None)
    if shop.state != "connected":
        return _Standing(partial(_wait, f"the shop is {shop.state.replace('_', ' ')}"), None)
    return _Standing(None, shop.connected_at)


def _position(work: Work) -> Position:
    if work.cursor is not None:
        return Position(**{**work.cursor, "pending": tuple(work.cursor["pending"])})
    first = int(_told(work.scope, "since").timestamp())
    return Position(first, _window_end(work, first))


def _window_end(work: Work, first: int) -> int:
    return min(first + int(LONGEST_WINDOW.total_seconds()), _until(work))


def _until(work: Work) -> int:
    return int(_told(work.scope, "until").timestamp())


async def _list_changes(parts: Parts, scope: Scope, position: Position, work: Work) -> Step:
    if position.pages >= MOST_PAGES:
        raise RemoteUnreadable("The list of changed orders does not end.")
    page = await call_with_token(
        parts,
        scope,
        lambda client, token: client.list_orders(
            scope.shop_id,
            token,
            updated_from=_instant(position.first),
            updated_to=_instant(position.last),
            cursor=position.page,
        ),
    )
    pending = tuple(dict.fromkeys(row.order_sn for row in page.rows))
    listed = replace(position, page=page.next_cursor, pages=position.pages + 1, pending=pending)
    return partial(_move, scope, _Moved(_advanced(work, listed), 0))


async def _read_orders(parts: Parts, scope: Scope, position: Position, work: Work) -> Sequence[Step]:
    """The next orders of the page, in transactions of a few; the last of them moves the cursor."""
    numbers = position.pending[: parts.connector(scope.connector).orders_per_call]
    troubles: list[Trouble] = []
    prepared = orders.prepare(await _fetch(parts, scope, numbers, work, troubles))
    if len(troubles) == len(numbers) > 1:  # then it is no order's fault, and none may be left out
        raise RemoteUnreadable("The marketplace's answers about every order are refused or cannot be read.")
    rest = replace(position, pending=position.pending[len(numbers) :])
    portions = [prepared[at : at + _WRITTEN_AT_ONCE] for at in range(0, len(prepared), _WRITTEN_AT_ONCE)]
    steps: list[Step] = [partial(_write, scope, portion) for portion in portions]
    moved = _Moved(_advanced(work, rest), len(numbers), tuple(sorted(troubles, key=lambda one: one.fingerprint)))
    return [*steps, partial(_move, scope, moved)]


async def _fetch(
    parts: Parts, scope: Scope, numbers: Sequence[str], work: Work, troubles: list[Trouble]
) -> list[OrderSnapshot]:
    """Read orders. Refused as a whole again and again, they are halved until the one at fault is left out alone."""
    try:
        found = await call_with_token(
            parts, scope, lambda client, token: client.get_orders(scope.shop_id, token, numbers)
        )
        return list(found)
    except KedaiError as error:
        if rule_for(error).action is not Action.SPLIT or work.attempts < _WHOLE_TRIES:
            raise
        if len(numbers) == 1:
            troubles.append(_left_out(scope, numbers[0], error))
            return []
    half = len(numbers) // 2
    read_first = await _fetch(parts, scope, numbers[:half], work, troubles)
    return read_first + await _fetch(parts, scope, numbers[half:], work, troubles)


def _left_out(scope: Scope, order_sn: str, error: KedaiError) -> Trouble:
    return Trouble(
        getattr(error, "remote_code", error.code),
        "An order could not be read while catching up",
        "Read the marketplace's message on the exception's order, and look at that order at the marketplace.",
        scope.shop_id,
        group=KIND,
        order_sn=order_sn,
    )


def _advanced(work: Work, position: Position) -> Position | None:
    """Where to go on, or ``None`` where nothing is left: all orders read, all pages listed, all windows done."""
    if position.pending or position.page is not None:
        return position
    if position.last >= _until(work):
        return None
    return Position(position.last, _window_end(work, position.last))


def _write(scope: Scope, portion: Sequence[PreparedOrder], db: Session, _run: Run, *, now: datetime) -> bool:
    """A portion that the database refuses is written order by order, and the one at fault is left out and told."""
    raise_exceptions(db, scope.connector, scope.environment, _store(db, scope, portion, now), now=now)
    return False


def _store(db: Session, scope: Scope, portion: Sequence[PreparedOrder], now: datetime) -> list[Trouble]:
    try:
        with db.begin_nested():
            store_orders(db, scope, portion, now=now)
    except OperationalError:  # the database, and no order, is at fault
        raise
    except _REFUSED as error:
        if len(portion) == 1:
            refused = KedaiError(f"The database refuses its answer ({type(error).__name__}).")
            return [_left_out(scope, portion[0].snapshot.order_sn, refused)]
        return [trouble for one in portion for trouble in _store(db, scope, [one], now)]
    return []


def _move(scope: Scope, moved: _Moved, db: Session, run: Run, *, now: datetime) -> bool:
    note_call(db, scope, problem="", now=now)
    raise_exceptions(db, scope.connector, scope.environment, moved.troubles, now=now)
    cursor = run.cursor if moved.to is None else asdict(moved.to)
    move_on(run, cursor=cursor, done=moved.done)
    run.note = ""
    return moved.to is None


def _lose_shop(
    scope: Scope, connected_at: datetime | None, reason: str, db: Session, run: Run, *, now: datetime
) -> bool:
    """A person must connect the shop again; the run waits for it."""
    note_call(db, scope, problem=reason, now=now)
    shop = find_shop(db, scope, lock=True)
    if shop is not None and shop.state == "connected" and shop.connected_at == connected_at:
        lose_shop(db, scope, reason=reason, now=now)
    return _wait("the shop must be connected again", db, run, now=now)


def _wait(note: str, _db: Session, run: Run, *, now: datetime) -> bool:
    postpone_run(run, note=note, due_in=_SHOP_PAUSE, now=now)
    return False


def _end(note: str, _db: Session, run: Run, *, now: datetime) -> bool:
    end_run(run, "cancelled", note=note, now=now)
    return False


def _told(scope: dict[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(scope[name])


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
