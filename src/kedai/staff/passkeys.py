"""Writes passkeys and the challenges they sign; every passkey added, used or removed is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from kedai.audit import service as audit
from kedai.errors import Conflict, NotFound
from kedai.kit.ids import new_id, show_id
from kedai.staff.actors import PASSKEY_PREFIX, show_staff
from kedai.staff.ceremony import NewKey
from kedai.staff.models import Passkey, PasskeyChallenge, Staff
from kedai.staff.names import parse_name
from kedai.staff.second_factor import lock_staff
from kedai.staff.tokens import is_session_token, new_session_token, token_hash
from kedai.values.actor import Actor
from kedai.values.secret import Secret
from kedai.values.wording import N_

CHALLENGE_SPAN = timedelta(minutes=5)
MAX_PASSKEYS = 20
"""Of one person."""
MAX_CHALLENGES = 10_000
"""Who asks for very many makes us forget the oldest ones, and never grow."""

_SWEPT_AT_ONCE = 500


class Purpose(StrEnum):
    """What a challenge was given out for; it is good for nothing else."""

    ADD = "add"
    SIGN_IN = "sign_in"
    CONFIRM = "confirm"


@dataclass(frozen=True, slots=True)
class Owned:
    """A passkey and the person it belongs to."""

    passkey: Passkey
    staff: Staff


def start_challenge(db: Session, purpose: Purpose, *, staff_id: UUID | None, now: datetime) -> Secret:
    """A text for the browser's cookie; what is to be signed is its hash (`challenge_of`), the only thing that stays.

    Whoever reads the challenge in the page alone cannot answer it: they lack the cookie.
    """
    _sweep(db, now=now)
    token = new_session_token()
    challenge = challenge_of(token.reveal())
    expires_at = now + CHALLENGE_SPAN
    db.add(PasskeyChallenge(challenge=challenge, purpose=purpose.value, staff_id=staff_id, expires_at=expires_at))
    db.flush()
    return token


def challenge_of(text: str) -> bytes:
    """What is to be signed for a cookie's text."""
    return token_hash(text)


def take_challenge(
    db: Session, text: str | None, purpose: Purpose, *, staff_id: UUID | None, now: datetime
) -> bytes | None:
    """Use a challenge up, once; ``None`` where there is none: unknown, too old, used, or for something else.

    Commit it whatever follows: an answer is looked at once, right or wrong.
    """
    if text is None or not is_session_token(text):
        return None
    statement = (
        sa.delete(PasskeyChallenge)
        .where(PasskeyChallenge.challenge == challenge_of(text))
        .returning(PasskeyChallenge.purpose, PasskeyChallenge.staff_id, PasskeyChallenge.expires_at)
    )
    found = db.execute(statement).one_or_none()
    if found is None or (found.purpose, found.staff_id) != (purpose.value, staff_id) or found.expires_at <= now:
        return None
    return challenge_of(text)


def add_passkey(db: Session, staff: Staff, key: NewKey, name: str, *, actor: Actor, now: datetime) -> Passkey:
    """A passkey with which this person signs in from now on.

    Raises:
        Conflict: it is known already, or the person has as many as one may have.
        Invalid: the name is not one visible line.
    """
    told = parse_name(name) if name.strip() else "Passkey"
    row = lock_staff(db, staff)
    if len(list_passkeys(db, row)) >= MAX_PASSKEYS:
        raise Conflict(
            N_("A person has at most %(max_passkeys)s passkeys: remove one first.", max_passkeys=MAX_PASSKEYS)
        )
    passkey = Passkey(
        id=new_id(),
        staff_id=row.id,
        credential_id=key.credential_id,
        public_key=key.public_key,
        sign_count=key.sign_count,
        transports=key.transports,
        name=told,
        created_at=now,
    )
    try:
        with db.begin_nested():
            db.add(passkey)
    except IntegrityError:
        raise Conflict(N_("This passkey is known here already.")) from None
    _record(db, "passkey.added", row, passkey, actor=actor, now=now)
    return passkey


def remove_passkey(db: Session, staff: Staff, passkey_id: UUID, *, actor: Actor, now: datetime) -> None:
    """Make one of a person's passkeys worthless.

    Raises:
        NotFound: this person has no such passkey.
    """
    passkey = db.get(Passkey, passkey_id)
    if passkey is None or passkey.staff_id != staff.id:
        raise NotFound
    _record(db, "passkey.removed", staff, passkey, actor=actor, now=now)
    db.delete(passkey)
    db.flush()


def remove_all_passkeys(db: Session, staff: Staff, *, actor: Actor, now: datetime) -> int:
    """Make all of a person's passkeys worthless; how many there were."""
    row = lock_staff(db, staff)
    passkeys = list_passkeys(db, row)
    for passkey in passkeys:
        _record(db, "passkey.removed", row, passkey, actor=actor, now=now)
        db.delete(passkey)
    db.execute(sa.delete(PasskeyChallenge).where(PasskeyChallenge.staff_id == row.id))
    db.flush()
    return len(passkeys)


def list_passkeys(db: Session, staff: Staff) -> Sequence[Passkey]:
    """A person's passkeys, oldest first."""
    return db.scalars(sa.select(Passkey).where(Passkey.staff_id == staff.id).order_by(Passkey.id)).all()


def find_passkey(db: Session, credential_id: bytes) -> Owned | None:
    """The passkey of this id and its owner, disabled or not."""
    statement = (
        sa.select(Passkey, Staff)
        .join(Staff, Staff.id == Passkey.staff_id)
        .where(Passkey.credential_id == credential_id)
    )
    row = db.execute(statement).one_or_none()
    return None if row is None else Owned(*row)


def use_passkey(db: Session, owned: Owned, sign_count: int, purpose: Purpose, *, actor: Actor, now: datetime) -> bool:
    """Note that a passkey has signed; false, and recorded, where its count does not go on from the last one.

    Then two devices hold the same key, or an old answer came again: either way this one is not to be trusted. False
    too where the passkey was removed meanwhile.
    """
    goes_on = Passkey.sign_count < sign_count if sign_count else Passkey.sign_count == 0
    statement = (
        sa.update(Passkey)
        .where(Passkey.id == owned.passkey.id, goes_on)
        .values(sign_count=sign_count, last_used_at=now)
        .returning(Passkey.id)
    )
    good = db.execute(statement).first() is not None
    if not good and db.get(Passkey, owned.passkey.id) is None:
        return False
    details: dict[str, object] = {"for": purpose.value} if good else {"for": purpose.value, "count": sign_count}
    action = "passkey.used" if good else "passkey.count_went_back"
    _record(db, action, owned.staff, owned.passkey, details, actor=actor, now=now)
    return good


def _sweep(db: Session, *, now: datetime) -> None:
    """Remove what is too old, and the oldest ones over the limit; rows that others hold are left to them."""
    number = db.scalar(sa.select(sa.func.count()).select_from(PasskeyChallenge)) or 0
    oldest = sa.select(PasskeyChallenge.challenge).order_by(PasskeyChallenge.expires_at, PasskeyChallenge.challenge)
    stale = oldest.where(PasskeyChallenge.expires_at <= now).limit(_SWEPT_AT_ONCE)
    over = number - MAX_CHALLENGES + 1
    for statement in (stale,) if over <= 0 else (stale, oldest.limit(min(over, _SWEPT_AT_ONCE))):
        found = db.scalars(statement.with_for_update(skip_locked=True)).all()
        if found:
            db.execute(sa.delete(PasskeyChallenge).where(PasskeyChallenge.challenge.in_(found)))


def _record(
    db: Session,
    action: str,
    staff: Staff,
    passkey: Passkey,
    details: dict[str, object] | None = None,
    *,
    actor: Actor,
    now: datetime,
) -> None:
    told = {"email": staff.email, "passkey": show_id(PASSKEY_PREFIX, passkey.id), "name": passkey.name}
    subject, given = show_staff(staff), {**told, **(details or {})}
    audit.record(db, actor=actor, action=action, subject=subject, environment=None, details=given, now=now)
