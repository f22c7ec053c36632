"""The one way to claim a row for a while: two columns, one statement, both databases.

A holder that dies loses its rows when the lease ends. Time is the database's on PostgreSQL; on SQLite it is the wall
clock, `serve` voids all leases when it takes its lock file, and where that clock is set back they go with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from kedai.db.base import Model
from kedai.db.database import dialect_of
from kedai.db.types import KeyText, UtcDateTime
from kedai.kit.clock import SystemClock


class Leased:
    """The two columns of a row that can be claimed."""

    lease_by: Mapped[str | None] = mapped_column(KeyText)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class LeasedModel(Leased, Model):
    """A table with a lease."""

    __abstract__ = True


Row = TypeVar("Row", bound=LeasedModel)


def now(db: Session) -> datetime:
    """The instant by which leases are judged."""
    if dialect_of(db) == "postgresql":
        value: datetime = db.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
        return value.astimezone(UTC)
    return SystemClock().now()


def free_at(model: type[Row], instant: datetime) -> sa.ColumnElement[bool]:
    """Rows nobody holds at ``instant``."""
    return sa.or_(model.lease_until.is_(None), model.lease_until < instant)


def set_back(db: Session, model: type[Row], by: timedelta) -> None:
    """Let what is held end as soon as it would have, had SQLite's clock not been set back by so much."""
    ends = sa.type_coerce(model.lease_until, sa.Integer)
    earlier = ends - by // timedelta(microseconds=1)
    statement = sa.update(model).where(model.lease_until.is_not(None)).values(lease_until=earlier)
    db.execute(statement, execution_options={"synchronize_session": False})


def take(
    db: Session,
    model: type[Row],
    ids: sa.Select[Any],
    *,
    holder: str,
    until: datetime,
    also: dict[str, Any] | None = None,
) -> Sequence[Row]:
    """Claim the rows that ``ids`` selects (it must ask for ``free_at``); rows locked by others are passed over."""
    key = sa.inspect(model).primary_key[0]
    chosen: sa.Select[Any] = ids
    if dialect_of(db) == "postgresql":  # materialised: the planner may otherwise run the locking part again
        locked = ids.with_for_update(skip_locked=True).cte("chosen").prefix_with("MATERIALIZED")
        chosen = sa.select(locked.c[0])
    values = {"lease_by": holder, "lease_until": until, **(also or {})}
    statement = sa.update(model).where(key.in_(chosen)).values(values).returning(model)
    return (
        db.execute(statement, execution_options={"synchronize_session": False, "populate_existing": True})
        .scalars()
        .all()
    )
