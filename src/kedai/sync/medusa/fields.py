"""An old row's values read strictly: what cannot be right is refused, and never quoted, since it may be a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from kedai.db.types import to_amount_units
from kedai.sync.medusa.source import OldRow
from kedai.values.environment import Environment

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"[0-9]{9,13}")
_MILLISECONDS_FROM = 10**11
_ORDER_SN = re.compile(r"[0-9A-Za-z_-]{1,64}")
_LONGEST_TEXT = 500


class RefusedRow(Exception):
    """A row that is not taken over; the message says why, without its values."""


@dataclass(frozen=True, slots=True)
class Fields:
    """One row by our names of its fields; an absent column and a null are the same."""

    values: Mapping[str, str | None]
    columns: Mapping[str, tuple[str, ...]]

    def text(self, name: str) -> str | None:
        """The best filled column's text, without the blanks around it; None where all are empty."""
        for column in self.columns.get(name, ()):
            value = (self.values.get(column) or "").strip()
            if "\0" in value:  # PostgreSQL has none, but a file may, and no text column takes it
                raise RefusedRow(f"{name} holds a null character")
            if value:
                return value
        return None

    def raw(self, name: str) -> tuple[str, str] | None:
        """The best filled column's name and exact text."""
        for column in self.columns.get(name, ()):
            value = self.values.get(column)
            if value:
                return column, value
        return None

    def environment(self) -> Environment:
        """Sandbox where the old row does not say: live came later there, and was always named."""
        text = self.text("environment")
        if text is None:
            return Environment.SANDBOX
        if text.lower() not in set(Environment):
            raise RefusedRow("the environment is neither sandbox nor live")
        return Environment(text.lower())

    def instant(self, name: str) -> datetime | None:
        """A date with time, or seconds or milliseconds since 1970; without a zone it is UTC."""
        text = self.text(name)
        if text is None:
            return None
        try:
            instant = _instant(text)
        except (ValueError, OverflowError):
            raise RefusedRow(f"{name} is no date") from None
        if not _EARLIEST <= instant < _LATEST:
            raise RefusedRow(f"{name} is out of range")
        return instant

    def amount(self, name: str) -> Decimal | None:
        """An amount in major units with at most four decimals."""
        text = self.text(name)
        if text is None:
            return None
        try:
            amount = Decimal(text)
            to_amount_units(amount)
        except (InvalidOperation, ValueError):
            raise RefusedRow(f"{name} is no amount") from None
        return amount

    def short(self, name: str) -> str | None:
        """A text for a page, cut to a bearable length."""
        text = self.text(name)
        return None if text is None else text[:_LONGEST_TEXT]

    def order_sn(self) -> str | None:
        """An order number of plain letters and digits."""
        text = self.text("order_sn")
        if text is not None and not _ORDER_SN.fullmatch(text):
            raise RefusedRow("the order number holds what no order number holds")
        return text


def open_row(row: OldRow, columns: Mapping[str, tuple[str, ...]]) -> Fields:
    """The row by our names.

    Raises:
        RefusedRow: it cannot be read, or was deleted there.
    """
    if row.problem is not None:
        raise RefusedRow(row.problem)
    fields = Fields(row.values, columns)
    if fields.text("deleted_at") is not None:
        raise RefusedRow("it was deleted in the old system")
    return fields


def _instant(text: str) -> datetime:
    if _NUMBER.fullmatch(text):
        number = int(text)
        return datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS_FROM else number, UTC)
    instant = datetime.fromisoformat(text)
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
