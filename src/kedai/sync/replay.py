"""Replaying pushes: one by a person's click, or all parked ones as a run."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy.orm import Session

from kedai.errors import Conflict
from kedai.inbox import service as inbox
from kedai.runs.service import create_run, move_on
from kedai.sync.parts import Parts
from kedai.values.actor import Actor
from kedai.values.environment import ConnectorName, Environment
from kedai.values.event import ParkedReason
from kedai.vault.queries import get_active_environment

if TYPE_CHECKING:
    from kedai.runs.models import Run

KIND = "replay_parked"
_STEP = 200


def replay_parked(
    parts: Parts,
    db: Session,
    name: ConnectorName,
    environment: Environment,
    *,
    reason: ParkedReason = ParkedReason.INACTIVE_ENVIRONMENT,
    shop_id: str | None = None,
    actor: Actor,
    now: datetime,
) -> Run:
    """Queue a run that puts the parked pushes back in the queue, in order of arrival.

    Raises:
        Conflict: the environment is not the active one, so that its orders are not worked on.
    """
    parts.connector(name)
    if get_active_environment(db, name) is not environment:
        raise Conflict(f"{environment.value.title()} is not the active environment: switch to it first.")
    total = inbox.count_parked(db, name, environment, reason=reason, shop_id=shop_id)
    scope = {"reason": reason.value, "shop_id": shop_id}
    return create_run(db, KIND, name, environment, scope=scope, total=total, actor=actor, now=now)


def replay_event(db: Session, event_id: UUID, *, environment: Environment, actor: Actor, now: datetime) -> None:
    """Put one parked, dead or discarded push back in the queue.

    Raises:
        NotFound: no such push in that environment. Conflict: it is waiting or already dealt with.
    """
    inbox.replay_event(db, event_id, environment=environment, actor=actor, now=now)


def step(db: Session, run: Run, *, now: datetime) -> bool:
    """One step of the run, in the transaction that also moves its cursor; True when nothing is left."""
    after = None if run.cursor is None else UUID(run.cursor)
    count, last = inbox.unpark(
        db,
        ConnectorName(run.connector),
        run.environment,
        reason=ParkedReason(run.scope["reason"]),
        shop_id=run.scope["shop_id"],
        after=after,
        limit=_STEP,
        now=now,
    )
    move_on(run, cursor=run.cursor if last is None else str(last), done=count)
    return count < _STEP
