"""Remembers the API calls that came in: a count per path, and the last ones in detail, without tokens."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any, NamedTuple

JOURNAL_LIMIT = 5_000
# Every path that does not exist shares one counter, so that a scanner cannot fill the memory.
UNKNOWN_PATH = "(unknown path)"
_HIDDEN = ("access_token", "sign")


class CallRecord(NamedTuple):
    """One call and how it was answered."""

    at: int
    method: str
    path: str
    query: dict[str, str]
    status: int
    error: str
    request_id: str

    def to_json(self) -> dict[str, Any]:
        """Return it as the control API shows it."""
        shown = self._asdict()
        shown["query"] = {name: value for name, value in self.query.items() if name not in _HIDDEN}
        return shown


class Journal:
    """Counts without end, details up to a limit."""

    def __init__(self) -> None:
        """Start empty."""
        self.counts: Counter[str] = Counter()
        self.records: deque[CallRecord] = deque(maxlen=JOURNAL_LIMIT)

    def record(self, call: CallRecord, *, known: bool) -> None:
        """Count the call and keep it."""
        self.counts[call.path if known else UNKNOWN_PATH] += 1
        self.records.append(call)

    def latest(self, limit: int, path: str | None) -> list[dict[str, Any]]:
        """Return the newest calls, oldest of them first, of one path if given."""
        chosen = [record for record in self.records if path is None or record.path == path]
        return [record.to_json() for record in chosen[-limit:]] if limit else []

    def clear(self) -> None:
        """Forget everything."""
        self.counts.clear()
        self.records.clear()
