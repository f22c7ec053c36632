"""Saved views: a list's filter under a name, for oneself or for everybody. What a filter may hold, the pages know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.audit.undo import REMOVED, bring_back, changes_of, put_back, whole_of
from kedai.errors import Conflict, Forbidden, NotFound, Stale
from kedai.kit.ids import new_id, parse_id, show_id
from kedai.staff.models import SavedView, Staff
from kedai.staff.names import parse_name
from kedai.values.actor import Actor
from kedai.values.wording import N_

if TYPE_CHECKING:
    from kedai.audit.models import AuditEntry

PREFIX: Final = "view"
MOST_VIEWS: Final = 50
"""Of one person, on one page."""


@dataclass(frozen=True, slots=True)
class View:
    """A view as somebody sees it; ``owner`` is the address of whose it is."""

    id: UUID
    name: str
    query: str
    shared: bool
    owner: str
    is_own: bool


def list_views(db: Session, staff_id: UUID, page: str) -> Sequence[View]:
    """One's own of a page, and those that others share, by name."""
    statement = (
        sa.select(SavedView, Staff.email)
        .join(Staff, Staff.id == SavedView.staff_id)
        .where(SavedView.page == page, sa.or_(SavedView.staff_id == staff_id, SavedView.shared))
        .order_by(SavedView.name, Staff.email)
    )
    return [
        View(row.id, row.name, row.query, row.shared, email, row.staff_id == staff_id)
        for row, email in db.execute(statement)
    ]


def save_view(
    db: Session, staff_id: UUID, page: str, name: str, query: str, *, shared: bool, actor: Actor, now: datetime
) -> SavedView:
    """Keep a filter, already judged by its page.

    Raises:
        Invalid: that is no name. Conflict: one has a view of this name, or too many.
    """
    row = SavedView(
        id=new_id(), staff_id=staff_id, page=page, name=parse_name(name), query=query, shared=shared, created_at=now
    )
    _refuse_twin(db, row)
    own = sa.select(sa.func.count()).where(SavedView.staff_id == staff_id, SavedView.page == page)
    if db.execute(own).scalar_one() >= MOST_VIEWS:
        raise Conflict(N_("You have %(most_views)s views of this list: remove one first.", most_views=MOST_VIEWS))
    db.add(row)
    _record(db, "view.saved", row, {}, actor=actor, now=now)
    return row


def change_view(
    db: Session, staff_id: UUID, view_id: UUID, name: str, *, shared: bool, actor: Actor, now: datetime
) -> SavedView:
    """Give one's own view another name, or share it or no longer.

    Raises:
        NotFound: no such view. Forbidden: it is somebody else's. Invalid: no name. Conflict: the name is taken.
    """
    row = _get(db, staff_id, view_id)
    if row.staff_id != staff_id:
        raise Forbidden(N_("This view is somebody else's: save it under a name of your own."))
    row.name, row.shared = parse_name(name), shared
    _refuse_twin(db, row)
    _record(db, "view.changed", row, changes_of(row), actor=actor, now=now)
    return row


def remove_view(
    db: Session, staff_id: UUID, view_id: UUID, *, may_remove_others: bool, actor: Actor, now: datetime
) -> SavedView:
    """Remove one's own view, or, where that is allowed, one that somebody shares.

    Raises:
        NotFound: no such view. Forbidden: it is somebody else's.
    """
    row = _get(db, staff_id, view_id)
    if row.staff_id != staff_id and not may_remove_others:
        raise Forbidden(N_("This view is somebody else's."))
    _record(db, "view.removed", row, whole_of(row), actor=actor, now=now)
    db.delete(row)
    return row


def undo_change(db: Session, deed: AuditEntry) -> None:
    """Give a view back the name that it had, and share it or not as before.

    Raises:
        Stale: it is gone, or not as the deed left it. Conflict: another view has the name by now.
    """
    row = db.get(SavedView, parse_id(PREFIX, deed.subject), with_for_update=True)
    if row is None:
        raise Stale
    put_back(db, row, deed)
    _refuse_twin(db, row)


def undo_removal(db: Session, deed: AuditEntry) -> None:
    """Make a removed view once more.

    Raises:
        Stale: its owner is gone. Conflict: another view has its name by now.
    """
    if db.get(Staff, UUID(deed.details[REMOVED]["staff_id"]), with_for_update={"read": True}) is None:
        raise Stale
    row = bring_back(db, SavedView, deed)
    _refuse_twin(db, row)
    db.add(row)


def _get(db: Session, staff_id: UUID, view_id: UUID) -> SavedView:
    """One that this person can see: another's private one is not there for them."""
    row = db.get(SavedView, view_id)
    if row is None or (row.staff_id != staff_id and not row.shared):
        raise NotFound(N_("There is no such view."))
    return row


def _refuse_twin(db: Session, row: SavedView) -> None:
    twin = sa.select(SavedView.id).where(
        SavedView.staff_id == row.staff_id,
        SavedView.page == row.page,
        SavedView.name == row.name,
        SavedView.id != row.id,
    )
    with db.no_autoflush:
        if db.execute(twin).first() is not None:
            raise Conflict(N_("You have a view called “%(name)s” here: choose another name.", name=row.name))


def _record(db: Session, action: str, row: SavedView, more: Mapping[str, Any], *, actor: Actor, now: datetime) -> None:
    details = {"page": row.page, "name": row.name, "filter": row.query, "shared": row.shared, **more}
    subject = show_id(PREFIX, row.id)
    record(db, actor=actor, action=action, environment=None, subject=subject, details=details, now=now)
