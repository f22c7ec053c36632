"""The intake: verify a push, and store it in the next group commit; the sender is answered after *its* commit.

What arrives while one flush runs is written by the next one, in one writer thread; there is no timer. The flush's own
transaction reads the active environment and the credentials' versions, so that a push is judged by what holds when it
is stored, not by what was cached when it came.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum

import msgspec
import structlog
from msgspec.structs import replace
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from kedai.connectors.base import Connector
from kedai.db.database import KeptConnection
from kedai.errors import BadSignature, SecretUnreadable, StorageUnavailable
from kedai.inbox.flush import Guard, IncomingPush, insert_pushes
from kedai.kit import crash
from kedai.kit.clock import monotonic
from kedai.sync.arrivals import REFUSED, place_push, without_fields
from kedai.sync.parts import Parts
from kedai.sync.pushkeys import PushKeyCache, load_push_keys
from kedai.values.environment import ConnectorName, Environment
from kedai.values.event import EventState, PushMatch
from kedai.vault.queries import SWITCHBOARD_HOLDS, Switchboard, as_text, read_switchboard

MAX_BATCH = 128
DEADLINE_SECONDS = 2.0
_WATCH_EVERY_SECONDS = 0.1
_BUSY_BATCH = 8
_BUSY_SECONDS = 0.1
_MOST_JUDGEMENTS = 5

log = structlog.get_logger("intake")


class Stored(StrEnum):
    """What became of a verified push."""

    STORED = "stored"
    DROPPED = "dropped"
    """The installer chose to drop what comes for the inactive environment."""

    REJECTED = "rejected"
    """Its key was changed in the very moment; it does not verify any more."""


class VerifiedPush(msgspec.Struct, frozen=True):
    """A push whose signature matched under one version of the credentials, with what is needed to verify it again."""

    push: IncomingPush
    version: int
    path: str
    signature_headers: Mapping[bytes, bytes]


class _Sender(msgspec.Struct, eq=False):
    """A push that waits for its commit, and since when."""

    verified: VerifiedPush
    answer: asyncio.Future[Stored]
    since: float


class Intake:
    """One per process. `store` waits for the commit, after which `on_stored` is called in the writer thread.

    The writer takes the next batch by itself: going back through the event loop between two flushes would cost as much
    as half a flush.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.keys = PushKeyCache(parts)
        self.on_stored: Callable[[], None] = lambda: None
        self._waiting: deque[_Sender] = deque()
        self._writing: list[_Sender] = []
        self._busy_since: float | None = None
        self._busy_until = 0.0
        self._boards: dict[ConnectorName, Switchboard] = {}
        self._news = threading.Event()
        self._stopping = False

    async def start(self) -> None:
        """Begin to flush; call inside the running loop."""
        loop = asyncio.get_running_loop()
        self._writer = threading.Thread(target=self._write_forever, args=(loop,), name="kedai-intake", daemon=True)
        self._writer.start()
        self._watch = asyncio.create_task(self._watch_forever())

    async def stop(self) -> None:
        """Write what waits, then stop the writer; call after the server has stopped taking requests."""
        self._stopping = True
        self._news.set()
        await asyncio.to_thread(self._writer.join)
        self._watch.cancel()

    def is_busy(self) -> bool:
        """Whether pushes have just come many at a time: a worker in the same process then leaves more room."""
        return monotonic() < self._busy_until

    async def verify(
        self, connector: Connector, environment: Environment, path: str, headers: Mapping[bytes, bytes], body: bytes
    ) -> tuple[PushMatch, int]:
        """Which key and URL signed it, and the credentials version that says so.

        A mismatch under cached keys makes us look again for a newer version before it counts.

        Raises:
            BadSignature: no current key and URL match. SecretUnreadable: the stored key cannot be opened.
            StorageUnavailable: the keys cannot be read.
        """
        keys = await self.keys.get(connector.name, environment)
        try:
            return connector.verify_push(keys, headers, path, body), keys.version
        except BadSignature:
            fresh = await self.keys.get_newer(connector.name, environment, than=keys.version)
            if fresh is None:
                raise
        return connector.verify_push(fresh, headers, path, body), fresh.version

    async def store(self, verified: VerifiedPush) -> Stored:
        """Wait until the push is committed.

        Raises:
            StorageUnavailable: not committed within the deadline; the sender must try again.
        """
        if self._busy_since is not None and monotonic() - self._busy_since > DEADLINE_SECONDS:
            raise StorageUnavailable("The database does not answer.")
        sender = _Sender(verified, asyncio.get_running_loop().create_future(), monotonic())
        self._waiting.append(sender)
        if not self._news.is_set():
            self._news.set()
        return await sender.answer

    async def _watch_forever(self) -> None:
        """The deadline is the event loop's, not the writer's: one look every so often is cheaper than a timer each."""
        while True:
            await asyncio.sleep(_WATCH_EVERY_SECONDS)
            late = monotonic() - DEADLINE_SECONDS
            for sender in (*self._writing, *self._waiting):
                if sender.since < late and not sender.answer.done():
                    sender.answer.set_exception(StorageUnavailable("The database does not answer."))

    def _write_forever(self, loop: asyncio.AbstractEventLoop) -> None:
        """The writer thread: flush after flush while anybody waits."""
        with self._parts.database.keep() as kept:
            while not self._stopping or self._waiting:
                self._news.wait()
                self._news.clear()
                while batch := self._take_batch():
                    self._flush(batch, kept, loop)

    def _take_batch(self) -> list[_Sender]:
        """Who was answered or went away is not written: the sender will send it again."""
        batch: list[_Sender] = []
        while self._waiting and len(batch) < MAX_BATCH:
            sender = self._waiting.popleft()
            if not sender.answer.done():
                batch.append(sender)
        return batch

    def _flush(self, batch: list[_Sender], kept: KeptConnection, loop: asyncio.AbstractEventLoop) -> None:
        self._writing, self._busy_since = batch, monotonic()
        if len(batch) >= _BUSY_BATCH:
            self._busy_until = self._busy_since + _BUSY_SECONDS
        try:
            results = self._write([one.verified for one in batch], kept)
        except Exception as error:  # noqa: BLE001  whatever it was, it was not stored: say so to each sender
            results = [_as_unavailable(error)] * len(batch)
        self._writing, self._busy_since = [], None
        with suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            loop.call_soon_threadsafe(_tell, batch, results)

    def _write(self, batch: Sequence[VerifiedPush], kept: KeptConnection) -> Sequence[Stored | StorageUnavailable]:
        """In the writer thread: one transaction for all; on a data error row by row: none fails its neighbours."""
        crash.point("intake.verified")
        try:
            results = self._transaction(batch, kept)
        except REFUSED as error:
            log.warning("a batch holds a row that the database refuses", rows=len(batch), error=type(error).__name__)
            return [self._write_alone(one, kept) for one in batch]
        crash.point("intake.committed")
        return results

    def _write_alone(self, one: VerifiedPush, kept: KeptConnection) -> Stored | StorageUnavailable:
        for candidate in (one, replace(one, push=without_fields(one.push))):
            try:
                return self._transaction([candidate], kept)[0]
            except REFUSED:
                continue
            except StorageUnavailable as error:
                return error
        return StorageUnavailable("The database refuses this push.")

    def _transaction(self, batch: Sequence[VerifiedPush], kept: KeptConnection) -> list[Stored]:
        with kept.use(first=True) as connection:
            judged = self._store(connection, batch)
        if any(stored is Stored.STORED and push.state == EventState.RECEIVED for stored, push in judged):
            self.on_stored()
        return [stored for stored, _ in judged]

    def _store(self, connection: Connection, batch: Sequence[VerifiedPush]) -> list[tuple[Stored, IncomingPush]]:
        """Judge by the switchboards last seen; the statement that stores refuses if they hold no more.

        One round trip instead of five, and the same certainty as reading them first.
        """
        for _ in range(_MOST_JUDGEMENTS):
            if not self._boards:
                self._boards = self._read_boards(connection)
            sealed = self._parts.quarantine.sealed(connection)
            judged = [self._judge(connection, one, self._boards[one.push.connector], sealed) for one in batch]
            rows = [push for stored, push in judged if stored is Stored.STORED]
            guard = Guard(SWITCHBOARD_HOLDS, as_text(self._boards))
            if insert_pushes(connection, rows, guard=guard) is not None:
                return judged
            self._boards = {}
        raise StorageUnavailable("The environments are being changed.")

    def _read_boards(self, connection: Connection) -> dict[ConnectorName, Switchboard]:
        return {name: read_switchboard(connection, name) for name in self._parts.connectors}

    def _judge(
        self, connection: Connection, one: VerifiedPush, board: Switchboard, sealed: frozenset[Environment]
    ) -> tuple[Stored, IncomingPush]:
        push = one.push
        if board.versions.get(push.environment) != one.version and not self._still_valid(connection, one):
            return Stored.REJECTED, push
        drops = self._parts.settings.inactive_events == "drop"
        placed = place_push(push, active=board.active, sealed=sealed, drops=drops)
        return (Stored.DROPPED, push) if placed is None else (Stored.STORED, placed)

    def _still_valid(self, connection: Connection, one: VerifiedPush) -> bool:
        """The credentials changed between verifying and storing: what is stored must verify under the new ones."""
        push = one.push
        connector = self._parts.connector(push.connector)
        with Session(bind=connection) as db:
            try:
                keys = load_push_keys(self._parts, db, push.connector, push.environment)
                connector.verify_push(keys, one.signature_headers, one.path, push.body)
            except (BadSignature, SecretUnreadable):
                return False
        return True


def _tell(batch: Sequence[_Sender], results: Sequence[Stored | StorageUnavailable]) -> None:
    for sender, result in zip(batch, results, strict=True):
        if sender.answer.done():
            continue
        if isinstance(result, StorageUnavailable):
            sender.answer.set_exception(result)
        else:
            sender.answer.set_result(result)


def _as_unavailable(error: Exception) -> StorageUnavailable:
    if isinstance(error, StorageUnavailable):
        return error
    log.error("a flush failed", error=type(error).__name__, detail=str(error)[:500])
    return StorageUnavailable("The push could not be stored.")
