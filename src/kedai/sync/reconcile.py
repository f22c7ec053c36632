"""Reconciling: every change of a shop's orders that the marketplace lists is compared with what we hold.

Each hour since the last time, with an overlap, and once a day for seven days back: what no push told, and what one told
wrong, is found here, whatever the cause.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from kedai.runs.queries import OPEN_STATES, list_latest_runs
from kedai.runs.service import create_run
from kedai.sync.plans import Plan
from kedai.sync.position import instant
from kedai.sync.windows import LONGEST_LOOK_BACK, Walk, read_windows
from kedai.sync.work import Work
from kedai.values.actor import Actor
from kedai.values.coverage import Source
from kedai.values.environment import Scope
from kedai.values.wording import N_

if TYPE_CHECKING:
    from kedai.runs.models import Run

KIND = "reconcile"
SWEEP_KIND = "reconcile_week"
PLAN = Plan(
    kind=KIND,
    label=N_("Reconcile orders"),
    does=N_("Compares what changed at the marketplace since the last time with what is held here."),
    cron="7 * * * *",
    spread=timedelta(minutes=20),
    grace=timedelta(hours=2),
    timeout=timedelta(hours=6),
    per_shop=True,
)
SWEEP_PLAN = Plan(
    kind=SWEEP_KIND,
    label=N_("Reconcile seven days"),
    does=N_("Compares what changed at the marketplace in the last seven days with what is held here, once more."),
    cron="23 3 * * *",
    spread=timedelta(hours=1),
    grace=timedelta(hours=6),
    timeout=timedelta(hours=12),
    per_shop=True,
)
OVERLAP = timedelta(minutes=30)
"""A list may lag behind what it lists."""

SWEPT = timedelta(days=7)
FIRST_LOOK_BACK = timedelta(days=15)

_KNOWN_RUNS = 500


def since_last_time(db: Session, scope: Scope, work: Work) -> tuple[datetime, datetime]:
    """From where the last one ended, however long ago, to when this one was queued."""
    until = work.created_at
    last = next((run for run in _known(db, scope) if run.state == "succeeded"), None)
    # not from where it is covered: one order that can never be read would make each look longer than the one before
    ended = None if last is None or last.cursor is None else instant(last.cursor["until"])
    since = until - FIRST_LOOK_BACK if ended is None else ended - OVERLAP
    return max(since, until - LONGEST_LOOK_BACK), until


def last_week(_db: Session, _scope: Scope, work: Work) -> tuple[datetime, datetime]:
    """The seven days before the run was queued."""
    return work.created_at - SWEPT, work.created_at


read = partial(read_windows, Walk(Source.RECONCILE, since_last_time, waits=False))
"""Implements `Reader` for `KIND`."""

read_week = partial(read_windows, Walk(Source.RECONCILE, last_week, waits=False))
"""Implements `Reader` for `SWEEP_KIND`."""


def start(db: Session, scope: Scope, *, not_after: datetime, actor: Actor, now: datetime) -> bool:
    """Queue one for a shop, unless one is open or was begun after ``not_after``; whether it was queued."""
    last = next(_known(db, scope), None)
    if last is not None and (last.state in OPEN_STATES or last.created_at > not_after):
        return False
    told = {"shop_id": scope.shop_id}
    create_run(db, KIND, scope.connector, scope.environment, scope=told, total=None, actor=actor, now=now)
    return True


def _known(db: Session, scope: Scope) -> Iterator[Run]:
    """The shop's own, newest first."""
    known = list_latest_runs(db, KIND, scope.connector, environment=scope.environment, limit=_KNOWN_RUNS)
    return (run for run in known if run.scope.get("shop_id") == scope.shop_id)
