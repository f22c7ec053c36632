"""The base of every table: one metadata, one naming convention."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Model(DeclarativeBase):
    """A table. Models are typed rows; they hold no behaviour that reaches beyond themselves."""

    metadata = sa.MetaData(naming_convention=NAMING)


SCHEMA_REVISION = "0001"
"""The migration these models belong to; a test compares it with the head of the history."""
