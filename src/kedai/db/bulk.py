"""Inserts of many rows by one statement that is built once; on PostgreSQL they travel as one JSON text.

There a parameter for each value costs both sides more than the rows do. On SQLite the rows go straight to its driver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import chain
from types import SimpleNamespace
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler

from kedai.db.base import Model
from kedai.db.database import dialect_of
from kedai.db.upsert import insert_for
from kedai.values.wording import plain

Insert = postgresql.Insert | sqlite.Insert
_POSTGRESQL: sa.Dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]
_SQLITE: sa.Dialect = SQLiteDialect_pysqlite()


class BulkInsert:
    """An insert of rows that all name the same columns; ``finish`` adds what a conflict does and what is returned.

    Declare it once, beside the verb that uses it.
    """

    def __init__(self, model: type[Model], finish: Callable[[Insert], sa.UpdateBase] = lambda insert: insert) -> None:
        self._model = model
        self._finish = finish
        self._on_sqlite = cache(self._build_on_sqlite)
        self._on_postgresql = cache(self._build_on_postgresql)

    def execute(self, db: Session, rows: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
        """Insert the rows, one at least; what is returned of them.

        Raises:
            StatementError: a column cannot hold what it is given.
        """
        names = tuple(rows[0])
        if dialect_of(db) == "postgresql":
            statement, columns = self._on_postgresql(names)
            result = db.execute(statement, {"rows": _encode(columns, rows)})
            return result.all() if statement.exported_columns else ()
        return self._on_sqlite(names).execute(db, rows)

    def _build_on_sqlite(self, names: tuple[str, ...]) -> _DriverInsert:
        statement = self._finish(insert_for("sqlite", self._model))
        compiled = statement.compile(dialect=_SQLITE, column_keys=names)
        assert isinstance(compiled, SQLCompiler)
        columns = [_Column(self._model.__table__.c[name], name, _SQLITE) for name in compiled.positiontup or ()]
        return _DriverInsert(str(compiled), columns, statement.exported_columns)

    def _build_on_postgresql(self, names: tuple[str, ...]) -> tuple[sa.UpdateBase, list[_Column]]:
        columns = [_Column(self._model.__table__.c[name], name, _POSTGRESQL) for name in names]
        record = ", ".join(f"{column.name} {column.kind}" for column in columns)
        given = ", ".join(column.given for column in columns)
        rows = sa.text(f"SELECT {given} FROM json_to_recordset(CAST(:rows AS json)) AS given({record})")  # noqa: S608
        insert = insert_for("postgresql", self._model).from_select(names, rows.columns())
        return self._finish(insert), columns


class _DriverInsert:
    """An insert in SQLite's own words, past what SQLAlchemy does for each row."""

    def __init__(self, text: str, columns: Sequence[_Column], returned: Iterable[sa.ColumnElement[Any]]) -> None:
        self._text = text
        self._columns = columns
        self._returned = [
            (str(one.key), one.type.dialect_impl(_SQLITE).result_processor(_SQLITE, None)) for one in returned
        ]
        self._places = f"({', '.join('?' * len(columns))})"

    def execute(self, db: Session, rows: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
        given = [tuple(one.values()) for one in _convert(self._columns, rows)]
        if not self._returned:
            db.connection().exec_driver_sql(self._text, given)
            return ()
        text = self._text.replace(f"VALUES {self._places}", f"VALUES {', '.join([self._places] * len(given))}", 1)
        found = db.connection().exec_driver_sql(text, tuple(chain.from_iterable(given)))
        return [self._read(row) for row in found]

    def _read(self, row: Sequence[Any]) -> SimpleNamespace:
        found = zip(self._returned, row, strict=True)
        return SimpleNamespace(**{name: value if read is None else read(value) for (name, read), value in found})


class _Column:
    """How a column's values travel; in a JSON record bytes do as base64."""

    def __init__(self, column: sa.ColumnElement[Any], name: str, dialect: sa.Dialect) -> None:
        is_bytes = isinstance(column.type, sa.LargeBinary)
        self.name = name
        self.kind = "text" if is_bytes else column.type.compile(dialect=dialect)
        self.given = f"decode({name}, 'base64')" if is_bytes else name
        self.convert = None if is_bytes else column.type.dialect_impl(dialect).bind_processor(dialect)


def _encode(columns: Sequence[_Column], rows: Sequence[Mapping[str, Any]]) -> str:
    try:
        return msgspec.json.encode(_convert(columns, rows), enc_hook=plain).decode()
    except (ValueError, ArithmeticError) as error:
        raise StatementError(str(error), None, None, error, hide_parameters=True) from error


def _convert(columns: Sequence[_Column], rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Raises `StatementError` for what a column cannot hold, as SQLAlchemy does for what it converts itself."""
    try:
        return [
            {one.name: row[one.name] if one.convert is None else one.convert(row[one.name]) for one in columns}
            for row in rows
        ]
    except (ValueError, ArithmeticError) as error:
        raise StatementError(str(error), None, None, error, hide_parameters=True) from error
