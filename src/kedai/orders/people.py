"""Personal data of orders: masked for everybody, and shown in full only by a deed that is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.errors import NotFound
from kedai.kit.ids import show_id
from kedai.orders.models import OrderSync
from kedai.values.actor import Actor
from kedai.values.environment import Environment
from kedai.values.wording import N_

REVEALED = "order.revealed"
FIELDS = ("buyer_username", "recipient_name", "recipient_phone", "recipient_address", "buyer_message")


@dataclass(frozen=True, slots=True)
class Person:
    """Who bought an order and who gets it; ``None`` is what the marketplace did not say."""

    buyer_username: str | None
    recipient_name: str | None
    recipient_phone: str | None
    recipient_address: str | None
    buyer_message: str | None
    masked: bool = True

    def __repr__(self) -> str:
        """Name the type only: what is personal must not reach a log by accident."""
        return "Person(…)"


def mask(text: str | None) -> str | None:
    """A text with only its first letter left."""
    return f"{text[0]}****" if text else None


def get_masked(db: Session, order_id: UUID) -> Person:
    """The personal data of an order, masked.

    Raises:
        NotFound: no such order.
    """
    person = _read(db, order_id)
    return replace(person, **{name: mask(getattr(person, name)) for name in FIELDS}, masked=True)


def reveal(db: Session, order_id: UUID, *, environment: Environment, actor: Actor, now: datetime) -> Person:
    """The personal data of an order in full; who asked is recorded in the same transaction, never what was shown.

    Raises:
        NotFound: no such order in that environment.
    """
    found = db.execute(sa.select(OrderSync.id).where(OrderSync.id == order_id, OrderSync.environment == environment))
    if found.first() is None:
        raise NotFound(N_("There is no such order here."))
    person = _read(db, order_id)
    told = sorted(name for name in FIELDS if getattr(person, name))
    subject, details = show_id("ord", order_id), {"fields": told}
    record(db, actor=actor, action=REVEALED, environment=environment, subject=subject, details=details, now=now)
    return person


def read_in_full(db: Session, order_ids: Sequence[UUID]) -> dict[UUID, Person]:
    """The personal data of some orders; whoever calls has recorded who asked, in a transaction that was committed."""
    columns = [getattr(OrderSync, name) for name in FIELDS]
    rows = db.execute(sa.select(OrderSync.id, *columns).where(OrderSync.id.in_(order_ids)))
    return {row.id: _person(row[1:]) for row in rows}


def _read(db: Session, order_id: UUID) -> Person:
    columns = [getattr(OrderSync, name) for name in FIELDS]
    row = db.execute(sa.select(*columns).where(OrderSync.id == order_id)).one_or_none()
    if row is None:
        raise NotFound(N_("There is no such order here."))
    return _person(row)


def _person(row: Sequence[Any]) -> Person:
    given: tuple[str | None, str | None, str | None, str | None, str | None] = tuple(row)
    return Person(*given, masked=False)
