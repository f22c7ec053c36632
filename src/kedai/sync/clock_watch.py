"""An embedded installation's clock, watched: where somebody sets it back, what is held goes with it (F32).

Leases there run by the wall clock. Without this, after a jump of an hour, what a killed task held would be held for an
hour; and were they voided instead, a renewal on its way could be begun a second time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import structlog
from sqlalchemy.orm import Session

from kedai.inbox import claims
from kedai.kit.clock import Clock, monotonic
from kedai.notifications import deliveries
from kedai.runs import service as runs
from kedai.sync.parts import Parts
from kedai.vault import refresh

EVERY_SECONDS = 5.0
_TOLERATED = timedelta(minutes=1)

log = structlog.get_logger("clock")


class ClockWatch:
    """Compares how far the clock went with how much time has passed (``ticks``: seconds that never go back)."""

    def __init__(self, parts: Parts, clock: Clock, *, ticks: Callable[[], float] = monotonic) -> None:
        self._parts = parts
        self._clock = clock
        self._ticks = ticks
        self._offset = self._read_offset()

    async def look(self) -> None:
        """Set leases back where the clock was, by more than a minute.

        Raises:
            StorageUnavailable: the next look does it.
        """
        offset = self._read_offset()
        by = self._offset - offset
        if by > _TOLERATED:
            await self._parts.write(partial(_set_back, by=by))
            log.warning("the clock was set back, and leases with it", seconds=round(by.total_seconds()))
        self._offset = offset

    def _read_offset(self) -> timedelta:
        """The same at all times, as long as nobody sets the clock."""
        return timedelta(seconds=self._clock.now().timestamp() - self._ticks())


def _set_back(db: Session, *, by: timedelta) -> None:
    claims.set_leases_back(db, by)
    runs.set_leases_back(db, by)
    deliveries.set_leases_back(db, by)
    refresh.set_refresh_leases_back(db, by)
