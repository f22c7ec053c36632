"""Proving who somebody is, for the sign-in page, the confirmation page and the JSON routes: password, then code.

Hashing is slow by design: nothing here may be called with a transaction open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Request

from kedai.errors import Invalid, Unauthenticated
from kedai.runtime import Runtime
from kedai.staff import queries, tries
from kedai.staff.passwords import verify_nothing, verify_password
from kedai.staff.service import admit_login, confirm_session, note_good_login, start_session
from kedai.staff.tries import TryKind, address_subject
from kedai.sync.second_factor import use_code
from kedai.values.secret import Secret
from kedai.values.wording import N_
from kedai.web.addresses import client_address
from kedai.web.security import Principal

if TYPE_CHECKING:
    from kedai.staff.models import Staff

REFUSED = N_("That e-mail address and password do not fit. After several wrong tries you must wait up to a minute.")
CODE_REFUSED = N_("That code does not fit, or was used before. After several wrong tries you must wait up to a minute.")
_CONFIRMATION_REFUSED = N_("That password does not fit. After several wrong tries you must wait up to a minute.")


def check_password(runtime: Runtime, request: Request, email: str, password: str) -> Staff | None:
    """The person, if the password is theirs. Unknown, disabled, too soon or wrong: ``None`` after the same work.

    From an address with many failures nothing is looked at, whoever it is about.
    """
    place, now = address_subject(address_of(runtime, request)), runtime.clock.now()
    with runtime.web_db.write() as db:
        if not tries.admit(db, TryKind.ADDRESS, place, now=now):
            return None
        staff = queries.find_staff_by_email(db, email)
        admitted = admit_login(db, staff, now=now)
    if staff is None or not admitted:
        verify_nothing(password)
        return None
    if not verify_password(password, staff.password_hash):
        return None
    with runtime.web_db.write() as db:
        tries.take_back(db, TryKind.ADDRESS, place)
        note_good_login(db, staff)
    return staff


def check_code(runtime: Runtime, staff: Staff, text: str) -> bool:
    """Whether the code is right; a right one is used up.

    Raises:
        SecretUnreadable: the key of the person's secret is not here; recovery codes work even then.
    """
    now, subject = runtime.clock.now(), staff.id.hex
    with runtime.web_db.write() as db:
        if not tries.admit(db, TryKind.CODE, subject, now=now):
            return False
        good = use_code(runtime.parts, db, staff, text, now=now)
        if good:
            tries.forget(db, TryKind.CODE, subject)
    return good


def prove(runtime: Runtime, request: Request, caller: Principal, password: str, code: str) -> None:
    """The person behind a session proves again that it is they: password, and code where one is set up.

    Raises:
        Invalid: the password (``field`` is ``password``) or the code (``code``) does not fit.
        Unauthenticated: there is no person behind this.
    """
    if caller.staff_id is None:
        raise Unauthenticated
    found = check_password(runtime, request, caller.name, password)
    if found is None or found.id != caller.staff_id:
        raise Invalid(_CONFIRMATION_REFUSED, field="password")
    if found.totp_confirmed_at is not None and not check_code(runtime, found, code):
        raise Invalid(CODE_REFUSED, field="code")


def confirm(runtime: Runtime, request: Request, caller: Principal, password: str, code: str) -> Secret:
    """As `prove`, and the session counts as confirmed from now on; its new token."""
    prove(runtime, request, caller, password, code)
    if caller.session_id is None:
        raise Unauthenticated
    with runtime.web_db.write() as db:
        return confirm_session(db, caller.session_id, actor=caller.actor, now=runtime.clock.now())


def begin_session(runtime: Runtime, request: Request, staff: Staff) -> Secret:
    """A new session for somebody who has proved who they are; its token."""
    with runtime.web_db.write() as db:
        _session, token = start_session(
            db,
            staff,
            now=runtime.clock.now(),
            address=address_of(runtime, request),
            user_agent=request.headers.get("user-agent", ""),
        )
    return token


def address_of(runtime: Runtime, request: Request) -> str:
    """Where the request comes from."""
    return client_address(request, runtime.settings.trusted_proxies)
