"""Removing what is old, a few rows at a time: bounded work per transaction, and a position to go on from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db.base import Model
from kedai.values.environment import ConnectorName, Environment

Condition = Callable[[datetime], sa.ColumnElement[bool]]
"""What holds of a row before an instant."""

Swept = tuple[int, list[Any] | None]
"""How many rows were removed (or changed), and after which key to go on; ``None`` where nothing old is left."""


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
