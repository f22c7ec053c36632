"""Where old rows come from: a database or a dump, seen alike, every value as the text PostgreSQL writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class OldRow:
    """One row by the names of its columns; ``problem`` says why it could not be read at all."""

    values: Mapping[str, str | None]
    problem: str | None = None


class Source(Protocol):
    """An old system's tables."""

    def columns(self, table: str) -> tuple[str, ...] | None:
        """The table's columns, or None where there is no such table."""
        ...

    def rows(self, table: str) -> Iterator[OldRow]:
        """Every row, one at a time, however large the table is."""
        ...
