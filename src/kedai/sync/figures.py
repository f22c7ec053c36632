"""Counts every few seconds how events fare, minute by minute, from what is stored; the intake does nothing for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy.orm import Session

from kedai.inbox.figures import (
    MINUTE,
    Figures,
    count_minutes,
    find_beginning,
    floor_to,
    note_oldest,
    store_figures,
    without_known,
)
from kedai.sync.parts import Parts

MEASURE_EVERY_SECONDS: Final = 10.0
_AT_ONCE = timedelta(hours=1)  # after a rest of days: so much is counted in one look


async def measure_events(parts: Parts, *, must_stop: Callable[[], bool] = lambda: False) -> int:
    """Count what happened since the last look, whoever took it; returns how many minutes had something to tell."""
    now = parts.clock.now()
    since = await parts.read(partial(find_beginning, now=now))
    end, told = floor_to(now, MINUTE) + timedelta(seconds=MINUTE), 0
    while since < end and not must_stop():
        until = min(since + _AT_ONCE, end)
        figures = await parts.read(partial(_count, parts, since, until, now=now))
        if figures:
            await parts.write(partial(store_figures, figures=figures))
        since, told = until, told + len(figures)
    return told


def _count(parts: Parts, since: datetime, until: datetime, db: Session, *, now: datetime) -> Figures:
    figures = count_minutes(db, parts.connectors, since, until)
    note_oldest(db, figures, now=now)
    return without_known(db, figures)
