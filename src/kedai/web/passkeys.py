"""Passkeys at the door: what a browser is asked, and what follows when its answer is right.

Whom passkeys are made for comes from the public URL alone. A challenge is bound to this browser by a cookie of its own,
is good for one purpose and one person, for five minutes and once. Giving one out counts as a failed try of the
network address until it was answered well; a wrong answer also counts as a failure of the passkey's owner. But an
owner's failures do not stop their passkey: it cannot be guessed, and a stranger must not be able to shut them out.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from kedai.errors import Conflict, Invalid, RateLimited, Unauthenticated
from kedai.runtime import Runtime
from kedai.staff import passkeys, tries
from kedai.staff.actors import actor_of_staff
from kedai.staff.ceremony import (
    NOT_RIGHT,
    Known,
    RelyingParty,
    creation_options,
    parse_answer,
    request_options,
    verify_creation,
    verify_request,
)
from kedai.staff.passkeys import CHALLENGE_SPAN, Owned, Purpose
from kedai.staff.second_factor import lock_staff
from kedai.staff.service import confirm_session, note_failed_login, note_good_login, start_session
from kedai.staff.tries import TryKind, address_subject
from kedai.values.secret import Secret
from kedai.values.wording import N_
from kedai.web.csrf import origin_of
from kedai.web.deps import is_secure
from kedai.web.security import Principal, passkey_cookie_name, read_cookie
from kedai.web.sign_in import address_of

if TYPE_CHECKING:
    from kedai.staff.models import Passkey, Staff

TOO_LATE = N_("This took longer than five minutes, or was begun in another window. Try again.")
_UNAVAILABLE = N_("Passkeys need a KEDAI_PUBLIC_URL with a host name: browsers make none for a bare address.")
_TOO_MANY = N_("Too many tries from your network: wait a minute, then try again.")


def find_party(runtime: Runtime) -> RelyingParty | None:
    """Whom passkeys are made for here; ``None`` where browsers would make none."""
    public_url = runtime.settings.public_url
    host = urlsplit(public_url).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return RelyingParty(host, origin_of(public_url))
    return None


def begin_adding(runtime: Runtime, staff: Staff) -> tuple[dict[str, Any], Secret]:
    """What the browser needs to make a passkey for this person, and the cookie's text.

    Raises:
        Conflict: passkeys are not possible here.
    """
    party = _party(runtime)
    with runtime.web_db.write() as db:
        token = passkeys.start_challenge(db, Purpose.ADD, staff_id=staff.id, now=runtime.clock.now())
        known = _known(passkeys.list_passkeys(db, staff))
    challenge = passkeys.challenge_of(token.reveal())
    options = creation_options(party, challenge=challenge, user_id=staff.id.bytes, email=staff.email, known=known)
    return options, token


def add(runtime: Runtime, request: Request, caller: Principal, staff: Staff, name: str, text: str) -> None:
    """Take a passkey into use that the browser has made.

    Raises:
        Conflict: it is known, there are too many, or passkeys are not possible here.
        Invalid: the answer, or the name, is not right.
    """
    party, answer = _party(runtime), parse_answer(text)
    with runtime.web_db.write() as db:
        challenge = _take(runtime, request, db, Purpose.ADD, staff.id)
    if challenge is None:
        raise Invalid(TOO_LATE, field="credential")
    key = verify_creation(party, answer, challenge=challenge)
    with runtime.web_db.write() as db:
        passkeys.add_passkey(db, staff, key, name, actor=caller.actor, now=runtime.clock.now())


def begin_sign_in(runtime: Runtime, request: Request) -> tuple[dict[str, Any], Secret]:
    """What the browser needs to sign somebody in, whoever it is, and the cookie's text.

    Raises:
        Conflict: passkeys are not possible here. RateLimited: too many tries from this address.
    """
    return _begin(runtime, request, Purpose.SIGN_IN, None)


def begin_confirming(runtime: Runtime, request: Request, staff: Staff) -> tuple[dict[str, Any], Secret]:
    """What the browser needs to confirm that it is this person, and the cookie's text.

    Raises:
        Conflict: passkeys are not possible here. RateLimited: too many tries from this address.
    """
    return _begin(runtime, request, Purpose.CONFIRM, staff)


def sign_in(runtime: Runtime, request: Request, text: str) -> Secret:
    """A new session for the passkey's owner; its token.

    Raises:
        Invalid: the answer is not right, came too late, or its owner may not sign in.
        Conflict: passkeys are not possible here.
    """
    owned, count = _prove(runtime, request, text, Purpose.SIGN_IN, None)
    actor, now = actor_of_staff(owned.staff), runtime.clock.now()
    with runtime.web_db.write() as db:
        staff = lock_staff(db, owned.staff)  # as they stand now: who was disabled meanwhile gets no session
        good = passkeys.use_passkey(db, owned, count, Purpose.SIGN_IN, actor=actor, now=now)
        if good:
            _forget_failures(runtime, request, db, owned)
            agent = request.headers.get("user-agent", "")
            address = address_of(runtime, request)
            _session, token = start_session(db, staff, now=now, address=address, user_agent=agent)
    if not good:
        raise Invalid(NOT_RIGHT, field="credential")
    return token


def confirm(runtime: Runtime, request: Request, caller: Principal, text: str) -> Secret:
    """The session counts as confirmed from now on; its new token.

    Raises:
        Invalid: the answer is not right, came too late, or is by somebody else's passkey.
        Conflict: passkeys are not possible here. Unauthenticated: there is no person behind this.
    """
    if caller.staff_id is None or caller.session_id is None:
        raise Unauthenticated
    owned, count = _prove(runtime, request, text, Purpose.CONFIRM, caller.staff_id)
    now = runtime.clock.now()
    with runtime.web_db.write() as db:
        good = passkeys.use_passkey(db, owned, count, Purpose.CONFIRM, actor=caller.actor, now=now)
        if good:
            _forget_failures(runtime, request, db, owned)
            token = confirm_session(db, caller.session_id, actor=caller.actor, now=now)
    if not good:
        raise Invalid(NOT_RIGHT, field="credential")
    return token


def set_passkey_cookie(response: Response, token: Secret, *, secure: bool) -> None:
    """Bind what is being signed to this browser."""
    response.set_cookie(
        passkey_cookie_name(secure=secure),
        token.reveal(),
        max_age=int(CHALLENGE_SPAN.total_seconds()),
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def _begin(runtime: Runtime, request: Request, purpose: Purpose, staff: Staff | None) -> tuple[dict[str, Any], Secret]:
    party, now = _party(runtime), runtime.clock.now()
    place = address_subject(address_of(runtime, request))
    with runtime.web_db.write() as db:
        admitted = tries.admit(db, TryKind.ADDRESS, place, now=now)
        if admitted:
            token = passkeys.start_challenge(db, purpose, staff_id=None if staff is None else staff.id, now=now)
            known = [] if staff is None else _known(passkeys.list_passkeys(db, staff))
    if not admitted:
        raise RateLimited(_TOO_MANY, retry_after=60)
    return request_options(party, challenge=passkeys.challenge_of(token.reveal()), known=known), token


def _prove(runtime: Runtime, request: Request, text: str, purpose: Purpose, staff_id: UUID | None) -> tuple[Owned, int]:
    """Whose passkey has signed this browser's challenge, and its count.

    The challenge is used up before the answer is looked at. An unknown passkey, a disabled owner, another person's: the
    same words.
    """
    party, answer = _party(runtime), parse_answer(text)
    with runtime.web_db.write() as db:
        challenge = _take(runtime, request, db, purpose, staff_id)
        owned = passkeys.find_passkey(db, answer.credential_id)
    if challenge is None:
        raise Invalid(TOO_LATE, field="credential")
    if owned is None:
        raise Invalid(NOT_RIGHT, field="credential")
    try:
        if staff_id not in {None, owned.staff.id} or answer.user_handle not in {None, owned.staff.id.bytes}:
            raise Invalid(NOT_RIGHT, field="credential")
        count = verify_request(party, answer, challenge=challenge, public_key=owned.passkey.public_key)
    except Invalid:
        with runtime.web_db.write() as db:
            note_failed_login(db, owned.staff, now=runtime.clock.now())
        raise
    if owned.staff.disabled_at is not None:
        raise Invalid(NOT_RIGHT, field="credential")
    return owned, count


def _take(runtime: Runtime, request: Request, db: Session, purpose: Purpose, staff_id: UUID | None) -> bytes | None:
    cookie = read_cookie(request, passkey_cookie_name(secure=is_secure(runtime)))
    return passkeys.take_challenge(db, cookie, purpose, staff_id=staff_id, now=runtime.clock.now())


def _forget_failures(runtime: Runtime, request: Request, db: Session, owned: Owned) -> None:
    tries.take_back(db, TryKind.ADDRESS, address_subject(address_of(runtime, request)))
    note_good_login(db, owned.staff)


def _party(runtime: Runtime) -> RelyingParty:
    party = find_party(runtime)
    if party is None:
        raise Conflict(_UNAVAILABLE)
    return party


def _known(found: Sequence[Passkey]) -> list[Known]:
    return [Known(bytes(one.credential_id), one.transports) for one in found]
