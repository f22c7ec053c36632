"""The schema's history, for both databases, and the two verbs over it: upgrade and downgrade."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy.engine import Connection, Engine

from kedai.db.engine import make_engine
from kedai.errors import SettingsInvalid, StorageUnavailable

_LOCK = 0x6B65646169  # "kedai": one upgrade at a time on PostgreSQL


def head_revision() -> str:
    """The newest revision this version knows."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def current_revision(url: str) -> str | None:
    """The revision a database is at; None when it is empty."""
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        return None  # a look must not make the file
    engine = make_engine(url, pool_size=1)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except sa.exc.OperationalError as error:
        raise StorageUnavailable from error
    finally:
        engine.dispose()


def refuse_newer(revision: str | None) -> None:
    """A schema that this version does not know was made by a newer one: it is neither used nor changed.

    Raises:
        SettingsInvalid: with what to do.
    """
    if revision is None or revision in _known_revisions():
        return
    raise SettingsInvalid(
        f"The database schema is at {revision}, made by a newer version of Kedai; this one knows {head_revision()}: "
        "install the newer version, or restore the copy that was made before its upgrade."
    )


def upgrade(url: str, revision: str = "head") -> None:
    """Bring a database to ``revision`` in one transaction: all of it, or nothing.

    Raises:
        SettingsInvalid: there is no such revision, or the database is newer than this version.
        StorageUnavailable: a step failed; nothing was changed.
    """
    refuse_newer(current_revision(url))
    _run(url, lambda config: command.upgrade(config, revision))


def downgrade(url: str, revision: str) -> None:
    """Take a database back to ``revision`` (``base`` removes everything). Raises as `upgrade` does."""
    refuse_newer(current_revision(url))
    _run(url, lambda config: command.downgrade(config, revision))


def back_up(database: Path, directory: Path, name: str) -> Path:
    """Copy an SQLite database with `VACUUM INTO` and return the copy's path."""
    directory.mkdir(parents=True, exist_ok=True)
    target = directory / name
    target.unlink(missing_ok=True)
    source = sqlite3.connect(database, isolation_level=None)
    try:
        source.execute("VACUUM INTO ?", (str(target),))
    finally:
        source.close()
    target.chmod(0o600)
    return target


def _run(url: str, verb: Callable[[Config], None]) -> None:
    engine = make_engine(url, pool_size=1)
    try:
        if url.startswith("sqlite"):
            _run_on_sqlite(engine, verb)
        else:
            with engine.begin() as connection:
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
                verb(_config(connection))
    except CommandError as error:
        raise SettingsInvalid(f"There is no schema revision like that to go to: {error}.") from None
    except sa.exc.DBAPIError as error:
        first_line = str(error.orig).partition("\n")[0]
        raise StorageUnavailable(f"The database cannot be upgraded, and nothing was changed: {first_line}") from error
    finally:
        engine.dispose()


def _run_on_sqlite(engine: Engine, verb: Callable[[Config], None]) -> None:
    """Foreign keys rest while tables are rebuilt (the pragma works only outside a transaction); checked after."""
    with engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.execute("PRAGMA foreign_keys=OFF")
        with connection.begin():
            verb(_config(connection))
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
            if broken:
                raise StorageUnavailable(f"The upgrade would break {len(broken)} references; nothing was changed.")
        raw.execute("PRAGMA foreign_keys=ON")


def _known_revisions() -> set[str]:
    return {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config
