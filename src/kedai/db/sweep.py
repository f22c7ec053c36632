"""Removing what is old, a few rows at a time: bounded work per transaction, and a position to go on from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db.base import Model

Swept = tuple[int, list[Any] | None]
"""How many rows were removed (or changed), and after which key to go on; ``None`` where nothing old is left."""


def sweep_by_id(
    db: Session,
    model: type[Model],
    within: Sequence[sa.ColumnElement[bool]],
    *,
    old: sa.ColumnElement[bool],
    doomed: sa.ColumnElement[bool],
    after: list[Any] | None,
    limit: int,
) -> Swept:
    """Of the next rows by id (which are in order of time), remove the ``doomed`` ones; it ends at one not ``old``."""
    key: Any = model.__table__.c.id
    statement = sa.select(key, old).where(*within)
    if after is not None:
        statement = statement.where(key > UUID(after[0]))
    rows = db.execute(statement.order_by(key).limit(limit)).all()
    ids = [identity for identity, is_old in rows if is_old]
    gone = db.execute(sa.delete(model).where(key.in_(ids), doomed).execution_options(synchronize_session=False))
    is_last = len(ids) < limit
    return gone.rowcount, None if is_last else [ids[-1].hex]  # type: ignore[attr-defined]
