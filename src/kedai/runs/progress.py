"""How far a run is, how fast it goes, and when it will end at that rate: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from kedai.runs.service import worked_seconds

if TYPE_CHECKING:
    from kedai.runs.models import Run

_LEAST_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Progress:
    """``per_minute`` and ``ends_at`` are ``None`` where nobody can know them yet; ``percent`` where no total is."""

    percent: int | None
    seconds: float
    per_minute: float | None
    ends_at: datetime | None


def measure(run: Run, *, now: datetime) -> Progress:
    """How a run stands now; what it was paused slows nothing down."""
    seconds = worked_seconds(run, now)
    percent = min(100, run.done * 100 // run.total) if run.total else None
    if run.done <= 0 or seconds < _LEAST_SECONDS:
        return Progress(percent, seconds, None, None)
    rate = run.done / seconds
    is_moving = run.finished_at is None and run.paused_at is None and run.total is not None
    left = None if not is_moving else timedelta(seconds=max(0, (run.total or 0) - run.done) / rate)
    return Progress(percent, seconds, rate * 60, None if left is None else now + left)
