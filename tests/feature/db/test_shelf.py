"""The tests' own databases: a test never sees another one's rows, nor a schema that another one changed."""

from __future__ import annotations

import psycopg
import pytest

from tests.support.postgres import PostgresServer
from tests.support.postgres_shelf import PostgresShelf

_ROW = "INSERT INTO installation (id, cursor_key, v1_refused, created_at) VALUES (1, '', false, now())"
_ROWS = "SELECT count(*) FROM installation"


@pytest.fixture
def shelf(postgres_server: PostgresServer) -> PostgresShelf:
    return PostgresShelf(postgres_server, "kedai_template")


def test_a_database_that_was_given_back_is_lent_again_without_its_rows(shelf: PostgresShelf) -> None:
    with shelf.lend() as first, psycopg.connect(_dsn(first), autocommit=True) as connection:
        connection.execute(_ROW)

    with shelf.lend() as second, psycopg.connect(_dsn(second)) as connection:
        assert second == first
        assert connection.execute(_ROWS).fetchone() == (0,)


def test_two_borrowers_at_once_never_share_one(shelf: PostgresShelf) -> None:
    with shelf.lend() as first, shelf.lend() as second:
        assert first != second


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE later (id int)",
        "ALTER TABLE installation ADD COLUMN later int",
        "ALTER TABLE audit DISABLE TRIGGER ALL",
        "DROP INDEX uq_key_ring_primary",
        "UPDATE alembic_version SET version_num = 'later'",
        "CREATE SCHEMA later",
        "CREATE FUNCTION later() RETURNS int LANGUAGE sql RETURN 1",
    ],
)
def test_one_whose_schema_was_changed_is_not_lent_again(shelf: PostgresShelf, change: str) -> None:
    with shelf.lend() as first, psycopg.connect(_dsn(first), autocommit=True) as connection:
        connection.execute(change)

    with shelf.lend() as second:
        assert second != first


def _dsn(url: str) -> str:
    return url.replace("postgresql+psycopg", "postgresql")
