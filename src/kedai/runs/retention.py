"""What the list of runs forgets: those that ended long ago."""

from __future__ import annotations

from kedai.db.sweep import SweepById
from kedai.runs.models import Run
from kedai.runs.queries import OPEN_STATES

sweep_runs = SweepById(
    Run,
    old=lambda before: Run.created_at < before,
    doomed=lambda _before: Run.state.not_in(OPEN_STATES),
)
"""Runs that were made before that and have ended; what their schedule needs to know of them it keeps."""
