"""T14: no reference crosses. For every table of an environment and every foreign key the database itself refuses it.

The tables and keys come from the database, not from a list: a new table is covered the day it is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kedai.db.base import Model
from kedai.db.engine import make_engine
from kedai.kit.ids import new_id
from tests.support.check_schema import Filler, Row

ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key to a table that knows an environment; ``columns`` pair the child's with the parent's."""

    child: sa.Table
    parent: sa.Table
    columns: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.child.name}({', '.join(own for own, _ in self.columns)}) -> {self.parent.name}"


@dataclass(frozen=True, slots=True)
class World:
    """A filled database: a row of each environment in every table, and the references between them."""

    connection: Connection
    rows: dict[str, list[Row]]
    references: tuple[Reference, ...]

    def row(self, table: sa.Table, environment: str) -> Row:
        return next(one for one in self.rows[table.name] if one[ENVIRONMENT] == environment)

    def refusal(self, statement: sa.Executable) -> str:
        """What the database says to a statement; nothing where it lets it through."""
        try:
            with self.connection.begin_nested() as savepoint:
                self.connection.execute(statement)
                savepoint.rollback()
        except sa.exc.DBAPIError as error:
            return str(error.orig)
        return ""


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """Everything in one transaction that is never committed."""
    engine = make_engine(database_url, pool_size=1)
    with engine.connect() as connection, connection.begin() as transaction:
        rows = Filler(connection).fill()
        metadata = sa.MetaData()
        metadata.reflect(connection)
        yield World(connection, rows, tuple(_references(metadata)))
        transaction.rollback()
    engine.dispose()


def _references(metadata: sa.MetaData) -> Iterator[Reference]:
    for table in metadata.sorted_tables:
        for key in table.foreign_key_constraints:
            if ENVIRONMENT in key.referred_table.c:
                pairs = tuple((one.parent.name, one.column.name) for one in key.elements)
                yield Reference(table, key.referred_table, pairs)


def test_whoever_points_at_an_environments_row_has_an_environment_and_says_it_in_the_reference(world: World) -> None:
    """The environment of the child is the environment of the parent: the pair stands in the key itself."""
    assert {str(one) for one in world.references} == {str(one) for one in _references(Model.metadata)} != set()
    loose = [str(one) for one in world.references if (ENVIRONMENT, ENVIRONMENT) not in one.columns]
    assert loose == []


def test_a_row_of_one_environment_that_points_to_the_other_is_refused_at_insert(world: World) -> None:
    """A copy of the sandbox's row that says `live`, and so points to what only the sandbox has."""
    let_through = []
    for one in world.references:
        row = world.row(one.child, "sandbox") | {ENVIRONMENT: "live"} | _new_key(one.child)
        if "foreign key" not in world.refusal(sa.insert(one.child).values(row)).lower():
            let_through.append(str(one))
    assert let_through == []


def test_a_row_is_refused_that_is_turned_to_the_other_environments_row(world: World) -> None:
    """The sandbox's row, told to point to what only live has, by every column but the environment."""
    let_through = []
    for one in world.references:
        target, mine = world.row(one.parent, "live"), world.row(one.child, "sandbox")
        turned = {own: target[theirs] for own, theirs in one.columns if own != ENVIRONMENT}
        statement = sa.update(one.child).where(*_is(one.child, mine)).values(turned)
        said = world.refusal(statement).lower()
        if "foreign key" not in said and "append-only" not in said:
            let_through.append(f"{one}: {said}")
    assert let_through == []


def test_the_same_row_pointing_where_it_belongs_is_let_through(world: World) -> None:
    """The copies above fail for what they point to and for nothing else."""
    refused = {}
    for one in world.references:
        said = world.refusal(sa.insert(one.child).values(world.row(one.child, "sandbox") | _new_key(one.child)))
        if said and "unique" not in said.lower():  # its twin is there, and only that is wrong with it
            refused[str(one)] = said
    assert refused == {}


def test_no_statement_moves_a_row_to_the_other_environment(world: World) -> None:
    """Neither with what it points to nor without: the environment of a row is for good."""
    moved = []
    for table in _with_environment():
        mine = world.row(table, "sandbox")
        theirs = world.row(table, "live")
        links = {own: theirs[own] for one in world.references if one.child.name == table.name for own, _ in one.columns}
        for values in ({ENVIRONMENT: "live"}, links | {ENVIRONMENT: "live"}):
            reflected = sa.Table(table.name, sa.MetaData(), autoload_with=world.connection)
            said = world.refusal(sa.update(reflected).where(*_is(reflected, mine)).values(values))
            if "never changes" not in said and "append-only" not in said:
                moved.append(f"{table.name} {sorted(values)}: {said}")
    assert moved == []


def _with_environment() -> list[sa.Table]:
    """Every table of the models that knows an environment, but for the one row that is meant to change."""
    tables = [one for one in Model.metadata.sorted_tables if ENVIRONMENT in one.c]
    return [one for one in tables if one.name != "active_environment"]


def _new_key(table: sa.Table) -> Row:
    """Another primary key where it is our own to choose, so that nothing but the reference is wrong with a copy."""
    columns = list(table.primary_key.columns)
    if {ENVIRONMENT, "connector"} & {column.name for column in columns}:
        return {}
    pointing = {one.parent.name for key in table.foreign_key_constraints for one in key.elements}
    made: dict[type, Any] = {bytes: new_id().bytes, UUID: new_id(), int: 1_000_000, str: new_id().hex}
    return {column.name: made[column.type.python_type] for column in columns if column.name not in pointing}


def _is(table: sa.Table, row: Row) -> list[sa.ColumnElement[bool]]:
    return [column == row[column.name] for column in table.primary_key.columns]
