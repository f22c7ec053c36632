"""Deliveries that failed verification: one row a second per environment and reason at most, a counter for the rest.

Kept off the sender's path: whoever floods us with bad signatures waits for nothing and fills nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy.orm import Session

from kedai.errors import StorageUnavailable
from kedai.inbox.service import MAX_REJECTED_BODY, keep_rejected
from kedai.sync.parts import Parts
from kedai.values.environment import ConnectorName, Environment

_WRITE_EVERY_SECONDS = 1.0

log = structlog.get_logger("intake")


@dataclass(slots=True)
class _Pending:
    count: int
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Rejections:
    """Notes rejected deliveries in memory and writes them once a second."""

    parts: Parts
    _pending: dict[tuple[ConnectorName, Environment, str], _Pending] = field(default_factory=dict)
    _writer: asyncio.Task[None] | None = None

    def note(
        self, connector: ConnectorName, environment: Environment, reason: str, headers: dict[str, str], body: bytes
    ) -> None:
        """Count a rejected delivery; the first of each second is kept for a look. ``reason`` is from a closed set."""
        pending = self._pending.setdefault(
            (connector, environment, reason), _Pending(0, headers, body[:MAX_REJECTED_BODY])
        )
        pending.count += 1

    async def start(self) -> None:
        self._writer = asyncio.create_task(self._write_forever())

    async def stop(self) -> None:
        """Write what is noted and end."""
        if self._writer is not None:
            self._writer.cancel()
        await self._write()

    async def _write_forever(self) -> None:
        while True:
            await asyncio.sleep(_WRITE_EVERY_SECONDS)
            await self._write()

    async def _write(self) -> None:
        taken, self._pending = self._pending, {}
        for key in sorted(taken):
            try:
                await self.parts.write(partial(_keep, key, taken[key], self.parts.clock.now()))
            except StorageUnavailable as error:
                log.warning("rejected deliveries could not be noted", count=taken[key].count, detail=str(error))


def _keep(key: tuple[ConnectorName, Environment, str], one: _Pending, now: datetime, db: Session) -> None:
    connector, environment, reason = key
    keep_rejected(
        db, connector, environment, reason=reason, count=one.count, headers=one.headers, body=one.body, now=now
    )
