"""Deliveries that failed verification: kept for a look within bounds, counted beyond, and noted when they are admitted.

Why one fails, and whether it may be admitted, is for those who hold the keys to judge.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db.database import dialect_of
from kedai.db.upsert import insert_into
from kedai.errors import Invalid, NotFound
from kedai.inbox.models import RejectedCount, RejectedDelivery
from kedai.kit.ids import new_id
from kedai.kit.paging import decode_cursor, encode_cursor
from kedai.values.environment import ConnectorName, Environment
from kedai.values.wording import N_

MAX_ROWS = 1_000
MAX_BODY = 64 * 1024
_LEAST_BETWEEN = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Sample:
    """A rejected delivery that may be kept. ``body`` may be cut, ``size`` is the whole's; ``signature`` as it came."""

    reason: str
    headers: Mapping[str, str]
    body: bytes
    size: int
    signature: bytes | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which ones are meant; an empty collection of diagnoses means any. ``admitted``: those, or those that wait."""

    environment: Environment | None
    connector: ConnectorName | None = None
    diagnoses: tuple[str, ...] = ()
    admitted: bool | None = None

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        kept = RejectedDelivery
        found: list[sa.ColumnElement[bool]] = []
        if self.environment is not None:
            found.append(kept.environment == self.environment)
        if self.connector is not None:
            found.append(kept.connector == self.connector)
        if self.diagnoses:
            found.append(kept.diagnosis.in_(self.diagnoses))
        if self.admitted is not None:
            found.append(kept.admitted_at.is_not(None) if self.admitted else kept.admitted_at.is_(None))
        return found


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """One rejected delivery as a list shows it: without its body, its headers and its signature."""

    id: UUID
    connector: str
    environment: Environment
    reason: str
    diagnosis: str
    size: int
    received_at: datetime
    admitted_at: datetime | None
    admitted_by: str | None


def keep_rejected(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    sample: Sample,
    *,
    counts: Mapping[str, int],
    diagnosis: str,
    diagnosed_for: str,
    now: datetime,
) -> bool:
    """Count rejected deliveries by reason and keep one of them for a look; True where it was kept.

    At most one a second is kept for an environment, however many processes reject; the oldest beyond `MAX_ROWS` go.
    """
    _lock(db, connector, environment)
    for reason in sorted(counts):
        _count(db, connector, environment, reason, counts[reason], now)
    kept = RejectedDelivery
    mine = (kept.connector == connector, kept.environment == environment)
    last = db.execute(sa.select(kept.received_at).where(*mine).order_by(kept.id.desc()).limit(1)).scalar()
    if last is not None and abs(now - last) < _LEAST_BETWEEN:
        return False
    db.add(
        RejectedDelivery(
            id=new_id(),
            connector=connector,
            environment=environment,
            reason=sample.reason,
            headers=dict(sample.headers),
            body=sample.body[:MAX_BODY],
            size=sample.size,
            signature=sample.signature,
            received_at=now,
            diagnosis=diagnosis,
            diagnosed_for=diagnosed_for,
        )
    )
    db.flush()
    surplus = sa.select(kept.id).where(*mine).order_by(kept.id.desc()).offset(MAX_ROWS)
    db.execute(sa.delete(kept).where(kept.id.in_(surplus)), execution_options={"synchronize_session": False})
    return True


def lock_rejected(db: Session, rejected_id: UUID, *, environment: Environment) -> RejectedDelivery:
    """One of them, locked until the commit.

    Raises:
        NotFound: no such delivery in that environment.
    """
    kept = RejectedDelivery
    statement = sa.select(kept).where(kept.id == rejected_id, kept.environment == environment)
    row = db.execute(statement.with_for_update()).scalar_one_or_none()
    if row is None:
        raise NotFound(N_("There is no such rejected delivery."))
    return row


def lock_waiting(
    db: Session, connector: ConnectorName, *, environment: Environment, after: UUID | None, limit: int
) -> Sequence[RejectedDelivery]:
    """The next ones, in order of arrival, that nobody has admitted; locked until the commit."""
    kept = RejectedDelivery
    statement = sa.select(kept).where(
        kept.connector == connector, kept.environment == environment, kept.admitted_at.is_(None)
    )
    if after is not None:
        statement = statement.where(kept.id > after)
    return db.execute(statement.order_by(kept.id).limit(limit).with_for_update()).scalars().all()


def list_stale(
    db: Session, connector: ConnectorName, *, environment: Environment, diagnosed_for: str, limit: int
) -> Sequence[RejectedDelivery]:
    """Waiting ones, newest first, that were judged by other keys or URLs than those named."""
    kept = RejectedDelivery
    statement = sa.select(kept).where(
        kept.connector == connector,
        kept.environment == environment,
        kept.admitted_at.is_(None),
        kept.diagnosed_for != diagnosed_for,
    )
    return db.execute(statement.order_by(kept.id.desc()).limit(limit)).scalars().all()


def note_diagnosis(db: Session, rejected_id: UUID, *, diagnosis: str, diagnosed_for: str) -> None:
    """Note why one fails, and by which keys and URLs that was judged."""
    statement = sa.update(RejectedDelivery).where(RejectedDelivery.id == rejected_id)
    statement = statement.values(diagnosis=diagnosis, diagnosed_for=diagnosed_for)
    db.execute(statement, execution_options={"synchronize_session": False})


def list_rejected(
    db: Session, chosen: Filter, *, cursor: str | None, cursor_key: bytes, limit: int
) -> tuple[tuple[RejectedRow, ...], str | None]:
    """The ones that are meant, newest first, and the cursor of the next page.

    Raises:
        Invalid: the cursor belongs to another list.
    """
    bound_to = f"rejected\0{chosen}"
    before = _position(cursor, cursor_key, bound_to)
    kept = RejectedDelivery
    columns = (kept.id, kept.connector, kept.environment, kept.reason, kept.diagnosis, kept.size, kept.received_at)
    statement = sa.select(*columns, kept.admitted_at, kept.admitted_by).where(*chosen.conditions())
    if before is not None:
        statement = statement.where(kept.id < before)
    found = [RejectedRow(*row) for row in db.execute(statement.order_by(kept.id.desc()).limit(limit + 1))]
    rows = tuple(found[:limit])
    return rows, encode_cursor(cursor_key, bound_to, (rows[-1].id.hex,)) if len(found) > limit else None


def list_diagnoses(db: Session, chosen: Filter) -> Sequence[str]:
    """Which diagnoses occur among those that are meant."""
    statement = sa.select(RejectedDelivery.diagnosis).where(*chosen.conditions()).distinct()
    return db.execute(statement.order_by(RejectedDelivery.diagnosis)).scalars().all()


def count_kept(db: Session, chosen: Filter) -> int:
    """How many of those that were kept are meant; they are bounded in number."""
    statement = sa.select(sa.func.count()).select_from(RejectedDelivery).where(*chosen.conditions())
    return db.execute(statement).scalar_one()


def count_rejected(db: Session, connector: str, *, environment: Environment) -> tuple[int, datetime | None]:
    """How many deliveries were ever rejected there, also those that were not kept, and when the last one came."""
    where = (RejectedCount.connector == connector, RejectedCount.environment == environment)
    row = db.execute(
        sa.select(sa.func.sum(RejectedCount.count), sa.func.max(RejectedCount.last_at)).where(*where)
    ).one()
    return int(row[0] or 0), row[1]


def _lock(db: Session, connector: ConnectorName, environment: Environment) -> None:
    """On PostgreSQL several processes reject at once: the look at the last one and the next one are one act."""
    if dialect_of(db) == "postgresql":
        digest = hashlib.sha256(f"rejected|{connector}|{environment.value}".encode()).digest()
        number = int.from_bytes(digest[:8], "big", signed=True)
        db.execute(sa.text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})


def _count(
    db: Session, connector: ConnectorName, environment: Environment, reason: str, count: int, now: datetime
) -> None:
    key = {"connector": connector, "environment": environment, "reason": reason}
    counted = insert_into(db, RejectedCount).values(**key, count=count, last_at=now)
    changes = {"count": RejectedCount.count + count, "last_at": now}
    db.execute(counted.on_conflict_do_update(index_elements=list(key), set_=changes))


def _position(cursor: str | None, key: bytes, bound_to: str) -> UUID | None:
    if cursor is None:
        return None
    position = decode_cursor(key, bound_to, cursor)
    if len(position) != 1:
        raise Invalid(N_("The cursor is not valid."), field="cursor")
    return UUID(hex=str(position[0]))
