"""What the list of runs forgets: those that ended long ago."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from kedai.db.sweep import Swept, sweep_by_id
from kedai.runs.models import Run
from kedai.runs.queries import OPEN_STATES
from kedai.values.environment import ConnectorName, Environment


def sweep_runs(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    *,
    before: datetime,
    after: list[Any] | None,
    limit: int,
) -> Swept:
    """Remove runs that were made before that and have ended; what their schedule needs to know of them it keeps."""
    within = (Run.environment == environment, Run.connector == connector)
    old, doomed = Run.created_at < before, Run.state.not_in(OPEN_STATES)
    return sweep_by_id(db, Run, within, old=old, doomed=doomed, after=after, limit=limit)
