"""The models, the migrations and the composition root speak of the same tables."""

from __future__ import annotations

import importlib

import sqlalchemy as sa

from kedai import migrations, runtime
from kedai.db.base import SCHEMA_REVISION, Model
from kedai.db.database import Database
from tests.architecture.sources import PACKAGE
from tests.support.check_schema import differences


def test_the_models_are_what_the_migrations_make(db: Database) -> None:
    """Nobody changes a model without a migration, on either database."""
    with db.connect() as connection:
        assert differences(connection) == []


def test_a_forgotten_migration_is_seen(db: Database) -> None:
    """The comparison above would notice it."""
    with db.connect() as connection:
        connection.execute(sa.text("ALTER TABLE shop DROP COLUMN connected_at"))
        found = differences(connection)
    assert [(one[0], one[2], one[3].name) for one in found] == [("add_column", "shop", "connected_at")]


def test_readiness_asks_for_the_newest_revision() -> None:
    """`/readyz` and every start compare the database with this number."""
    assert migrations.head_revision() == SCHEMA_REVISION


def test_the_composition_root_names_every_feature_with_tables() -> None:
    """A feature left out would have its tables missing from the metadata, and from the migrations made from it."""
    rooms = {path.parent.name for path in PACKAGE.glob("*/models.py")}
    assert {feature.__name__.split(".")[1] for feature in runtime.FEATURES} == rooms
    for room in rooms:
        module = importlib.import_module(f"kedai.{room}.models")
        own = {one.__tablename__ for one in vars(module).values() if _is_table(one, module.__name__)}
        assert own
        assert own <= Model.metadata.tables.keys()


def _is_table(value: object, module: str) -> bool:
    return isinstance(value, type) and issubclass(value, Model) and value.__module__ == module
