"""Puts limiter and breaker before every call, and learns from how each one ended. Implements `base.Pacing`."""

from __future__ import annotations

from typing import Final

from kedai.connectors.base import Lane
from kedai.connectors.pacing.breaker import Breaker
from kedai.connectors.pacing.limiter import Limiter
from kedai.errors import KedaiError, OutcomeUnknown, RateLimited, RemoteUnavailable
from kedai.kit.clock import Clock
from kedai.values.environment import Environment

_SLOW_DOWN_BELOW_SECONDS: Final = 3600.0


class Pacer:
    """One for each event loop: the limiter's store shares tokens between them all, a breaker is each one's own."""

    def __init__(self, limiter: Limiter, clock: Clock) -> None:
        self._limiter = limiter
        self._clock = clock
        self._breakers: dict[tuple[Environment, str], Breaker] = {}

    async def enter(self, lane: Lane) -> None:
        """Wait for the call's turn.

        Raises:
            RemoteUnavailable: this part of the marketplace did not answer lately; nothing was sent.
            RateLimited: no turn comes soon enough; nothing was sent.
        """
        self._ask_breaker(lane)  # before waiting for a token in vain
        await self._limiter.acquire(_bucket_of(lane))
        self._breakers[_family_of(lane)] = self._ask_breaker(lane)

    async def leave(self, lane: Lane, error: KedaiError | None) -> None:
        """Learn from how the call ended: no answer closes the way, a limit slows down and pauses, the rest is well."""
        family = _family_of(lane)
        breaker = self._breakers.get(family, Breaker())
        if isinstance(error, RemoteUnavailable | OutcomeUnknown):
            self._breakers[family] = breaker.failed(self._clock.now())
            return
        self._breakers[family] = breaker.succeeded()
        if isinstance(error, RateLimited):
            if error.retry_after < _SLOW_DOWN_BELOW_SECONDS:  # a day's limit says nothing about the pace
                await self._limiter.slow_down(_bucket_of(lane))
            await self._limiter.pause(_bucket_of(lane), error.retry_after)

    def _ask_breaker(self, lane: Lane) -> Breaker:
        breaker, wait = self._breakers.get(_family_of(lane), Breaker()).enter(self._clock.now())
        if wait:
            text = f"The {lane.family} calls were not answered lately; the next one may go in {wait:.0f} s."
            raise RemoteUnavailable(text, retry_after=wait)
        return breaker


def _family_of(lane: Lane) -> tuple[Environment, str]:
    return lane.environment, lane.family


def _bucket_of(lane: Lane) -> tuple[Environment, str, str | None]:
    return lane.environment, lane.partner_id, lane.subject_id
