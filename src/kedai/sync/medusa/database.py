"""An old system's own database: one read-only transaction, so that nothing changes and all is of one moment."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from kedai.errors import Invalid, StorageUnavailable
from kedai.sync.medusa.source import OldRow

_SESSION = "-c timezone=UTC -c datestyle=ISO -c bytea_output=hex -c statement_timeout=0"


class OldDatabase:
    """A `Source` that reads from PostgreSQL.

    Raises:
        Invalid: the DSN cannot be read. StorageUnavailable: the server cannot be reached, or goes away.
    """

    def __init__(self, dsn: str) -> None:
        given = _parsed(dsn)
        given["options"] = f"{given.get('options') or ''} {_SESSION}".strip()
        given |= {"connect_timeout": "10", "client_encoding": "utf8", "application_name": "kedai import"}
        try:
            self._connection = psycopg.connect(make_conninfo("", **given))
        except psycopg.Error as error:
            raise StorageUnavailable(f"The old database cannot be reached: {_first_line(error)}") from None
        self._connection.read_only = True
        self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def columns(self, table: str) -> tuple[str, ...] | None:
        """In the order in which they stand; tables are looked for on the connection's search path."""
        statement = (
            "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0"
            " AND NOT attisdropped ORDER BY attnum"
        )
        try:
            rows = self._connection.execute(statement, (table,)).fetchall()
        except psycopg.Error as error:
            raise StorageUnavailable(f"The old database cannot be read: {_first_line(error)}") from None
        return tuple(row[0] for row in rows) or None

    def rows(self, table: str) -> Iterator[OldRow]:
        """The server sends row after row; none is kept."""
        names = self.columns(table) or ()
        wanted = sql.SQL(", ").join(map(sql.Identifier, names))
        statement = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(wanted, sql.Identifier(table))
        try:
            with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
                for row in copy.rows():
                    yield OldRow(dict(zip(names, row, strict=True)))
        except psycopg.Error as error:
            raise StorageUnavailable(f"The old database cannot be read: {_first_line(error)}") from None


def _parsed(dsn: str) -> dict[str, str]:
    try:
        found = conninfo_to_dict(dsn)
    except psycopg.Error:  # its message quotes the DSN, password and all
        raise Invalid("The DSN cannot be read: expected postgresql://user@host/name.", field="DSN") from None
    return {name: str(value) for name, value in found.items() if value is not None}


def has_password(dsn: str) -> bool:
    """Whether a DSN holds a password, which others may see in the list of processes.

    Raises:
        Invalid: it cannot be read.
    """
    return "password" in _parsed(dsn)


def _first_line(error: psycopg.Error) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
