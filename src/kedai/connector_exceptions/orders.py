"""Which orders a group of troubles touches: so many by name, the rest as a number, so that no flood fills the table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.connector_exceptions.models import ConnectorException, ExceptionOrder
from kedai.values.environment import Environment

MAX_LISTED = 1_000


class Touches(Protocol):
    """What a trouble says of its whereabouts."""

    @property
    def shop_id(self) -> str | None: ...
    @property
    def order_sn(self) -> str | None: ...
    @property
    def event_id(self) -> UUID | None: ...


def list_orders_of(
    db: Session,
    exception_id: UUID,
    environment: Environment,
    troubles: Iterable[Touches],
    *,
    listed: int,
    anew: bool,
    now: datetime,
) -> None:
    """Note what these troubles touch, in the transaction that has just locked the group, which lists ``listed`` so far.

    ``anew``: the group was resolved and came back, so what it touched before is of no interest. Where there is no room,
    what a person has retried since makes room.
    """
    touched = _by_subject(troubles)
    if anew and listed:
        listed -= _forget(db, exception_id, only_retried=False)
    known = _list_known(db, exception_id, touched.keys())
    fresh = [subject for subject in sorted(touched) if subject not in known]
    if listed + len(fresh) > MAX_LISTED:
        listed -= _forget(db, exception_id, only_retried=True)
    added, rest = fresh[: max(MAX_LISTED - listed, 0)], fresh[max(MAX_LISTED - listed, 0) :]
    for subject in sorted(known):
        _again(db, exception_id, subject, touched[subject], now)
    rows = [_row(exception_id, environment, subject, touched[subject], now) for subject in added]
    if rows:
        db.execute(sa.insert(ExceptionOrder), rows)
    left_out = sum(len(touched[subject]) for subject in rest)
    values: dict[str, Any] = {"listed": listed + len(added)}
    values["unlisted"] = left_out if anew else ConnectorException.unlisted + left_out
    db.execute(
        sa.update(ConnectorException).where(ConnectorException.id == exception_id).values(values),
        execution_options={"synchronize_session": False},
    )


def _by_subject(troubles: Iterable[Touches]) -> dict[str, list[Touches]]:
    """By order, or by event where no order is named; sorted keys, so that two writers never deadlock."""
    found: dict[str, list[Touches]] = {}
    for one in troubles:
        if one.order_sn:
            found.setdefault(f"{one.shop_id or ''}/{one.order_sn}", []).append(one)
        elif one.event_id:
            found.setdefault(one.event_id.hex, []).append(one)
    return found


def _list_known(db: Session, exception_id: UUID, subjects: Iterable[str]) -> set[str]:
    where = (ExceptionOrder.exception_id == exception_id, ExceptionOrder.subject.in_(list(subjects)))
    return set(db.execute(sa.select(ExceptionOrder.subject).where(*where)).scalars())


def _forget(db: Session, exception_id: UUID, *, only_retried: bool) -> int:
    """Take the rows of a group away; returns how many."""
    statement = sa.delete(ExceptionOrder).where(ExceptionOrder.exception_id == exception_id)
    if only_retried:
        statement = statement.where(ExceptionOrder.retried_at.is_not(None))
    gone = db.execute(statement.returning(ExceptionOrder.subject), execution_options={"synchronize_session": False})
    return len(gone.all())


def _again(db: Session, exception_id: UUID, subject: str, troubles: Sequence[Touches], now: datetime) -> None:
    where = (ExceptionOrder.exception_id == exception_id, ExceptionOrder.subject == subject)
    values = {"count": ExceptionOrder.count + len(troubles), "last_seen_at": now, "retried_at": None}
    values["event_id"] = troubles[-1].event_id
    db.execute(sa.update(ExceptionOrder).where(*where).values(values), execution_options={"synchronize_session": False})


def _row(
    exception_id: UUID, environment: Environment, subject: str, troubles: Sequence[Touches], now: datetime
) -> dict[str, Any]:
    last = troubles[-1]
    return {
        "exception_id": exception_id,
        "subject": subject,
        "environment": environment,
        "shop_id": last.shop_id,
        "order_sn": last.order_sn,
        "event_id": last.event_id,
        "count": len(troubles),
        "first_seen_at": now,
        "last_seen_at": now,
    }
