"""Parked, replayed and discarded pushes. Claiming and finishing them is `claims`; storing them is `flush`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.audit.undo import changes_of, put_back
from kedai.errors import Conflict, NotFound
from kedai.inbox.models import RawEvent
from kedai.inbox.tries import PUT_BACK, Try, line_of, with_line
from kedai.kit.ids import parse_id, show_id
from kedai.values.actor import Actor
from kedai.values.environment import ConnectorName, Environment
from kedai.values.event import EventState, ParkedReason
from kedai.values.states import state_word
from kedai.values.wording import N_

if TYPE_CHECKING:
    from kedai.audit.models import AuditEntry


def unpark(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    *,
    reason: ParkedReason,
    shop_id: str | None,
    after: UUID | None,
    before: UUID,
    limit: int,
    now: datetime,
) -> tuple[int, UUID | None]:
    """Put the next parked pushes back in the queue, in order of arrival; returns how many and the last one's id.

    Those that arrived when ``before`` was made, or later, are left alone.
    """
    ids = _lock_parked(db, _parked(connector, environment, reason, shop_id), after, before, limit)
    if not ids:
        return 0, None
    db.execute(sa.update(RawEvent).where(RawEvent.id.in_(ids)).values(put_back_now(now)))
    return len(ids), ids[-1]


def discard_parked(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    *,
    reason: ParkedReason,
    shop_id: str | None,
    after: UUID | None,
    before: UUID,
    limit: int,
    by: str,
    now: datetime,
) -> tuple[int, UUID | None]:
    """Note of the next parked pushes that a person does not need them; returns how many and the last one's id.

    Nothing is deleted, and each can be replayed. Those that arrived when ``before`` was made, or later, are left alone.
    """
    ids = _lock_parked(db, _parked(connector, environment, reason, shop_id), after, before, limit)
    if not ids:
        return 0, None
    db.execute(sa.update(RawEvent).where(RawEvent.id.in_(ids)).values(_discarded(reason, by, now)))
    return len(ids), ids[-1]


def count_parked(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    *,
    reason: ParkedReason = ParkedReason.INACTIVE_ENVIRONMENT,
    shop_id: str | None = None,
) -> int:
    """How many parked pushes wait for that reason."""
    statement = sa.select(sa.func.count()).select_from(RawEvent)
    return db.execute(statement.where(*_parked(connector, environment, reason, shop_id))).scalar_one()


def replay_event(db: Session, event_id: UUID, *, environment: Environment, actor: Actor, now: datetime) -> RawEvent:
    """Put one parked, dead or discarded push back in the queue because a person asked.

    Raises:
        NotFound: no such push in that environment.
        Conflict: it is waiting or already dealt with.
    """
    row = _lock_event(db, event_id, environment)
    if row.state not in {EventState.PARKED, EventState.DEAD, EventState.DISCARDED}:
        state = state_word(row.state)
        raise Conflict(N_("This event is %(state)s: only parked, dead or discarded ones can be replayed.", state=state))
    _change(db, row, _waiting_again(now), action="event.replay", actor=actor, now=now)
    row.tries = with_line(_put_back_line(now))
    db.flush()
    return row


def put_back_now(now: datetime) -> dict[str, Any]:
    """What a statement sets that puts pushes back in the queue."""
    return _waiting_again(now) | {"tries": with_line(_put_back_line(now))}


def _put_back_line(now: datetime) -> str:
    return line_of(Try(now, PUT_BACK))


def _waiting_again(now: datetime) -> dict[str, Any]:
    """A clean slate: what a row of a push holds once it is back in the queue."""
    values: dict[str, Any] = {"state": EventState.RECEIVED, "parked_reason": None, "due_at": now, "finished_at": None}
    return values | {"attempts": 0, "stalls": 0, "discarded_by": None}


def discard_event(db: Session, event_id: UUID, *, environment: Environment, actor: Actor, now: datetime) -> RawEvent:
    """Note that a person does not need one parked or dead push; it stays, and can be replayed.

    Raises:
        NotFound: no such push in that environment.
        Conflict: it is waiting or already dealt with.
    """
    row = _lock_event(db, event_id, environment)
    if row.state not in {EventState.PARKED, EventState.DEAD}:
        state = state_word(row.state)
        raise Conflict(N_("This event is %(state)s: only parked or dead ones can be discarded.", state=state))
    reason = None if row.parked_reason is None else ParkedReason(row.parked_reason)
    _change(db, row, _discarded(reason, actor.name, now), action="event.discard", actor=actor, now=now)
    return row


def undo_discard(db: Session, deed: AuditEntry, *, environment: Environment) -> None:
    """Take the discarding of one push back: it is parked or dead again, as it was.

    Raises:
        NotFound: no such push in that environment. Stale: it is not as the deed left it.
    """
    row = _lock_event(db, parse_id("evt", deed.subject), environment)
    put_back(db, row, deed)


def _parked(
    connector: ConnectorName, environment: Environment, reason: ParkedReason, shop_id: str | None
) -> tuple[sa.ColumnElement[bool], ...]:
    where = (
        RawEvent.state == EventState.PARKED,
        RawEvent.connector == connector,
        RawEvent.environment == environment,
        RawEvent.parked_reason == reason,
    )
    return where if shop_id is None else (*where, RawEvent.shop_id == shop_id)


def _lock_parked(
    db: Session, where: tuple[sa.ColumnElement[bool], ...], after: UUID | None, before: UUID, limit: int
) -> Sequence[UUID]:
    statement = sa.select(RawEvent.id).where(*where, RawEvent.id < before)
    if after is not None:
        statement = statement.where(RawEvent.id > after)
    return db.execute(statement.order_by(RawEvent.id).limit(limit).with_for_update()).scalars().all()


def _lock_event(db: Session, event_id: UUID, environment: Environment) -> RawEvent:
    statement = sa.select(RawEvent).where(RawEvent.id == event_id, RawEvent.environment == environment)
    row = db.execute(statement.with_for_update()).scalar_one_or_none()
    if row is None:
        raise NotFound(N_("There is no such event."))
    return row


def _change(db: Session, row: RawEvent, values: Mapping[str, Any], *, action: str, actor: Actor, now: datetime) -> None:
    """What a person does to one push, with its entry in the trail."""
    for name, value in values.items():
        setattr(row, name, value)
    subject, details = show_id("evt", row.id), changes_of(row)
    db.flush()
    record(db, actor=actor, action=action, environment=row.environment, subject=subject, details=details, now=now)


def _discarded(reason: ParkedReason | None, by: str, now: datetime) -> dict[str, Any]:
    """Who said so, and when; why it was parked stays to be read."""
    values: dict[str, Any] = {"state": EventState.DISCARDED, "parked_reason": None, "finished_at": now}
    values["discarded_by"] = by
    return values if reason is None else values | {"note": N_("it was parked: %(reason)s", reason=reason.value)}
