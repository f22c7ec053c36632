"""By when a piece of work must be done, known to whatever it calls: waiting for a turn counts as the network does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from kedai.kit.clock import monotonic

_deadline: ContextVar[float | None] = ContextVar("kedai_deadline", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give the block so many seconds, whatever was given outside: the renewal of a token, once begun, has its own."""
    token = _deadline.set(monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


def seconds_left() -> float | None:
    """What is left of the innermost block's time, negative where it is over; None outside of any."""
    deadline = _deadline.get()
    return None if deadline is None else deadline - monotonic()
