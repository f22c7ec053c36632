"""F45: an upgrade that fails halfway leaves nothing behind, and a schema of another version is refused in words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from kedai import migrations
from kedai.cli.installation import require_head, upgrade_embedded
from kedai.db.base import SCHEMA_REVISION
from kedai.db.engine import make_engine
from kedai.errors import SettingsInvalid, StorageUnavailable
from kedai.kit.ids import new_id
from tests.support.factories import make_settings
from tests.support.postgres import PostgresServer

IN_THE_WAY = "order_timeline"
"""The table that the first migration makes last."""


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database that holds nothing at all."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite3'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = f"empty_{new_id().hex}"
    server.create_database(name)
    yield server.url(name)
    server.drop_database(name)


def execute(url: str, statement: str) -> None:
    engine = make_engine(url, pool_size=1)
    with engine.begin() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()


def tables(url: str) -> set[str]:
    engine = make_engine(url, pool_size=1)
    with engine.connect() as connection:
        found = set(sa.inspect(connection).get_table_names())
    engine.dispose()
    return found


def test_an_upgrade_that_fails_at_its_last_table_leaves_none_of_the_others(empty_url: str) -> None:
    """Fails where a step is committed by itself: the next try would find half a schema in its way."""
    execute(empty_url, f"CREATE TABLE {IN_THE_WAY} (id INTEGER)")
    with pytest.raises(StorageUnavailable, match="nothing was changed"):
        migrations.upgrade(empty_url)
    assert tables(empty_url) == {IN_THE_WAY}
    assert migrations.current_revision(empty_url) is None
    execute(empty_url, f"DROP TABLE {IN_THE_WAY}")
    migrations.upgrade(empty_url)
    assert migrations.current_revision(empty_url) == SCHEMA_REVISION
    assert len(tables(empty_url)) > 20


def test_a_schema_of_a_newer_version_is_refused_with_what_to_do(database_url: str, tmp_path: Path) -> None:
    """Going on, or going back by itself, would lose what the newer version wrote."""
    execute(database_url, "UPDATE alembic_version SET version_num = '9999'")
    settings, before = make_settings(database_url, tmp_path), tables(database_url)
    with pytest.raises(SettingsInvalid, match=r"at 9999.* newer version"):
        require_head(settings)
    with pytest.raises(SettingsInvalid, match=r"at 9999.* newer version"):
        upgrade_embedded(settings)
    with pytest.raises(SettingsInvalid, match=r"at 9999.* newer version"):
        migrations.upgrade(database_url)
    assert tables(database_url) == before
    assert migrations.current_revision(database_url) == "9999"
    assert not (tmp_path / "backups").exists()


def test_a_schema_of_an_older_version_is_refused_until_it_is_upgraded(empty_url: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"at nothing.* run `kedai db upgrade`"):
        require_head(make_settings(empty_url, tmp_path))
    migrations.upgrade(empty_url)
    require_head(make_settings(empty_url, tmp_path))


@pytest.mark.parametrize("revision", ["0002", "nonsense", "head:0001:base", "+9"])
def test_a_revision_that_there_is_not_is_refused_in_words(database_url: str, revision: str) -> None:
    with pytest.raises(SettingsInvalid, match="no schema revision"):
        migrations.upgrade(database_url, revision)
    assert migrations.current_revision(database_url) == SCHEMA_REVISION
