"""Deliveries that failed verification: one row a second and environment at most, a counter for the rest.

Kept off the sender's path: whoever floods us with bad signatures waits for nothing and fills nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy.orm import Session

from kedai.connectors.base import KeepsSignatures
from kedai.errors import KedaiError
from kedai.inbox.rejected import MAX_BODY, Sample, keep_rejected
from kedai.sync.admission import judge, note_judgements
from kedai.sync.diagnosis import diagnose, open_keyring
from kedai.sync.parts import Parts
from kedai.values.environment import ConnectorName, Environment

_WRITE_EVERY_SECONDS = 1.0
_JUDGE_EVERY = 10  # of those seconds: what waits is judged anew after a change of keys or settings
_JUDGED_AT_ONCE = 50

log = structlog.get_logger("intake")


@dataclass(slots=True)
class _Pending:
    """What came since the last writing: how many by reason, and the one to keep."""

    sample: Sample
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Rejections:
    """Notes rejected deliveries in memory and writes them once a second."""

    parts: Parts
    _pending: dict[tuple[ConnectorName, Environment], _Pending] = field(default_factory=dict)
    _writer: asyncio.Task[None] | None = None

    def note(
        self,
        connector: ConnectorName,
        environment: Environment,
        reason: str,
        headers: dict[str, str],
        body: bytes,
        *,
        signature: bytes | None,
    ) -> None:
        """Count a rejected delivery; of each second one is kept, if possible one that a signature came with.

        ``reason`` is from a closed set. ``signature`` is kept only where it has the shape of one.
        """
        place = (connector, environment)
        known = self._pending.get(place)
        if known is None or (known.sample.signature is None and self._is_signature(connector, signature)):
            kept = signature if self._is_signature(connector, signature) else None
            sample = Sample(reason, headers, body[:MAX_BODY], len(body), kept)
            known = self._pending[place] = _Pending(sample, Counter() if known is None else known.counts)
        known.counts[reason] += 1

    async def start(self) -> None:
        self._writer = asyncio.create_task(self._write_forever())

    async def stop(self) -> None:
        """Write what is noted and end."""
        if self._writer is not None:
            self._writer.cancel()
        await self._write()

    async def _write_forever(self) -> None:
        seconds = 0
        while True:
            try:
                if seconds % _JUDGE_EVERY == 0:
                    await self._judge_again()
                await self._write()
            except Exception:  # else nothing that is rejected would be noted any more, and nobody would know
                log.exception("rejected deliveries could not be looked after")
            seconds += 1
            await asyncio.sleep(_WRITE_EVERY_SECONDS)

    async def _write(self) -> None:
        taken, self._pending = self._pending, {}
        for place in sorted(taken):
            try:
                await self.parts.write(partial(_keep, self.parts, place, taken[place], self.parts.clock.now()))
            except KedaiError as error:
                count = taken[place].counts.total()
                log.warning("rejected deliveries could not be noted", count=count, detail=str(error))

    async def _judge_again(self) -> None:
        """After a start with other settings, or a change of keys: why the waiting ones fail, if they still do."""
        for name in self.parts.connectors:
            for environment in Environment:
                try:
                    while await self._judge_some(name, environment):
                        await asyncio.sleep(0)
                except KedaiError as error:
                    log.warning("rejected deliveries could not be judged anew", detail=str(error))

    async def _judge_some(self, name: ConnectorName, environment: Environment) -> bool:
        """Look without a lock: SQLite's one writer is not asked for where nothing is to be written."""
        now = self.parts.clock.now()
        found = await self.parts.read(
            lambda db: judge(self.parts, db, name, environment=environment, limit=_JUDGED_AT_ONCE, now=now)
        )
        if found:
            await self.parts.write(lambda db: note_judgements(db, found))
        return len(found) == _JUDGED_AT_ONCE

    def _is_signature(self, connector: ConnectorName, given: bytes | None) -> bool:
        known = self.parts.connectors[connector]
        return given is not None and isinstance(known, KeepsSignatures) and known.is_signature(given)


def _keep(parts: Parts, place: tuple[ConnectorName, Environment], one: _Pending, now: datetime, db: Session) -> None:
    connector, environment = place
    ring = open_keyring(parts, db, connector, environment, now=now)
    told = {"diagnosis": diagnose(ring, one.sample).value, "diagnosed_for": ring.fingerprint}
    keep_rejected(db, connector, environment, one.sample, counts=one.counts, **told, now=now)
