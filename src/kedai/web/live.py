"""Tells browsers how much is new: one look at the database each second, however many watch, and small words to each.

What is kept for a browser is a number: the look that it was told of last. So one that never reads costs no memory; it
is cut off once the connection's own small buffer has been full for some seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
import structlog
from sqlalchemy.orm import Session

from kedai.errors import StorageUnavailable, Unavailable
from kedai.kit.clock import monotonic
from kedai.staff.queries import list_ended
from kedai.sync.parts import Parts
from kedai.values.environment import Environment
from kedai.web.live_news import KINDS, News, Seen, Standing, look

TICK_SECONDS = 1.0
BEAT_SECONDS = 2.0
MOST_WATCHERS = 200
_SESSIONS_SECONDS = 5.0

log = structlog.get_logger("live")


@dataclass(eq=False, slots=True)
class Watcher:
    """One browser that watches: what it views, until where it was told, and whether it is to go."""

    environments: tuple[Environment, ...]
    session_id: UUID | None
    since: datetime | None
    told: int
    is_over: bool = False


class Teller:
    """One for each process. It looks only while somebody watches."""

    def __init__(
        self,
        parts: Parts,
        *,
        tick_seconds: float = TICK_SECONDS,
        beat_seconds: float = BEAT_SECONDS,
        most: int = MOST_WATCHERS,
    ) -> None:
        self._parts = parts
        self._tick_seconds, self.beat_seconds, self._most = tick_seconds, beat_seconds, most
        self._news = {(kind, environment): News() for kind in KINDS for environment in Environment}
        self._standing = {environment: Standing() for environment in Environment}
        self._look = 0
        self._looked_at = -1.0
        self._at = datetime.fromtimestamp(0, UTC)
        self._watchers: set[Watcher] = set()
        self._changed = asyncio.Event()
        self._looking = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._is_over = False

    @property
    def watching(self) -> int:
        """How many browsers watch."""
        return len(self._watchers)

    def refuse_too_many(self) -> None:
        """Before somebody is let in.

        Raises:
            Unavailable: too many watch, or the process ends.
        """
        if self._is_over or len(self._watchers) >= self._most:
            raise Unavailable("Too many pages watch what is new. This one asks now and then instead.")

    @contextmanager
    def watch(
        self, environments: tuple[Environment, ...], *, session_id: UUID | None, since: datetime | None
    ) -> Iterator[Watcher]:
        """Be one of those who watch; ``since`` is the instant of which one knows already."""
        one = Watcher(environments, session_id, since, self._look, is_over=self._is_over)
        self._watchers.add(one)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch())
        try:
            yield one
        finally:
            self._watchers.discard(one)

    async def tell(self, watcher: Watcher) -> str | None:
        """The next words for a browser: at once after a look that found something, else as a beat; None at the end."""
        until = monotonic() + self.beat_seconds
        while not watcher.is_over:
            words = self._words(watcher)
            if words is not None:
                return words
            left = until - monotonic()
            if left <= 0 and self._look > watcher.told:  # nobody could look: then silence says so
                return self._beat(watcher)
            await self._wait(max(left, self._tick_seconds / 10))
        return None

    async def ask(self, environments: tuple[Environment, ...], *, since: datetime | None) -> str:
        """The same words once, for who asks now and then."""
        if monotonic() - self._looked_at > self._tick_seconds:
            await self._look_now()
        changed = self._has_changed(environments, since=since)
        return _encode(self._at, self._count(environments, since=since), changed=changed)

    def stop(self) -> None:
        """The process ends: everybody is let go at once."""
        self._is_over = True
        for one in self._watchers:
            one.is_over = True
        self._wake()

    async def _watch(self) -> None:
        checked = monotonic()
        while self._watchers and not self._is_over:
            try:
                await self._look_now()
                if monotonic() - checked >= _SESSIONS_SECONDS:
                    await self._cut_ended()
                    checked = monotonic()
            except StorageUnavailable as error:
                log.warning("the database cannot be reached", detail=str(error))
            except Exception:
                log.exception("what is new could not be looked at")
            self._wake()
            await asyncio.sleep(self._tick_seconds)

    async def _look_now(self) -> None:
        async with self._looking:
            now = self._parts.clock.now()
            self._take(await self._parts.read(partial(look, now=now)), now)

    def _take(self, seen: Seen, now: datetime) -> None:
        self._look += 1
        for key, rows in seen.newest.items():
            self._news[key].take(rows, self._look)
        for environment, standing in seen.standing.items():
            self._standing[environment].take(standing, self._look, self._parts.clock.now())
        self._at, self._looked_at = now, monotonic()

    async def _cut_ended(self) -> None:
        """Who signed out, was disabled or stayed away too long watches no more."""
        sessions = {one.session_id for one in self._watchers if one.session_id is not None}
        ended = await self._parts.read(partial(_ended, sessions, now=self._parts.clock.now()))
        for one in self._watchers:
            one.is_over = one.is_over or one.session_id in ended

    def _words(self, watcher: Watcher) -> str | None:
        """What there is to tell since the last time; None where there is nothing."""
        if self._look <= watcher.told and watcher.since is None:
            return None
        if self._look == 0:
            return None
        new = self._count(watcher.environments, since=watcher.since, after=watcher.told)
        has_changed = self._has_changed(watcher.environments, since=watcher.since, after=watcher.told)
        if not new and not has_changed and watcher.since is None:
            return None
        watcher.since, watcher.told = None, self._look
        return _event(self._at, _encode(self._at, new, changed=has_changed))

    def _beat(self, watcher: Watcher) -> str:
        watcher.told = self._look
        return _event(self._at, _encode(self._at, {}, changed=False))

    def _count(
        self, environments: tuple[Environment, ...], *, since: datetime | None, after: int = 0
    ) -> dict[str, int]:
        counts = {}
        for kind in KINDS:
            lists = [self._news[kind, one] for one in environments]
            count = sum(one.count_after(after) if since is None else one.count_since(since) for one in lists)
            if count:
                counts[kind] = count
        return counts

    def _has_changed(self, environments: tuple[Environment, ...], *, since: datetime | None, after: int = 0) -> bool:
        return any(self._standing[one].has_changed(after=after, since=since) for one in environments)

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _wait(self, seconds: float) -> None:
        """Until the next look, or for so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return


def position_of(at: datetime) -> int:
    """The instant as it stands in an event's id."""
    return int(at.timestamp() * 1000)


def instant_of(text: str | None) -> datetime | None:
    """The instant of an event's id; None for what is none."""
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 14:
        return None
    return datetime.fromtimestamp(int(text) / 1000, UTC)


def _ended(sessions: set[UUID], db: Session, *, now: datetime) -> set[UUID]:
    return list_ended(db, sessions, now=now)


def _encode(at: datetime, new: dict[str, int], *, changed: bool) -> str:
    told: dict[str, Any] = {"at": position_of(at), "new": new, "changed": changed}
    return msgspec.json.encode(told).decode()


def _event(at: datetime, data: str) -> str:
    return f"id: {position_of(at)}\ndata: {data}\n\n"
