"""Reading the operator's list of troubles. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.connector_exceptions.models import ConnectorException, ExceptionOrder
from kedai.db.types import Id, UtcDateTime, from_microseconds, to_microseconds
from kedai.errors import Invalid, NotFound
from kedai.kit.paging import decode_cursor, encode_cursor
from kedai.values.environment import Environment
from kedai.values.order import Page
from kedai.values.wording import N_

OPEN_STATES = ("new", "ongoing", "regressed")
STATES = (*OPEN_STATES, "snoozed", "resolved")
MOST_CHOICES = 50
_NOBODY = ""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which groups are meant; ``None`` leaves a field open. An empty ``assignee`` means: nobody looks after it."""

    states: tuple[str, ...]
    code: str | None = None
    shop_id: str | None = None
    assignee: str | None = None

    def conditions(self, now: datetime) -> list[sa.ColumnElement[bool]]:
        found: list[sa.ColumnElement[bool]] = [state_at(now).in_(self.states)]
        if self.code is not None:
            found.append(ConnectorException.code == self.code)
        if self.shop_id is not None:
            found.append(ConnectorException.shop_id == self.shop_id)
        if self.assignee == _NOBODY:
            found.append(ConnectorException.assignee.is_(None))
        elif self.assignee is not None:
            found.append(ConnectorException.assignee == self.assignee)
        return found


@dataclass(frozen=True, slots=True)
class Choices:
    """What the groups of these states can be narrowed down to."""

    codes: tuple[str, ...]
    shops: tuple[str, ...]
    assignees: tuple[str, ...]


def state_at(now: datetime) -> sa.ColumnElement[str]:
    """The state as a person sees it: a snooze that is over has ended by itself."""
    over = sa.and_(ConnectorException.state == "snoozed", ConnectorException.snoozed_until <= now)
    return sa.case((over, "ongoing"), else_=ConnectorException.state)


def shown_state(row: ConnectorException, now: datetime) -> str:
    """The same for a row in hand."""
    is_over = row.state == "snoozed" and row.snoozed_until is not None and row.snoozed_until <= now
    return "ongoing" if is_over else row.state


def list_exceptions(
    db: Session,
    *,
    environment: Environment | None,
    chosen: Filter,
    cursor: str | None,
    cursor_key: bytes,
    limit: int,
    now: datetime,
) -> Page[ConnectorException]:
    """The groups that are meant, the one that happened last first.

    Raises:
        Invalid: the cursor belongs to another list.
    """
    bound_to = "\0".join(("exceptions", str(environment), str(chosen)))
    before = _position(cursor, cursor_key, bound_to)
    rows: list[ConnectorException] = []
    for one in tuple(Environment) if environment is None else (environment,):
        statement = sa.select(ConnectorException).where(ConnectorException.environment == one)
        statement = statement.where(*chosen.conditions(now))
        if before is not None:
            position = sa.tuple_(sa.literal(before[0], UtcDateTime), sa.literal(before[1], Id))
            statement = statement.where(sa.tuple_(ConnectorException.last_seen_at, ConnectorException.id) < position)
        statement = statement.order_by(ConnectorException.last_seen_at.desc(), ConnectorException.id.desc())
        rows += db.execute(statement.limit(limit + 1)).scalars()
    rows.sort(key=lambda row: (row.last_seen_at, row.id), reverse=True)
    shown = tuple(rows[:limit])
    if len(rows) <= limit:
        return Page(shown, None)
    position_of_last = (to_microseconds(shown[-1].last_seen_at), shown[-1].id.hex)
    return Page(shown, encode_cursor(cursor_key, bound_to, position_of_last))


def count_exceptions(db: Session, *, environment: Environment | None, now: datetime) -> dict[str, int]:
    """How many groups are in each state; groups are few by construction."""
    state = state_at(now).label("state")
    statement = sa.select(state, sa.func.count()).group_by(state)
    if environment is not None:
        statement = statement.where(ConnectorException.environment == environment)
    return dict.fromkeys(STATES, 0) | {row[0]: row[1] for row in db.execute(statement)}


def count_chosen(db: Session, *, environment: Environment | None, chosen: Filter, now: datetime, at_most: int) -> int:
    """How many groups fit, counted no further than ``at_most``."""
    where = chosen.conditions(now)
    if environment is not None:
        where.append(ConnectorException.environment == environment)
    some = sa.select(ConnectorException.id).where(*where).limit(at_most).subquery()
    return db.execute(sa.select(sa.func.count()).select_from(some)).scalar_one()


def list_choices(db: Session, *, environment: Environment | None, states: Sequence[str], now: datetime) -> Choices:
    """Codes, shops and assignees of the groups in these states, in order, so many of each at most."""
    table = ConnectorException
    where = [state_at(now).in_(states)] + ([] if environment is None else [table.environment == environment])

    def distinct(column: Any) -> tuple[str, ...]:
        statement = sa.select(column).where(*where, column.is_not(None)).distinct()
        return tuple(db.execute(statement.order_by(column).limit(MOST_CHOICES)).scalars())

    return Choices(distinct(table.code), distinct(table.shop_id), distinct(table.assignee))


def get_exception(db: Session, exception_id: UUID, *, environment: Environment | None) -> ConnectorException:
    """One group.

    Raises:
        NotFound: no such group in that environment (or, without one, in any).
    """
    statement = sa.select(ConnectorException).where(ConnectorException.id == exception_id)
    if environment is not None:
        statement = statement.where(ConnectorException.environment == environment)
    row = db.execute(statement).scalar_one_or_none()
    if row is None:
        raise NotFound(N_("There is no such exception."))
    return row


def list_affected(db: Session, exception_id: UUID, *, limit: int) -> Sequence[ExceptionOrder]:
    """Orders (and events that name none) that a group touches, the latest first."""
    statement = sa.select(ExceptionOrder).where(ExceptionOrder.exception_id == exception_id)
    statement = statement.order_by(ExceptionOrder.last_seen_at.desc(), ExceptionOrder.subject)
    return db.execute(statement.limit(limit)).scalars().all()


def find_subjects(db: Session, exception_id: UUID, *, order_sn: str) -> Sequence[str]:
    """Under which subjects a group lists an order number: one for each shop that has it."""
    where = (ExceptionOrder.exception_id == exception_id, ExceptionOrder.order_sn == order_sn)
    return db.execute(sa.select(ExceptionOrder.subject).where(*where).order_by(ExceptionOrder.subject)).scalars().all()


def list_affected_after(
    db: Session, exception_id: UUID, *, after: str | None, subject: str | None, limit: int
) -> Sequence[ExceptionOrder]:
    """The same in the order of their subjects, for a walk through all of them, or one ``subject`` alone."""
    statement = sa.select(ExceptionOrder).where(ExceptionOrder.exception_id == exception_id)
    if after is not None:
        statement = statement.where(ExceptionOrder.subject > after)
    if subject is not None:
        statement = statement.where(ExceptionOrder.subject == subject)
    return db.execute(statement.order_by(ExceptionOrder.subject).limit(limit)).scalars().all()


def list_waiting_alerts(db: Session, *, environment: Environment, limit: int) -> Sequence[ConnectorException]:
    """Groups that are new or came back and of which nobody was told outside yet, the oldest first.

    Whoever tells calls `service.mark_alerted`. What was resolved or snoozed meanwhile needs no alert.
    """
    table = ConnectorException
    statement = sa.select(table).where(table.environment == environment, table.state.in_(OPEN_STATES))
    statement = statement.where(table.alert_raised_at.is_not(None), table.alert_sent_at.is_(None))
    return db.execute(statement.order_by(table.alert_raised_at, table.id).limit(limit)).scalars().all()


def list_unresolved(db: Session, *, environment: Environment) -> Sequence[UUID]:
    """Every group whose cause is not over, snoozed or not; groups are few by construction."""
    table = ConnectorException
    statement = sa.select(table.id).where(table.environment == environment, table.state != "resolved")
    return db.execute(statement).scalars().all()


def _position(cursor: str | None, key: bytes, bound_to: str) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    position = decode_cursor(key, bound_to, cursor)
    if len(position) != 2:
        raise Invalid(N_("The cursor is not valid."), field="cursor")
    return from_microseconds(int(position[0])), UUID(hex=str(position[1]))
