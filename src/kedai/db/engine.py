"""Engines for the two databases, set up so that both behave alike: explicit BEGIN, real durability, foreign keys on."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, ExceptionContext
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from kedai.errors import StorageUnavailable
from kedai.kit.clock import monotonic
from kedai.values.wording import N_

MINIMUM_SQLITE = (3, 40, 0)
_BEGIN_DEADLINE_SECONDS = 5.0
RESTED_SECONDS = 1.0
"""After so long unused a connection is asked whether it still lives."""

_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "temp_store=FILE",  # a sort of what does not fit the cache goes to disk: memory stays as it is, whatever waits
    "wal_autocheckpoint=8000",  # 32 MB: a page that changes often is written back once, not eight times
)

_WRITER_CACHE_KB = 16_000
_READER_CACHE_KB = 2_000  # there are dozens, each with a cache of its own; what is not in it the system has


def make_engine(url: str, *, pool_size: int, read_only: bool = False, statement_timeout_ms: int = 0) -> Engine:
    """An engine for ``url``; on SQLite ``read_only`` begins deferred and refuses writes, else `BEGIN IMMEDIATE`."""
    if url.startswith("sqlite"):
        return _sqlite_engine(url, pool_size=pool_size, read_only=read_only)
    engine = _postgresql_engine(url, pool_size=pool_size, statement_timeout_ms=statement_timeout_ms)
    _ping_after_a_rest(engine)
    _tell_no_values(engine)
    return engine


def _postgresql_engine(url: str, *, pool_size: int, statement_timeout_ms: int) -> Engine:
    options = f"-c statement_timeout={statement_timeout_ms} -c lock_timeout=10000 -c timezone=UTC"
    return sa.create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=0.9,
        hide_parameters=True,
        connect_args={"connect_timeout": 2, "options": options, "tcp_user_timeout": 5000, "application_name": "kedai"},
    )


def _ping_after_a_rest(engine: Engine) -> None:
    """A connection that has rested is asked first whether it still lives; one in steady use need not be, each time."""

    @event.listens_for(engine, "checkin")
    def _note(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info["used_at"] = monotonic()

    @event.listens_for(engine, "checkout")
    def _ping(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        if monotonic() - record.info.get("used_at", monotonic()) < RESTED_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except Exception as error:
            raise DisconnectionError from error


def _tell_no_values(engine: Engine) -> None:
    """`hide_parameters` hides what we sent; PostgreSQL quotes the row it refused by itself, from the second line on."""

    @event.listens_for(engine, "handle_error")
    def _shorten(context: ExceptionContext) -> None:
        for error in (context.original_exception, context.sqlalchemy_exception):
            if error is not None and error.args and isinstance(error.args[0], str):
                error.args = (error.args[0].partition("\n")[0], *error.args[1:])


def _sqlite_engine(url: str, *, pool_size: int, read_only: bool) -> Engine:
    if sqlite3.sqlite_version_info < MINIMUM_SQLITE:
        raise StorageUnavailable(f"SQLite {sqlite3.sqlite_version} is too old: 3.40 or newer is needed.")
    engine = sa.create_engine(
        url,
        poolclass=sa.pool.QueuePool,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=5,
        hide_parameters=True,  # an error's text goes to the log: no buyer's name, no sealed secret in it
        connect_args={"isolation_level": None, "check_same_thread": False, "timeout": 2.0 if read_only else 0.0},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
        for pragma in _PRAGMAS:
            retry_locked(partial(connection.execute, f"PRAGMA {pragma}"))
        connection.execute(f"PRAGMA cache_size=-{_READER_CACHE_KB if read_only else _WRITER_CACHE_KB}")
        if read_only:
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if read_only:
            connection.exec_driver_sql("BEGIN")
        else:
            retry_locked(lambda: connection.connection.cursor().execute("BEGIN IMMEDIATE"))

    return engine


def retry_locked(statement: Callable[[], object]) -> None:
    """Run ``statement``; while another process holds SQLite's write lock, try again every 0.3 to 1 ms.

    Raises:
        StorageUnavailable: the lock was not free within five seconds.
    """
    deadline = monotonic() + _BEGIN_DEADLINE_SECONDS
    while True:
        try:
            statement()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) and "busy" not in str(error):
                raise
            if monotonic() > deadline:
                raise StorageUnavailable(N_("The database is locked by another process.")) from error
            time.sleep(random.uniform(0.0003, 0.001))  # noqa: S311  jitter, no secret
        else:
            return
