"""Reading runs: the list, one run, the latest of a kind. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.errors import Invalid, NotFound
from kedai.kit.paging import decode_cursor, encode_cursor
from kedai.runs.models import Run, Schedule
from kedai.values.environment import Environment
from kedai.values.news import Newest
from kedai.values.order import Page
from kedai.values.wording import N_

OPEN_STATES = ("queued", "running")
IS_OPEN = sa.text("run.state IN ('queued', 'running')")
"""In words that `ix_run_open` has too: of very many runs only the open ones are looked at."""

_WATCHED = 200
"""Of so many open runs it is noticed that they move."""

STATES = (*OPEN_STATES, "succeeded", "failed", "cancelled")


def list_runs(
    db: Session,
    *,
    environment: Environment | None,
    states: Sequence[str],
    kind: str | None = None,
    cursor: str | None,
    cursor_key: bytes,
    limit: int,
) -> Page[Run]:
    """Runs in these states, of one kind or of all, newest first.

    Raises:
        Invalid: the cursor belongs to another list.
    """
    bound_to = "\0".join(("runs", str(environment), kind or "", *states))
    statement = sa.select(Run).where(Run.state.in_(states))
    if kind is not None:
        statement = statement.where(Run.kind == kind)
    if environment is not None:
        statement = statement.where(Run.environment == environment)
    if cursor is not None:
        statement = statement.where(Run.id < _position(cursor, cursor_key, bound_to))
    rows = db.execute(statement.order_by(Run.id.desc()).limit(limit + 1)).scalars().all()
    shown = tuple(rows[:limit])
    return Page(shown, encode_cursor(cursor_key, bound_to, (shown[-1].id.hex,)) if len(rows) > limit else None)


def list_newest_runs(db: Session, *, environment: Environment, limit: int) -> list[Newest]:
    """The runs that stand first in the list."""
    statement = sa.select(Run.id, Run.created_at).where(Run.environment == environment)
    return [Newest(*row) for row in db.execute(statement.order_by(Run.id.desc()).limit(limit))]


def list_progress(db: Session, *, environment: Environment) -> list[tuple[Any, ...]]:
    """How far every open run is: another answer than before means that one moved, began or ended."""
    columns = (Run.id, Run.state, Run.done, Run.total, Run.paused_at, Run.cancel_requested, Run.note)
    statement = sa.select(*columns).where(IS_OPEN, Run.environment == environment).order_by(Run.id)
    return [tuple(row) for row in db.execute(statement.limit(_WATCHED))]


def list_schedule_states(db: Session, *, environment: Environment) -> list[tuple[Any, ...]]:
    """Which schedules are paused, and when each succeeded last."""
    columns = (Schedule.connector, Schedule.kind, Schedule.paused_at, Schedule.last_success_at)
    statement = sa.select(*columns).where(Schedule.environment == environment)
    return [tuple(row) for row in db.execute(statement.order_by(Schedule.connector, Schedule.kind))]


def find_latest_run(db: Session, kind: str, connector: str, *, environment: Environment) -> Run | None:
    """The newest run of a kind, open or ended."""
    statement = sa.select(Run).where(Run.kind == kind, Run.connector == connector, Run.environment == environment)
    return db.execute(statement.order_by(Run.id.desc()).limit(1)).scalar_one_or_none()


def list_last_of_schedules(db: Session) -> dict[tuple[str, str, Environment], Run]:
    """The newest run of each schedule, open or ended, by kind, connector and environment; one seek for each."""
    same = (Run.kind == Schedule.kind, Run.connector == Schedule.connector, Run.environment == Schedule.environment)
    newest = sa.select(Run.id).where(*same).order_by(Run.id.desc()).limit(1).correlate(Schedule).scalar_subquery()
    rows = db.execute(sa.select(Run).where(Run.id.in_(sa.select(newest).select_from(Schedule)))).scalars()
    return {(row.kind, row.connector, row.environment): row for row in rows}


def list_latest_runs(db: Session, kind: str, connector: str, *, environment: Environment, limit: int) -> Sequence[Run]:
    """The newest runs of a kind, open or ended, newest first."""
    statement = sa.select(Run).where(Run.kind == kind, Run.connector == connector, Run.environment == environment)
    return db.execute(statement.order_by(Run.id.desc()).limit(limit)).scalars().all()


def find_open_runs(
    db: Session, kinds: Sequence[str], connector: str, *, environment: Environment, lock: bool = False
) -> Sequence[Run]:
    """Runs of these kinds that are queued or going on, newest first."""
    statement = sa.select(Run).where(Run.kind.in_(kinds), Run.connector == connector, Run.environment == environment)
    statement = statement.where(IS_OPEN).order_by(Run.id.desc())
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return db.execute(statement).scalars().all()


def has_tick(db: Session, kind: str, connector: str, *, environment: Environment, tick: datetime) -> bool:
    """Whether there is a run of this kind for that instant."""
    own = (Run.kind == kind, Run.connector == connector, Run.environment == environment, Run.scheduled_at == tick)
    return bool(db.execute(sa.select(sa.exists().where(*own))).scalar_one())


def has_run_since(db: Session, kind: str, connector: str, *, environment: Environment, since: datetime) -> bool:
    """Whether the newest run of this kind was made then or later."""
    own = (Run.environment == environment, Run.kind == kind, Run.connector == connector)
    newest = db.execute(sa.select(Run.created_at).where(*own).order_by(Run.id.desc()).limit(1)).scalar_one_or_none()
    return newest is not None and newest >= since


def get_queue(db: Session, *, environment: Environment | None) -> tuple[int, datetime | None]:
    """How many runs are open, and since when the first of them waits for somebody to take it."""
    waits = sa.and_(Run.lease_until.is_(None), Run.paused_at.is_(None))
    statement = sa.select(sa.func.count(), sa.func.min(sa.case((waits, Run.due_at)))).select_from(Run).where(IS_OPEN)
    if environment is not None:
        statement = statement.where(Run.environment == environment)
    count, since = db.execute(statement).one()
    return count, since


def get_run(db: Session, run_id: UUID, *, environment: Environment) -> Run:
    """One run.

    Raises:
        NotFound: no such run, or it belongs to the other environment.
    """
    row = db.get(Run, run_id)
    if row is None or row.environment is not environment:
        raise NotFound(N_("There is no such run here."))
    return row


def list_of_kind(db: Session, kind: str, *, states: Sequence[str] = STATES, limit: int) -> Sequence[Run]:
    """Runs of one kind in every environment, newest first."""
    statement = sa.select(Run).where(Run.kind == kind, Run.state.in_(states))
    return db.execute(statement.order_by(Run.id.desc()).limit(limit)).scalars().all()


def list_by_id(db: Session, ids: Sequence[UUID]) -> Sequence[Run]:
    """These runs, in the order in which they were made."""
    return db.execute(sa.select(Run).where(Run.id.in_(ids)).order_by(Run.id)).scalars().all()


def list_schedules(db: Session, *, environment: Environment | None) -> Sequence[Schedule]:
    """The schedules of an environment, or of all, by kind."""
    statement = sa.select(Schedule).order_by(Schedule.kind, Schedule.connector, Schedule.environment)
    if environment is not None:
        statement = statement.where(Schedule.environment == environment)
    return db.execute(statement).scalars().all()


def get_schedule(db: Session, kind: str, connector: str, *, environment: Environment, lock: bool = False) -> Schedule:
    """One schedule.

    Raises:
        NotFound: there is none, perhaps not yet.
    """
    statement = sa.select(Schedule).where(
        Schedule.kind == kind, Schedule.connector == connector, Schedule.environment == environment
    )
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    row = db.execute(statement).scalar_one_or_none()
    if row is None:
        raise NotFound(N_("There is no such schedule here."))
    return row


def find_going_on(db: Session) -> frozenset[tuple[str, str, Environment]]:
    """Kind, connector and environment of the runs that are being worked on."""
    statement = sa.select(Run.kind, Run.connector, Run.environment).distinct()
    rows = db.execute(statement.where(IS_OPEN, Run.state == "running", Run.paused_at.is_(None)))
    return frozenset((kind, connector, environment) for kind, connector, environment in rows)


def _position(cursor: str, key: bytes, bound_to: str) -> UUID:
    position = decode_cursor(key, bound_to, cursor)
    if len(position) != 1:
        raise Invalid(N_("The cursor is not valid."), field="cursor")
    return UUID(hex=str(position[0]))
