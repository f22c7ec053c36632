"""Opening an installation for a command: data directory, lock file, schema, runtime.

Commands on the database alone are many and short: what only a runtime needs is imported where one is opened.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.engine import make_url

from kedai import migrations
from kedai.db.database import Database
from kedai.errors import SettingsInvalid
from kedai.kit.clock import SystemClock
from kedai.kit.lockfile import take_lock
from kedai.kit.log import configure_logging
from kedai.settings import Settings

if TYPE_CHECKING:
    from kedai.runtime import Runtime

log = structlog.get_logger("cli")


@contextmanager
def open_installation(settings: Settings, *, role: str, may_create_key: bool) -> Iterator[Runtime]:
    """Open what `serve`, `web` and `worker` (the role) run on, and close it at the end.

    Raises:
        Unavailable: another process serves this data directory.
        SettingsInvalid: keys are missing, or the schema is not at head (PostgreSQL is never upgraded by itself).
    """
    from kedai.runtime import open_runtime
    from kedai.sync.presence import Presence
    from kedai.sync.spooled import recover

    configure_logging(settings.log_level)
    prepare_data_dir(settings)
    with ExitStack() as stack:
        if settings.embedded:
            stack.enter_context(take_lock(settings.data_dir / "kedai.lock"))
            upgrade_embedded(settings)
        else:
            require_head(settings)
        runtime = open_runtime(settings, may_create_key=may_create_key)
        stack.callback(runtime.close)
        if settings.embedded:
            _void_leases(runtime)
        elif "data_dir" not in settings.model_fields_set:
            log.warning(
                "KEDAI_DATA_DIR is not set: renewed tokens are saved there before they are stored, so it must outlast "
                "this process",
                directory=str(settings.token_spool_dir.absolute()),
            )
        recover(runtime.parts)
        stack.enter_context(Presence(runtime.parts, role))
        yield runtime


@contextmanager
def open_beside(settings: Settings) -> Iterator[Runtime]:
    """The installation without its lock file: for commands that need the key ring, beside a running server or alone.

    Raises:
        SettingsInvalid: keys are missing, or the schema is not at head.
    """
    from kedai.runtime import open_runtime

    configure_logging("error" if settings.log_level == "info" else settings.log_level)
    prepare_data_dir(settings)
    if settings.embedded and migrations.current_revision(settings.resolved_database_url) is None:
        upgrade_embedded(settings)
    require_head(settings)
    runtime = open_runtime(settings, seeds={})
    try:
        yield runtime
    finally:
        runtime.close()


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """The database alone, for commands that touch no secret: beside a running server or before its first start."""
    configure_logging("error" if settings.log_level == "info" else settings.log_level)
    prepare_data_dir(settings)
    if settings.embedded and migrations.current_revision(settings.resolved_database_url) is None:
        upgrade_embedded(settings)
    require_head(settings)
    database = Database(settings.resolved_database_url, pool_size=1)
    try:
        yield database
    finally:
        database.close()


def refuse_embedded(settings: Settings, command: str) -> None:
    """Apart, web and worker need PostgreSQL."""
    if settings.embedded:
        raise SettingsInvalid(f"`kedai {command}` needs PostgreSQL (KEDAI_DATABASE_URL); on SQLite run `kedai serve`.")


def prepare_data_dir(settings: Settings) -> None:
    """Make the data directory; it and all that we put there is readable by us alone."""
    os.umask(0o077)
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsInvalid(f"KEDAI_DATA_DIR {settings.data_dir} cannot be made: {error.strerror}.") from None


def upgrade_embedded(settings: Settings) -> None:
    """Bring the SQLite file to head, after a copy of it where it held anything."""
    url = settings.resolved_database_url
    current = migrations.current_revision(url)
    migrations.refuse_newer(current)
    if current == migrations.head_revision():
        return
    if current is not None:
        stamp = SystemClock().now().strftime("%Y%m%dT%H%M%SZ")
        name = f"before-upgrade-from-{current}-{stamp}.sqlite3"
        copy = migrations.back_up(_file(url), settings.data_dir / "backups", name)
        log.warning("the database is upgraded; a copy was kept", copy=str(copy))
    migrations.upgrade(url)


def require_head(settings: Settings) -> None:
    """Refuse to work on a schema this version does not know."""
    current, head = migrations.current_revision(settings.resolved_database_url), migrations.head_revision()
    migrations.refuse_newer(current)
    if current != head:
        raise SettingsInvalid(
            f"The database schema is at {current or 'nothing'}, this version needs {head}: run `kedai db upgrade`."
        )


def _void_leases(runtime: Runtime) -> None:
    from kedai.inbox import claims
    from kedai.notifications import deliveries
    from kedai.runs import service as runs
    from kedai.vault import processes, refresh

    with runtime.web_db.write() as db:
        claims.void_leases(db)
        runs.void_leases(db)
        deliveries.void_leases(db)
        refresh.void_refresh_leases(db)
        processes.forget_all(db)


def _file(url: str) -> Path:
    return Path(make_url(url).database or "")
