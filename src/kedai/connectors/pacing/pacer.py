"""Puts limiter and breaker before every call, and learns from how each one ended. Implements `base.Pacing`."""

from __future__ import annotations

import structlog

from kedai.connectors.base import CALL_SECONDS, Lane
from kedai.connectors.pacing.breaker import Breaker
from kedai.connectors.pacing.limiter import LONGEST_WAIT_SECONDS, Limiter
from kedai.errors import (
    KedaiError,
    OutcomeUnknown,
    QuotaExhausted,
    RateLimited,
    RemoteUnavailable,
    StorageUnavailable,
)
from kedai.kit.clock import Clock
from kedai.kit.deadline import seconds_left
from kedai.values.environment import ConnectorName, Environment
from kedai.values.wording import N_

_Family = tuple[ConnectorName, Environment, str]

log = structlog.get_logger("pacing")


class Pacer:
    """The limiter's store shares tokens between all processes; breakers are this process's own."""

    def __init__(self, limiter: Limiter, clock: Clock) -> None:
        self._limiter = limiter
        self._clock = clock
        self._breakers: dict[_Family, Breaker] = {}

    async def enter(self, lane: Lane) -> None:
        """Wait for the call's turn, as long as the work's deadline leaves the call its whole time afterwards.

        Raises:
            RemoteUnavailable: this part of the marketplace did not answer lately; nothing was sent.
            RateLimited: no turn comes soon enough; nothing was sent.
            StorageUnavailable: the tokens that all processes share cannot be reached; nothing was sent.
        """
        self._ask_breaker(lane)  # before waiting for a token in vain
        await self._limiter.acquire(lane.bucket, longest_wait=_patience())
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
            await self._heed(lane, error)

    async def _heed(self, lane: Lane, error: RateLimited) -> None:
        """Tell all processes; where they cannot be told now, the next refusal tells them."""
        try:
            if isinstance(error, QuotaExhausted):
                await self._limiter.rest_for_the_day(lane.bucket, error.retry_after)
            else:
                await self._limiter.slow_down(lane.bucket, error.retry_after)
        except StorageUnavailable as unavailable:
            log.warning("a limit could not be noted", account=lane.bucket.account, detail=unavailable.message)

    def _ask_breaker(self, lane: Lane) -> Breaker:
        breaker, wait = self._breakers.get(_family_of(lane), Breaker()).enter(self._clock.now())
        if wait:
            text = N_(
                "The %(family)s calls were not answered lately; the next one may go in %(seconds)s s.",
                family=lane.family,
                seconds=round(wait),
            )
            raise RemoteUnavailable(text, retry_after=wait)
        return breaker


def _patience() -> float:
    left = seconds_left()
    return LONGEST_WAIT_SECONDS if left is None else max(left - CALL_SECONDS, 0.0)


def _family_of(lane: Lane) -> _Family:
    return lane.bucket.connector, lane.bucket.environment, lane.family
