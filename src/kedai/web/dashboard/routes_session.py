"""Signing in and out."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from kedai.runtime import Runtime
from kedai.staff import queries
from kedai.staff.passwords import verify_nothing, verify_password
from kedai.staff.service import admit_login, end_session, note_good_login, start_session
from kedai.values.secret import Secret
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.render import render
from kedai.web.dashboard.shell import read_shell, text_param
from kedai.web.dashboard.words import find_notice
from kedai.web.deps import MaybeCaller, RuntimeDep, is_secure
from kedai.web.security import clear_session_cookie, safe_next, set_session_cookie

if TYPE_CHECKING:
    from kedai.staff.models import Staff

router = APIRouter()

_REFUSED = "That e-mail address and password do not fit. After several wrong tries you must wait up to a minute."


@router.get("/login")
def show_login(request: Request, runtime: RuntimeDep, caller: MaybeCaller) -> Response:
    """The form; who is signed in already goes on."""
    next_path = safe_next(text_param(request, "next", at_most=2000))
    if caller is not None:
        return RedirectResponse(next_path, 303)
    notice = find_notice(text_param(request, "status"))
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=None, section="login", caller=None)
    return render(shell, "login.html", next_path=next_path, email="", problem=None, notice=notice)


@router.post("/login")
def sign_in(request: Request, runtime: RuntimeDep, form: Form) -> Response:
    """Sign a person in. Unknown, disabled, too soon or wrong: the same words after the same work."""
    email, password = form.get("email", ""), form.get("password", "")
    next_path = safe_next(form.get("next"))
    staff = _admitted(runtime, email, password)
    if staff is None:
        with runtime.web_db.read() as db:
            shell = read_shell(request, runtime, db, viewed=None, section="login", caller=None)
        return render(
            shell, "login.html", status=401, next_path=next_path, email=email[:320], problem=_REFUSED, notice=None
        )
    token = _start(request, runtime, staff, runtime.clock.now())
    response = RedirectResponse(next_path, 303)
    set_session_cookie(response, token, secure=is_secure(runtime))
    return response


@router.post("/logout")
def sign_out(runtime: RuntimeDep, caller: MaybeCaller) -> Response:
    """End this browser's session; signing out twice is no error."""
    if caller is not None and caller.session_id is not None:
        with runtime.web_db.write() as db:
            session = queries.get_session(db, caller.session_id)
            end_session(db, session, actor=caller.actor, now=runtime.clock.now())
    response = RedirectResponse("/login?status=signed_out", 303)
    clear_session_cookie(response, secure=is_secure(runtime))
    return response


def _admitted(runtime: Runtime, email: str, password: str) -> Staff | None:
    """The person, if the password is theirs; hashing is slow by design and happens between the transactions."""
    with runtime.web_db.write() as db:
        staff = queries.find_staff_by_email(db, email)
        admitted = admit_login(db, staff, now=runtime.clock.now())
    if staff is None or not admitted:
        verify_nothing(password)
        return None
    return staff if verify_password(password, staff.password_hash) else None


def _start(request: Request, runtime: Runtime, staff: Staff, now: datetime) -> Secret:
    address = request.client.host if request.client is not None else ""
    user_agent = request.headers.get("user-agent", "")
    with runtime.web_db.write() as db:
        note_good_login(db, staff)
        _session, token = start_session(db, staff, now=now, address=address, user_agent=user_agent)
    return token
