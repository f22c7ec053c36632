"""A person's own account: password, passkeys and sessions."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from kedai.errors import Invalid, NotFound, Unauthenticated
from kedai.kit.ids import parse_id, show_id
from kedai.runtime import Runtime
from kedai.staff import queries
from kedai.staff.actors import PASSKEY_PREFIX, SESSION_PREFIX
from kedai.staff.passkeys import list_passkeys
from kedai.staff.passwords import MIN_CHARACTERS, hash_password
from kedai.staff.second_factor import count_recovery_codes
from kedai.staff.service import (
    choose_time_zone,
    confirm_session,
    end_session,
    revoke_all_sessions,
    set_language,
    set_password,
)
from kedai.values.wording import N_
from kedai.web.dashboard.access import FreshPerson, Person
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.language import languages
from kedai.web.dashboard.notice_words import find_notice
from kedai.web.dashboard.people import EVERYWHERE, group_zones, staff_of
from kedai.web.dashboard.render import known, render
from kedai.web.dashboard.shell import read_shell, text_param
from kedai.web.deps import RuntimeDep, is_secure
from kedai.web.passkeys import find_party
from kedai.web.security import Principal, set_session_cookie

router = APIRouter()


@router.get("/account")
def show(request: Request, runtime: RuntimeDep, caller: Person) -> Response:
    """Who you are here, your password, passkeys and second factor, and where you are signed in."""
    return show_account(request, runtime, caller, status=200, problem=None)


def show_account(
    request: Request, runtime: Runtime, caller: Principal, *, status: int, problem: str | None
) -> Response:
    """The page; ``problem`` is what stood against a passkey."""
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed="all", section="account", caller=caller)
        staff = staff_of(db, caller)
        sessions = queries.list_sessions(db, staff, now=shell.now)
        codes = count_recovery_codes(db, staff)
        passkeys = list_passkeys(db, staff)
    return render(
        shell,
        "account.html",
        status=status,
        problem=problem,
        passkeys=[{"passkey": one, "id": show_id(PASSKEY_PREFIX, one.id)} for one in passkeys],
        offers_passkey=find_party(runtime) is not None,
        staff=staff,
        sessions=sessions,
        own_session=caller.session_id,
        recovery_codes=codes,
        zones=group_zones(),
        languages={code: one.name for code, one in languages().items()},
        notice=find_notice(text_param(request, "status")),
        **EVERYWHERE,
    )


@router.post("/account/time-zone")
def change_time_zone(runtime: RuntimeDep, caller: Person, form: Form) -> Response:
    """Show this person times of another zone; what machines read stays in UTC."""
    with runtime.web_db.write() as db:
        staff = staff_of(db, caller)
        choose_time_zone(db, staff, form.get("time_zone", ""), actor=caller.actor, now=runtime.clock.now())
    return RedirectResponse("/account?status=time_zone", 303)


@router.post("/account/language")
def choose_own_language(runtime: RuntimeDep, caller: Person, form: Form) -> Response:
    """In which language this person's pages are shown; nothing follows the browser.

    Raises:
        Invalid: a language that is not known.
    """
    chosen = form.get("language", "")
    if chosen and chosen not in languages():
        raise Invalid(N_("Choose one of the languages."), field="language")
    with runtime.web_db.write() as db:
        set_language(db, staff_of(db, caller), chosen or None)
    return RedirectResponse("/account?status=saved", 303)


@router.get("/account/password")
def ask_password(request: Request, runtime: RuntimeDep, caller: FreshPerson) -> Response:
    """The form for a new password."""
    return _ask_password(request, runtime, caller, status=200, problem=None)


@router.post("/account/password")
def change_password(request: Request, runtime: RuntimeDep, caller: FreshPerson, form: Form) -> Response:
    """A new password; every other session of this person ends, and this one gets a new token."""
    new = form.get("new", "")
    try:
        if new != form.get("again", ""):
            raise Invalid(N_("The two passwords are not the same."), field="again")
        password_hash = hash_password(new)
    except Invalid as error:
        return _ask_password(request, runtime, caller, status=422, problem=known(error.message))
    if caller.session_id is None:
        raise Unauthenticated
    now = runtime.clock.now()
    with runtime.web_db.write() as db:
        staff, kept = staff_of(db, caller), caller.session_id
        set_password(db, staff, password_hash, must_change=False, keep_session=kept, actor=caller.actor, now=now)
        token = confirm_session(db, kept, actor=caller.actor, now=now)
    response = RedirectResponse("/account?status=password_changed", 303)
    set_session_cookie(response, token, secure=is_secure(runtime))
    return response


@router.post("/account/sessions/end-others")
def end_other_sessions(runtime: RuntimeDep, caller: Person) -> Response:
    """Sign this person out everywhere but here."""
    with runtime.web_db.write() as db:
        staff = staff_of(db, caller)
        revoke_all_sessions(db, staff, keep=caller.session_id, actor=caller.actor, now=runtime.clock.now())
    return RedirectResponse("/account?status=sessions_ended", 303)


@router.post("/account/sessions/{session_id}/end")
def end_one_session(runtime: RuntimeDep, caller: Person, session_id: str) -> Response:
    """Sign one browser of this person out."""
    with runtime.web_db.write() as db:
        session = queries.get_session(db, parse_id(SESSION_PREFIX, session_id))
        if session.staff_id != caller.staff_id:
            raise NotFound
        end_session(db, session, actor=caller.actor, now=runtime.clock.now())
    return RedirectResponse("/account?status=session_ended", 303)


def _ask_password(
    request: Request, runtime: Runtime, caller: Principal, *, status: int, problem: str | None
) -> Response:
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed="all", section="account", caller=caller)
    return render(
        shell,
        "account_password.html",
        status=status,
        problem=problem,
        must_change=caller.must_change_password,
        email=caller.name,
        at_least=MIN_CHARACTERS,
        **EVERYWHERE,
    )
