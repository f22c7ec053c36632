"""Decides whether a failed call is tried again: one pure function, and the loop that follows it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from kedai.errors import (
    AuthExpired,
    KedaiError,
    OutcomeUnknown,
    RateLimited,
    RemoteUnavailable,
    RemoteUnreadable,
)

MOST_ATTEMPTS: Final = 5
LONGEST_WAIT_SECONDS: Final = 60.0
_FIRST_WAIT_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again after so long; ``renew_token``: with another access token, as this one is no longer accepted."""

    after_seconds: float
    renew_token: bool = False


@dataclass(frozen=True, slots=True)
class ReadStateFirst:
    """It may have taken effect: after so long, look whether it has, and only try again if it has not."""

    after_seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Trying again would not help, or not soon enough: ``why`` is a word for logs."""

    why: str


Verdict = Retry | ReadStateFirst | GiveUp


def should_retry(
    error: KedaiError,
    attempt: int,
    *,
    is_write: bool,
    draw: float,
    most_attempts: int = MOST_ATTEMPTS,
    longest_wait: float = LONGEST_WAIT_SECONDS,
) -> Verdict:
    """What to do after the ``attempt``-th try (from 1) failed; ``draw`` between 0 and 1 spreads the waits.

    A call that was refused had no effect, so it may be repeated even if it writes: an access token once, a limit after
    its time. One that may have taken effect is only repeated if it reads. A day's limit is waited for by nobody.
    """
    if attempt >= most_attempts:
        return GiveUp("attempts")
    wait = _back_off(attempt, draw)
    if isinstance(error, AuthExpired):
        return Retry(0.0, renew_token=True) if attempt == 1 else GiveUp(error.code)
    if isinstance(error, RateLimited):
        wait = max(wait, error.retry_after * (1.0 + draw / 10))
        return Retry(wait) if error.retry_after <= longest_wait else GiveUp(error.code)
    if isinstance(error, OutcomeUnknown):
        return ReadStateFirst(wait) if is_write else Retry(wait)
    if isinstance(error, RemoteUnavailable):  # it had surely no effect, or is safe to repeat
        wait = max(wait, float(error.facts.get("retry_after", 0.0)))
        return Retry(wait) if wait <= longest_wait else GiveUp(error.code)
    if isinstance(error, RemoteUnreadable):
        if is_write:
            return ReadStateFirst(wait)
        return Retry(wait) if attempt == 1 else GiveUp(error.code)
    return GiveUp(error.code)


Result = TypeVar("Result")


async def persist(
    make: Callable[[], Awaitable[Result]],
    *,
    read_state: Callable[[], Awaitable[Result | None]] | None,
    renew_token: Callable[[], Awaitable[None]],
    sleep: Callable[[float], Awaitable[None]],
    draw: Callable[[], float],
    most_attempts: int = MOST_ATTEMPTS,
    longest_wait: float = LONGEST_WAIT_SECONDS,
) -> Result:
    """Make a call until it works or `should_retry` gives up.

    ``read_state`` tells a write whether it took effect after all: its result then, else None; a call without it only
    reads. ``make`` must take the access token anew each time.

    Raises:
        What the last attempt raised, also where its effect could not be looked up.
    """
    attempt = 1
    while True:
        try:
            return await make()
        except KedaiError as error:
            failed, is_write = error, read_state is not None
            verdict = should_retry(
                error,
                attempt,
                is_write=is_write,
                draw=draw(),
                most_attempts=most_attempts,
                longest_wait=longest_wait,
            )
            if isinstance(verdict, GiveUp):
                raise
        await sleep(verdict.after_seconds)
        if isinstance(verdict, ReadStateFirst) and read_state is not None:
            try:
                found = await read_state()
            except KedaiError as blind:
                raise failed from blind
            if found is not None:
                return found
        elif isinstance(verdict, Retry) and verdict.renew_token:
            await renew_token()
        attempt += 1


def _back_off(attempt: int, draw: float) -> float:
    """Doubling waits, each between its half and its whole: never none, and never all at once."""
    whole = min(_FIRST_WAIT_SECONDS * 2.0 ** min(attempt - 1, 16), LONGEST_WAIT_SECONDS)
    return whole * (0.5 + draw / 2)
