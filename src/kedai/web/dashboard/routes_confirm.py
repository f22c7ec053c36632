"""Proving once more that it is you, before a dangerous act."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from kedai.errors import Invalid
from kedai.runtime import Runtime
from kedai.staff.passkeys import list_passkeys
from kedai.staff.queries import get_staff
from kedai.web.dashboard.access import Person
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.render import known, render
from kedai.web.dashboard.shell import read_shell, text_param
from kedai.web.deps import RuntimeDep, is_secure
from kedai.web.passkeys import find_party
from kedai.web.security import Principal, safe_next, set_session_cookie
from kedai.web.sign_in import confirm

router = APIRouter()


@router.get("/confirm")
def ask(request: Request, runtime: RuntimeDep, caller: Person) -> Response:
    """The form: password, and code where one is set up."""
    next_path = safe_next(text_param(request, "next", at_most=2000))
    return _ask(request, runtime, caller, next_path, status=200, field=None, problem=None)


@router.post("/confirm")
def confirm_identity(request: Request, runtime: RuntimeDep, caller: Person, form: Form) -> Response:
    """Note that it is the person; their session gets a new token, and they go back to where they were."""
    next_path = safe_next(form.get("next"))
    try:
        token = confirm(runtime, request, caller, form.get("password", ""), form.get("code", "")[:100])
    except Invalid as error:
        return ask_again(request, runtime, caller, next_path, field=error.field, problem=known(error.message))
    response = RedirectResponse(next_path, 303)
    set_session_cookie(response, token, secure=is_secure(runtime))
    return response


def ask_again(
    request: Request, runtime: Runtime, caller: Principal, next_path: str, *, field: str | None, problem: str
) -> Response:
    """The form once more, with what did not fit."""
    return _ask(request, runtime, caller, next_path, status=422, field=field, problem=problem)


def _ask(
    request: Request,
    runtime: Runtime,
    caller: Principal,
    next_path: str,
    *,
    status: int,
    field: str | None,
    problem: str | None,
) -> Response:
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=None, section="login", caller=caller)
        staff = None if caller.staff_id is None else get_staff(db, caller.staff_id)
        has_passkey = staff is not None and find_party(runtime) is not None and bool(list_passkeys(db, staff))
    return render(
        shell,
        "confirm.html",
        status=status,
        next_path=next_path,
        email=caller.name,
        offers_passkey=has_passkey,
        asks_code=staff is not None and staff.totp_confirmed_at is not None,
        field=field,
        problem=problem,
    )
