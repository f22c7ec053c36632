"""Signing in, with a code where one is set up, and out."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from kedai.errors import NotFound
from kedai.runtime import Runtime
from kedai.staff import queries
from kedai.staff.second_factor import CHALLENGE_SPAN, count_challenge_try, end_challenge, start_challenge
from kedai.staff.service import end_session
from kedai.values.secret import Secret
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.notice_words import Notice, find_notice
from kedai.web.dashboard.render import render, url
from kedai.web.dashboard.shell import read_shell, text_param
from kedai.web.deps import MaybeCaller, RuntimeDep, is_secure
from kedai.web.passkeys import find_party
from kedai.web.security import (
    challenge_cookie_name,
    clear_session_cookie,
    read_cookie,
    safe_next,
    set_session_cookie,
)
from kedai.web.sign_in import CODE_REFUSED, REFUSED, begin_session, check_code, check_password

router = APIRouter()


@router.get("/login")
def show_login(request: Request, runtime: RuntimeDep, caller: MaybeCaller) -> Response:
    """The form; who is signed in already goes on."""
    next_path = safe_next(text_param(request, "next", at_most=2000))
    if caller is not None:
        return RedirectResponse(next_path, 303)
    notice = find_notice(text_param(request, "status"))
    return show_sign_in(request, runtime, status=200, next_path=next_path, email="", problem=None, notice=notice)


@router.post("/login")
def sign_in(request: Request, runtime: RuntimeDep, form: Form) -> Response:
    """Sign a person in, or ask for the code. Unknown, disabled, too soon or wrong: the same words."""
    email, password = form.get("email", ""), form.get("password", "")
    next_path = safe_next(form.get("next"))
    staff = check_password(runtime, request, email, password)
    if staff is None:
        return show_sign_in(request, runtime, status=401, next_path=next_path, email=email[:320], problem=REFUSED)
    if staff.totp_confirmed_at is not None:
        with runtime.web_db.write() as db:
            challenge = start_challenge(db, staff, now=runtime.clock.now())
        response = RedirectResponse(url("/login/code", next=next_path), 303)
        _set_challenge_cookie(response, challenge, secure=is_secure(runtime))
        return response
    return _signed_in(runtime, begin_session(runtime, request, staff), next_path)


@router.get("/login/code")
def show_code(request: Request, runtime: RuntimeDep) -> Response:
    """The second step's form, for a browser whose password was right."""
    if _challenge(request, runtime) is None:
        return RedirectResponse("/login", 303)
    next_path = safe_next(text_param(request, "next", at_most=2000))
    return _page(request, runtime, "login_code.html", next_path=next_path, problem=None)


@router.post("/login/code")
def sign_in_with_code(request: Request, runtime: RuntimeDep, form: Form) -> Response:
    """Sign a person in whose code is right, and whose password was right within the last minutes."""
    challenge, next_path = _challenge(request, runtime), safe_next(form.get("next"))
    try:
        with runtime.web_db.write() as db:
            staff = count_challenge_try(db, challenge or "", now=runtime.clock.now())
    except NotFound:
        return _start_again(runtime)
    if not check_code(runtime, staff, form.get("code", "")[:100]):
        return _page(request, runtime, "login_code.html", status=401, next_path=next_path, problem=CODE_REFUSED)
    with runtime.web_db.write() as db:
        ours = end_challenge(db, challenge or "")
    if not ours:  # it was used by another request, or the person's password was changed meanwhile
        return _start_again(runtime)
    response = _signed_in(runtime, begin_session(runtime, request, staff), next_path)
    _clear_challenge_cookie(response, secure=is_secure(runtime))
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


def show_sign_in(
    request: Request,
    runtime: Runtime,
    *,
    status: int,
    next_path: str,
    email: str,
    problem: str | None,
    notice: Notice | None = None,
) -> Response:
    """The form, with what went wrong or how one came here."""
    told = {"next_path": next_path, "email": email, "problem": problem, "notice": notice}
    return _page(request, runtime, "login.html", status=status, **told, offers_passkey=find_party(runtime) is not None)


def _signed_in(runtime: Runtime, token: Secret, next_path: str) -> Response:
    response = RedirectResponse(next_path, 303)
    set_session_cookie(response, token, secure=is_secure(runtime))
    return response


def _start_again(runtime: Runtime) -> Response:
    response = RedirectResponse("/login?status=challenge_ended", 303)
    _clear_challenge_cookie(response, secure=is_secure(runtime))
    return response


def _challenge(request: Request, runtime: Runtime) -> str | None:
    return read_cookie(request, challenge_cookie_name(secure=is_secure(runtime)))


def _set_challenge_cookie(response: Response, token: Secret, *, secure: bool) -> None:
    response.set_cookie(
        challenge_cookie_name(secure=secure),
        token.reveal(),
        max_age=int(CHALLENGE_SPAN.total_seconds()),
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def _clear_challenge_cookie(response: Response, *, secure: bool) -> None:
    name = challenge_cookie_name(secure=secure)
    response.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="lax")


def _page(request: Request, runtime: Runtime, template: str, *, status: int = 200, **context: Any) -> Response:
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=None, section="login", caller=None)
    return render(shell, template, status=status, **context)
