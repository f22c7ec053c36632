"""What an import found and did, table by table, in words without a secret."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class TableReport:
    """One old table: every row that was read is new, changed, already there or refused."""

    table: str
    missing: str | None = None
    read: int = 0
    new: int = 0
    changed: int = 0
    present: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    @property
    def refused_rows(self) -> int:
        return self.refused.total()


@dataclass(frozen=True, slots=True)
class Report:
    """Every table in the order in which it was read; ``applied`` is False for a dry run."""

    applied: bool
    tables: tuple[TableReport, ...]

    def lines(self) -> list[str]:
        """The report as text."""
        titles = ("table", "read", "new", "changed", "already there", "refused")
        rows = [
            (one.table, *map(str, (one.read, one.new, one.changed, one.present, one.refused_rows)))
            for one in self.tables
        ]
        widths = [max(len(row[index]) for row in (titles, *rows)) for index in range(len(titles))]
        told = [_row(titles, widths), *(_row(row, widths) for row in rows)]
        for one in self.tables:
            told += [f"{one.table}: {line}" for line in _remarks(one)]
        if not self.applied:
            told.append("Nothing was written. Run it again with --apply to take this over.")
        return told


def _row(cells: tuple[str, ...], widths: list[int]) -> str:
    numbers = (cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))
    return "  ".join((cells[0].ljust(widths[0]), *numbers))


def _remarks(one: TableReport) -> list[str]:
    missing = [one.missing] if one.missing else []
    return [*missing, *(f"{count} refused: {why}" for why, count in sorted(one.refused.items())), *one.notes]
