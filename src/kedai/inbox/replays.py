"""Pushes that a person wants worked on once more: chosen by filter and range, put back in the queue in small steps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.errors import Invalid
from kedai.inbox.models import RawEvent
from kedai.inbox.service import put_back_now
from kedai.values.environment import ConnectorName, Environment
from kedai.values.event import EventState
from kedai.values.wording import N_

REPLAYABLE: Final = tuple(state for state in EventState if state is not EventState.RECEIVED)
"""All but those that wait already."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which pushes; what is ``None`` or empty is not asked for. ``until`` is outside."""

    states: tuple[EventState, ...] = REPLAYABLE
    code: int | None = None
    shop_id: str | None = None
    order_sn: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    ids: tuple[UUID, ...] = ()

    def __post_init__(self) -> None:
        """Raises `Invalid` where nothing can fit."""
        if not self.states or EventState.RECEIVED in self.states:
            raise Invalid(N_("Events that wait already need no replay: choose other states."), field="state")
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise Invalid(N_("The range ends before it begins."), field="until")

    def told(self) -> dict[str, Any]:
        """As a run keeps it."""
        return {
            "states": [state.value for state in self.states],
            "code": self.code,
            "shop_id": self.shop_id,
            "order_sn": self.order_sn,
            "since": None if self.since is None else self.since.isoformat(),
            "until": None if self.until is None else self.until.isoformat(),
            "ids": [str(one) for one in self.ids],
        }

    @classmethod
    def of(cls, told: dict[str, Any]) -> Choice:
        """What `told` said."""
        since, until = (
            None if told[name] is None else datetime.fromisoformat(told[name]) for name in ("since", "until")
        )
        states = tuple(EventState(state) for state in told["states"])
        ids = tuple(UUID(one) for one in told["ids"])
        return cls(states, told["code"], told["shop_id"], told["order_sn"], since, until, ids)


def count_chosen(
    db: Session, connector: ConnectorName, environment: Environment, choice: Choice, *, at_most: int
) -> int:
    """How many pushes are meant, counted no further than ``at_most``."""
    statement = sa.select(sa.literal(1)).where(*_chosen(connector, environment, choice))
    return db.execute(sa.select(sa.func.count()).select_from(statement.limit(at_most).subquery())).scalar_one()


def replay_chosen(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    choice: Choice,
    *,
    after: UUID | None,
    before: UUID,
    scan: int,
    now: datetime,
) -> tuple[int, UUID | None]:
    """Look at the next ``scan`` pushes in order of arrival and put the chosen ones back in the queue.

    Returns how many they were, and the last push looked at; ``None`` where there are no more.
    """
    span = [RawEvent.environment == environment, RawEvent.id < before]
    if after is not None:
        span.append(RawEvent.id > after)
    if choice.ids:  # the others need no look
        span.append(RawEvent.id.in_(choice.ids))
    looked = db.execute(sa.select(RawEvent.id).where(*span).order_by(RawEvent.id).limit(scan)).scalars().all()
    if not looked:
        return 0, None
    found = sa.select(RawEvent.id).where(*_chosen(connector, environment, choice), *span, RawEvent.id <= looked[-1])
    ids = db.execute(found.order_by(RawEvent.id).with_for_update()).scalars().all()
    if ids:
        db.execute(sa.update(RawEvent).where(RawEvent.id.in_(ids)).values(put_back_now(now)))
    return len(ids), looked[-1]


def _chosen(connector: ConnectorName, environment: Environment, choice: Choice) -> list[sa.ColumnElement[bool]]:
    where = [
        RawEvent.environment == environment,
        RawEvent.connector == connector,
        RawEvent.state.in_(choice.states),
    ]
    exact = ((RawEvent.code, choice.code), (RawEvent.shop_id, choice.shop_id), (RawEvent.order_sn, choice.order_sn))
    where += [column == value for column, value in exact if value is not None]
    if choice.ids:
        where.append(RawEvent.id.in_(choice.ids))
    if choice.since is not None:
        where.append(RawEvent.received_at >= choice.since)
    if choice.until is not None:
        where.append(RawEvent.received_at < choice.until)
    return where
