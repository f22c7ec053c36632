"""Walks the schema's history up, down and up again on filled databases: `python -m tests.support.check_schema`.

At every revision each table gets a row per environment, so that every later step has rows to carry. Rows are made from
what the database itself says of its tables, never from the models: those know the newest schema only.
"""

from __future__ import annotations

import itertools
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

import kedai.migrations
import kedai.runtime
from kedai import migrations
from kedai.db.base import SCHEMA_REVISION, Model
from kedai.db.engine import make_engine
from tests.support.postgres import PostgresServer

assert kedai.runtime.FEATURES  # importing it registers every table
ENVIRONMENTS = ("sandbox", "live")
VERSION_TABLE = "alembic_version"
Row = dict[str, Any]


@dataclass(slots=True)
class Filler:
    """Makes rows that foreign keys, checks and unique constraints accept; ``rows`` holds them by table."""

    connection: Connection
    rows: dict[str, list[Row]] = field(default_factory=dict)
    _serial: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def fill(self) -> dict[str, list[Row]]:
        """A row of each environment in every empty table (one in tables that know no environment)."""
        metadata = sa.MetaData()
        metadata.reflect(self.connection)
        for table in metadata.sorted_tables:
            if table.name != VERSION_TABLE:
                self.rows[table.name] = self._standing(table) or self._made(table)
        return self.rows

    def _standing(self, table: sa.Table) -> list[Row]:
        return [dict(row) for row in self.connection.execute(sa.select(table)).mappings()]

    def _made(self, table: sa.Table) -> list[Row]:
        checks = [str(one["sqltext"]) for one in sa.inspect(self.connection).get_check_constraints(table.name)]
        given = [{"environment": one} for one in ENVIRONMENTS] if "environment" in table.c else [{}]
        made = [self._row(table, checks, one) for one in given]
        for row in made:
            self.connection.execute(sa.insert(table).values(row))
        return made

    def _row(self, table: sa.Table, checks: Sequence[str], given: Row) -> Row:
        row = {column.name: self._value(column) for column in table.c} | given
        for constraint in table.foreign_key_constraints:
            parent = self._parent(constraint, row)
            row |= {element.parent.name: parent[element.column.name] for element in constraint.elements}
        return satisfied(self.connection, table, checks, row)

    def _parent(self, constraint: sa.ForeignKeyConstraint, row: Row) -> Row:
        parents = self.rows[constraint.referred_table.name]
        environment = row.get("environment")
        return next(one for one in parents if "environment" not in one or one["environment"] == environment)

    def _value(self, column: sa.Column[Any]) -> Any:
        """A value that no other row has; a text is a number too, so that it is valid JSON."""
        number = next(self._serial)
        makers: dict[type, Any] = {
            bool: False,
            int: number,
            float: float(number),
            bytes: number.to_bytes(16, "big"),
            UUID: UUID(int=number),
            datetime: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number),
        }
        return makers.get(column.type.python_type, str(number))


def satisfied(connection: Connection, table: sa.Table, checks: Sequence[str], row: Row) -> Row:
    """The row with the columns that checks speak of set to values which all checks accept (the database decides)."""
    spoken = [column for column in table.c if any(_speaks_of(check, column.name) for check in checks)]
    choices = [_choices(column, checks, row[column.name]) for column in spoken]
    for values in itertools.product(*choices):
        candidate = row | dict(zip((column.name for column in spoken), values, strict=True))
        if _accepts(connection, spoken, checks, candidate):
            return candidate
    raise AssertionError(f"no row of {table.name} satisfies its checks {checks}")


def _choices(column: sa.Column[Any], checks: Sequence[str], value: Any) -> list[Any]:
    if column.name == "environment" and value in ENVIRONMENTS:
        return [value]
    texts = [check for check in checks if _speaks_of(check, column.name)]
    if column.type.python_type is int:
        found: list[Any] = [int(number) for text in texts for number in re.findall(r"=\s*(\d+)", text)]
    else:
        found = [literal for text in texts for literal in re.findall(r"'([^']*)'", text)]
    return [*dict.fromkeys(found), *([None] if column.nullable else []), value]


def _accepts(connection: Connection, columns: Sequence[sa.Column[Any]], checks: Sequence[str], row: Row) -> bool:
    shown = ", ".join(f"CAST(:{c.name} AS {c.type.compile(connection.dialect)}) AS {c.name}" for c in columns)
    if not columns:
        return True
    every = " AND ".join(f"({check})" for check in checks)
    statement = sa.text(f"SELECT ({every}) FROM (SELECT {shown}) AS candidate")
    verdict = connection.execute(statement, {column.name: row[column.name] for column in columns}).scalar()
    return verdict is None or bool(verdict)  # a check that is neither true nor false lets a row in


def _speaks_of(check: str, column: str) -> bool:
    return re.search(rf"(?<![\w']){re.escape(column)}(?![\w'])", check) is not None


def differences(connection: Connection) -> list[Any]:
    """What the models and the database at hand disagree on."""
    return list(compare_metadata(MigrationContext.configure(connection), Model.metadata))


def revisions() -> list[str]:
    """All revisions, the oldest first."""
    config = Config()
    config.set_main_option("script_location", str(Path(kedai.migrations.__file__).parent))
    walked = ScriptDirectory.from_config(config).walk_revisions()
    return [script.revision for script in walked][::-1]


def problems(url: str) -> list[str]:
    """Walk up, down and up on an empty database; what went wrong, in words."""
    history = revisions()
    for revision in history:
        migrations.upgrade(url, revision)
        with _opened(url) as connection:
            Filler(connection).fill()
    found = _empty_tables(url)
    for revision in [*history[:-1][::-1], "base"]:
        migrations.downgrade(url, revision)
    left = [f"the way down leaves {name} behind" for name in _table_names(url)]
    if left:
        return found + left
    migrations.upgrade(url)
    with _opened(url) as connection:
        found += [f"models and head differ: {one}" for one in differences(connection)]
    return found


def _empty_tables(url: str) -> list[str]:
    with _opened(url) as connection:
        rows = Filler(connection).fill()
        missing = set(Model.metadata.tables) - rows.keys()
        return [f"{name} has no row" for name in sorted(missing | {name for name, made in rows.items() if not made})]


def _table_names(url: str) -> list[str]:
    with _opened(url) as connection:
        return sorted(set(sa.inspect(connection).get_table_names()) - {VERSION_TABLE})


@contextmanager
def _opened(url: str) -> Iterator[Connection]:
    engine = make_engine(url, pool_size=1)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def databases() -> Iterator[Mapping[str, str]]:
    """An empty database of each kind."""
    with tempfile.TemporaryDirectory() as directory, PostgresServer.start() as server:
        server.create_database("schema")
        yield {"SQLite": f"sqlite:///{Path(directory) / 'schema.sqlite3'}", "PostgreSQL": server.url("schema")}


def main() -> int:
    """Print what is wrong; 0 where nothing is."""
    found = []
    if migrations.head_revision() != SCHEMA_REVISION:
        found.append(f"SCHEMA_REVISION is {SCHEMA_REVISION}, the head is {migrations.head_revision()}")
    with databases() as urls:
        for name, url in urls.items():
            found += [f"{name}: {problem}" for problem in problems(url)]
    for line in found:
        print(line)
    if not found:
        print(f"schema: {len(revisions())} revisions up, down and up again, filled, on SQLite and PostgreSQL")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
