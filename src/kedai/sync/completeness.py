"""The completeness statement: what the marketplace lists for a shop and a period, what we hold, and every difference.

Only looks: nothing is mended here. What is found is mended by reconciling or a back-fill.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

from sqlalchemy.orm import Session

from kedai.coverage.queries import Gap, Interval, find_gaps, list_intervals
from kedai.errors import KedaiError, TooLarge
from kedai.inbox.receipts import LastPush, find_last_pushes
from kedai.orders.held import HeldOrder, find_changes, list_changed
from kedai.sync.backfill import demand_shop, windows_of
from kedai.sync.judge import fetch_orders
from kedai.sync.parts import Parts
from kedai.sync.period import Period
from kedai.sync.windows import list_page
from kedai.values.environment import Scope
from kedai.values.states import state_word
from kedai.values.wording import N_

MOST_PAGES = 500
"""50,000 orders; a longer list is for a shorter period."""

MOST_LOOKED_INTO = 500
_AT_ONCE = 50


class Kind(StrEnum):
    """What a difference is."""

    MISSING = "missing"
    """Listed, and not held."""

    OLDER = "older"
    """Listed, and held as it was before."""

    NOT_LISTED = "not_listed"
    """Held as changed in the period, and not listed."""

    LATER = "later"
    """The same, and explained: it has changed again since, and belongs to another period."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One order that is not the same on both sides, and why."""

    order_sn: str
    kind: Kind
    reason: str


@dataclass(frozen=True, slots=True)
class Statement:
    """Both sides of a shop and a period. A hash is SHA-256 of the sorted order numbers, each with a line feed."""

    scope: Scope
    period: Period
    made_at: datetime
    listed: int
    listed_hash: str
    held: int
    held_hash: str
    differences: tuple[Difference, ...]
    intervals: tuple[Interval, ...]
    gaps: tuple[Gap, ...]

    @property
    def is_complete(self) -> bool:
        """Whether everything that the marketplace lists is held as it is there, and nothing else."""
        return all(one.kind is Kind.LATER for one in self.differences)


async def state(parts: Parts, scope: Scope, period: Period) -> Statement:
    """Ask for the list anew and compare it with what is held.

    Raises:
        NotFound, Conflict, Sealed: the shop cannot be asked. TooLarge: the list is longer than `MOST_PAGES`.
        KedaiError: as the connector sorts the marketplace's answers.
    """
    await parts.read(lambda db: demand_shop(parts, db, scope))
    listed = await _list(parts, scope, period)
    compared = await parts.read(lambda db: _compare(db, scope, period, listed))
    unlisted = sorted(compared.held.keys() - listed.keys())
    differences = [*compared.differences, *await _look_into(parts, scope, period, unlisted)]
    return Statement(
        scope=scope,
        period=period,
        made_at=parts.clock.now(),
        listed=len(listed),
        listed_hash=hash_of(listed),
        held=len(compared.held),
        held_hash=hash_of(compared.held),
        differences=tuple(sorted(differences, key=lambda one: one.order_sn)),
        intervals=tuple(compared.intervals),
        gaps=tuple(find_gaps(compared.intervals, since=period.since, until=period.until)),
    )


def hash_of(order_sns: Iterable[str]) -> str:
    """SHA-256, in hexadecimal digits, of the numbers in order of their bytes, each followed by a line feed."""
    lines = sorted(f"{one}\n".encode() for one in order_sns)
    return sha256(b"".join(lines)).hexdigest()


def as_json(statement: Statement) -> dict[str, Any]:
    """The statement as routes and commands answer it; instants stay instants."""
    period = {"since": statement.period.since, "until": statement.period.until}
    return {
        "connector": statement.scope.connector,
        "environment": statement.scope.environment.value,
        "shop_id": statement.scope.shop_id,
        **period,
        "made_at": statement.made_at,
        "complete": statement.is_complete,
        "listed": {"orders": statement.listed, "sha256": statement.listed_hash},
        "held": {"orders": statement.held, "sha256": statement.held_hash},
        "differences": [
            {"order_sn": one.order_sn, "kind": one.kind.value, "reason": one.reason} for one in statement.differences
        ],
        "coverage": coverage_as_json(statement.intervals, statement.gaps),
    }


def coverage_as_json(intervals: Iterable[Interval], gaps: Iterable[Gap]) -> dict[str, Any]:
    """What was covered by which source, and what by none."""
    covered = [{"source": one.source.value, "since": one.since, "until": one.until} for one in intervals]
    return {"covered": covered, "gaps": [{"since": one.since, "until": one.until} for one in gaps]}


async def _list(parts: Parts, scope: Scope, period: Period) -> dict[str, str | None]:
    """Every order that the marketplace lists as changed in the period, with its status there."""
    listed: dict[str, str | None] = {}
    pages = 0
    for window in windows_of(period):
        cursor = None
        while True:
            if pages == MOST_PAGES:
                raise TooLarge(N_("The marketplace lists too many orders for one statement: take a shorter period."))
            page = await list_page(parts, scope, window.since, window.until, cursor)
            listed.update((row.order_sn, row.status) for row in page.rows)
            pages, cursor = pages + 1, page.next_cursor
            if cursor is None:
                break
    return listed


@dataclass(frozen=True, slots=True)
class _Compared:
    """What is held of the period, and what can be said of it without asking again."""

    held: Mapping[str, HeldOrder]
    differences: Sequence[Difference]
    intervals: Sequence[Interval]


def _compare(db: Session, scope: Scope, period: Period, listed: Mapping[str, str | None]) -> _Compared:
    held = list_changed(db, scope, since=period.since, until=period.until)
    differences = [
        Difference(
            order_sn,
            Kind.OLDER,
            N_("held as %(held)s, listed as %(listed)s", held=held[order_sn].status, listed=status),
        )
        for order_sn, status in listed.items()
        if status is not None and order_sn in held and held[order_sn].status != status
    ]
    for numbers in _portions(sorted(listed.keys() - held.keys()), MOST_LOOKED_INTO):
        differences += _explain_lacking(db, scope, numbers)
    return _Compared(held, differences, list_intervals(db, scope, since=period.since, until=period.until))


def _explain_lacking(db: Session, scope: Scope, numbers: Collection[str]) -> Iterator[Difference]:
    changes, pushes = find_changes(db, scope, numbers), find_last_pushes(db, scope, numbers)
    for order_sn in numbers:
        told = _told(pushes.get(order_sn))
        if order_sn in changes:
            at = f"{changes[order_sn]:%Y-%m-%d %H:%M:%S} UTC"
            yield Difference(order_sn, Kind.OLDER, N_("held as of %(at)s; %(told)s", at=at, told=told))
        else:
            yield Difference(order_sn, Kind.MISSING, told)


def _told(push: LastPush | None) -> str:
    if push is None:
        return N_("no push about it ever came")
    state = state_word(push.state)
    if not push.parked_reason:
        return N_("the last push about it is %(state)s", state=state)
    reason = push.parked_reason.replace("_", " ")
    return N_("the last push about it is %(state)s (%(reason)s)", state=state, reason=reason)


async def _look_into(parts: Parts, scope: Scope, period: Period, order_sns: Sequence[str]) -> list[Difference]:
    """Held, and not listed: most often it has changed again since. The first few hundred are asked for, one by one."""
    found: list[Difference] = []
    for numbers in _portions(order_sns[:MOST_LOOKED_INTO], _AT_ONCE):
        try:
            changed = {one.order_sn: one.remote_updated_at for one in await fetch_orders(parts, scope, numbers)}
        except KedaiError as error:
            why = N_("it could not be asked for: %(problem)s", problem=error.message)
            found += [Difference(one, Kind.NOT_LISTED, why) for one in numbers]
            continue
        found += [_judge(order_sn, changed.get(order_sn), period) for order_sn in numbers]
    rest = order_sns[MOST_LOOKED_INTO:]
    return [*found, *(Difference(one, Kind.NOT_LISTED, N_("not looked into: there are too many")) for one in rest)]


def _judge(order_sn: str, changed_at: datetime | None, period: Period) -> Difference:
    if changed_at is None:
        return Difference(order_sn, Kind.NOT_LISTED, N_("the marketplace does not know it any more"))
    at = f"{changed_at:%Y-%m-%d %H:%M:%S} UTC"
    if changed_at >= period.until:
        return Difference(order_sn, Kind.LATER, N_("it has changed again at %(at)s, after the period", at=at))
    text = N_("the marketplace does not list it, though it changed at %(at)s", at=at)
    return Difference(order_sn, Kind.NOT_LISTED, text)


def _portions(order_sns: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (order_sns[at : at + size] for at in range(0, len(order_sns), size))
