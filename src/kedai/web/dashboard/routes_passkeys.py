"""Passkeys on the pages: signing in, confirming, adding and removing. The forms are sent by `passkey.js`.

What the browser needs is asked for as JSON; its answer comes as a form like every other, so that what is wrong is said
on the page.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from kedai.errors import Conflict, Invalid
from kedai.kit.ids import parse_id
from kedai.runtime import Runtime
from kedai.staff.actors import PASSKEY_PREFIX
from kedai.staff.passkeys import list_passkeys, remove_passkey
from kedai.values.secret import Secret
from kedai.web import passkeys
from kedai.web.dashboard.access import FreshPerson, Person
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.people import staff_of
from kedai.web.dashboard.render import known
from kedai.web.dashboard.routes_account import show_account
from kedai.web.dashboard.routes_confirm import ask_again
from kedai.web.dashboard.routes_session import show_sign_in
from kedai.web.deps import RuntimeDep, is_secure
from kedai.web.security import safe_next, set_session_cookie

router = APIRouter()


@router.post("/login/passkey/options")
def begin_sign_in(request: Request, runtime: RuntimeDep) -> Response:
    """What a browser needs to sign somebody in; names nobody."""
    return _options(runtime, *passkeys.begin_sign_in(runtime, request))


@router.post("/login/passkey")
def sign_in(request: Request, runtime: RuntimeDep, form: Form) -> Response:
    """Sign the passkey's owner in: it stands for password and code."""
    next_path = safe_next(form.get("next"))
    try:
        token = passkeys.sign_in(runtime, request, form.get("credential", ""))
    except Invalid as error:
        return show_sign_in(request, runtime, status=401, next_path=next_path, email="", problem=known(error.message))
    return _on(runtime, token, next_path)


@router.post("/confirm/passkey/options")
def begin_confirming(request: Request, runtime: RuntimeDep, caller: Person) -> Response:
    """What a browser needs to confirm that it is this person."""
    with runtime.web_db.read() as db:
        staff = staff_of(db, caller)
    return _options(runtime, *passkeys.begin_confirming(runtime, request, staff))


@router.post("/confirm/passkey")
def confirm(request: Request, runtime: RuntimeDep, caller: Person, form: Form) -> Response:
    """Note that it is the person, as the password would."""
    next_path = safe_next(form.get("next"))
    try:
        token = passkeys.confirm(runtime, request, caller, form.get("credential", ""))
    except Invalid as error:
        return ask_again(request, runtime, caller, next_path, field="passkey", problem=known(error.message))
    return _on(runtime, token, next_path)


@router.post("/account/passkeys/options")
def begin_adding(runtime: RuntimeDep, caller: FreshPerson) -> Response:
    """What a browser needs to make a passkey for this person."""
    with runtime.web_db.read() as db:
        staff = staff_of(db, caller)
    return _options(runtime, *passkeys.begin_adding(runtime, staff))


@router.post("/account/passkeys")
def add(request: Request, runtime: RuntimeDep, caller: FreshPerson, form: Form) -> Response:
    """Take a passkey into use that the browser has made."""
    with runtime.web_db.read() as db:
        staff = staff_of(db, caller)
    try:
        passkeys.add(runtime, request, caller, staff, form.get("name", ""), form.get("credential", ""))
    except (Conflict, Invalid) as error:
        status = 409 if isinstance(error, Conflict) else 422
        return show_account(request, runtime, caller, status=status, problem=known(error.message))
    return RedirectResponse("/account?status=passkey_added", 303)


@router.post("/account/passkeys/{passkey_id}/remove")
def remove(runtime: RuntimeDep, caller: FreshPerson, passkey_id: str) -> Response:
    """Make one worthless."""
    with runtime.web_db.write() as db:
        staff = staff_of(db, caller)
        passkey = parse_id(PASSKEY_PREFIX, passkey_id)
        remove_passkey(db, staff, passkey, actor=caller.actor, now=runtime.clock.now())
        alone = staff.totp_confirmed_at is None and not list_passkeys(db, staff)
    return RedirectResponse(f"/account?status={'last_passkey_removed' if alone else 'passkey_removed'}", 303)


def _options(runtime: Runtime, options: dict[str, Any], token: Secret) -> Response:
    response = JSONResponse(options)
    passkeys.set_passkey_cookie(response, token, secure=is_secure(runtime))
    return response


def _on(runtime: Runtime, token: Secret, next_path: str) -> Response:
    response = RedirectResponse(next_path, 303)
    set_session_cookie(response, token, secure=is_secure(runtime))
    return response
