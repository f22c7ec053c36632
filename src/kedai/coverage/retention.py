"""What the gap ledger forgets: which source covered times of long ago."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.coverage.models import CoveredInterval
from kedai.db.sweep import Swept, sweep_by_id
from kedai.values.environment import ConnectorName, Environment


def sweep_intervals(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    *,
    before: datetime,
    after: list[Any] | None,
    limit: int,
) -> Swept:
    """Remove intervals that ended and were written before that: what was back-filled lately is no older than that."""
    within = (CoveredInterval.environment == environment, CoveredInterval.connector == connector)
    old = CoveredInterval.covered_from < before  # one that goes on growing is passed by
    doomed = sa.and_(CoveredInterval.covered_until < before, CoveredInterval.recorded_at < before)
    return sweep_by_id(db, CoveredInterval, within, old=old, doomed=doomed, after=after, limit=limit)
