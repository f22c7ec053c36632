"""Reads the audit trail: pages of it, and whether it is still whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.audit.chain import FIRST_HASH, Deed, chained_hash
from kedai.audit.models import AuditEntry
from kedai.values.environment import Environment

_ROWS_AT_ONCE = 500


def list_entries(
    db: Session, *, environment: Environment | None, before_sequence: int | None, limit: int
) -> list[AuditEntry]:
    """The newest entries first; with an ``environment`` only its own, with ``before_sequence`` only older ones."""
    statement = sa.select(AuditEntry).order_by(AuditEntry.sequence.desc()).limit(limit)
    if environment is not None:
        statement = statement.where(AuditEntry.environment == environment)
    if before_sequence is not None:
        statement = statement.where(AuditEntry.sequence < before_sequence)
    return list(db.scalars(statement))


def verify_chain(db: Session) -> int | None:
    """The first sequence number that is missing, changed or out of place, or ``None`` if all is well.

    Entries cut off at the end leave no trace in what remains: compare the last sequence with an earlier note of it.
    """
    with db.execute(_whole_trail()) as rows:
        return _first_broken(rows)


def _first_broken(rows: Iterable[Sequence[Any]]) -> int | None:
    expected, previous_hash = 1, FIRST_HASH
    for *fields, stored_previous_hash, stored_hash in rows:
        deed = Deed(*fields)
        if deed.sequence != expected or stored_previous_hash != previous_hash:
            return min(deed.sequence, expected)
        if stored_hash != chained_hash(deed, previous_hash):
            return expected
        expected, previous_hash = expected + 1, stored_hash
    return None


def _whole_trail() -> sa.Select[*tuple[Any, ...]]:
    """Every row, streamed; texts as they are stored, since a changed row may hold what its type refuses to read."""
    columns = (
        AuditEntry.sequence,
        AuditEntry.at,
        AuditEntry.actor_kind,
        AuditEntry.actor_id,
        AuditEntry.actor_name,
        AuditEntry.action,
        sa.type_coerce(AuditEntry.environment, sa.Text),
        AuditEntry.subject,
        sa.type_coerce(AuditEntry.details, sa.Text),
        AuditEntry.previous_hash,
        AuditEntry.hash,
    )
    return sa.select(*columns).order_by(AuditEntry.sequence).execution_options(yield_per=_ROWS_AT_ONCE)
