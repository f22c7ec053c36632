"""SQL compiled once for all databases of a run: every engine else compiles each statement anew, and a test opens four.

Only the texts are shared, and only between engines of one kind of database, which all speak to the same server.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import Mapper
from sqlalchemy.util import LRUCache

_ROOM = 5000


class _ByKind(LRUCache[Any, Any]):
    """SQLAlchemy's own, but for its keys: they begin with the engine's dialect, and here with the kind of it."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_kind(key), default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(_kind(key), value)


def _kind(key: Any) -> Any:
    return (type(key[0]), *key[1:])


_statements = _ByKind(_ROOM)


def share_compiled_statements() -> None:
    """From now on, in this process."""
    event.listen(Engine, "engine_connect", _share_statements)
    event.listen(Mapper, "mapper_configured", _share_writes)


def _share_statements(connection: Connection) -> None:
    connection.engine._compiled_cache = _statements


def _share_writes(mapper: Mapper[Any], _class: type) -> None:
    """What the session writes goes past the engine's."""
    mapper.__dict__["_compiled_cache"] = _ByKind(_ROOM)
