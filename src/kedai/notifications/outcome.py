"""What became of a try to send, and when the next one is due."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

BACKOFF: Final = tuple(
    timedelta(**one)
    for one in ({"seconds": 5}, {"minutes": 1}, {"minutes": 5}, {"minutes": 30}, {"hours": 2}, {"hours": 5})
)
"""How long to wait after each failed try; after the last one the message is given up."""


class NotSentError(Exception):
    """A message was not taken: ``message`` says why in our own words; ``permanent`` that no later try can help."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.permanent = permanent


def next_try_in(attempts: int, error: NotSentError) -> timedelta | None:
    """After so many tries; None where there is none any more."""
    return None if error.permanent or attempts > len(BACKOFF) else BACKOFF[attempts - 1]
