"""The pushes an app never took, kept for three days until it confirms to have read them (contract §4.2, §4.3)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

KEPT_SECONDS = 3 * 86_400
PAGE = 100
# Beyond this many the oldest go, so that a forgotten simulator does not grow without end.
LIMIT = 100_000


@dataclass(slots=True)
class LostMessage:
    """One lost push: when it was given up, and its bytes as they were sent."""

    message_id: int
    lost_at: int
    code: int
    shop_id: int | None
    body: bytes


class LostQueue:
    """The lost pushes of one app, oldest first."""

    def __init__(self) -> None:
        """Start empty."""
        self.messages: deque[LostMessage] = deque(maxlen=LIMIT)
        self.issued = 0

    def add(self, *, now: int, code: int, shop_id: int | None, body: bytes) -> None:
        """Keep a push that was given up."""
        self.issued += 1
        self.messages.append(LostMessage(self.issued, now, code, shop_id, body))

    def page(self, now: int) -> tuple[list[LostMessage], bool]:
        """Return the oldest hundred of the last three days, and whether more follow."""
        self._forget(now)
        found = list(self.messages)[: PAGE + 1]
        return found[:PAGE], len(found) > PAGE

    def confirm(self, last_message_id: int) -> None:
        """Let go of everything up to this message: the only way the queue moves on."""
        while self.messages and self.messages[0].message_id <= last_message_id:
            self.messages.popleft()

    def _forget(self, now: int) -> None:
        while self.messages and self.messages[0].lost_at <= now - KEPT_SECONDS:
            self.messages.popleft()
