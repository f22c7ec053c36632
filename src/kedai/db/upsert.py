"""`INSERT … ON CONFLICT`, which both databases have and the neutral construct lacks."""

from __future__ import annotations

from typing import cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from kedai.db.base import Model
from kedai.db.database import dialect_of


def insert_into(db: Session | Connection, model: type[Model]) -> postgresql.Insert | sqlite.Insert:
    """An insert that offers `on_conflict_do_nothing` and `on_conflict_do_update` on the database at hand.

    It is on the table, not the model: rows go straight to the driver, without the object layer's book-keeping.
    """
    return insert_for(dialect_of(db), model)


def insert_for(dialect: str, model: type[Model]) -> postgresql.Insert | sqlite.Insert:
    """The same for a statement that is built once and kept."""
    table = cast("sa.Table", model.__table__)
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
