"""Removing what is old, a few rows at a time: bounded work per transaction, and a position to go on from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db.base import Model
from kedai.values.environment import ConnectorName, Environment

Condition = Callable[[datetime], sa.ColumnElement[bool]]
"""What holds of a row before an instant."""

Swept = tuple[int, list[Any] | None]
"""How many rows were removed (or changed), and after which key to go on; ``None`` where nothing old is left."""


class Due(NamedTuple):
    """How many rows would go now; ``is_all`` is false where only the oldest were looked at."""

    number: int
    is_all: bool


def _always(_before: datetime) -> sa.ColumnElement[bool]:
    return sa.true()


@dataclass(frozen=True, slots=True)
class SweepById:
    """Removes the rows of one table that are ``doomed``, by their ids, which are in order of time.

    It ends at the first row that is not ``old``. Declare it once in the feature that owns the table.
    """

    model: type[Model]
    old: Condition
    doomed: Condition = _always

    def __call__(
        self,
        db: Session,
        connector: ConnectorName,
        environment: Environment,
        *,
        before: datetime,
        after: list[Any] | None,
        limit: int,
    ) -> Swept:
        """Look at the next ``limit`` rows of one environment, behind the key ``after``."""
        columns = self.model.__table__.c
        key: Any = columns.id
        statement = sa.select(key, self.old(before))
        statement = statement.where(columns.environment == environment, columns.connector == connector)
        if after is not None:
            statement = statement.where(key > UUID(after[0]))
        rows = db.execute(statement.order_by(key).limit(limit)).all()
        ids = [identity for identity, is_old in rows if is_old]
        removing = sa.delete(self.model).where(key.in_(ids), self.doomed(before))
        gone = db.execute(removing.execution_options(synchronize_session=False))
        is_last = len(ids) < limit
        return gone.rowcount, None if is_last else [ids[-1].hex]  # type: ignore[attr-defined]

    def count(
        self, db: Session, connector: ConnectorName, environment: Environment, *, before: datetime, limit: int
    ) -> Due:
        """How many of one environment would be removed, among its oldest ``limit``."""
        columns = self.model.__table__.c
        is_old = sa.case((self.old(before), 1)).label("is_old")
        is_doomed = sa.case((sa.and_(self.old(before), self.doomed(before)), 1)).label("is_doomed")
        mine = sa.select(is_old, is_doomed).select_from(self.model)
        mine = mine.where(columns.environment == environment, columns.connector == connector)
        oldest = mine.order_by(columns.id).limit(limit).subquery().c
        old, doomed = db.execute(sa.select(sa.func.count(oldest.is_old), sa.func.count(oldest.is_doomed))).one()
        return Due(doomed, old < limit)
