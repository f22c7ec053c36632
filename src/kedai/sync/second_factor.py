"""A person's second factor: where staff and the key ring meet, since its secret is sealed like every other."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from kedai.errors import Conflict, Invalid
from kedai.kit.crypto import SecretPlace
from kedai.staff import second_factor
from kedai.staff.actors import actor_of_staff
from kedai.staff.totp import find_step, new_totp_secret
from kedai.sync.parts import Parts
from kedai.values.actor import Actor
from kedai.values.secret import Secret
from kedai.values.wording import N_

if TYPE_CHECKING:
    from kedai.staff.models import Staff


def begin(parts: Parts, db: Session, staff: Staff, *, actor: Actor, now: datetime) -> None:
    """Make a secret that waits for its first code.

    Raises:
        Conflict: a second factor is in use, or no secret can be sealed right now.
    """
    sealed = parts.ring.seal(db, totp_place(staff), new_totp_secret().reveal())
    second_factor.begin_totp(db, staff, sealed, actor=actor, now=now)


def find_waiting(parts: Parts, staff: Staff) -> Secret | None:
    """The secret that waits to be confirmed, to be shown as a QR code; ``None`` once it is in use.

    Raises:
        SecretUnreadable: its key is not here.
    """
    if staff.totp_secret_encrypted is None or staff.totp_confirmed_at is not None:
        return None
    return Secret(parts.ring.open(totp_place(staff), staff.totp_secret_encrypted))


def confirm(parts: Parts, db: Session, staff: Staff, code: str, *, actor: Actor, now: datetime) -> tuple[Secret, ...]:
    """Take the second factor into use with its first code; answers with the recovery codes.

    Raises:
        Conflict: none waits. Invalid: the code is not right.
    """
    secret = find_waiting(parts, second_factor.lock_staff(db, staff))
    if secret is None:
        raise Conflict(N_("No second factor waits to be confirmed."))
    step = find_step(secret, code, now=now, last_step=None)
    if step is None:
        raise Invalid(N_("This code is not right: look at your app again, and at its clock."), field="code")
    return second_factor.confirm_totp(db, staff, step, actor=actor, now=now)


def use_code(parts: Parts, db: Session, staff: Staff, text: str, *, now: datetime) -> bool:
    """Whether a code from the app, or a recovery code, is right; used up in this transaction if so.

    Raises:
        SecretUnreadable: the secret's key is not here; recovery codes work even then.
    """
    if second_factor.use_recovery_code(db, staff, text, actor=actor_of_staff(staff), now=now):
        return True
    row = second_factor.lock_staff(db, staff)
    if row.totp_secret_encrypted is None or row.totp_confirmed_at is None:
        return False
    secret = Secret(parts.ring.open(totp_place(row), row.totp_secret_encrypted))
    step = find_step(secret, text, now=now, last_step=row.totp_last_step)
    return step is not None and second_factor.use_step(db, row, step)


def totp_place(staff: Staff) -> SecretPlace:
    """Where a person's TOTP secret is stored: moved to another person's row it does not open.

    Bound to the address, the row's natural key: whoever lets addresses change must seal anew.
    """
    return SecretPlace("", "staff", "totp_secret_encrypted", "", staff.email)
