"""Databases that tests take and give back: emptied in milliseconds, where a new one costs a tenth of a second.

One that a test changed in its schema, or made large, is dropped, and the next test gets a new one.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from kedai.kit.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.postgres import PostgresServer

_GROWTH_BYTES = 24 * 1024 * 1024
_DISCONNECT = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
)
_TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname"
# Object ids and transaction ids change with every DDL statement, so that equal digests mean an untouched schema.
_SCHEMA = """
SELECT md5(concat(
  (SELECT string_agg(concat_ws('.', oid, xmin), ',' ORDER BY oid) FROM pg_namespace),
  (SELECT string_agg(concat_ws('.', oid, relnamespace, relname, relkind, relacl, reloptions), ',' ORDER BY oid)
     FROM pg_class WHERE relnamespace = 'public'::regnamespace),
  (SELECT string_agg(concat_ws('.', attrelid, attnum, xmin), ',' ORDER BY attrelid, attnum)
     FROM pg_attribute WHERE attrelid >= 16384),
  (SELECT string_agg(concat_ws('.', oid, xmin), ',' ORDER BY oid) FROM pg_trigger),
  (SELECT string_agg(concat_ws('.', oid, xmin), ',' ORDER BY oid) FROM pg_constraint WHERE oid >= 16384),
  (SELECT string_agg(concat_ws('.', oid, xmin), ',' ORDER BY oid) FROM pg_proc WHERE oid >= 16384),
  (SELECT string_agg(concat_ws('.', oid, xmin), ',' ORDER BY oid) FROM pg_type WHERE oid >= 16384),
  (SELECT string_agg(version_num, ',') FROM alembic_version),
  (SELECT string_agg(concat_ws('.', setdatabase, setrole, setconfig), ',' ORDER BY setdatabase, setrole)
     FROM pg_db_role_setting)
))
"""


class PostgresShelf:
    """The databases of one server that are ready to be taken, each like the template."""

    def __init__(self, server: PostgresServer, template: str) -> None:
        """Nothing is made before it is asked for."""
        self._server = server
        self._template = template
        self._ready: list[str] = []
        self._made: dict[str, tuple[str, int]] = {}

    @contextmanager
    def lend(self) -> Iterator[str]:
        """The URL of an empty, migrated database that is nobody else's meanwhile."""
        name = self._take()
        try:
            yield self._server.url(name)
        finally:
            self._give_back(name)

    def _take(self) -> str:
        if self._ready:
            return self._ready.pop()
        name = f"test_{new_id().hex}"
        self._server.create_database(name, template=self._template)
        with psycopg.connect(self._server.dsn(name), autocommit=True) as connection:
            self._made[name] = _measure(connection)
        return name

    def _give_back(self, name: str) -> None:
        if self._empty(name):
            self._ready.append(name)
        else:
            self._server.drop_database(name)

    def _empty(self, name: str) -> bool:
        """Disconnect whoever is left and remove all rows; False where it is not worth keeping."""
        schema, size = self._made[name]
        try:
            with psycopg.connect(self._server.dsn(name), autocommit=True) as connection:
                connection.execute(_DISCONNECT, (name,))
                found, grown = _measure(connection)
                if found != schema or grown > size + _GROWTH_BYTES:
                    return False
                _delete_everything(connection)
        except psycopg.Error:
            return False
        return True


def _measure(connection: psycopg.Connection) -> tuple[str, int]:
    """The schema's digest, and the database's size in bytes."""
    row = connection.execute(_SCHEMA).fetchone()
    size = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None
    assert size is not None
    return row[0], size[0]


def _delete_everything(connection: psycopg.Connection) -> None:
    """As a replica does: without triggers, some of which refuse a deletion, and without looking at references."""
    tables = [row[0] for row in connection.execute(_TABLES) if row[0] != "alembic_version"]
    deletions = [sql.SQL("DELETE FROM {};").format(sql.Identifier(name)) for name in tables]
    connection.execute(sql.SQL("SET session_replication_role = replica; ") + sql.SQL(" ").join(deletions))
