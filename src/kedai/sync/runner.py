"""Runs: claim one, take its steps, each in a transaction of its own that also moves its cursor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from kedai.errors import StorageUnavailable
from kedai.kit import crash
from kedai.runs.service import claim_run, end_run, hold_run, retry_run
from kedai.sync import replay, rewrap
from kedai.sync.parts import Parts

if TYPE_CHECKING:
    from kedai.runs.models import Run

STEPS: dict[str, Callable[..., bool]] = {replay.KIND: replay.step}
"""One step per kind of run: ``step(db, run, now=…) -> finished``."""

_BREATH_SECONDS = 0.01  # between two steps, so that pushes and pages find SQLite free

log = structlog.get_logger("runs")


async def run_next(parts: Parts, *, kind: str | None = None) -> bool:
    """Take the next open run (of one kind, if named) as far as it goes; False where none is due."""
    seconds = parts.settings.lease_seconds
    claimed = await parts.write(lambda db: _claim(db, seconds, kind))
    if claimed is None:
        return False
    run_id, holder = claimed
    while await parts.write(lambda db: _step(parts, db, run_id, holder, seconds)):
        crash.point("run.stepped")
        await asyncio.sleep(_BREATH_SECONDS)
    return True


def _claim(db: Session, seconds: int, kind: str | None) -> tuple[UUID, str] | None:
    run = claim_run(db, lease_seconds=seconds, kind=kind)
    return None if run is None or run.lease_by is None else (run.id, run.lease_by)


def _step(parts: Parts, db: Session, run_id: UUID, holder: str, seconds: int) -> bool:
    """True where the run goes on."""
    now = parts.clock.now()
    run = hold_run(db, run_id, holder, lease_seconds=seconds)
    if run is None:
        return False
    if run.cancel_requested:
        end_run(run, "cancelled", note="cancelled by a person", now=now)
        return False
    step = partial(rewrap.step, parts.ring) if run.kind == rewrap.KIND else STEPS.get(run.kind)
    if step is None:
        end_run(run, "failed", note=f"this version knows no run of kind {run.kind}", now=now)
        return False
    return _advance(db, run, step, now)


def _advance(db: Session, run: Run, step: Callable[..., bool], now: datetime) -> bool:
    try:
        with db.begin_nested():
            finished = step(db, run, now=now)
    except StorageUnavailable:
        raise
    except Exception as error:
        log.exception("a step failed", run_kind=run.kind)
        retry_run(run, note=f"{type(error).__name__}: {error}", now=now)
        return False
    if finished:
        end_run(run, "succeeded", note="", now=now)
    return not finished
