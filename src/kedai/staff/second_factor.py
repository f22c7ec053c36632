"""Writes what stands beside a password: the sealed TOTP secret, its used steps, recovery codes, waiting sign-ins.

Sealing is the vault's business: secrets come here sealed and leave sealed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.audit import service as audit
from kedai.errors import Conflict, NotFound
from kedai.staff.actors import show_staff
from kedai.staff.models import RecoveryCode, Staff, StaffChallenge
from kedai.staff.tokens import is_session_token, new_session_token, token_hash
from kedai.staff.totp import new_recovery_codes, recovery_code_hash
from kedai.values.actor import Actor
from kedai.values.secret import Secret
from kedai.values.wording import N_

CHALLENGE_SPAN = timedelta(minutes=5)
MAX_CHALLENGE_TRIES = 5


def begin_totp(db: Session, staff: Staff, sealed: str, *, actor: Actor, now: datetime) -> None:
    """Store a secret that waits for its first code; one that waited before is void.

    Raises:
        Conflict: a second factor is in use.
    """
    row = lock_staff(db, staff)
    if row.totp_confirmed_at is not None:
        raise Conflict(N_("A second factor is in use already: turn it off first."))
    row.totp_secret_encrypted, row.totp_last_step = sealed, None
    db.flush()
    _record(db, "totp.begun", row, {}, actor=actor, now=now)


def confirm_totp(db: Session, staff: Staff, step: int, *, actor: Actor, now: datetime) -> tuple[Secret, ...]:
    """The waiting secret's first code was right: from now on it is asked for. Recovery codes, shown this once.

    Raises:
        Conflict: no secret waits.
    """
    row = lock_staff(db, staff)
    if row.totp_secret_encrypted is None or row.totp_confirmed_at is not None:
        raise Conflict(N_("No second factor waits to be confirmed."))
    row.totp_confirmed_at, row.totp_last_step = now, step
    db.flush()
    _record(db, "totp.confirmed", row, {}, actor=actor, now=now)
    return replace_recovery_codes(db, row, actor=actor, now=now)


def end_totp(db: Session, staff: Staff, *, actor: Actor, now: datetime) -> bool:
    """Ask for a password alone again; false if there was no second factor."""
    row = lock_staff(db, staff)
    if row.totp_secret_encrypted is None:
        return False
    row.totp_secret_encrypted = row.totp_confirmed_at = row.totp_last_step = None
    db.flush()
    db.execute(sa.delete(RecoveryCode).where(RecoveryCode.staff_id == row.id))
    db.execute(sa.delete(StaffChallenge).where(StaffChallenge.staff_id == row.id))
    _record(db, "totp.ended", row, {"email": row.email}, actor=actor, now=now)
    return True


def use_step(db: Session, staff: Staff, step: int) -> bool:
    """Use a code's time step up, once: false if it, or a later one, was used before (also by somebody at once)."""
    unused = sa.or_(Staff.totp_last_step.is_(None), Staff.totp_last_step < step)
    statement = sa.update(Staff).where(Staff.id == staff.id, unused).values(totp_last_step=step).returning(Staff.id)
    return db.execute(statement).first() is not None


def replace_recovery_codes(db: Session, staff: Staff, *, actor: Actor, now: datetime) -> tuple[Secret, ...]:
    """Ten new codes, shown this once; all older ones are void."""
    db.execute(sa.delete(RecoveryCode).where(RecoveryCode.staff_id == staff.id))
    codes = new_recovery_codes()
    hashes = sorted(found for code in codes if (found := recovery_code_hash(code.reveal())) is not None)
    db.add_all(RecoveryCode(staff_id=staff.id, code_hash=one) for one in hashes)
    db.flush()
    _record(db, "recovery_codes.replaced", staff, {}, actor=actor, now=now)
    return codes


def use_recovery_code(db: Session, staff: Staff, text: str, *, actor: Actor, now: datetime) -> bool:
    """Use a recovery code up, once; false if it is none of this person's, or was used."""
    code_hash = recovery_code_hash(text)
    if code_hash is None:
        return False
    statement = (
        sa.update(RecoveryCode)
        .where(RecoveryCode.staff_id == staff.id, RecoveryCode.code_hash == code_hash, RecoveryCode.used_at.is_(None))
        .values(used_at=now)
        .returning(RecoveryCode.staff_id)
    )
    if db.execute(statement).first() is None:
        return False
    _record(db, "recovery_codes.used", staff, {"left": count_recovery_codes(db, staff)}, actor=actor, now=now)
    return True


def count_recovery_codes(db: Session, staff: Staff) -> int:
    """How many are left."""
    where = RecoveryCode.staff_id == staff.id, RecoveryCode.used_at.is_(None)
    return db.scalar(sa.select(sa.func.count()).select_from(RecoveryCode).where(*where)) or 0


def start_challenge(db: Session, staff: Staff, *, now: datetime) -> Secret:
    """Remember for five minutes that the password was right; the text goes to the browser, its hash stays."""
    db.execute(sa.delete(StaffChallenge).where(StaffChallenge.staff_id == staff.id, StaffChallenge.expires_at <= now))
    token = new_session_token()
    hashed = token_hash(token.reveal())
    db.add(StaffChallenge(token_hash=hashed, staff_id=staff.id, tries=0, expires_at=now + CHALLENGE_SPAN))
    db.flush()
    return token


def count_challenge_try(db: Session, text: str, *, now: datetime) -> Staff:
    """Whose code is awaited; counts this try.

    Raises:
        NotFound: no such sign-in waits: unknown, too old, tried too often, or of a disabled person.
    """
    if not is_session_token(text):
        raise NotFound
    statement = (
        sa.update(StaffChallenge)
        .where(
            StaffChallenge.token_hash == token_hash(text),
            StaffChallenge.expires_at > now,
            StaffChallenge.tries < MAX_CHALLENGE_TRIES,
        )
        .values(tries=StaffChallenge.tries + 1)
        .returning(StaffChallenge.staff_id)
    )
    staff_id = db.execute(statement).scalar_one_or_none()
    staff = None if staff_id is None else db.get(Staff, staff_id)
    if staff is None or staff.disabled_at is not None or staff.totp_confirmed_at is None:
        raise NotFound
    return staff


def end_challenge(db: Session, text: str) -> bool:
    """Forget a waiting sign-in; false if somebody else did so first."""
    statement = sa.delete(StaffChallenge).where(StaffChallenge.token_hash == token_hash(text))
    return db.execute(statement.returning(StaffChallenge.staff_id)).first() is not None


def lock_staff(db: Session, staff: Staff) -> Staff:
    """The person's row as it stands now, held until the transaction ends.

    Raises:
        NotFound: it is gone.
    """
    row = db.get(Staff, staff.id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound
    return row


def _record(db: Session, action: str, staff: Staff, details: dict[str, object], *, actor: Actor, now: datetime) -> None:
    audit.record(db, actor=actor, action=action, subject=show_staff(staff), environment=None, details=details, now=now)
