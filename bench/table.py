"""What a benchmark reports: rows for a table and for `bench/out/latest.json`; missing a target fails nothing."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

HEADINGS = ("measure", "value", "unit", "beside", "ratio", "target", "")
WHOLE_FROM = 100


@dataclass(frozen=True, slots=True)
class Row:
    """One measured value, the peer it stands beside, and the target it is held against (the ratio's, if it has one)."""

    name: str
    value: float
    unit: str
    peer: str = ""
    ratio: float | None = None
    target: float | None = None
    bound: Literal["at least", "at most"] = "at least"

    @property
    def verdict(self) -> str:
        """'met' or 'MISSED', nothing without a target."""
        if self.target is None:
            return ""
        held = self.value if self.ratio is None else self.ratio
        return "met" if (held >= self.target if self.bound == "at least" else held <= self.target) else "MISSED"

    def cells(self) -> tuple[str, ...]:
        """Return the row as the table shows it."""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        target = "" if self.target is None else f"{self.bound} {self.target:g}"
        return (
            self.name,
            f"{self.value:,.{_decimals(self.value)}f}",
            self.unit,
            self.peer,
            ratio,
            target,
            self.verdict,
        )


def _decimals(value: float) -> int:
    return 0 if value >= WHOLE_FROM else 2


def compare(name: str, peer: str, values: Mapping[str, Sequence[float]], *, unit: str, target: float) -> Row:
    """Compare the medians of rounds that took turns, so that a slow minute of the machine slowed both."""
    value, beside = statistics.median(values[name]), statistics.median(values[peer])
    return Row(name, value, unit, peer, value / beside, target)


def print_table(rows: Iterable[Row]) -> None:
    """Print rows in aligned columns, numbers to the right."""
    lines = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    for line in lines:
        cells = (
            cell.rjust(width) if heading in {"value", "ratio"} else cell.ljust(width)
            for cell, width, heading in zip(line, widths, HEADINGS, strict=True)
        )
        print("  ".join(cells).rstrip())
    print(flush=True)


def write_json(rows: Iterable[Row], path: Path) -> None:
    """Write the rows for programs: name, value, unit, peer, ratio."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = [
        {
            "name": row.name,
            "value": round(row.value, 3),
            "unit": row.unit,
            "peer": row.peer or None,
            "ratio": None if row.ratio is None else round(row.ratio, 3),
        }
        for row in rows
    ]
    path.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
