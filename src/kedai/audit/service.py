"""Appends to the audit trail, one entry after the other; never changes or removes one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.audit.chain import FIRST_HASH, Deed, chained_hash
from kedai.audit.models import AuditEntry
from kedai.audit.queries import CHECKED, SUBJECT, Filter, Verdict, count_entries, last_sequence
from kedai.db.database import dialect_of
from kedai.values import wording
from kedai.values.actor import Actor
from kedai.values.environment import Environment

_APPEND_LOCK = 0x4B45_4441_4941_5544
_LATEST = "kedai.audit.latest"


def record(
    db: Session,
    *,
    actor: Actor,
    action: str,
    subject: str,
    environment: Environment | None,
    details: Mapping[str, Any],
    now: datetime,
) -> None:
    """Append one deed in the caller's transaction.

    ``environment`` is ``None`` only for deeds of the whole installation. ``details`` name fields, and say from and to
    of things that are no secret. Others who record wait until the caller commits: call this late in the transaction.

    Raises:
        TypeError: the details hold a secret, bytes or anything else that is no plain value.
    """
    plain = _plain_mapping(details)
    db.flush()
    _lock(db)
    sequence, previous_hash = _last(db)
    deed = Deed(
        sequence=sequence + 1,
        at=now,
        actor_kind=actor.kind.value,
        actor_id=_storable(actor.id),
        actor_name=_storable(actor.name),
        action=action,
        environment=None if environment is None else environment.value,
        subject=_storable(subject),
        details=msgspec.json.encode(plain, order="sorted", enc_hook=wording.plain).decode(),
    )
    fields = deed._asdict() | {"environment": environment, "details": plain}
    db.add(AuditEntry(**fields, previous_hash=previous_hash, hash=chained_hash(deed, previous_hash)))
    db.flush()
    db.info[_LATEST] = deed.sequence


def latest_entry(db: Session) -> str | None:
    """The number of the entry that this transaction wrote last; ``None`` where it wrote none."""
    found = db.info.get(_LATEST)
    return None if found is None else str(found)


def record_export(
    db: Session, wanted: Filter, *, export_format: str, given: Mapping[str, str], actor: Actor, now: datetime
) -> int:
    """Somebody takes a copy of the trail away: of what part, how many entries, and in which form.

    Returns the number of the last entry that the copy may hold: those counted, and not this one.
    """
    up_to = last_sequence(db)
    rows = count_entries(db, wanted, up_to_sequence=up_to)
    details = {"format": export_format, "filter": given, "rows": rows}
    record(db, actor=actor, action="audit.exported", subject=SUBJECT, environment=None, details=details, now=now)
    return up_to


def record_check(db: Session, verdict: Verdict, *, noted_is_there: bool | None, actor: Actor, now: datetime) -> None:
    """Somebody had the trail read: what was found, and whether an entry that they had noted is still the same."""
    last = None if verdict.last is None else str(verdict.last)
    details = {"read": verdict.read, "broken": verdict.broken, "last": last, "noted_is_there": noted_is_there}
    record(db, actor=actor, action=CHECKED, subject=SUBJECT, environment=None, details=details, now=now)


def _lock(db: Session) -> None:
    """One writer at a time, so that no two entries follow the same one; SQLite has a single writer anyway."""
    if dialect_of(db) == "postgresql":
        db.execute(sa.select(sa.func.pg_advisory_xact_lock(_APPEND_LOCK)))


def _last(db: Session) -> tuple[int, bytes]:
    statement = sa.select(AuditEntry.sequence, AuditEntry.hash).order_by(AuditEntry.sequence.desc()).limit(1)
    row = db.execute(statement).one_or_none()
    return (0, FIRST_HASH) if row is None else (row.sequence, row.hash)


def _plain_mapping(details: Mapping[Any, Any]) -> dict[str, Any]:
    return {_storable(str(name)): _plain(value) for name, value in details.items()}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return _storable(value)
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, datetime | UUID | Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return _plain_mapping(value)
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    raise TypeError(f"audit details hold plain values and never a secret, not {type(value).__name__}")


def _storable(text: str) -> str:
    """A text both databases take: half characters and U+0000 must not make a deed fail."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
