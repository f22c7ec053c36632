"""Pairs that nobody uses are renewed before they end, and renewals that were never finished are brought to an end.

In both environments, also the inactive one. Any number of processes may look: the lease of each pair is all they need.
What ends is a run's matter, every ten minutes; what a process has begun, or saved on its own disk, it finishes by
itself, within seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.orm import Session

from kedai.errors import KedaiError, StorageUnavailable
from kedai.kit.clock import monotonic
from kedai.runs.service import move_on, postpone_run
from kedai.sync.parts import Parts
from kedai.sync.plans import Plan
from kedai.sync.spooled import recover
from kedai.sync.tokens import get_access_token
from kedai.sync.work import Step, Work
from kedai.values.environment import Account, ConnectorName, Environment
from kedai.values.wording import N_
from kedai.vault.refresh import list_due

if TYPE_CHECKING:
    from kedai.runs.models import Run

KIND = "keep_tokens"
PLAN = Plan(
    kind=KIND,
    label=N_("Keep tokens alive"),
    does=N_("Renews the tokens of shops and merchants ten days before they end, also where nobody uses them."),
    every=timedelta(minutes=10),
    grace=timedelta(hours=6),  # there are ten days
    timeout=timedelta(days=1),
    everywhere=True,
)

EARLY = timedelta(days=10)
"""A pair lasts 30 days: there are ten to mend whatever keeps it from being renewed."""

EVERY_SECONDS = 15.0
_REST_SECONDS = 600.0
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)

Place = tuple[ConnectorName, Environment]

log = structlog.get_logger("tokens")


class KeepAlive:
    """Looks now and then; a pair that could not be renewed is left alone by this process for ten minutes."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._resting: dict[Account, float] = {}

    @property
    def resting(self) -> int:
        """How many pairs could not be renewed."""
        return len(self._resting)

    async def finish_begun(self, *, must_stop: Callable[[], bool]) -> int:
        """Store what was saved here, and bring renewals to an end that were begun and never finished.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        return await self._look(_NEVER, None, must_stop)

    async def look(self, *, place: Place | None = None, must_stop: Callable[[], bool] = lambda: False) -> int:
        """The same, and renew what ends soon, in one place or (None) everywhere; returns how many were renewed."""
        return await self._look(self._parts.clock.now() + EARLY, place, must_stop)

    async def _look(self, before: datetime, place: Place | None, must_stop: Callable[[], bool]) -> int:
        parts = self._parts
        await asyncio.to_thread(recover, parts)
        due = await parts.read(lambda db: list_due(db, expires_before=before, sealed=parts.quarantine.sealed(db)))
        renewed = 0
        for one in due:
            if must_stop():
                break
            if place not in {None, (one.scope.connector, one.scope.environment)}:
                continue
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


async def read(parts: Parts, work: Work) -> Sequence[Step]:
    """One look in the run's environment; where a pair could not be renewed, the run looks again after a rest."""
    keeper = KeepAlive(parts)
    renewed = await keeper.look(place=(work.connector, work.environment))
    return [partial(_note, renewed=renewed, resting=keeper.resting)]


def _note(_db: Session, run: Run, *, renewed: int, resting: int, now: datetime) -> bool:
    move_on(run, cursor=None, done=renewed)
    if resting:
        note = N_("%(number)s could not be renewed; the log says why, and it is tried again.", number=resting)
        postpone_run(run, note=note, due_in=timedelta(seconds=_REST_SECONDS), now=now)
    return not resting
