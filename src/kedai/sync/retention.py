"""Forgetting what is old, table by table, a few rows a step; how long each is kept is a setting. The audit trail stays.

Masking comes first: it takes the answers of old orders along.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from kedai.coverage.retention import sweep_intervals
from kedai.db.sweep import Due, Swept
from kedai.inbox.figures import MINUTES_KEPT_DAYS
from kedai.inbox.retention import sweep_events, sweep_hours, sweep_minutes, sweep_notices, sweep_rejected
from kedai.notifications.deliveries import sweep_conditions, sweep_deliveries
from kedai.orders.retention import count_people, mask_people, sweep_answers
from kedai.runs.retention import sweep_runs
from kedai.runs.service import end_run, move_on
from kedai.settings import Settings
from kedai.sync.parts import Parts
from kedai.sync.plans import Plan
from kedai.sync.work import Step, Work
from kedai.values.environment import ConnectorName
from kedai.values.wording import N_, joined, numeral

if TYPE_CHECKING:
    from kedai.runs.models import Run

KIND = "retention"
PLAN = Plan(
    kind=KIND,
    label=N_("Forget what is old"),
    does=N_(
        "Removes old events, answers, rejected deliveries, runs and more, and forgets who bought orders of long ago."
    ),
    cron="17 3 * * *",
    grace=timedelta(hours=20),  # a machine that sleeps at night makes up for it in the morning
    timeout=timedelta(hours=12),
    everywhere=True,
    calls_marketplace=False,
)
STEP_ROWS = 200
"""Looked at in one transaction: SQLite's one writer is held for a few milliseconds."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """One table's turn: what it is called in the report, how long its rows are kept, its verb, and what is due.

    ``setting`` says how long where somebody may choose. ``count`` is ``None`` where no index leads to what is old.
    """

    label: str
    setting: str | None
    sweep: Callable[..., Swept]
    count: Callable[..., Due] | None

    def days(self, settings: Settings) -> int:
        """How long rows are kept."""
        return MINUTES_KEPT_DAYS if self.setting is None else int(getattr(settings, self.setting))


SWEEPS = (
    Sweep(N_("orders masked"), "personal_data_days", mask_people, count_people),
    Sweep(N_("answers"), "answer_days", sweep_answers, None),
    Sweep(N_("events"), "event_days", sweep_events, sweep_events.count),
    Sweep(N_("notices"), "event_days", sweep_notices, sweep_notices.count),
    Sweep(N_("rejected deliveries"), "rejected_days", sweep_rejected, sweep_rejected.count),
    Sweep(N_("covered times"), "coverage_days", sweep_intervals, sweep_intervals.count),
    Sweep(N_("figures by the minute"), None, sweep_minutes, sweep_minutes.count),
    Sweep(N_("figures by the hour"), "figure_days", sweep_hours, sweep_hours.count),
    Sweep(N_("runs"), "run_days", sweep_runs, sweep_runs.count),
    Sweep(N_("notifications"), "run_days", sweep_deliveries, None),
    Sweep(N_("conditions"), "run_days", sweep_conditions, None),
)


async def read(parts: Parts, work: Work) -> Sequence[Step]:
    """The next step: some rows of the table whose turn it is."""
    turn = SWEEPS[(work.cursor or {}).get("turn", 0)]
    before = work.created_at - timedelta(days=turn.days(parts.settings))
    return [partial(_sweep, before=before)]


def _sweep(db: Session, run: Run, *, before: datetime, now: datetime) -> bool:
    cursor: dict[str, Any] = {"turn": 0, "after": None, "gone": {}, **(run.cursor or {})}
    turn = SWEEPS[cursor["turn"]]
    gone, after = turn.sweep(
        db, ConnectorName(run.connector), run.environment, before=before, after=cursor["after"], limit=STEP_ROWS
    )
    told = {**cursor["gone"], turn.label: cursor["gone"].get(turn.label, 0) + gone}
    number = cursor["turn"] + (after is None)
    move_on(run, cursor={"turn": number, "after": after, "gone": told}, done=gone)
    if number == len(SWEEPS):
        report = joined(
            ", ", [joined(": ", [one.label, numeral(told[one.label])]) for one in SWEEPS if told[one.label]]
        )
        end_run(run, "succeeded", note=report or N_("Nothing was old enough."), now=now)
    return False
