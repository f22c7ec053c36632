"""Where a run stands that walks through a shop's changes, window after window, as it is kept in the run's row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from kedai.values.wording import N_, NP_, joined

LONGEST_WINDOW = timedelta(days=15)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a run stands: the window's ends and the run's own end in Unix seconds, the next page, orders not yet read.

    ``missing`` and ``older`` count what was found wrong so far; ``is_whole`` says that no order of this window was left
    out: only then it is covered.
    """

    first: int
    last: int
    until: int
    page: str | None = None
    pages: int = 0
    pending: tuple[str, ...] = ()
    missing: int = 0
    older: int = 0
    is_whole: bool = True

    @classmethod
    def between(cls, since: datetime, until: datetime) -> Position:
        """At the beginning of a period, which is made a second long where it is empty."""
        first = int(since.timestamp())
        end = max(int(until.timestamp()), first + 1)
        return cls(first, _window_end(first, end), end)

    @classmethod
    def of(cls, cursor: dict[str, Any]) -> Position:
        """As it was stored."""
        return cls(**{**cursor, "pending": tuple(cursor["pending"])})

    @property
    def ends_window(self) -> bool:
        """Whether nothing of the window is left."""
        return not self.pending and self.page is None

    def following(self) -> Position | None:
        """The beginning of the next window; None behind the last one."""
        if self.last >= self.until:
            return None
        end = _window_end(self.last, self.until)
        return replace(self, first=self.last, last=end, pages=0, is_whole=True)


def _window_end(first: int, until: int) -> int:
    return min(first + int(LONGEST_WINDOW.total_seconds()), until)


def told(position: Position) -> str:
    """What was found up to there, for people."""
    if not position.missing and not position.older:
        return N_("nothing was missing")
    parts = []
    if position.missing:
        parts.append(NP_("%(num)s order was missing", "%(num)s orders were missing", position.missing))
    if position.older:
        parts.append(NP_("%(num)s was older", "%(num)s were older", position.older))
    return joined(", ", parts)


def instant(seconds: int) -> datetime:
    """From Unix seconds."""
    return datetime.fromtimestamp(seconds, UTC)
