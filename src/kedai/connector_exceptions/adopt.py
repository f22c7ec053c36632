"""Troubles that another system had noted: each is a group of its own, open or resolved as it stood there."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.connector_exceptions.models import ConnectorException
from kedai.db.upsert import insert_into
from kedai.kit.ids import derived_id
from kedai.values.environment import ConnectorName, Environment


@dataclass(frozen=True, slots=True)
class AdoptedException:
    """A trouble as another system kept it; ``origin`` is its id there."""

    connector: ConnectorName
    environment: Environment
    origin: str
    code: str
    title: str
    next_step: str
    resolved: bool
    count: int
    shop_id: str | None
    order_sn: str | None
    first_seen_at: datetime
    last_seen_at: datetime

    @property
    def key(self) -> tuple[str, str, str]:
        fingerprint = hashlib.sha256(f"adopted\0{self.origin}".encode()).hexdigest()[:32]
        return self.connector, self.environment.value, fingerprint


def find_adopted(db: Session, troubles: Sequence[AdoptedException]) -> set[tuple[str, str, str]]:
    """The keys of those that were taken over before."""
    table = ConnectorException
    statement = sa.select(table.connector, table.environment, table.fingerprint).where(
        table.fingerprint.in_([one.key[2] for one in troubles])
    )
    return {(row.connector, row.environment.value, row.fingerprint) for row in db.execute(statement)}


def adopt(db: Session, troubles: Sequence[AdoptedException]) -> None:
    """Store them; what was taken over before stays as the operator left it."""
    rows = [_row(one) for one in sorted(troubles, key=lambda one: one.key)]
    if rows:
        db.execute(insert_into(db, ConnectorException).on_conflict_do_nothing(), rows)


def _row(one: AdoptedException) -> dict[str, object]:
    return {
        "id": derived_id(one.first_seen_at, "connector_exception", *one.key),
        "connector": one.connector,
        "environment": one.environment,
        "fingerprint": one.key[2],
        "code": one.code,
        "title": one.title,
        "next_step": one.next_step,
        "state": "resolved" if one.resolved else "new",
        "count": one.count,
        "shop_id": one.shop_id,
        "last_event_id": None,
        "last_order_sn": one.order_sn,
        "first_seen_at": one.first_seen_at,
        "last_seen_at": one.last_seen_at,
    }
