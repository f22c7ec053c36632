"""Which processes run and which master keys each holds: what a promotion asks before it changes anything."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db import lease
from kedai.db.upsert import insert_into
from kedai.vault.models import Process

GONE_AFTER = timedelta(minutes=1)
_KEPT = timedelta(days=1)
WORKERS = ("serve", "worker")
"""The roles that take runs."""


def report_process(db: Session, process_id: UUID, *, role: str, host: str, kids: Sequence[str]) -> None:
    """Say that this process lives and which keys it holds (those whose canary it opened)."""
    instant = lease.now(db)
    db.execute(sa.delete(Process).where(Process.seen_at < instant - _KEPT))
    seen = {"kids": list(kids), "seen_at": instant}
    row = {"id": process_id, "role": role, "host": host, "started_at": instant, **seen}
    statement = insert_into(db, Process).values(row)
    db.execute(statement.on_conflict_do_update(index_elements=["id"], set_=seen))


def forget_process(db: Session, process_id: UUID) -> None:
    """An orderly end: nobody need wait for it."""
    db.execute(sa.delete(Process).where(Process.id == process_id))


def forget_all(db: Session) -> None:
    """After taking the lock file of an embedded installation: whoever ran here is gone."""
    db.execute(sa.delete(Process))


def list_processes(db: Session) -> Sequence[Process]:
    """Those seen within the last minute, the oldest first."""
    statement = sa.select(Process).where(Process.seen_at >= lease.now(db) - GONE_AFTER)
    return db.execute(statement.order_by(Process.started_at, Process.id)).scalars().all()
