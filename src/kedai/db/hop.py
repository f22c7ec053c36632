"""The distinct values of an indexed column, by one seek for each in one statement; `DISTINCT` would read every row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

MOST_VALUES: Final = 500


def hop_along(column: InstrumentedAttribute[str], *where: sa.ColumnElement[bool]) -> sa.CTE:
    """A table of one column, ``value``: rising, and last of all ``None``. ``where`` fixes the index's columns before.

    Whoever reads it leaves the ``None`` out, and stops after `MOST_VALUES`.
    """

    def first(*after: sa.ColumnElement[bool]) -> sa.ScalarSelect[Any]:
        return sa.select(column).where(*where, *after).order_by(column).limit(1).scalar_subquery()

    found = sa.select(first().label("value")).cte(recursive=True)
    following = first(column > found.c.value).correlate(found)
    return found.union_all(sa.select(following).where(found.c.value.is_not(None)))


def list_values(db: Session, column: InstrumentedAttribute[str], *where: sa.ColumnElement[bool]) -> Sequence[str]:
    """The values, rising, `MOST_VALUES` at most."""
    found = hop_along(column, *where)
    statement = sa.select(found.c.value).where(found.c.value.is_not(None)).limit(MOST_VALUES)
    return db.execute(statement).scalars().all()
