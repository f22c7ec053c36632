"""When a failed call is tried again: told for every family, and never twice for a write that may have worked."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedai import errors
from kedai.connectors.pacing.retry import (
    LONGEST_WAIT_SECONDS,
    MOST_ATTEMPTS,
    GiveUp,
    ReadStateFirst,
    Retry,
    persist,
    should_retry,
)

ANSWERED = errors.RemoteRejected("no", remote_code="error_param")
TABLE = [
    (errors.RemoteUnavailable(), Retry, Retry),
    (errors.OutcomeUnknown(), Retry, ReadStateFirst),
    (errors.RateLimited(retry_after=5.0), Retry, Retry),
    (errors.RateLimited(retry_after=19_000.0), GiveUp, GiveUp),
    (errors.AuthExpired(), Retry, Retry),
    (errors.RemoteUnreadable(), Retry, ReadStateFirst),
    (errors.NeedsReconnect(), GiveUp, GiveUp),
    (ANSWERED, GiveUp, GiveUp),
    (errors.RemoteNotFound("no", remote_code="error_not_found"), GiveUp, GiveUp),
    (errors.RemoteMisconfigured("no", remote_code="error_sign"), GiveUp, GiveUp),
    (errors.Invalid("no"), GiveUp, GiveUp),
    (errors.RemoteUnavailable("closed", retry_after=30.0), Retry, Retry),
    (errors.RemoteUnavailable("closed", retry_after=300.0), GiveUp, GiveUp),
]


@pytest.mark.parametrize(("error", "of_read", "of_write"), TABLE)
def test_each_family_has_its_verdict(error: errors.KedaiError, of_read: type, of_write: type) -> None:
    assert type(should_retry(error, 1, is_write=False, draw=0.5)) is of_read
    assert type(should_retry(error, 1, is_write=True, draw=0.5)) is of_write


def every_family() -> list[errors.KedaiError]:
    def below(family: type) -> list[type]:
        return [family, *(one for child in family.__subclasses__() for one in below(child))]

    made = []
    for family in below(errors.KedaiError):
        needs = {errors.NotConfigured: ("live", ["x"]), errors.Sealed: ("live",)}.get(family, ("text",))
        more = {"remote_code": "x"} if issubclass(family, errors.RemoteRejected) else {}
        made.append(family(*needs, **more))
    return made


@given(
    st.sampled_from(every_family()), st.integers(1, 40), st.floats(0, 1), st.booleans(), st.integers(1, MOST_ATTEMPTS)
)
def test_no_verdict_ever_waits_too_long_or_repeats_a_write_blindly(
    error: errors.KedaiError, attempt: int, draw: float, is_write: bool, most: int
) -> None:
    verdict = should_retry(error, attempt, is_write=is_write, draw=draw, most_attempts=most)
    if attempt >= most:
        assert isinstance(verdict, GiveUp)
    if not isinstance(verdict, GiveUp):
        assert 0 <= verdict.after_seconds <= LONGEST_WAIT_SECONDS * 1.1
    if is_write and isinstance(error, errors.OutcomeUnknown | errors.RemoteUnreadable):
        assert not isinstance(verdict, Retry)
    if not is_write:
        assert not isinstance(verdict, ReadStateFirst)


def test_waits_double_and_are_spread() -> None:
    trouble = errors.RemoteUnavailable()
    waits = [should_retry(trouble, n, is_write=False, draw=1.0).after_seconds for n in (1, 2, 3, 4)]
    assert waits == [0.5, 1.0, 2.0, 4.0]
    assert should_retry(trouble, 1, is_write=False, draw=0.0).after_seconds == 0.25


def test_access_token_is_renewed_once() -> None:
    assert should_retry(errors.AuthExpired(), 1, is_write=True, draw=0.0) == Retry(0.0, renew_token=True)
    assert isinstance(should_retry(errors.AuthExpired(), 2, is_write=True, draw=0.0), GiveUp)


class Story:
    """A call that ends in turn as it is told, and a note of all that was done."""

    def __init__(self, *ends: object, states: tuple[object, ...] = ()) -> None:
        self.ends, self.states, self.done = list(ends), list(states), []

    async def make(self) -> object:
        self.done.append("call")
        end = self.ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return end

    async def read_state(self) -> object:
        self.done.append("look")
        return self.states.pop(0)

    async def renew_token(self) -> None:
        self.done.append("renew")

    async def sleep(self, seconds: float) -> None:
        self.done.append(seconds)

    def run(self, *, writes: bool) -> Any:
        read_state = self.read_state if writes else None
        return asyncio.run(
            persist(self.make, read_state=read_state, renew_token=self.renew_token, sleep=self.sleep, draw=lambda: 1.0)
        )


def test_write_whose_answer_was_lost_is_not_repeated_if_it_worked() -> None:
    story = Story(errors.OutcomeUnknown(), states=("shipped",))
    assert story.run(writes=True) == "shipped"
    assert story.done == ["call", 0.5, "look"]


def test_write_is_repeated_after_its_state_was_read() -> None:
    story = Story(errors.OutcomeUnknown(), "shipped", states=(None,))
    assert story.run(writes=True) == "shipped"
    assert story.done == ["call", 0.5, "look", "call"]


def test_effect_that_cannot_be_looked_up_stays_unknown() -> None:
    """Break: raise what the look met, and the caller takes it for a refusal."""
    story = Story(errors.OutcomeUnknown())
    story.read_state = story.make  # type: ignore[method-assign]
    story.ends.append(errors.RemoteUnavailable())
    with pytest.raises(errors.OutcomeUnknown):
        story.run(writes=True)


def test_read_is_repeated_and_a_token_renewed() -> None:
    story = Story(errors.AuthExpired(), errors.OutcomeUnknown(), "read")
    assert story.run(writes=False) == "read"
    assert story.done == ["call", 0.0, "renew", "call", 1.0, "call"]


def test_last_error_is_raised() -> None:
    with pytest.raises(errors.RemoteRejected):
        Story(errors.RemoteUnavailable(), ANSWERED).run(writes=False)
    story = Story(*[errors.RemoteUnavailable()] * MOST_ATTEMPTS)
    with pytest.raises(errors.RemoteUnavailable):
        story.run(writes=False)
    assert story.done.count("call") == MOST_ATTEMPTS
