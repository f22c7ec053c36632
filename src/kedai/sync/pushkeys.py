"""The keys and URLs that pushes may be signed with, cached by version; a stale copy is never the last word."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sqlalchemy.orm import Session

from kedai.errors import SecretUnreadable, StorageUnavailable
from kedai.kit.clock import monotonic
from kedai.sync.parts import Parts
from kedai.sync.urls import candidate_urls
from kedai.values.credentials import PushKeys
from kedai.values.environment import ConnectorName, Environment
from kedai.values.wording import N_
from kedai.vault.queries import get_credentials, open_push_keys

_MAX_AGE_SECONDS = 30.0
_MOST_AGE_SECONDS = 60.0
_LEAST_SECONDS_BETWEEN_LOOKS = 0.1
_DEADLINE_SECONDS = 2.0


def load_push_keys(parts: Parts, db: Session, connector: ConnectorName, environment: Environment) -> PushKeys:
    """Read the keys now.

    Raises:
        SecretUnreadable: a stored push key cannot be opened.
    """
    row = get_credentials(db, connector, environment)
    return PushKeys(
        connector=connector,
        environment=environment,
        version=row.version,
        keys=open_push_keys(parts.ring, row, now=parts.clock.now()),
        urls=candidate_urls(parts.settings, connector, environment),
    )


class PushKeyCache:
    """Per process; read again at most ten times a second per environment, however many bad signatures come."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._found: dict[tuple[ConnectorName, Environment], _Found] = {}
        self._reading: dict[tuple[ConnectorName, Environment], asyncio.Task[_Found]] = {}

    async def get(self, connector: ConnectorName, environment: Environment) -> PushKeys:
        """The keys, at most a minute old (the flush compares the version anyway).

        Raises:
            SecretUnreadable: a stored push key cannot be opened. StorageUnavailable: they cannot be read.
        """
        found = self._found.get((connector, environment))
        if found is None or not isinstance(found.keys, PushKeys) or found.age() > _MOST_AGE_SECONDS:
            found = await self._read(connector, environment)
        elif found.age() > _MAX_AGE_SECONDS:
            self._start_reading(connector, environment)  # the old copy serves meanwhile
        return self._given(found)

    async def get_newer(self, connector: ConnectorName, environment: Environment, *, than: int) -> PushKeys | None:
        """The keys if a newer version is stored than ``than``, else None."""
        asked = monotonic()
        found = await self._read(connector, environment)
        if found.read_at < asked:  # that reading had begun before we asked: a key changed since would be missing in it
            found = await self._read(connector, environment)
        keys = self._given(found)
        return keys if keys.version != than else None

    def _given(self, found: _Found) -> PushKeys:
        """A copy may be older than the end of a key in it: that key verifies nothing any more."""
        if isinstance(found.keys, SecretUnreadable):
            raise found.keys
        return found.keys.at(self._parts.clock.now())

    async def _read(self, connector: ConnectorName, environment: Environment) -> _Found:
        try:
            async with asyncio.timeout(_DEADLINE_SECONDS):
                return await asyncio.shield(self._start_reading(connector, environment))
        except TimeoutError:
            raise StorageUnavailable(N_("The database does not answer.")) from None

    def _start_reading(self, connector: ConnectorName, environment: Environment) -> asyncio.Task[_Found]:
        """Everyone who asks while a reading is under way shares it."""
        place = (connector, environment)
        if place not in self._reading:
            task = asyncio.create_task(self._load(connector, environment))
            self._reading[place] = task
            task.add_done_callback(lambda done: self._finish_reading(place, done))
        return self._reading[place]

    def _finish_reading(self, place: tuple[ConnectorName, Environment], done: asyncio.Task[_Found]) -> None:
        del self._reading[place]
        if not done.cancelled() and done.exception() is None:
            self._found[place] = done.result()

    async def _load(self, connector: ConnectorName, environment: Environment) -> _Found:
        """Read, once a tenth of a second has passed since the last reading; never answer from that one instead."""
        last = self._found.get((connector, environment))
        if last is not None:
            await asyncio.sleep(max(0.0, _LEAST_SECONDS_BETWEEN_LOOKS - last.age()))

        def read(db: Session) -> PushKeys | SecretUnreadable:
            try:
                return load_push_keys(self._parts, db, connector, environment)
            except SecretUnreadable as error:
                return error

        return _Found(monotonic(), await self._parts.read(read))


@dataclass(frozen=True, slots=True)
class _Found:
    read_at: float
    keys: PushKeys | SecretUnreadable

    def age(self) -> float:
        return monotonic() - self.read_at
