"""Rows as a file to take away: CSV for a table, or one JSON object a line for a program. Knows no database."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from kedai.errors import Invalid
from kedai.values.wording import N_, plain

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")


class SheetFormat(StrEnum):
    """CSV with a header (RFC 4180), or one JSON object a line."""

    CSV = "csv"
    JSON = "json"

    @property
    def media_type(self) -> str:
        return "text/csv; charset=utf-8" if self is SheetFormat.CSV else "application/x-ndjson"

    @property
    def ending(self) -> str:
        """Of a file's name."""
        return "csv" if self is SheetFormat.CSV else "jsonl"


def parse_format(text: str) -> SheetFormat:
    """The form of a copy.

    Raises:
        Invalid: neither of the two.
    """
    try:
        return SheetFormat(text)
    except ValueError:
        raise Invalid(N_("A copy is csv or json."), field="format") from None


def head(columns: Sequence[str], form: SheetFormat) -> bytes:
    """What stands before the first row."""
    return _csv_lines([columns]) if form is SheetFormat.CSV else b""


def lines(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], form: SheetFormat) -> bytes:
    """Some rows; instants are written in UTC."""
    told = ({name: _plain(row[name]) for name in columns} for row in rows)
    if form is SheetFormat.CSV:
        return _csv_lines([[_cell(value) for value in one.values()] for one in told])
    return b"".join(msgspec.json.encode(one, enc_hook=plain) + b"\n" for one in told)


def _plain(value: Any) -> Any:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value


def _cell(value: Any) -> str:
    """A text that no spreadsheet takes for a formula (T33); numbers are what they are."""
    if value is None:
        return ""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(value)
    text = value if isinstance(value, str) else msgspec.json.encode(value, order="sorted", enc_hook=plain).decode()
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv_lines(rows: Iterable[Sequence[str]]) -> bytes:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows(rows)
    return written.getvalue().encode()
