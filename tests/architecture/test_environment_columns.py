"""The database itself keeps the environments apart: the column is never empty and never changes, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kedai.db.database import Database
from kedai.db.engine import make_engine
from tests.support.check_schema import Filler, Row

MAY_BE_EMPTY = {"audit": "a deed may concern the whole installation"}
MAY_CHANGE = {"active_environment": "the one row whose environment is meant to change"}
APPEND_ONLY = dict.fromkeys(("audit", "go_live_certificate"), "refuses every UPDATE, with words of its own")
_FIXED = "the environment of a row never changes"


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """A plain connection to a fresh database, without any model between."""
    engine = make_engine(database_url, pool_size=1)
    with engine.connect() as opened, opened.begin() as transaction:
        yield opened
        transaction.rollback()
    engine.dispose()


@pytest.fixture
def rows(connection: Connection) -> dict[str, list[Row]]:
    """A row of each environment in every table."""
    return Filler(connection).fill()


def tables_with_environment(connection: Connection) -> dict[str, dict[str, Any]]:
    """The column's facts by table, for every table that has it."""
    inspector = sa.inspect(connection)
    found = {}
    for table in inspector.get_table_names():
        columns = {column["name"]: dict(column) for column in inspector.get_columns(table)}
        if "environment" in columns:
            found[table] = columns["environment"]
    return found


def change_environment(connection: Connection, table: str, row: Row) -> None:
    """Try to make a sandbox row a live one, in a savepoint of its own."""
    key = sa.inspect(connection).get_pk_constraint(table)["constrained_columns"]
    where = " AND ".join(f"{name} = :{name}" for name in key)
    reflected = sa.Table(table, sa.MetaData(), autoload_with=connection)
    types = [sa.bindparam(name, row[name], type_=reflected.c[name].type) for name in key]
    with connection.begin_nested():
        connection.execute(sa.text(f"UPDATE {table} SET environment = 'live' WHERE {where}").bindparams(*types))


def refusal(connection: Connection, table: str, rows: dict[str, list[Row]]) -> str:
    """What the database says to the change of a table's sandbox row; nothing when it lets it through."""
    row = next(one for one in rows[table] if one["environment"] == "sandbox")
    try:
        change_environment(connection, table, row)
    except sa.exc.DBAPIError as error:
        return str(error.orig)
    return ""


def test_the_column_is_never_empty(connection: Connection) -> None:
    """Whatever came from a marketplace, or goes to one, says which side of the shop it belongs to."""
    columns = tables_with_environment(connection)
    assert len(columns) > 10
    assert {table for table, column in columns.items() if column["nullable"]} == set(MAY_BE_EMPTY)


def test_the_column_is_one_of_two(connection: Connection, rows: dict[str, list[Row]]) -> None:
    """A closed set, enforced by a check in every table; `LIVE` is not `live`."""
    inspector = sa.inspect(connection)
    unchecked = []
    for table in tables_with_environment(connection):
        texts = [str(check["sqltext"]) for check in inspector.get_check_constraints(table)]
        if not any("'sandbox'" in text and "'live'" in text and "environment" in text for text in texts):
            unchecked.append(table)
    assert unchecked == []


def test_the_environment_of_a_row_never_changes(connection: Connection, rows: dict[str, list[Row]]) -> None:
    """No statement, from wherever it comes, makes a sandbox row a live one."""
    fixed = sorted(tables_with_environment(connection).keys() - MAY_CHANGE.keys() - APPEND_ONLY.keys())
    answers = {table: refusal(connection, table, rows) for table in fixed}
    assert {table: answer for table, answer in answers.items() if _FIXED not in answer} == {}


def test_the_active_environment_may_change(connection: Connection, rows: dict[str, list[Row]]) -> None:
    """The exception is real, and so is the test above: without the trigger the same statement goes through."""
    assert refusal(connection, "active_environment", rows) == ""


def test_what_is_append_only_refuses_every_change(connection: Connection, rows: dict[str, list[Row]]) -> None:
    """So that nothing done, or found, in live can be made to look like sandbox."""
    for table in APPEND_ONLY:
        assert "append-only" in refusal(connection, table, rows), table


def test_a_sandbox_token_is_refused_on_a_live_shop(db: Database) -> None:
    """References carry the environment: one that crosses has nothing to point at."""
    with db.write() as session:
        shops = Filler(session.connection()).fill()["shop"]
    sandbox = next(shop for shop in shops if shop["environment"] == "sandbox")
    crossed = {"connector": sandbox["connector"], "environment": "live", "shop_id": sandbox["shop_id"]}
    with db.write() as session:
        tokens = sa.Table("auth_token", sa.MetaData(), autoload_with=session.connection())
        template = dict(session.execute(sa.select(tokens)).mappings().first() or {})
        other = b"x" * 16 if isinstance(template["id"], bytes) else type(template["id"])(int=7)
        with pytest.raises(sa.exc.IntegrityError, match=r"(?i)foreign key"):
            session.execute(sa.insert(tokens).values(template | crossed | {"id": other}))
        session.rollback()


def test_every_reference_between_tables_of_environments_carries_it(connection: Connection) -> None:
    """A reference without the environment could join sandbox to live."""
    inspector = sa.inspect(connection)
    with_environment = tables_with_environment(connection).keys()
    loose = [
        f"{table} -> {key['referred_table']}"
        for table in with_environment
        for key in inspector.get_foreign_keys(table)
        if key["referred_table"] in with_environment and "environment" not in key["constrained_columns"]
    ]
    assert loose == []


def test_nothing_is_deleted_or_emptied_by_way_of_a_reference(connection: Connection) -> None:
    """Never CASCADE or SET NULL: what a person did not delete stays."""
    inspector = sa.inspect(connection)
    found = {
        f"{table} -> {key['referred_table']}: {deed}"
        for table in inspector.get_table_names()
        for key in inspector.get_foreign_keys(table)
        for deed in key["options"].values()
        if str(deed).upper() not in {"NO ACTION", "RESTRICT"}
    }
    assert found == set()
