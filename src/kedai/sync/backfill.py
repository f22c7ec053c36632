"""Back-fill: the orders of a shop that changed in a period that a person chose are read anew, however many they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from kedai.errors import Conflict, KedaiError, NotFound
from kedai.runs.service import create_run, move_on
from kedai.sync.parts import Parts
from kedai.sync.period import Period
from kedai.sync.position import LONGEST_WINDOW, Position
from kedai.sync.windows import Walk, list_page, read_windows, told_span
from kedai.sync.work import Step, Work
from kedai.values.actor import Actor
from kedai.values.coverage import Source
from kedai.values.environment import Scope
from kedai.values.states import state_word
from kedai.values.wording import N_
from kedai.vault.queries import find_shop, get_active_environment

if TYPE_CHECKING:
    from kedai.runs.models import Run

KIND = "backfill"
MOST_ASKED = 30
"""Pages that an estimate looks at: a person waits for it."""

_WALK = Walk(Source.BACKFILL, told_span, waits=True)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the marketplace's list says of a period; not ``is_complete`` where only the first pages were looked at."""

    windows: int
    pages: int
    orders: int
    is_complete: bool
    expected: int | None
    """How many orders there may be in all: those that were listed, or as many in what was not looked at."""


def start(db: Session, scope: Scope, *, since: datetime, until: datetime, actor: Actor, now: datetime) -> Run:
    """Queue one."""
    told = {"shop_id": scope.shop_id, "since": since.isoformat(), "until": until.isoformat()}
    return create_run(db, KIND, scope.connector, scope.environment, scope=told, total=None, actor=actor, now=now)


def demand_active(parts: Parts, db: Session, scope: Scope) -> None:
    """Before orders are read and written.

    Raises:
        Conflict: its environment is not the active one. And as `demand_shop`.
    """
    demand_shop(parts, db, scope)
    if get_active_environment(db, scope.connector) is not scope.environment:
        raise Conflict(
            N_(
                "%(environment)s is not the active environment: switch to it first.",
                environment=scope.environment.value.title(),
            )
        )


def demand_shop(parts: Parts, db: Session, scope: Scope) -> None:
    """Before anything is asked about a shop.

    Raises:
        Sealed: this seems to be a copy. NotFound: there is no such shop. Conflict: it is not connected.
    """
    parts.connector(scope.connector)
    parts.quarantine.refuse(db, scope.environment)
    shop = None if "\0" in scope.shop_id else find_shop(db, scope)
    if shop is None:
        raise NotFound(N_("There is no such shop here."))
    if shop.state != "connected":
        raise Conflict(N_("The shop is %(state)s: it cannot be asked now.", state=state_word(shop.state)))


async def begin(parts: Parts, scope: Scope, period: Period, *, actor: Actor) -> Run:
    """Queue a back-fill that a person asked for.

    Raises:
        As `demand_active`.
    """

    def queue(db: Session) -> Run:
        demand_active(parts, db, scope)
        now = parts.clock.now()
        return start(db, scope, since=period.since, until=period.until, actor=actor, now=now)

    return await parts.write(queue)


async def estimate(parts: Parts, scope: Scope, period: Period) -> Estimate:
    """Ask the marketplace's list how much there is; nothing is written.

    Raises:
        As `demand_active`, and KedaiError as the connector sorts the marketplace's answers.
    """
    await parts.read(lambda db: demand_active(parts, db, scope))
    return await _count(parts, scope, period)


async def read(parts: Parts, work: Work) -> Sequence[Step]:
    """Implements `Reader`: count first, so that people see how far it is, then read window after window."""
    if work.cursor is not None:
        return await read_windows(_WALK, parts, work)
    since, until = (datetime.fromisoformat(work.scope[name]) for name in ("since", "until"))
    scope = Scope(work.connector, work.environment, work.scope["shop_id"])
    try:
        await parts.read(lambda db: demand_active(parts, db, scope))
        expected = (await _count(parts, scope, Period(since, until))).expected
    except KedaiError:  # then nobody knows how much there is; what is wrong is found out at the first step
        expected = None
    return [partial(_expect, Position.between(since, until), expected)]


def _expect(position: Position, expected: int | None, _db: Session, run: Run, *, now: datetime) -> bool:  # noqa: ARG001  every step is given the time
    run.total = expected
    move_on(run, cursor=asdict(position), done=0)
    return False


async def _count(parts: Parts, scope: Scope, period: Period) -> Estimate:
    windows = list(windows_of(period))
    pages = orders = 0
    for number, window in enumerate(windows):
        cursor = None
        while True:
            if pages == MOST_ASKED:
                expected = _expected(windows, number, orders)
                return Estimate(len(windows), pages, orders, is_complete=False, expected=expected)
            page = await list_page(parts, scope, window.since, window.until, cursor)
            pages, orders, cursor = pages + 1, orders + len(page.rows), page.next_cursor
            if cursor is None:
                break
    return Estimate(len(windows), pages, orders, is_complete=True, expected=orders)


def windows_of(period: Period) -> Iterator[Period]:
    """The period in parts that a list can be asked for."""
    since = period.since
    while since < period.until:
        until = min(since + LONGEST_WINDOW, period.until)
        yield Period(since, until)
        since = until


def _expected(windows: list[Period], looked_at: int, orders: int) -> int | None:
    """As many in the rest as in the windows that were looked at to their end; None where none was."""
    if looked_at == 0:
        return None
    seen = windows[looked_at - 1].until - windows[0].since
    return round(orders * ((windows[-1].until - windows[0].since) / seen))
