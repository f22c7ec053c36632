"""Writing the operator's list: the same trouble again raises a count, not a new row."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from kedai.connector_exceptions.models import ConnectorException
from kedai.db.database import dialect_of
from kedai.kit.ids import new_id
from kedai.values.environment import ConnectorName, Environment


@dataclass(frozen=True, slots=True)
class Trouble:
    """What happened, in words: ``code`` and ``group`` decide which troubles count as the same one."""

    code: str
    title: str
    next_step: str
    shop_id: str | None = None
    group: str = ""
    order_sn: str | None = None
    event_id: UUID | None = None

    @property
    def fingerprint(self) -> str:
        text = "\0".join((self.code, self.shop_id or "", self.group))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def raise_exception(
    db: Session, connector: ConnectorName, environment: Environment, trouble: Trouble, *, count: int = 1, now: datetime
) -> None:
    """Add to the group of this trouble; a resolved one that comes again has regressed."""
    row = {
        "id": new_id(),
        "connector": connector,
        "environment": environment,
        "fingerprint": trouble.fingerprint,
        "code": trouble.code,
        "title": trouble.title,
        "next_step": trouble.next_step,
        "state": "new",
        "count": count,
        "shop_id": trouble.shop_id,
        "last_event_id": trouble.event_id,
        "last_order_sn": trouble.order_sn,
        "first_seen_at": now,
        "last_seen_at": now,
    }
    db.execute(_upsert(dialect_of(db)), row)


@cache
def _upsert(dialect: str) -> sa.Insert:
    """Built once: the same trouble may come thousands of times a minute."""
    statement = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(ConnectorException)
    table, offered = ConnectorException, statement.excluded
    state = sa.case((table.state == "resolved", "regressed"), (table.state == "new", "ongoing"), else_=table.state)
    renewed = ("title", "next_step", "last_event_id", "last_order_sn", "last_seen_at")
    changes = {name: offered[name] for name in renewed} | {"count": table.count + offered.count, "state": state}
    key = ["connector", "environment", "fingerprint"]
    return statement.on_conflict_do_update(index_elements=key, set_=changes)


def clear_exception(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    fingerprint: str,
    *,
    note: str,  # noqa: ARG001
    now: datetime,  # noqa: ARG001
) -> bool:
    """End a group whose cause is gone by itself; False where none is open. ``note`` says why."""
    table = ConnectorException
    where = (table.connector == connector, table.environment == environment, table.fingerprint == fingerprint)
    statement = sa.update(table).where(*where, table.state != "resolved").values(state="resolved")
    return bool(db.execute(statement.returning(table.id)).all())
