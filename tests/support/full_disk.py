"""A disk on which the database finds no room: SQLite may not grow, PostgreSQL answers what it does when it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from kedai.db.database import Database

NEEDS_ROOM = 200_000
"""Bytes that fit into no page that is there already."""

_AS_LARGE_AS_EVER = 2**32 - 2
_NO_ROOM = (
    "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE '' USING ERRCODE = '53100'; END $$",
    "CREATE TRIGGER no_room BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION no_room()",
)
_ROOM = ("DROP TRIGGER no_room ON {table}", "DROP FUNCTION no_room")


@contextmanager
def full_disk(database: Database, table: str) -> Iterator[None]:
    """While the block is open, what goes into the table through this role's connections finds no room."""
    if database.is_sqlite:
        with _may_not_grow(database):
            yield
        return
    _execute(database, _NO_ROOM, table)
    try:
        yield
    finally:
        _execute(database, _ROOM, table)


@contextmanager
def _may_not_grow(database: Database) -> Iterator[None]:
    most = 1  # SQLite takes the present size where that is more

    def limit(raw: Any, *_rest: Any) -> None:
        raw.execute(f"PRAGMA max_page_count={most}")

    # a connection that is kept is not taken out of the pool again before it has failed
    sa.event.listen(database.write_engine, "before_cursor_execute", lambda _connection, cursor, *_: limit(cursor))
    sa.event.listen(database.write_engine, "checkout", limit)
    try:
        yield
    finally:
        most = _AS_LARGE_AS_EVER


def _execute(database: Database, statements: tuple[str, ...], table: str) -> None:
    with database.write_engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement.format(table=table))
