"""Pairs that nobody uses are renewed before they end, and renewals that were never finished are brought to an end.

In both environments, also the inactive one. Any number of processes may look: the lease of each pair is all they need.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import structlog

from kedai.errors import KedaiError, StorageUnavailable
from kedai.kit.clock import monotonic
from kedai.sync.parts import Parts
from kedai.sync.spooled import recover
from kedai.sync.tokens import get_access_token
from kedai.values.environment import Account
from kedai.vault.refresh import list_due

EARLY = timedelta(days=10)
"""A pair lasts 30 days: there are ten to mend whatever keeps it from being renewed."""

EVERY_SECONDS = 15.0
_REST_SECONDS = 600.0

log = structlog.get_logger("tokens")


class KeepAlive:
    """Looks now and then; a pair that could not be renewed is left alone by this process for ten minutes."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._resting: dict[Account, float] = {}

    async def look(self, *, must_stop: Callable[[], bool] = lambda: False) -> int:
        """Store what was saved here, then renew what is due; returns how many pairs were renewed.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        parts = self._parts
        await asyncio.to_thread(recover, parts)
        before = parts.clock.now() + EARLY
        due = await parts.read(lambda db: list_due(db, expires_before=before, sealed=parts.quarantine.sealed(db)))
        renewed = 0
        for one in due:
            if must_stop():
                break
            if self._resting.get(one.scope, 0.0) <= monotonic():
                renewed += await self._renew(one.scope, one.generation)
        return renewed

    async def _renew(self, scope: Account, generation: int) -> bool:
        """As if the marketplace had refused this generation: whoever has renewed it meanwhile spares us the call."""
        try:
            await get_access_token(self._parts, scope, rejected=generation)
        except StorageUnavailable:
            raise
        except KedaiError as error:
            self._resting[scope] = monotonic() + _REST_SECONDS
            log.warning("an idle token could not be renewed", account=str(scope), detail=error.message)
            return False
        self._resting.pop(scope, None)
        return True
