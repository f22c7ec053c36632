"""Deeds that can be taken back: what one changed stands in its entry, and is put back where nothing touched it since.

A verb says with its entry what its row held before and after (`changes_of`, `whole_of`); that is all it does for it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.audit.models import AuditEntry
from kedai.audit.service import record
from kedai.db.base import Model
from kedai.db.types import Id, UtcDateTime
from kedai.errors import Stale
from kedai.values.actor import Actor

UNDO_WITHIN = timedelta(minutes=15)

CHANGED = "changed"
_FROM_AND_TO = 2
REMOVED = "removed"
_M = TypeVar("_M", bound=Model)


def changes_of(row: Model) -> dict[str, Any]:
    """Details of a deed: what is about to be written to a row, each from and to. Call it before anything is flushed."""
    found = sa.inspect(row)
    histories = {one.key: found.attrs[one.key].history for one in found.mapper.column_attrs}
    return {
        CHANGED: {
            name: [next(iter(one.deleted), None), next(iter(one.added), None)]
            for name, one in histories.items()
            if one.has_changes()
        }
    }


def whole_of(row: Model) -> dict[str, Any]:
    """Details of a deed that removes a row: all that it held."""
    return {REMOVED: {one.key: getattr(row, one.key) for one in sa.inspect(row).mapper.column_attrs}}


def find_deed(db: Session, sequence: int, *, actor: Actor, now: datetime) -> AuditEntry | None:
    """A person's own late deed, where nothing else was done to its subject since."""
    deed = db.get(AuditEntry, sequence)
    if deed is None or (deed.actor_kind, deed.actor_id) != (actor.kind.value, actor.id):
        return None
    return deed if now - deed.at < UNDO_WITHIN and _is_last(db, deed) else None


def read_changes(details: Any) -> dict[str, tuple[Any, Any]]:
    """What a deed changed, each from and to, as `changes_of` noted it; other entries may tell of changes otherwise."""
    told = details.get(CHANGED) if isinstance(details, dict) else None
    if not isinstance(told, dict) or not all(
        isinstance(one, list) and len(one) == _FROM_AND_TO for one in told.values()
    ):
        return {}
    return {name: (before, after) for name, (before, after) in told.items()}


def put_back(db: Session, row: Model, deed: AuditEntry) -> None:
    """Give a row, locked by the caller, what it held before a deed.

    Raises:
        Stale: something was done to it since, or it changed by itself.
    """
    changed = read_changes(deed.details)
    stands = all(getattr(row, name) == _stored(row, name, after) for name, (_before, after) in changed.items())
    if not changed or not stands or not _is_last(db, deed):
        raise Stale
    for name, (before, _after) in changed.items():
        setattr(row, name, _stored(row, name, before))


def bring_back(db: Session, table: type[_M], deed: AuditEntry) -> _M:
    """The row that a deed removed, once more, to be added where it still fits.

    Raises:
        Stale: something was done to it since.
    """
    removed = deed.details.get(REMOVED, {})
    if not removed or not _is_last(db, deed):
        raise Stale
    return table(**{name: _stored(table, name, value) for name, value in removed.items()})


def note_undone(db: Session, deed: AuditEntry, *, actor: Actor, now: datetime) -> None:
    """That a deed was taken back is a deed too."""
    action, environment, details = f"{deed.action}.undone", deed.environment, {"entry": deed.sequence}
    record(db, actor=actor, action=action, subject=deed.subject, environment=environment, details=details, now=now)


def _is_last(db: Session, deed: AuditEntry) -> bool:
    same = AuditEntry.subject == deed.subject, AuditEntry.environment.is_not_distinct_from(deed.environment)
    later = sa.select(AuditEntry.sequence).where(*same, AuditEntry.sequence > deed.sequence)
    return db.execute(later.limit(1)).first() is None


def _stored(row: Model | type[Model], name: str, value: Any) -> Any:
    """A value of the trail as the column has it: the trail holds texts and numbers alone."""
    kind = sa.inspect(row).mapper.columns[name].type
    if value is not None and isinstance(kind, UtcDateTime):
        return datetime.fromisoformat(value)
    return UUID(value) if value is not None and isinstance(kind, Id) else value
