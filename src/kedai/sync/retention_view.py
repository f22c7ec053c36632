"""What is kept for how long in one environment, how much of it is due, and what the last sweep removed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from kedai.db.sweep import Due
from kedai.runs.queries import list_latest_runs
from kedai.sync.parts import Parts
from kedai.sync.retention import KIND, SWEEPS, Sweep
from kedai.values.environment import ConnectorName, Environment

if TYPE_CHECKING:
    from kedai.runs.models import Run

COUNTED = 1_000
"""So many of the oldest rows of a table are looked at."""

_LOOKED_BACK = 10


@dataclass(frozen=True, slots=True)
class Kept:
    """One table. ``setting`` is the variable that says how long, where there is one.

    ``due`` is ``None`` where it cannot be counted cheaply, ``removed`` where no sweep has ended yet.
    """

    label: str
    days: int
    setting: str | None
    due: Due | None
    removed: int | None


@dataclass(frozen=True, slots=True)
class RetentionView:
    """One environment. ``last`` is the newest sweep that succeeded, ``latest`` the newest of all."""

    environment: Environment
    tables: tuple[Kept, ...]
    last: Run | None
    latest: Run | None


def read_retention(
    parts: Parts, db: Session, name: ConnectorName, environment: Environment, *, now: datetime
) -> RetentionView:
    """How an environment's retention stands; of each table only the oldest rows are looked at."""
    runs = list_latest_runs(db, KIND, name, environment=environment, limit=_LOOKED_BACK)
    last = next((run for run in runs if run.state == "succeeded"), None)
    gone = None if last is None else (last.cursor or {}).get("gone", {})
    tables = []
    for sweep in SWEEPS:
        days = sweep.days(parts.settings)
        before = now - timedelta(days=days)
        due = None
        if sweep.count is not None:
            due = sweep.count(db, name, environment, before=before, limit=COUNTED)
        removed = None if gone is None else gone.get(sweep.label, 0)
        tables.append(Kept(sweep.label, days, _variable(sweep), due, removed))
    return RetentionView(environment, tuple(tables), last, next(iter(runs), None))


def _variable(sweep: Sweep) -> str | None:
    return None if sweep.setting is None else f"KEDAI_{sweep.setting.upper()}"
