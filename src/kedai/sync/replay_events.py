"""Replaying pushes chosen by filter and range: a run that puts them back in the queue, in order of arrival.

A push is worked on as on its first day: its signature was checked when it arrived, and its age is never asked for.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy.orm import Session

from kedai.errors import Conflict
from kedai.inbox.replays import Choice, count_chosen, replay_chosen
from kedai.kit.ids import new_id
from kedai.runs.queries import find_open_runs
from kedai.runs.service import create_run, end_run, move_on
from kedai.sync.parts import Parts
from kedai.values.actor import Actor
from kedai.values.environment import ConnectorName, Environment
from kedai.values.wording import N_
from kedai.vault.queries import get_active_environment

if TYPE_CHECKING:
    from kedai.runs.models import Run

KIND = "replay_events"
COUNTED = 100_000
"""How far a preview counts."""

_SCAN = 200  # as for parked pushes: SQLite's one writer is held for a few milliseconds


def preview(db: Session, name: ConnectorName, environment: Environment, choice: Choice) -> int:
    """How many pushes a replay would take, counted no further than `COUNTED`."""
    return count_chosen(db, name, environment, choice, at_most=COUNTED)


def replay_events(
    parts: Parts,
    db: Session,
    name: ConnectorName,
    environment: Environment,
    choice: Choice,
    *,
    counted: int,
    actor: Actor,
    now: datetime,
) -> Run:
    """Queue a run over the pushes that have arrived by now; those that come meanwhile are left alone.

    ``counted`` is what `preview` said just before: counting takes long, and must not hold the right to write.

    Raises:
        Conflict: the environment is not the active one, so that its orders are not worked on; or a replay is going on.
    """
    parts.connector(name)
    if get_active_environment(db, name) is not environment:
        raise Conflict(
            N_(
                "%(environment)s is not the active environment: switch to it first.",
                environment=environment.value.title(),
            )
        )
    if find_open_runs(db, (KIND,), name, environment=environment):
        raise Conflict(N_("A replay of this environment is going on: wait for its end, or stop it."))
    scope = {**choice.told(), "before": str(new_id())}
    total = counted if counted < COUNTED else None
    return create_run(db, KIND, name, environment, scope=scope, total=total, actor=actor, now=now)


def step(db: Session, run: Run, *, now: datetime) -> bool:
    """Replay those among the next pushes; True when all were looked at. A switch to the other environment ends it."""
    name = ConnectorName(run.connector)
    if get_active_environment(db, name) is not run.environment:
        end_run(run, "cancelled", note=N_("its environment is not the active one any more"), now=now)
        return False
    count, last = replay_chosen(
        db,
        name,
        run.environment,
        Choice.of(run.scope),
        after=None if run.cursor is None else UUID(run.cursor),
        before=UUID(run.scope["before"]),
        scan=_SCAN,
        now=now,
    )
    move_on(run, cursor=run.cursor if last is None else str(last), done=count)
    return last is None
