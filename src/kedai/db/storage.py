"""Whether the database takes what this process writes: noted where a write is refused, ended by one that stands.

It lives in memory, since nothing can be stored about a full disk. Each process knows of its own writes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

_WROTE = "wrote"


class Refusal(StrEnum):
    """Why the database writes nothing, although it answers."""

    FULL = "full"
    READ_ONLY = "read_only"
    BROKEN = "broken"


_SQLITE = {
    sqlite3.SQLITE_FULL: Refusal.FULL,
    sqlite3.SQLITE_READONLY: Refusal.READ_ONLY,
    sqlite3.SQLITE_IOERR: Refusal.BROKEN,
}
_POSTGRESQL = {"53100": Refusal.FULL, "25006": Refusal.READ_ONLY, "58030": Refusal.BROKEN}


def refusal_of(error: DBAPIError) -> Refusal | None:
    """Whether it was refused for want of somewhere to write; None for everything else."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return _SQLITE.get(code & 0xFF)  # the rest of the number says where it happened
    return _POSTGRESQL.get(getattr(error.orig, "sqlstate", None) or "")


@dataclass(frozen=True, slots=True)
class StorageTrouble:
    """Writes are refused: why, and since when."""

    refusal: Refusal
    since: datetime


class StorageWatch:
    """One per process, shared by its roles; from any thread."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.trouble: StorageTrouble | None = None

    def attend(self, engine: Engine) -> None:
        """Notice what is written through this engine. While all is well that is a glance at one attribute."""
        event.listen(engine, "after_cursor_execute", self._note_statement)
        event.listen(engine, "rollback", forget_write)
        event.listen(engine, "checkin", self._note_return)

    def note_refusal(self, error: DBAPIError) -> None:
        """Keep since when, for as long as the reason stays the same."""
        refusal = refusal_of(error)
        if refusal is not None and (self.trouble is None or self.trouble.refusal is not refusal):
            self.trouble = StorageTrouble(refusal, self._now())

    def note_commit(self, info: dict[Any, Any]) -> None:
        """What a connection has written stands: if there was anything, there is room again."""
        if info.pop(_WROTE, False):
            self.trouble = None

    def _note_statement(self, connection: Connection, cursor: Any, statement: str, *_rest: Any) -> None:
        """Only what adds rows: a few bytes changed in place fit on a disk that has no room for anything new."""
        if self.trouble is not None and cursor.rowcount > 0 and statement.lstrip().startswith("INSERT"):
            note_new_rows(connection)

    def _note_return(self, connection: Any, record: ConnectionPoolEntry) -> None:
        if connection is not None:  # one that broke comes back as nothing
            self.note_commit(record.info)


def note_new_rows(connection: Connection) -> None:
    """For what adds rows by another way than an INSERT through the engine; it counts once it is committed."""
    connection.info[_WROTE] = True


def forget_write(connection: Connection) -> None:
    """It was rolled back, so it says nothing."""
    if not connection.invalidated:
        connection.info.pop(_WROTE, None)
