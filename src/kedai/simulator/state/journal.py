"""Remembers the API calls that came in: a count per path, and the last ones in detail, without tokens."""

from __future__ import annotations

import re
from collections import Counter, deque
from typing import Any, NamedTuple

JOURNAL_LIMIT = 5_000
# Every path that does not exist shares one counter, so that a scanner cannot fill the memory.
UNKNOWN_PATH = "(unknown path)"
_HIDDEN = ("access_token", "sign")
# Tokens and codes in a body, whatever its form.
_SECRET = re.compile(rb'("(?:access_token|refresh_token|code|resend_code)"\s*:\s*)"[^"]*"?')


class CallRecord(NamedTuple):
    """One call and how it was answered."""

    call_id: int
    at: int
    method: str
    path: str
    query: dict[str, str]
    body: bytes
    status: int
    error: str
    request_id: str
    milliseconds: float

    @property
    def shop_id(self) -> str:
        """Whom the call was for, as it was written."""
        return self.query.get("shop_id", "")

    def to_json(self) -> dict[str, Any]:
        """Return it as the control API shows it."""
        shown = self.without_secrets()._asdict()
        shown["body"] = shown["body"].decode(errors="replace")
        return shown

    def without_secrets(self) -> CallRecord:
        """Return the call without signature, tokens and codes."""
        query = {name: value for name, value in self.query.items() if name not in _HIDDEN}
        return self._replace(query=query, body=_SECRET.sub(rb"\1***", self.body))


class CallFilter(NamedTuple):
    """Which calls are asked for; None is any."""

    path: str | None = None
    shop_id: str | None = None
    error: str | None = None
    after_id: int = 0

    def matches(self, call: CallRecord) -> bool:
        """Whether the call is one of them."""
        return (
            call.call_id > self.after_id
            and self.path in (None, call.path)
            and self.shop_id in (None, call.shop_id)
            and self.error in (None, call.error)
        )


class Journal:
    """Counts without end, details up to a limit."""

    def __init__(self) -> None:
        """Start empty."""
        self.counts: Counter[str] = Counter()
        self.records: deque[CallRecord] = deque(maxlen=JOURNAL_LIMIT)
        self._issued = 0

    def next_id(self) -> int:
        """Return a fresh number, counting from 1."""
        self._issued += 1
        return self._issued

    def record(self, call: CallRecord, *, known: bool) -> None:
        """Count the call and keep it."""
        self.counts[call.path if known else UNKNOWN_PATH] += 1
        self.records.append(call)

    def latest(self, limit: int, wish: CallFilter) -> list[CallRecord]:
        """Return the newest calls that are asked for, oldest of them first."""
        chosen = [record for record in self.records if wish.matches(record)]
        return chosen[-limit:] if limit else []

    def restore(self, counts: dict[str, int], records: list[CallRecord]) -> None:
        """Become what was kept; numbers go on after the last."""
        self.counts = Counter(counts)
        self.records = deque(records, maxlen=JOURNAL_LIMIT)
        self._issued = records[-1].call_id if records else 0

    def clear(self) -> None:
        """Forget everything."""
        self.counts.clear()
        self.records.clear()
