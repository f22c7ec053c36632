"""A thread that says every few seconds that this process lives and which master keys it holds.

It looks at the key ring anew each time, so that an added key, a promotion and a retirement reach every process.
"""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Self

import structlog
from sqlalchemy.orm import Session

from kedai.errors import StorageUnavailable
from kedai.kit.ids import new_id
from kedai.sync.parts import Parts
from kedai.vault.processes import forget_process, report_process

_EVERY_SECONDS = 5.0
_END_SECONDS = 2.0

log = structlog.get_logger("presence")


class Presence:
    """While the block is open this process is known to the others; ``role`` is what it was started as."""

    def __init__(self, parts: Parts, role: str) -> None:
        self._parts = parts
        self._role = role
        self._id = new_id()
        self._host = socket.gethostname()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._report_forever, name="kedai-presence", daemon=True)

    def __enter__(self) -> Self:
        self.report()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join(_END_SECONDS)
        if self._thread.is_alive():  # it waits for the database: an orderly end does not
            return
        try:
            with self._parts.database.write() as db:
                forget_process(db, self._id)
        except StorageUnavailable as unavailable:
            log.warning("the end of this process could not be noted", detail=str(unavailable))

    def report(self) -> None:
        """Once, now."""
        with self._parts.database.write() as db:
            self._report(db)

    def _report_forever(self) -> None:
        while not self._end.wait(_EVERY_SECONDS):
            try:
                self.report()
            except StorageUnavailable as error:
                log.warning("the database cannot be reached", detail=str(error))
            except Exception:
                log.exception("this process could not be noted")

    def _report(self, db: Session) -> None:
        before = self._parts.ring.trouble
        self._parts.ring.check(db)
        if self._parts.ring.trouble not in {before, None}:
            log.error("the key ring does not fit this database", trouble=self._parts.ring.trouble)
        report_process(db, self._id, role=self._role, host=self._host, kids=self._parts.ring.fitting())
