"""What takes its time for a reason that no test has: in this process alone; those that tests start are as they are.

* Each engine compiles each statement anew, and a test opens four: here all of one kind of database share what is
  compiled, since they speak to the same server.
* A commit waits for the disk, so that it outlasts the machine; the files of a test need not.
* A password takes a tenth of a second to hash, so that nobody tries many.
"""

from __future__ import annotations

from typing import Any

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import Mapper
from sqlalchemy.util import LRUCache

from kedai.staff import passwords

SHIPPED_HASHER = passwords._hasher
"""As it is where no test runs."""
_ROOM = 5000


def make_haste() -> None:
    """From now on."""
    event.listen(Engine, "engine_connect", _prepare)
    event.listen(Mapper, "mapper_configured", _share_writes)
    passwords._hasher = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))


class _ByKind(LRUCache[Any, Any]):
    """SQLAlchemy's own, but for its keys: they begin with the engine's dialect, and here with the kind of it."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_kind(key), default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(_kind(key), value)


def _kind(key: Any) -> Any:
    return (type(key[0]), *key[1:])


_statements = _ByKind(_ROOM)


def _prepare(connection: Connection) -> None:
    connection.engine._compiled_cache = _statements
    if connection.dialect.name == "sqlite" and connection.info.setdefault("waits for the disk", True):
        connection.connection.cursor().execute("PRAGMA synchronous=OFF")
        connection.info["waits for the disk"] = False


def _share_writes(mapper: Mapper[Any], _class: type) -> None:
    """What a session writes goes past the engine's."""
    mapper.__dict__["_compiled_cache"] = _ByKind(_ROOM)
