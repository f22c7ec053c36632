"""Walking through the changes of a shop's orders in windows of at most 15 days, for every kind of run that does so.

Each page of the marketplace's list is read order by order; what is written goes the same way as what a push brings, so
that an older reading never replaces a newer one. A window that was worked through is noted as covered in the same
transaction that leaves it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import OperationalError, StatementError
from sqlalchemy.orm import Session

from kedai.connector_exceptions.service import Trouble, raise_exceptions
from kedai.coverage import service as coverage
from kedai.errors import KedaiError, NeedsReconnect, RemoteUnreadable
from kedai.orders import service as orders
from kedai.orders.held import find_changes
from kedai.orders.service import PreparedOrder
from kedai.runs.service import end_run, move_on
from kedai.sync.asking import look_at_shop, lose
from kedai.sync.outcome import Action, rule_for
from kedai.sync.parts import Parts
from kedai.sync.position import Position, instant, told
from kedai.sync.store import store_orders
from kedai.sync.tokens import call_with_token
from kedai.sync.work import Step, Work
from kedai.values.coverage import Source
from kedai.values.environment import Scope
from kedai.values.order import OrderListEntry, OrderSnapshot, Page
from kedai.values.wording import N_
from kedai.vault.accounts import note_call

if TYPE_CHECKING:
    from kedai.runs.models import Run

LONGEST_LOOK_BACK = timedelta(days=90)
OVERLAP = timedelta(minutes=10)
"""Clocks differ, and a push may be late: what changed just before is looked at too."""

MOST_PAGES = 2_000
"""Of one window: 200,000 orders. A list that never ends is the marketplace's fault, and must not keep us for ever."""

_WRITTEN_AT_ONCE = 16  # SQLite's one writer is held for a few milliseconds
_REFUSED = (StatementError, UnicodeEncodeError, OverflowError)
_WHOLE_TRIES = 3


@dataclass(frozen=True, slots=True)
class Walk:
    """What a kind of run decides by itself: which source it is, from when to when, and whether it waits for a shop.

    One that does not wait leaves a shop that cannot be asked now to the next run of its kind.
    """

    source: Source
    span: Callable[[Session, Scope, Work], tuple[datetime, datetime]]
    waits: bool


async def read_windows(walk: Walk, parts: Parts, work: Work) -> Sequence[Step]:
    """Ask for the next page of the list, or for the orders of the last one; with no transaction open."""
    scope = Scope(work.connector, work.environment, work.scope["shop_id"])
    standing = await parts.read(lambda db: look_at_shop(db, scope, waits=walk.waits))
    if standing.obstacle is not None:
        return [standing.obstacle]
    position = await parts.read(lambda db: _position(db, scope, work, walk))
    try:
        if position.pending:
            return await _read_orders(parts, scope, position, work, walk)
        return [await _list_changes(parts, scope, position, walk)]
    except NeedsReconnect as error:
        return [partial(lose, scope, standing.connected_at, error.message, walk.waits)]


def _position(db: Session, scope: Scope, work: Work, walk: Walk) -> Position:
    if work.cursor is not None:
        return Position.of(work.cursor)
    return Position.between(*walk.span(db, scope, work))


async def _list_changes(parts: Parts, scope: Scope, position: Position, walk: Walk) -> Step:
    if position.pages >= MOST_PAGES:
        raise RemoteUnreadable(N_("The list of changed orders does not end."))
    page = await list_page(parts, scope, instant(position.first), instant(position.last), position.page)
    pending = tuple(dict.fromkeys(row.order_sn for row in page.rows))
    listed = replace(position, page=page.next_cursor, pages=position.pages + 1, pending=pending)
    return partial(_move, scope, walk, _Moved(listed, 0))


async def list_page(
    parts: Parts, scope: Scope, since: datetime, until: datetime, cursor: str | None
) -> Page[OrderListEntry]:
    """One page of the orders that changed in a window of at most 15 days.

    Raises:
        KedaiError: as the connector sorts the marketplace's answer.
    """
    return await call_with_token(
        parts,
        scope,
        lambda client, token: client.list_orders(
            scope.shop_id, token, updated_from=since, updated_to=until, cursor=cursor
        ),
    )


async def _read_orders(parts: Parts, scope: Scope, position: Position, work: Work, walk: Walk) -> Sequence[Step]:
    """The next orders of the page, in transactions of a few; the last of them moves the cursor."""
    numbers = position.pending[: parts.connector(scope.connector).orders_per_call]
    troubles: list[Trouble] = []
    found = await _fetch(parts, scope, numbers, work, troubles)
    prepared = orders.prepare(found)
    if len(troubles) == len(numbers) > 1:  # then it is no order's fault, and none may be left out
        raise RemoteUnreadable(N_("The marketplace's answers about every order are refused or cannot be read."))
    rest = replace(
        position,
        pending=position.pending[len(numbers) :],
        is_whole=position.is_whole and len(prepared) == len(numbers),
    )
    portions = [prepared[at : at + _WRITTEN_AT_ONCE] for at in range(0, len(prepared), _WRITTEN_AT_ONCE)]
    steps: list[Step] = [partial(_write, scope, work.kind, portion) for portion in portions]
    moved = _Moved(rest, len(numbers), tuple(sorted(troubles, key=lambda one: one.fingerprint)))
    return [*steps, partial(_move, scope, walk, moved)]


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
            troubles.append(_left_out(scope, work.kind, numbers[0], error))
            return []
    half = len(numbers) // 2
    read_first = await _fetch(parts, scope, numbers[:half], work, troubles)
    return read_first + await _fetch(parts, scope, numbers[half:], work, troubles)


def _left_out(scope: Scope, kind: str, order_sn: str, error: KedaiError) -> Trouble:
    return Trouble(
        getattr(error, "remote_code", error.code),
        N_("An order of the marketplace's list could not be read"),
        N_("Read the marketplace's message on the exception's order, and look at that order at the marketplace."),
        scope.shop_id,
        group=kind,
        order_sn=order_sn,
    )


def _write(scope: Scope, kind: str, portion: Sequence[PreparedOrder], db: Session, run: Run, *, now: datetime) -> bool:
    """A portion that the database refuses is written order by order, and the one at fault is left out and told."""
    raise_exceptions(db, scope.connector, scope.environment, _store(db, scope, kind, portion, run, now), now=now)
    return False


def _store(
    db: Session, scope: Scope, kind: str, portion: Sequence[PreparedOrder], run: Run, now: datetime
) -> list[Trouble]:
    try:
        with db.begin_nested():
            missing, older = _compare(db, scope, portion)
            store_orders(db, scope, portion, now=now)
    except OperationalError:  # the database, and no order, is at fault
        raise
    except _REFUSED as error:
        if len(portion) > 1:
            return [trouble for one in portion for trouble in _store(db, scope, kind, [one], run, now)]
        run.cursor = {**(run.cursor or {}), "is_whole": False}
        refused = KedaiError(N_("The database refuses its answer (%(error)s).", error=type(error).__name__))
        return [_left_out(scope, kind, portion[0].snapshot.order_sn, refused)]
    cursor: dict[str, Any] = run.cursor or {}
    run.cursor = {**cursor, "missing": cursor["missing"] + missing, "older": cursor["older"] + older}
    return []


def _compare(db: Session, scope: Scope, portion: Sequence[PreparedOrder]) -> tuple[int, int]:
    """How many of these orders were missing here, and how many were held as they were before."""
    held = find_changes(db, scope, [one.snapshot.order_sn for one in portion])
    missing = sum(one.snapshot.order_sn not in held for one in portion)
    older = sum(
        one.snapshot.order_sn in held and held[one.snapshot.order_sn] < one.snapshot.remote_updated_at
        for one in portion
    )
    return missing, older


@dataclass(frozen=True, slots=True)
class _Moved:
    """How far the last look brought us."""

    to: Position
    done: int
    troubles: tuple[Trouble, ...] = ()


def _move(scope: Scope, walk: Walk, moved: _Moved, db: Session, run: Run, *, now: datetime) -> bool:
    note_call(db, scope, problem="", now=now)
    raise_exceptions(db, scope.connector, scope.environment, moved.troubles, now=now)
    position = _with_counts(moved.to, run)
    following: Position | None = position
    if position.ends_window:
        if position.is_whole:
            since, until = instant(position.first), instant(position.last)
            coverage.record(db, scope, walk.source, since, until, run_id=run.id, now=now)
        following = position.following()
    move_on(run, cursor=asdict(following or position), done=moved.done)
    run.note = ""
    if following is not None:
        return False
    end_run(run, "succeeded", note=told(position), now=now)
    return False


def _with_counts(to: Position, run: Run) -> Position:
    """What the steps before this one counted stands in the row, and there alone."""
    stored = run.cursor
    if stored is None:
        return to
    is_whole = to.is_whole and stored["is_whole"]
    return replace(to, missing=stored["missing"], older=stored["older"], is_whole=is_whole)


def told_span(_db: Session, _scope: Scope, work: Work) -> tuple[datetime, datetime]:
    """The period that the run's scope names."""
    return datetime.fromisoformat(work.scope["since"]), datetime.fromisoformat(work.scope["until"])
