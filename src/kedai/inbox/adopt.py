"""Pushes that another system had received: taken over as they stand there, never put in the queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db.upsert import insert_into
from kedai.inbox.models import RawEvent
from kedai.kit.ids import derived_id
from kedai.values.environment import ConnectorName, Environment
from kedai.values.event import EventState, InboundEvent, ParkedReason

ADOPTED_KEY = "imported"
"""Stands where other pushes name the key that verified them: this one was not verified here."""


@dataclass(frozen=True, slots=True)
class AdoptedEvent:
    """A push as another system kept it; ``state`` is anything but `received`."""

    environment: Environment
    event: InboundEvent
    body: bytes
    received_at: datetime
    finished_at: datetime | None
    state: EventState
    note: str

    @property
    def key(self) -> tuple[Environment, bytes]:
        return self.environment, self.event.event_id


def find_adopted(
    db: Session, connector: ConnectorName, events: Sequence[AdoptedEvent]
) -> set[tuple[Environment, bytes]]:
    """The keys of those that are stored already, from wherever they came."""
    found = set()
    for environment in Environment:
        ids = [one.event.event_id for one in events if one.environment is environment]
        statement = sa.select(RawEvent.event_id).where(
            RawEvent.connector == connector, RawEvent.environment == environment, RawEvent.event_id.in_(ids)
        )
        found |= {(environment, bytes(event_id)) for event_id in db.execute(statement).scalars()}
    return found


def adopt(db: Session, connector: ConnectorName, events: Sequence[AdoptedEvent]) -> None:
    """Store them; one that is stored already stays as it is, and counts as no duplicate."""
    rows = [_row(connector, one) for one in sorted(events, key=lambda one: (one.environment.value, one.key[1]))]
    if rows:
        db.execute(insert_into(db, RawEvent).on_conflict_do_nothing(), rows)


def _row(connector: ConnectorName, one: AdoptedEvent) -> dict[str, object]:
    if one.state is EventState.RECEIVED:
        raise ValueError("what another system received is never put in the queue")
    parked = one.state is EventState.PARKED
    event = one.event
    identity = (connector, one.environment.value, event.event_id.hex())
    return {
        "id": derived_id(one.received_at, "raw_event", *identity),
        "connector": connector,
        "environment": one.environment,
        "event_id": event.event_id,
        "body": one.body,
        "headers": {},
        "matched_key": ADOPTED_KEY,
        "matched_url": "",
        "topic": event.topic.value,
        "code": event.code,
        "shop_id": event.shop_id,
        "order_sn": event.order_sn,
        "pushed_at": event.pushed_at,
        "received_at": one.received_at,
        "state": one.state.value,
        "parked_reason": ParkedReason.INACTIVE_ENVIRONMENT.value if parked else None,
        "note": one.note,
        "due_at": one.received_at,
        "attempts": 0,
        "stalls": 0,
        "duplicates": 0,
        "finished_at": None if parked else one.finished_at or one.received_at,
    }
