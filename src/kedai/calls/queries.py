"""Reading the log of outgoing calls. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from kedai.calls.models import OutgoingCall
from kedai.db.types import Id, UtcDateTime, from_microseconds, to_microseconds
from kedai.errors import Invalid
from kedai.kit.instants import parse_instant
from kedai.kit.paging import decode_cursor, encode_cursor
from kedai.values.environment import Environment
from kedai.values.order import Page
from kedai.values.wording import N_

SCAN: Final = 20_000
"""How many rows a filtered page looks at before it stops and offers to go on."""

FILTERS: Final = ("shop", "path", "outcome", "code", "request_id", "since", "until")
"""What `parse_filter` understands, as addresses and commands name it."""

OUTCOMES: Final = ("ok", "failed")

Position = tuple[datetime, UUID]


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls are wanted; ``None`` asks for nothing. ``path`` and ``code`` are parts of a text, in any case."""

    shop_id: str | None = None
    path: str | None = None
    outcome: str | None = None
    code: str | None = None
    request_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def parse_filter(given: Mapping[str, str | None]) -> CallFilter:
    """The filter that an address or a command names: an instant with its zone, or a whole day of UTC.

    Raises:
        Invalid: an outcome, a day or an instant that there is not, or an end before the beginning.
    """
    if any("\0" in text for text in given.values() if text):
        raise Invalid(N_("A filter holds a character that nothing can have."))
    outcome = given.get("outcome")
    if outcome is not None and outcome not in OUTCOMES:
        raise Invalid(N_("The outcome of a call is ok or failed."), field="outcome")
    since = _instant(given.get("since"), "since", whole_day=timedelta())
    until = _instant(given.get("until"), "until", whole_day=timedelta(days=1))
    if since is not None and until is not None and until <= since:
        raise Invalid(N_("The period ends before it begins."), field="until")
    return CallFilter(
        given.get("shop"), given.get("path"), outcome, given.get("code"), given.get("request_id"), since, until
    )


def list_calls(
    db: Session,
    *,
    environment: Environment | None,
    wanted: CallFilter,
    cursor: str | None,
    cursor_key: bytes,
    limit: int,
    scan: int = SCAN,
) -> Page[OutgoingCall]:
    """Calls, the newest first. A page looks at ``scan`` rows: a short one with a ``next_cursor`` has older ones.

    Raises:
        Invalid: the cursor belongs to another list.
    """
    values = [getattr(wanted, one.name) for one in fields(wanted)]
    bound_to = "\0".join(("calls", str(environment), *("*" if one is None else f"={one}" for one in values)))
    rows, last = _page(db, environment, wanted, _position(cursor, cursor_key, bound_to), limit=limit, scan=scan)
    return Page(rows, None if last is None else _cursor(cursor_key, bound_to, last))


def find_calls(
    db: Session, *, environment: Environment, wanted: CallFilter, limit: int, scan: int = SCAN
) -> Sequence[OutgoingCall]:
    """The newest calls of one environment that fit, wherever in the log they stand."""
    rows: list[OutgoingCall] = []
    before: Position | None = None
    while True:
        found, before = _page(db, environment, wanted, before, limit=limit - len(rows), scan=scan)
        rows += found
        if before is None or len(rows) >= limit:
            return rows


def count_calls(db: Session, *, environment: Environment | None, wanted: CallFilter, at_most: int) -> int:
    """How many calls fit, counted no further than ``at_most``."""
    total = 0
    for one in tuple(Environment) if environment is None else (environment,):
        where = [*_served(one, wanted), *_period(wanted, None), *_rest(wanted)]
        some = sa.select(sa.literal(1)).select_from(OutgoingCall).where(*where).limit(at_most - total).subquery()
        total += db.execute(sa.select(sa.func.count()).select_from(some)).scalar_one()
    return total


def has_calls(db: Session, *, environment: Environment | None) -> bool:
    """Whether any call is kept."""
    every = tuple(Environment) if environment is None else (environment,)
    return any(_scan_end(db, [OutgoingCall.environment == one], 1) is not None for one in every)


def _page(
    db: Session,
    environment: Environment | None,
    wanted: CallFilter,
    before: Position | None,
    *,
    limit: int,
    scan: int,
) -> tuple[tuple[OutgoingCall, ...], Position | None]:
    """The rows, and where the next page begins; None where there is none."""
    every = tuple(Environment) if environment is None else (environment,)
    floors = [_scan_end(db, [*_served(one, wanted), *_period(wanted, before)], scan) for one in every]
    floor = max((one for one in floors if one is not None), default=None)
    found: list[OutgoingCall] = []
    for one in every:
        where = [*_served(one, wanted), *_period(wanted, before), *_rest(wanted)]
        if floor is not None:
            where.append(_place() >= _literal(floor))
        statement = sa.select(OutgoingCall).where(*where).order_by(*_newest_first()).limit(limit + 1)
        found += db.execute(statement).scalars()
    found.sort(key=lambda row: (row.started_at, row.id), reverse=True)
    rows = tuple(found[:limit])
    return rows, (rows[-1].started_at, rows[-1].id) if len(found) > limit else floor


def _served(environment: Environment, wanted: CallFilter) -> list[sa.ColumnElement[bool]]:
    """What one index serves, the narrowest that there is: only rows that fit these are looked at."""
    mine = OutgoingCall.environment == environment
    if wanted.request_id is not None:
        return [mine, OutgoingCall.request_id == wanted.request_id]
    if wanted.shop_id is not None:
        return [mine, OutgoingCall.shop_id == wanted.shop_id]
    if wanted.code is not None or wanted.outcome == "failed":  # written out: a bound one would not prove that
        return [mine, OutgoingCall.outcome == sa.literal("failed", literal_execute=True)]  # the index applies
    return [mine]


def _period(wanted: CallFilter, before: Position | None) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.since is not None:
        conditions.append(OutgoingCall.started_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(OutgoingCall.started_at < wanted.until)
    if before is not None:
        conditions.append(_place() < _literal(before))
    return conditions


def _rest(wanted: CallFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.shop_id is not None:
        conditions.append(OutgoingCall.shop_id == wanted.shop_id)
    if wanted.outcome is not None:
        conditions.append(OutgoingCall.outcome == wanted.outcome)
    if wanted.path is not None:
        conditions.append(_holds(OutgoingCall.path, wanted.path))
    if wanted.code is not None:
        conditions.append(_holds(OutgoingCall.code, wanted.code))
    return conditions


def _scan_end(db: Session, where: list[sa.ColumnElement[bool]], scan: int) -> Position | None:
    """The oldest row that a page looks at, or None where there are fewer; read from an index alone."""
    statement = sa.select(OutgoingCall.started_at, OutgoingCall.id).where(*where).order_by(*_newest_first())
    row = db.execute(statement.offset(scan - 1).limit(1)).one_or_none()
    return None if row is None else (row.started_at, row.id)


def _newest_first() -> tuple[sa.UnaryExpression[Any], ...]:
    return OutgoingCall.started_at.desc(), OutgoingCall.id.desc()


def _place() -> sa.Tuple:
    return sa.tuple_(OutgoingCall.started_at, OutgoingCall.id)


def _literal(position: Position) -> sa.Tuple:
    return sa.tuple_(sa.literal(position[0], UtcDateTime), sa.literal(position[1], Id))


def _holds(column: InstrumentedAttribute[str], text: str) -> sa.ColumnElement[bool]:
    return sa.func.lower(column).contains(text.lower(), autoescape=True)


def _cursor(key: bytes, bound_to: str, last: Position) -> str:
    return encode_cursor(key, bound_to, (to_microseconds(last[0]), last[1].hex))


def _position(cursor: str | None, key: bytes, bound_to: str) -> Position | None:
    if cursor is None:
        return None
    position = decode_cursor(key, bound_to, cursor)
    if len(position) != 2:
        raise Invalid(N_("The cursor is not valid."), field="cursor")
    return from_microseconds(int(position[0])), UUID(hex=str(position[1]))


def _instant(text: str | None, field: str, *, whole_day: timedelta) -> datetime | None:
    """An instant as it is written, or the beginning of a day, moved by ``whole_day``."""
    if text is None:
        return None
    if len(text) != len("2026-11-23"):
        return parse_instant(text, field=field)
    return parse_instant(text, field=field, zone_given=False) + whole_day
