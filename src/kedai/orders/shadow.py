"""Shadows: what a rebuild found to be otherwise than it stands. Nothing in here changes an order.

What was known of an order at a time is its newest answer among those whose reading had begun by then. When a push
arrived is counted and shown, and decides nothing: the same rows give the same shadow on every run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db.upsert import insert_into
from kedai.orders import people
from kedai.orders.models import OrderAnswer, OrderItem, OrderShadow, OrderSync
from kedai.orders.service import DETAIL, PreparedOrder, item_columns, order_columns
from kedai.values.environment import Environment, Scope

OPEN: Final = ("differs", "unknown_then", "unreadable")
"""States that wait for a person."""

PERSONAL: Final = frozenset(people.FIELDS)
"""Columns of which a difference is told, and never what they hold."""

_NO_DIFFERENCE = frozenset({"order_sn", "read_started_at", "answer_hash"})


class StoredAnswer(NamedTuple):
    """One kept answer: its exact bytes, compressed, and when its reading had begun."""

    hash: bytes
    body: bytes
    read_started_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """An order and its lines as they stand, by column."""

    order_sn: str
    answer_hash: bytes
    columns: Mapping[str, Any]
    lines: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Shadow:
    """How one order would differ; ``answer_hash`` is ``None`` where nothing can be applied."""

    order_sn: str
    state: str
    answer_hash: bytes | None
    standing_hash: bytes
    events: int
    differences: tuple[dict[str, Any], ...] = ()


def count_placed(db: Session, scope: Scope, *, since: datetime | None, until: datetime | None) -> int:
    """How many orders of a shop were placed in a range; ``None`` leaves that end open."""
    statement = sa.select(sa.func.count()).select_from(OrderSync)
    return db.execute(statement.where(*_placed(scope, since, until))).scalar_one()


def list_standing(
    db: Session, scope: Scope, *, since: datetime | None, until: datetime | None, after: str, limit: int
) -> list[Standing]:
    """The shop's orders placed in a range, by number, from the one that follows ``after``."""
    statement = sa.select(OrderSync).options(sa.orm.undefer("*"))
    statement = statement.where(*_placed(scope, since, until), OrderSync.order_sn > after)
    return _with_lines(db, scope, db.execute(statement.order_by(OrderSync.order_sn).limit(limit)).scalars().all())


def find_standing(db: Session, scope: Scope, order_sns: Sequence[str]) -> list[Standing]:
    """Those of the named orders that exist, by number."""
    statement = sa.select(OrderSync).options(sa.orm.undefer("*"))
    statement = statement.where(*_same(OrderSync, scope), OrderSync.order_sn.in_(order_sns))
    return _with_lines(db, scope, db.execute(statement.order_by(OrderSync.order_sn)).scalars().all())


def lock_standing(db: Session, scope: Scope, order_sns: Sequence[str]) -> dict[str, bytes]:
    """Which answer each of the named orders stands on, locked until the caller commits."""
    statement = sa.select(OrderSync.order_sn, OrderSync.answer_hash).where(
        *_same(OrderSync, scope), OrderSync.order_sn.in_(order_sns)
    )
    rows = db.execute(statement.order_by(OrderSync.order_sn).with_for_update())
    return {row.order_sn: row.answer_hash for row in rows}


def find_answers_as_of(db: Session, scope: Scope, order_sns: Sequence[str], at: datetime) -> dict[str, StoredAnswer]:
    """The newest answer about each order of which the reading had begun by then; others have none."""
    newest_first = (OrderAnswer.remote_updated_at.desc(), OrderAnswer.read_started_at.desc(), OrderAnswer.hash)
    place = sa.func.row_number().over(partition_by=OrderAnswer.order_sn, order_by=newest_first)
    where = (*_same(OrderAnswer, scope), OrderAnswer.order_sn.in_(order_sns), OrderAnswer.kind == DETAIL)
    ranked = (
        sa.select(OrderAnswer.order_sn, OrderAnswer.hash, OrderAnswer.read_started_at, place.label("place"))
        .where(*where, OrderAnswer.read_started_at <= at)
        .subquery()
    )
    chosen = sa.select(OrderAnswer.order_sn, OrderAnswer.hash, OrderAnswer.body, OrderAnswer.read_started_at).join(
        ranked, sa.and_(ranked.c.order_sn == OrderAnswer.order_sn, ranked.c.hash == OrderAnswer.hash)
    )
    return {row[0]: StoredAnswer(*row[1:]) for row in db.execute(chosen.where(*where, ranked.c.place == 1))}


def find_answers(db: Session, scope: Scope, hashes: Mapping[str, bytes]) -> dict[str, StoredAnswer]:
    """The named answer of each order."""
    wanted = sa.tuple_(OrderAnswer.order_sn, OrderAnswer.hash).in_(sorted(hashes.items()))
    columns = (OrderAnswer.order_sn, OrderAnswer.hash, OrderAnswer.body, OrderAnswer.read_started_at)
    rows = db.execute(sa.select(*columns).where(*_same(OrderAnswer, scope), OrderAnswer.kind == DETAIL, wanted))
    return {row[0]: StoredAnswer(*row[1:]) for row in rows}


def compare(standing: Standing, then: PreparedOrder) -> tuple[dict[str, Any], ...]:
    """Every column that would change: ``{"field", "now", "then"}``; personal data is named, not told."""
    columns = order_columns(then)
    found = [
        _difference(name, standing.columns[name], value)
        for name, value in columns.items()
        if name not in _NO_DIFFERENCE and standing.columns[name] != value
    ]
    lines = tuple(item_columns(then))
    return tuple(found if lines == standing.lines else [*found, *_line_differences(standing.lines, lines)])


def keep(db: Session, scope: Scope, run_id: UUID, shadows: Sequence[Shadow]) -> None:
    """Write what was found; found once more, after a crash, it is the same row."""
    key = {"run_id": run_id, "connector": scope.connector, "environment": scope.environment, "shop_id": scope.shop_id}
    rows = [
        {
            **key,
            "order_sn": one.order_sn,
            "state": one.state,
            "answer_hash": one.answer_hash,
            "standing_hash": one.standing_hash,
            "events": one.events,
            "differences": list(one.differences),
        }
        for one in sorted(shadows, key=lambda one: one.order_sn)
    ]
    if rows:
        db.execute(insert_into(db, OrderShadow).on_conflict_do_nothing(), rows)


def list_shadows(
    db: Session,
    run_id: UUID,
    *,
    environment: Environment,
    after: str,
    limit: int,
    states: Sequence[str] | None = None,
) -> Sequence[OrderShadow]:
    """What a rebuild found, by order number; ``states`` is ``None`` for all of it."""
    statement = sa.select(OrderShadow).where(
        OrderShadow.run_id == run_id, OrderShadow.environment == environment, OrderShadow.order_sn > after
    )
    if states is not None:
        statement = statement.where(OrderShadow.state.in_(states))
    return db.execute(statement.order_by(OrderShadow.order_sn).limit(limit)).scalars().all()


def count_shadows(db: Session, run_id: UUID, *, environment: Environment) -> dict[str, int]:
    """How many orders a rebuild found in each state."""
    statement = sa.select(OrderShadow.state, sa.func.count()).group_by(OrderShadow.state)
    rows = db.execute(statement.where(OrderShadow.run_id == run_id, OrderShadow.environment == environment))
    return {row.state: row[1] for row in rows}


def settle(db: Session, scope: Scope, run_id: UUID, order_sns: Sequence[str], state: str) -> None:
    """Note what became of some shadows."""
    if order_sns:
        where = (OrderShadow.run_id == run_id, *_same(OrderShadow, scope), OrderShadow.order_sn.in_(order_sns))
        db.execute(sa.update(OrderShadow).where(*where).values(state=state))


def _with_lines(db: Session, scope: Scope, rows: Sequence[OrderSync]) -> list[Standing]:
    numbers = [row.order_sn for row in rows]
    statement = sa.select(OrderItem).where(*_same(OrderItem, scope), OrderItem.order_sn.in_(numbers))
    lines: dict[str, list[Mapping[str, Any]]] = {}
    for item in db.execute(statement.order_by(OrderItem.order_sn, OrderItem.line)).scalars():
        lines.setdefault(item.order_sn, []).append(_by_column(item, leave_out=("connector", "environment", "shop_id")))
    return [
        Standing(row.order_sn, row.answer_hash, _by_column(row), tuple(lines.get(row.order_sn, ()))) for row in rows
    ]


def _by_column(row: OrderSync | OrderItem, leave_out: Sequence[str] = ()) -> dict[str, Any]:
    names = [column.key for column in row.__table__.columns]
    return {name: getattr(row, name) for name in names if name not in leave_out}


def _difference(name: str, now: Any, then: Any) -> dict[str, Any]:
    if name in PERSONAL:
        return {"field": name, "now": None, "then": None}
    return {"field": name, "now": _plain(now), "then": _plain(then)}


def _line_differences(now: Sequence[Mapping[str, Any]], then: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Line by line, and a line that is only on one side as a whole."""
    found: list[dict[str, Any]] = []
    for number in range(max(len(now), len(then))):
        ours = now[number] if number < len(now) else {}
        theirs = then[number] if number < len(then) else {}
        names = sorted({*ours, *theirs} - {"order_sn", "line"})
        changed = [name for name in names if ours.get(name) != theirs.get(name)]
        found += [_difference(f"line {number + 1}: {name}", ours.get(name), theirs.get(name)) for name in changed]
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value if value is None or isinstance(value, int | str) else str(value)


def _placed(scope: Scope, since: datetime | None, until: datetime | None) -> list[sa.ColumnElement[bool]]:
    where = list(_same(OrderSync, scope))
    if since is not None:
        where.append(OrderSync.remote_created_at >= since)
    if until is not None:
        where.append(OrderSync.remote_created_at < until)
    return where


def _same(
    model: type[OrderSync | OrderItem | OrderAnswer | OrderShadow], scope: Scope
) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        model.connector == scope.connector,
        model.environment == scope.environment,
        model.shop_id == scope.shop_id,
    )
