"""Writes the audit trail out, a piece at a time: as CSV for a table, or as JSON lines for a program."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from kedai.audit.models import AuditEntry
from kedai.audit.queries import Filter, next_entries
from kedai.db.database import Database
from kedai.errors import Invalid

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
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")


class ExportFormat(StrEnum):
    """CSV with a header (RFC 4180), or one JSON object a line."""

    CSV = "csv"
    JSON = "json"


def parse_format(text: str) -> ExportFormat:
    """The form of a copy.

    Raises:
        Invalid: neither of the two.
    """
    try:
        return ExportFormat(text)
    except ValueError:
        raise Invalid("A copy is csv or json.", field="format") from None


def export(database: Database, wanted: Filter, export_format: ExportFormat, *, up_to_sequence: int) -> Iterator[bytes]:
    """The entries that fit, oldest first, never more than a piece in memory; each piece is read for itself."""
    if export_format is ExportFormat.CSV:
        yield _csv_lines([COLUMNS])
    after = 0
    while True:
        with database.read() as db:
            rows = next_entries(db, wanted, after_sequence=after, up_to_sequence=up_to_sequence, limit=_ROWS_AT_ONCE)
        if not rows:
            return
        told = [_told(row) for row in rows]
        if export_format is ExportFormat.CSV:
            yield _csv_lines([[_cell(one[name]) for name in COLUMNS] for one in told])
        else:
            yield b"".join(msgspec.json.encode(one) + b"\n" for one in told)
        after = rows[-1].sequence


def _told(row: AuditEntry) -> dict[str, Any]:
    return {
        **{name: getattr(row, name) for name in COLUMNS},
        "at": _instant(row.at),
        "environment": None if row.environment is None else row.environment.value,
        "previous_hash": bytes(row.previous_hash).hex(),
        "hash": bytes(row.hash).hex(),
    }


def _instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _cell(value: Any) -> str:
    """A text that no spreadsheet takes for a formula (T33)."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value, order="sorted").decode()
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv_lines(rows: Any) -> bytes:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows(rows)
    return written.getvalue().encode()
