"""Writing the operator's list: the same trouble again raises a count, not a new row. What a person does is `acts`."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.connector_exceptions.models import ConnectorException
from kedai.connector_exceptions.orders import list_orders_of
from kedai.db.database import dialect_of
from kedai.kit.ids import new_id, show_id
from kedai.values.actor import SYSTEM
from kedai.values.environment import ConnectorName, Environment

MAX_NOTE = 2_000
MAX_MESSAGE = 1_000


@dataclass(frozen=True, slots=True)
class Trouble:
    """What happened, in words: ``code`` and ``group`` decide which troubles count as the same one.

    ``message`` is what was said this time (by the marketplace, for example); the last one is kept.
    """

    code: str
    title: str
    next_step: str
    shop_id: str | None = None
    group: str = ""
    order_sn: str | None = None
    event_id: UUID | None = None
    message: str = ""

    @property
    def fingerprint(self) -> str:
        return fingerprint_of(self.code, self.shop_id, self.group)


def fingerprint_of(code: str, shop_id: str | None = None, group: str = "") -> str:
    """What makes two troubles of one connector and environment the same one."""
    text = "\0".join((code, shop_id or "", group))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def raise_exception(
    db: Session, connector: ConnectorName, environment: Environment, trouble: Trouble, *, now: datetime
) -> None:
    """Add to the group of this trouble; a resolved one that comes again has regressed."""
    _raise_group(db, connector, environment, [trouble], now=now)


def raise_exceptions(
    db: Session, connector: ConnectorName, environment: Environment, troubles: Sequence[Trouble], *, now: datetime
) -> None:
    """The same for many at once: each group is written once, in the order of their keys."""
    groups: defaultdict[str, list[Trouble]] = defaultdict(list)
    for trouble in troubles:
        groups[trouble.fingerprint].append(trouble)
    for fingerprint in sorted(groups):
        _raise_group(db, connector, environment, groups[fingerprint], now=now)


def clear_exception(
    db: Session, connector: ConnectorName, environment: Environment, fingerprint: str, *, note: str, now: datetime
) -> bool:
    """Resolve a group whose cause has ended by itself; True where it was open. ``note`` says what ended it.

    Where it is not open, or never was, nothing is written: it may be called whenever the cause may have ended.
    """
    table = ConnectorException
    statement = (
        sa.update(table)
        .where(table.connector == connector, table.environment == environment, table.fingerprint == fingerprint)
        .where(table.state != "resolved")
        .values(state="resolved", snoozed_until=None, resolved_at=now, resolved_by=SYSTEM.name, note=note[:MAX_NOTE])
        .returning(table.id)
        .execution_options(synchronize_session=False)
    )
    found = db.execute(statement).scalar_one_or_none()
    if found is None:
        return False
    details = {"note": note[:MAX_NOTE]}
    subject, action = show_id("exc", found), "exception.cleared"
    record(db, actor=SYSTEM, action=action, environment=environment, subject=subject, details=details, now=now)
    return True


def mark_alerted(db: Session, ids: Sequence[UUID], *, now: datetime) -> frozenset[UUID]:
    """People outside are being told of these groups: those that nobody else has told of meanwhile."""
    table = ConnectorException
    waiting = table.id.in_(ids), table.alert_sent_at.is_(None)
    statement = sa.update(table).where(*waiting).values(alert_sent_at=now).returning(table.id)
    return frozenset(db.execute(statement, execution_options={"synchronize_session": False}).scalars())


def _raise_group(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    troubles: Sequence[Trouble],
    *,
    now: datetime,
) -> None:
    """``troubles`` have one fingerprint; the last one's words and whereabouts are kept."""
    last = troubles[-1]
    row = {
        "id": new_id(),
        "connector": connector,
        "environment": environment,
        "fingerprint": last.fingerprint,
        "code": last.code,
        "title": last.title,
        "next_step": last.next_step,
        "last_message": last.message[:MAX_MESSAGE],
        "state": "new",
        "count": len(troubles),
        "shop_id": last.shop_id,
        "last_event_id": last.event_id,
        "last_order_sn": last.order_sn,
        "first_seen_at": now,
        "last_seen_at": now,
        "alert_raised_at": now,
    }
    group = db.execute(_upsert(dialect_of(db)), row).one()
    if any(one.order_sn or one.event_id for one in troubles):
        came_back = group.state == "regressed" and group.regressed_at == now
        list_orders_of(db, group.id, environment, troubles, listed=group.listed, anew=came_back, now=now)


@cache
def _upsert(dialect: str) -> sa.Executable:
    """Built once: the same trouble may come thousands of times a minute. It locks the group until the commit."""
    statement = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(ConnectorException)
    table, offered = ConnectorException, statement.excluded
    is_back = table.state == "resolved"
    slept_enough = sa.and_(table.state == "snoozed", table.snoozed_until <= offered.last_seen_at)
    state = sa.case(
        (is_back, "regressed"), (table.state == "new", "ongoing"), (slept_enough, "ongoing"), else_=table.state
    )
    renewed = ("title", "next_step", "last_message", "last_event_id", "last_order_sn", "last_seen_at")
    changes = {name: offered[name] for name in renewed} | {"count": table.count + offered.count, "state": state}
    changes |= {
        "snoozed_until": sa.case((slept_enough, None), else_=table.snoozed_until),
        "regressed_at": sa.case((is_back, offered.last_seen_at), else_=table.regressed_at),
        "resolved_at": sa.case((is_back, None), else_=table.resolved_at),
        "resolved_by": sa.case((is_back, None), else_=table.resolved_by),
        "alert_raised_at": sa.case((is_back, offered.last_seen_at), else_=table.alert_raised_at),
        "alert_sent_at": sa.case((is_back, None), else_=table.alert_sent_at),
    }
    key = ["connector", "environment", "fingerprint"]
    upsert = statement.on_conflict_do_update(index_elements=key, set_=changes)
    return upsert.returning(table.id, table.state, table.listed, table.regressed_at)
