"""Reads people, sessions and API tokens; what is expired, revoked or disabled is not found."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.errors import Invalid, NotFound
from kedai.staff.models import ApiToken, Staff, StaffSession
from kedai.staff.names import parse_email
from kedai.staff.tokens import is_api_token, is_session_token, token_hash

T = TypeVar("T")

IDLE_SPAN = timedelta(minutes=30)
SESSION_SPAN = timedelta(hours=12)
TOUCH_SPAN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A valid session and the person it belongs to."""

    session: StaffSession
    staff: Staff


def find_session(db: Session, token_text: str, *, now: datetime) -> SignedIn | None:
    """The session of a cookie's text: not idle for 30 minutes, not older than 12 hours, of a person not disabled."""
    if not is_session_token(token_text):
        return None
    statement = (
        sa.select(StaffSession, Staff)
        .join(Staff, Staff.id == StaffSession.staff_id)
        .where(StaffSession.token_hash == token_hash(token_text), Staff.disabled_at.is_(None), *_live(now))
    )
    row = db.execute(statement).one_or_none()
    return None if row is None else SignedIn(*row)


def find_api_token(db: Session, text: str, *, now: datetime) -> ApiToken | None:
    """The token of exactly this text, if it is neither revoked nor expired."""
    if not is_api_token(text):
        return None
    statement = sa.select(ApiToken).where(
        ApiToken.token_hash == token_hash(text),
        ApiToken.revoked_at.is_(None),
        sa.or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now),
    )
    return db.scalars(statement).one_or_none()


def is_touch_due(last: datetime | None, *, now: datetime) -> bool:
    """Whether a minute has passed since ``last_seen_at`` or ``last_used_at``: only then is `service.touch_…` due."""
    return last is None or now - last >= TOUCH_SPAN


def find_staff_by_email(db: Session, text: str) -> Staff | None:
    """The person of an address in any spelling; what is no address is nobody's."""
    try:
        email = parse_email(text)
    except Invalid:
        return None
    return db.scalars(sa.select(Staff).where(Staff.email == email)).one_or_none()


def get_staff(db: Session, staff_id: UUID) -> Staff:
    """One person, disabled or not.

    Raises:
        NotFound: nobody by that id.
    """
    return _found(db.get(Staff, staff_id))


def get_session(db: Session, session_id: UUID) -> StaffSession:
    """One session, expired or not.

    Raises:
        NotFound: none by that id, or it has ended.
    """
    return _found(db.get(StaffSession, session_id))


def get_api_token(db: Session, token_id: UUID) -> ApiToken:
    """One API token, revoked or not.

    Raises:
        NotFound: none by that id.
    """
    return _found(db.get(ApiToken, token_id))


def list_staff(db: Session, *, limit: int = 200) -> list[Staff]:
    """Everyone, disabled or not, by address."""
    return list(db.scalars(sa.select(Staff).order_by(Staff.email).limit(limit)))


def list_sessions(db: Session, staff: Staff, *, now: datetime, limit: int = 200) -> list[StaffSession]:
    """A person's valid sessions, the one seen last first."""
    statement = sa.select(StaffSession).where(StaffSession.staff_id == staff.id, *_live(now))
    return list(db.scalars(statement.order_by(StaffSession.last_seen_at.desc(), StaffSession.id.desc()).limit(limit)))


def list_ended(db: Session, session_ids: Collection[UUID], *, now: datetime) -> set[UUID]:
    """Which of these sessions are no longer valid."""
    statement = (
        sa.select(StaffSession.id)
        .join(Staff, Staff.id == StaffSession.staff_id)
        .where(StaffSession.id.in_(session_ids), *_live(now), Staff.disabled_at.is_(None))
    )
    return set(session_ids) - set(db.scalars(statement))


def list_api_tokens(db: Session, *, limit: int = 200) -> list[ApiToken]:
    """The tokens of both environments, revoked or not, newest first."""
    return list(db.scalars(sa.select(ApiToken).order_by(ApiToken.id.desc()).limit(limit)))


def count_staff(db: Session) -> int:
    """How many people there are, disabled ones included; none means a fresh installation."""
    return db.scalar(sa.select(sa.func.count()).select_from(Staff)) or 0


def _live(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return StaffSession.expires_at > now, StaffSession.last_seen_at > now - IDLE_SPAN


def _found(row: T | None) -> T:
    if row is None:
        raise NotFound
    return row
