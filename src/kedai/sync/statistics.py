"""Has PostgreSQL look at tables that have grown since they were made; autovacuum does it from then on."""

from __future__ import annotations

from typing import Final

import structlog

from kedai.db.statistics import analyze, find_unknown
from kedai.sync.parts import Parts

EVERY_SECONDS: Final = 10.0

log = structlog.get_logger("statistics")


class StatisticsWatch:
    """Tries each table once: a role that does not own them is refused in silence, and would ask for ever."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._tried: set[str] = set()

    async def look(self) -> None:
        """Have those looked at that are known no better than empty ones.

        Raises:
            StorageUnavailable: the next look does it.
        """
        unknown = await self._parts.read(find_unknown)
        tables = [one for one in unknown if one not in self._tried]
        if not tables:
            return
        done = await self._parts.write(lambda db: analyze(db, tables))
        if done:
            self._tried.update(tables)
            log.info("the database has looked at new tables", tables=tables)
