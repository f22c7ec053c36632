"""What a person decides about parked pushes: replay or discard, one by a click, or all of them as a run."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy.orm import Session

from kedai.errors import Conflict
from kedai.inbox import service as inbox
from kedai.kit.ids import new_id
from kedai.runs.queries import find_open_runs
from kedai.runs.service import create_run, end_run, move_on
from kedai.sync.parts import Parts
from kedai.values.actor import Actor
from kedai.values.environment import ConnectorName, Environment
from kedai.values.event import ParkedReason
from kedai.values.wording import N_
from kedai.vault.queries import get_active_environment

if TYPE_CHECKING:
    from kedai.runs.models import Run

KIND = "replay_parked"
DISCARD_KIND = "discard_parked"
KINDS = (KIND, DISCARD_KIND)
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
        Conflict: the environment is not the active one, so that its orders are not worked on; or a run about its
            parked pushes is going on.
    """
    parts.connector(name)
    if get_active_environment(db, name) is not environment:
        raise Conflict(
            N_(
                "%(environment)s is not the active environment: switch to it first.",
                environment=environment.value.title(),
            )
        )
    return _create(db, KIND, name, environment, reason, shop_id, actor, now)


def discard_parked(
    parts: Parts,
    db: Session,
    name: ConnectorName,
    environment: Environment,
    *,
    reason: ParkedReason,
    shop_id: str | None = None,
    actor: Actor,
    now: datetime,
) -> Run:
    """Queue a run that notes of the parked pushes that nobody needs them; in either environment, and none is deleted.

    Raises:
        Conflict: a run about this environment's parked pushes is going on.
    """
    parts.connector(name)
    return _create(db, DISCARD_KIND, name, environment, reason, shop_id, actor, now)


def replay_event(db: Session, event_id: UUID, *, environment: Environment, actor: Actor, now: datetime) -> None:
    """Put one parked, dead or discarded push back in the queue.

    Raises:
        NotFound: no such push in that environment. Conflict: it is waiting or already dealt with.
    """
    inbox.replay_event(db, event_id, environment=environment, actor=actor, now=now)


def discard_event(db: Session, event_id: UUID, *, environment: Environment, actor: Actor, now: datetime) -> None:
    """Note that one parked or dead push is not needed.

    Raises:
        NotFound: no such push in that environment. Conflict: it is waiting or already dealt with.
    """
    inbox.discard_event(db, event_id, environment=environment, actor=actor, now=now)


def step(db: Session, run: Run, *, now: datetime) -> bool:
    """Replay the next of them; True when nothing is left. A switch to the other environment ends it."""
    name = ConnectorName(run.connector)
    if get_active_environment(db, name) is not run.environment:
        end_run(
            run, "cancelled", note=N_("its environment is not the active one any more: the rest stays parked"), now=now
        )
        return False
    count, last = inbox.unpark(
        db,
        name,
        run.environment,
        reason=ParkedReason(run.scope["reason"]),
        shop_id=run.scope["shop_id"],
        after=_after(run),
        before=UUID(run.scope["before"]),
        limit=_STEP,
        now=now,
    )
    return _moved(run, count, last)


def discard_step(db: Session, run: Run, *, now: datetime) -> bool:
    """Discard the next of them; True when nothing is left."""
    count, last = inbox.discard_parked(
        db,
        ConnectorName(run.connector),
        run.environment,
        reason=ParkedReason(run.scope["reason"]),
        shop_id=run.scope["shop_id"],
        after=_after(run),
        before=UUID(run.scope["before"]),
        limit=_STEP,
        by=run.created_by,
        now=now,
    )
    return _moved(run, count, last)


def _create(
    db: Session,
    kind: str,
    name: ConnectorName,
    environment: Environment,
    reason: ParkedReason,
    shop_id: str | None,
    actor: Actor,
    now: datetime,
) -> Run:
    """Only what is parked now is meant: ``before`` is the id of whatever would arrive next."""
    if find_open_runs(db, KINDS, name, environment=environment):
        raise Conflict(N_("A run about this environment's parked events is going on: wait for its end, or stop it."))
    total = inbox.count_parked(db, name, environment, reason=reason, shop_id=shop_id)
    scope = {"reason": reason.value, "shop_id": shop_id, "before": str(new_id())}
    return create_run(db, kind, name, environment, scope=scope, total=total, actor=actor, now=now)


def _after(run: Run) -> UUID | None:
    return None if run.cursor is None else UUID(run.cursor)


def _moved(run: Run, count: int, last: UUID | None) -> bool:
    move_on(run, cursor=run.cursor if last is None else str(last), done=count)
    return count < _STEP
