"""What the marketplace told the operator in words: written once per push, listed, and marked as read by a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.audit.undo import changes_of, put_back
from kedai.db.upsert import insert_into
from kedai.errors import Invalid, NotFound
from kedai.inbox.models import Notice
from kedai.kit.ids import new_id, parse_id, show_id
from kedai.kit.paging import decode_cursor, encode_cursor
from kedai.values.actor import Actor
from kedai.values.environment import ConnectorName, Environment
from kedai.values.event import Announcement
from kedai.values.order import Page
from kedai.values.wording import N_

if TYPE_CHECKING:
    from kedai.audit.models import AuditEntry

PREFIX = "ntc"


def record_notices(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    said: Mapping[UUID, Sequence[Announcement]],
    *,
    shop_id: str | None,
    now: datetime,
) -> None:
    """Write what pushes (by event id) tell; a push that is worked on again adds nothing."""
    rows = [
        {
            "id": new_id(),
            "connector": connector,
            "environment": environment,
            "event_id": event_id,
            "number": number,
            "shop_id": shop_id,
            "title": one.title,
            "content": one.content,
            "url": one.url,
            "stated_at": one.stated_at,
            "received_at": now,
        }
        for event_id, announcements in sorted(said.items())
        for number, one in enumerate(announcements, 1)
    ]
    if rows:
        db.execute(insert_into(db, Notice).on_conflict_do_nothing(), rows)


def list_notices(
    db: Session, *, environments: Sequence[Environment], cursor: str | None, cursor_key: bytes, limit: int
) -> Page[Notice]:
    """Notices of these environments, newest first.

    Raises:
        Invalid: the cursor belongs to another list.
    """
    bound_to = "\0".join(("notices", *environments))
    rows: list[Notice] = []
    for one in environments:
        statement = sa.select(Notice).where(Notice.environment == one)
        if cursor is not None:
            statement = statement.where(Notice.id < _position(cursor, cursor_key, bound_to))
        rows += db.execute(statement.order_by(Notice.id.desc()).limit(limit + 1)).scalars()
    rows.sort(key=lambda row: row.id, reverse=True)
    shown = tuple(rows[:limit])
    return Page(shown, encode_cursor(cursor_key, bound_to, (shown[-1].id.hex,)) if len(rows) > limit else None)


def count_unseen(db: Session, *, environment: Environment, at_most: int) -> int:
    """How many notices nobody has read, counted no further than ``at_most``."""
    some = sa.select(sa.literal(1)).where(Notice.environment == environment, Notice.seen_at.is_(None)).limit(at_most)
    return db.execute(sa.select(sa.func.count()).select_from(some.subquery())).scalar_one()


def mark_seen(db: Session, notice_id: UUID, *, environment: Environment, actor: Actor, now: datetime) -> Notice:
    """Note that a person has read it; the first one stands.

    Raises:
        NotFound: no such notice in that environment.
    """
    row = _lock(db, notice_id, environment)
    if row.seen_at is None:
        row.seen_at, row.seen_by = now, actor.name
        subject, details = show_id(PREFIX, row.id), changes_of(row)
        record(
            db,
            actor=actor,
            action="notice.seen",
            environment=environment,
            subject=subject,
            details=details,
            now=now,
        )
    return row


def undo_seen(db: Session, deed: AuditEntry, *, environment: Environment) -> None:
    """Take back that a notice was read.

    Raises:
        NotFound: no such notice in that environment. Stale: it is not as the deed left it.
    """
    row = _lock(db, parse_id(PREFIX, deed.subject), environment)
    put_back(db, row, deed)


def _lock(db: Session, notice_id: UUID, environment: Environment) -> Notice:
    statement = sa.select(Notice).where(Notice.id == notice_id, Notice.environment == environment)
    row = db.execute(statement.with_for_update()).scalar_one_or_none()
    if row is None:
        raise NotFound(N_("There is no such notice here."))
    return row


def _position(cursor: str, key: bytes, bound_to: str) -> UUID:
    position = decode_cursor(key, bound_to, cursor)
    if len(position) != 1:
        raise Invalid(N_("The cursor is not valid."), field="cursor")
    return UUID(hex=str(position[0]))
