"""What the gap ledger forgets: which source covered times of long ago."""

from __future__ import annotations

import sqlalchemy as sa

from kedai.coverage.models import CoveredInterval
from kedai.db.sweep import SweepById

sweep_intervals = SweepById(
    CoveredInterval,
    old=lambda before: CoveredInterval.covered_from < before,  # one that goes on growing is passed by
    doomed=lambda before: sa.and_(CoveredInterval.covered_until < before, CoveredInterval.recorded_at < before),
)
"""Intervals that ended and were written before that: what was back-filled lately is no older than that."""
