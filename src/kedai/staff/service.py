"""Writes people, sessions and API tokens; every deed of a person is recorded in the same transaction."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from kedai.audit import service as audit
from kedai.errors import Conflict, Forbidden, Invalid
from kedai.kit.ids import new_id
from kedai.kit.zones import list_zones
from kedai.staff.actors import actor_of_staff, show_api_token, show_session, show_staff
from kedai.staff.models import ApiToken, Staff, StaffChallenge, StaffSession
from kedai.staff.names import one_line, parse_email, parse_name
from kedai.staff.queries import SESSION_SPAN, TOUCH_SPAN, get_session
from kedai.staff.roles import Role, TokenScope
from kedai.staff.second_factor import lock_staff
from kedai.staff.tokens import new_api_token, new_session_token, token_hash
from kedai.staff.tries import growing_delay
from kedai.values.actor import Actor
from kedai.values.environment import Environment
from kedai.values.secret import Secret
from kedai.values.wording import N_

_FREE_TRIES = 3
_MAX_ADDRESS = 64
_MAX_USER_AGENT = 256


def create_staff(
    db: Session,
    email: str,
    *,
    role: Role,
    password_hash: str,
    must_change_password: bool = False,
    actor: Actor,
    now: datetime,
) -> Staff:
    """A new person; the hash comes from `passwords.hash_password`, called before the transaction.

    ``must_change_password`` where somebody else chose it: until it is changed the person can do nothing else.

    Raises:
        Conflict: somebody has this address, in whatever spelling.
        Invalid: not an address.
    """
    staff = Staff(
        id=new_id(),
        email=parse_email(email),
        role=role.value,
        password_hash=password_hash,
        must_change_password=must_change_password,
        failed_logins=0,
        created_at=now,
    )
    try:
        with db.begin_nested():
            db.add(staff)
    except IntegrityError:
        raise Conflict(N_("Somebody with this e-mail address exists already.")) from None
    _record(db, "staff.created", show_staff(staff), {"email": staff.email, "role": role.value}, actor=actor, now=now)
    return staff


def choose_time_zone(db: Session, staff: Staff, zone: str, *, actor: Actor, now: datetime) -> bool:
    """Show this person times of that zone from now on; false if it was theirs.

    Raises:
        Invalid: there is no such zone.
    """
    if zone not in list_zones():
        raise Invalid(N_("Choose a time zone of the list."), field="time_zone")
    before, staff.time_zone = staff.time_zone, zone
    if before == zone:
        return False
    db.flush()
    _record(db, "staff.time_zone", show_staff(staff), {"from": before, "to": zone}, actor=actor, now=now)
    return True


def disable_staff(db: Session, staff: Staff, *, actor: Actor, now: datetime) -> bool:
    """Shut a person out and end their sessions; false if they were disabled before.

    Raises:
        Conflict: it is the last administrator.
    """
    _keep_an_admin(db, staff)
    statement = sa.update(Staff).where(Staff.id == staff.id, Staff.disabled_at.is_(None)).values(disabled_at=now)
    if not _changed(db, statement.returning(Staff.id)):
        return False
    revoke_all_sessions(db, staff, actor=actor, now=now)
    _record(db, "staff.disabled", show_staff(staff), {"email": staff.email}, actor=actor, now=now)
    return True


def enable_staff(db: Session, staff: Staff, *, actor: Actor, now: datetime) -> bool:
    """Let a disabled person sign in again; false if they could."""
    statement = sa.update(Staff).where(Staff.id == staff.id, Staff.disabled_at.is_not(None)).values(disabled_at=None)
    if not _changed(db, statement.returning(Staff.id)):
        return False
    _record(db, "staff.enabled", show_staff(staff), {"email": staff.email}, actor=actor, now=now)
    return True


def change_role(db: Session, staff: Staff, role: Role, *, actor: Actor, now: datetime) -> bool:
    """Give a person another role; they sign in anew with it. False if it was theirs.

    Raises:
        Conflict: it is the last administrator.
    """
    if role is not Role.ADMIN:
        _keep_an_admin(db, staff)
    row = lock_staff(db, staff)
    before = row.role
    if before == role.value:
        return False
    row.role = role.value
    db.flush()
    revoke_all_sessions(db, row, actor=actor, now=now)
    details = {"email": row.email, "from": before, "to": role.value}
    _record(db, "staff.role_changed", show_staff(row), details, actor=actor, now=now)
    return True


def set_password(
    db: Session,
    staff: Staff,
    password_hash: str,
    *,
    must_change: bool,
    keep_session: UUID | None,
    actor: Actor,
    now: datetime,
) -> None:
    """A new password ends every session but ``keep_session``; ``must_change`` where somebody else chose it."""
    row = lock_staff(db, staff)
    row.password_hash, row.password_changed_at, row.must_change_password = password_hash, now, must_change
    row.failed_logins, row.last_failed_at = 0, None
    db.flush()
    db.execute(sa.delete(StaffChallenge).where(StaffChallenge.staff_id == row.id))
    revoke_all_sessions(db, row, keep=keep_session, actor=actor, now=now)
    action = "staff.password_reset" if must_change else "staff.password_changed"
    _record(db, action, show_staff(row), {"email": row.email}, actor=actor, now=now)


def set_language(db: Session, staff: Staff, language: str | None) -> None:
    """In which language this person's pages are shown, ``None`` as their browser asks; a taste that nothing records."""
    lock_staff(db, staff).language = language


def delay_seconds(failed_logins: int) -> int:
    """How long an account waits after so many failed logins in a row: 0, 0, 0, 1, 2, 4, … and never over 60."""
    return growing_delay(failed_logins, free=_FREE_TRIES)


def admit_login(db: Session, staff: Staff | None, *, now: datetime) -> bool:
    """Whether the password given now may be looked at; if so the try counts as failed until `note_good_login`.

    False for nobody, for a disabled person, and while the delay lasts: the caller then calls
    `passwords.verify_nothing` and answers as for a wrong password. Counted before the password is hashed, so that a
    thousand tries at once are not a thousand guesses. A try that is not admitted does not lengthen the delay.
    """
    row = None if staff is None else db.get(Staff, staff.id, with_for_update=True, populate_existing=True)
    if row is None or row.disabled_at is not None:
        return False
    wait = timedelta(seconds=delay_seconds(row.failed_logins))
    if row.last_failed_at is not None and now < row.last_failed_at + wait:
        return False
    note_failed_login(db, row, now=now)
    return True


def note_failed_login(db: Session, staff: Staff, *, now: datetime) -> None:
    """Count a failed login; `admit_login` does it already."""
    db.execute(
        sa.update(Staff).where(Staff.id == staff.id).values(failed_logins=Staff.failed_logins + 1, last_failed_at=now)
    )


def note_good_login(db: Session, staff: Staff) -> None:
    """Forget the failed logins before this one."""
    db.execute(sa.update(Staff).where(Staff.id == staff.id).values(failed_logins=0, last_failed_at=None))


def start_session(
    db: Session, staff: Staff, *, now: datetime, address: str, user_agent: str
) -> tuple[StaffSession, Secret]:
    """Sign a person in: a new session with a new token every time, of which only the hash stays here.

    Raises:
        Forbidden: the person is disabled.
    """
    if staff.disabled_at is not None:
        raise Forbidden(N_("This person is disabled."))
    db.execute(sa.delete(StaffSession).where(StaffSession.staff_id == staff.id, StaffSession.expires_at <= now))
    token = new_session_token()
    session = StaffSession(
        id=new_id(),
        token_hash=token_hash(token.reveal()),
        staff_id=staff.id,
        created_at=now,
        last_seen_at=now,
        confirmed_at=now,
        expires_at=now + SESSION_SPAN,
        address=one_line(address, limit=_MAX_ADDRESS),
        user_agent=one_line(user_agent, limit=_MAX_USER_AGENT),
    )
    db.add(session)
    details = {"staff": show_staff(staff), "address": session.address}
    _record(db, "session.started", show_session(session), details, actor=actor_of_staff(staff), now=now)
    return session, token


def confirm_session(db: Session, session_id: UUID, *, actor: Actor, now: datetime) -> Secret:
    """The person proved again who they are: note when, and give the session a new token.

    Raises:
        NotFound: the session has ended.
    """
    session, token = get_session(db, session_id), new_session_token()
    session.token_hash, session.confirmed_at = token_hash(token.reveal()), now
    db.flush()
    _record(db, "session.confirmed", show_session(session), {}, actor=actor, now=now)
    return token


def end_session(db: Session, session: StaffSession, *, actor: Actor, now: datetime) -> bool:
    """Sign one browser out; false if it was signed out before."""
    if not _changed(db, sa.delete(StaffSession).where(StaffSession.id == session.id).returning(StaffSession.id)):
        return False
    _record(db, "session.ended", show_session(session), {}, actor=actor, now=now)
    return True


def revoke_all_sessions(db: Session, staff: Staff, *, keep: UUID | None = None, actor: Actor, now: datetime) -> int:
    """Sign a person out everywhere (but in the session ``keep``); how many sessions that ended."""
    statement = sa.delete(StaffSession).where(StaffSession.staff_id == staff.id)
    if keep is not None:
        statement = statement.where(StaffSession.id != keep)
    ended = len(db.execute(statement.returning(StaffSession.id)).all())
    if ended:
        _record(db, "staff.sessions_revoked", show_staff(staff), {"sessions": ended}, actor=actor, now=now)
    return ended


def touch_session(db: Session, session_id: UUID, *, now: datetime) -> None:
    """Keep a session from going idle; call it when `queries.is_touch_due` says so, in a transaction of its own."""
    db.execute(
        sa.update(StaffSession)
        .where(StaffSession.id == session_id, StaffSession.last_seen_at <= now - TOUCH_SPAN)
        .values(last_seen_at=now)
    )


def create_api_token(
    db: Session,
    name: str,
    *,
    role: Role,
    environment: Environment,
    actor: Actor,
    now: datetime,
    expires_at: datetime | None = None,
    scopes: Collection[TokenScope] = (),
) -> tuple[ApiToken, Secret]:
    """A program's access to one environment; the text is shown once, and only its hash stays here.

    Raises:
        Invalid: an empty or unprintable name, an end that is not in the future, or a scope of the other environment.
    """
    if TokenScope.ACTIVATE_LIVE in scopes and environment is not Environment.LIVE:
        raise Invalid(N_("Only a token for live can be allowed to switch to live."), field="scopes")
    if expires_at is not None and expires_at <= now:
        raise Invalid(N_("A token expires in the future."), field="expires_at")
    text = new_api_token(environment)
    token = ApiToken(
        id=new_id(),
        name=parse_name(name),
        role=role.value,
        environment=environment,
        scopes=sorted(scope.value for scope in scopes),
        token_hash=token_hash(text.reveal()),
        created_at=now,
        created_by=actor.name,
        expires_at=expires_at,
    )
    db.add(token)
    details = {"name": token.name, "role": role.value, "scopes": token.scopes, "expires_at": expires_at}
    _record_token(db, "token.created", token, details, actor=actor, now=now)
    return token, text


def revoke_api_token(db: Session, token: ApiToken, *, actor: Actor, now: datetime) -> bool:
    """Make a token worthless; false if it was before."""
    statement = sa.update(ApiToken).where(ApiToken.id == token.id, ApiToken.revoked_at.is_(None)).values(revoked_at=now)
    if not _changed(db, statement.returning(ApiToken.id)):
        return False
    details = {"name": token.name}
    _record_token(db, "token.revoked", token, details, actor=actor, now=now)
    return True


def touch_api_token(db: Session, token_id: UUID, *, now: datetime) -> None:
    """Note that a token is in use; call it when `queries.is_touch_due` says so, in a transaction of its own."""
    is_due = sa.or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at <= now - TOUCH_SPAN)
    db.execute(sa.update(ApiToken).where(ApiToken.id == token_id, is_due).values(last_used_at=now))


def _keep_an_admin(db: Session, staff: Staff) -> None:
    """Whoever takes an administrator away first locks all there are: two at once cannot remove each other."""
    admins = (
        sa.select(Staff.id)
        .where(Staff.role == Role.ADMIN.value, Staff.disabled_at.is_(None))
        .order_by(Staff.id)
        .with_for_update()
    )
    if db.scalars(admins).all() == [staff.id]:
        raise Conflict(N_("This is the last administrator: make somebody else one first."))


def _changed(db: Session, statement: sa.Executable) -> bool:
    return db.execute(statement).first() is not None


def _record(db: Session, action: str, subject: str, details: dict[str, Any], *, actor: Actor, now: datetime) -> None:
    """People and their sessions lie in no environment."""
    audit.record(db, actor=actor, action=action, subject=subject, environment=None, details=details, now=now)


def _record_token(
    db: Session, action: str, token: ApiToken, details: dict[str, Any], *, actor: Actor, now: datetime
) -> None:
    """A token lies in its own."""
    subject, environment = show_api_token(token), token.environment
    audit.record(db, actor=actor, action=action, subject=subject, environment=environment, details=details, now=now)
