"""Writes the audit trail out, a piece at a time: as CSV for a table, or as JSON lines for a program."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kedai.audit.models import AuditEntry
from kedai.audit.queries import Filter, next_entries
from kedai.db.database import Database
from kedai.kit.sheets import SheetFormat, head, lines

COLUMNS = (
    "sequence",
    "at",
    "actor_kind",
    "actor_id",
    "actor_name",
    "action",
    "environment",
    "subject",
    "details",
    "previous_hash",
    "hash",
)
_ROWS_AT_ONCE = 500


def export(database: Database, wanted: Filter, form: SheetFormat, *, up_to_sequence: int) -> Iterator[bytes]:
    """The entries that fit, oldest first, never more than a piece in memory; each piece is read for itself."""
    if beginning := head(COLUMNS, form):
        yield beginning
    after = 0
    while True:
        with database.read() as db:
            rows = next_entries(db, wanted, after_sequence=after, up_to_sequence=up_to_sequence, limit=_ROWS_AT_ONCE)
        if not rows:
            return
        yield lines(COLUMNS, map(_told, rows), form)
        after = rows[-1].sequence


def _told(row: AuditEntry) -> dict[str, Any]:
    return {
        **{name: getattr(row, name) for name in COLUMNS},
        "environment": None if row.environment is None else row.environment.value,
        "previous_hash": bytes(row.previous_hash).hex(),
        "hash": bytes(row.hash).hex(),
    }
