"""People: who may sign in, as what, and where they are signed in; for administrators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from kedai.errors import Conflict, Invalid, NotFound
from kedai.kit.ids import parse_id
from kedai.runtime import Runtime
from kedai.staff import passkeys, queries, second_factor, service
from kedai.staff.actors import SESSION_PREFIX, STAFF_PREFIX, show_staff
from kedai.staff.passwords import hash_password
from kedai.staff.roles import Role
from kedai.staff.tokens import new_readable_secret
from kedai.values.secret import Secret
from kedai.values.wording import N_
from kedai.web.dashboard.access import FreshStaffManager, StaffManager
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.notice_words import find_notice
from kedai.web.dashboard.people import EVERYWHERE
from kedai.web.dashboard.render import known, render, url
from kedai.web.dashboard.shell import read_shell, text_param
from kedai.web.deps import RuntimeDep
from kedai.web.security import Principal

if TYPE_CHECKING:
    from kedai.staff.models import Staff

router = APIRouter()


@router.get("/staff")
def list_staff(request: Request, runtime: RuntimeDep, caller: StaffManager) -> Response:
    """Everyone, and the form for one more."""
    return _list(request, runtime, caller, status=200, email="", problem=None)


@router.post("/staff")
def create(request: Request, runtime: RuntimeDep, caller: FreshStaffManager, form: Form) -> Response:
    """A new person with a first password, shown this once, which they must change."""
    email, first = form.get("email", ""), new_readable_secret()
    try:
        role = parse_role(form.get("role", ""))
        password_hash = hash_password(first.reveal())
        with runtime.web_db.write() as db:
            staff = service.create_staff(
                db,
                email,
                role=role,
                password_hash=password_hash,
                must_change_password=True,
                actor=caller.actor,
                now=runtime.clock.now(),
            )
    except (Invalid, Conflict) as error:
        status = 409 if isinstance(error, Conflict) else 422
        return _list(request, runtime, caller, status=status, email=email[:320], problem=known(error.message))
    return _show_password(request, runtime, caller, staff, first, is_new=True)


@router.get("/staff/{staff_id}")
def show(request: Request, runtime: RuntimeDep, caller: StaffManager, staff_id: str) -> Response:
    """One person: role, state, second factor, passkeys, sessions."""
    return _show(request, runtime, caller, staff_id, status=200, problem=None)


@router.post("/staff/{staff_id}/role")
def change_role(
    request: Request, runtime: RuntimeDep, caller: FreshStaffManager, staff_id: str, form: Form
) -> Response:
    """Another role; the last administrator keeps theirs."""
    try:
        role = parse_role(form.get("role", ""))
        with runtime.web_db.write() as db:
            staff = _person(db, staff_id)
            service.change_role(db, staff, role, actor=caller.actor, now=runtime.clock.now())
    except (Invalid, Conflict) as error:
        status = 409 if isinstance(error, Conflict) else 422
        return _show(request, runtime, caller, staff_id, status=status, problem=known(error.message))
    return _back(staff_id, "role_changed")


@router.post("/staff/{staff_id}/disable")
def disable(request: Request, runtime: RuntimeDep, caller: FreshStaffManager, staff_id: str) -> Response:
    """Shut a person out; never the last administrator."""
    try:
        with runtime.web_db.write() as db:
            service.disable_staff(db, _person(db, staff_id), actor=caller.actor, now=runtime.clock.now())
    except Conflict as error:
        return _show(request, runtime, caller, staff_id, status=409, problem=known(error.message))
    return _back(staff_id, "person_disabled")


@router.post("/staff/{staff_id}/enable")
def enable(runtime: RuntimeDep, caller: FreshStaffManager, staff_id: str) -> Response:
    """Let a disabled person sign in again."""
    with runtime.web_db.write() as db:
        service.enable_staff(db, _person(db, staff_id), actor=caller.actor, now=runtime.clock.now())
    return _back(staff_id, "person_enabled")


@router.post("/staff/{staff_id}/password")
def reset_password(request: Request, runtime: RuntimeDep, caller: FreshStaffManager, staff_id: str) -> Response:
    """A new first password for somebody who lost theirs, shown this once."""
    if parse_id(STAFF_PREFIX, staff_id) == caller.staff_id:
        return RedirectResponse("/account/password", 303)
    first = new_readable_secret()
    with runtime.web_db.read() as db:
        _person(db, staff_id)  # who names nobody costs no hash
    password_hash = hash_password(first.reveal())
    with runtime.web_db.write() as db:
        staff, now = _person(db, staff_id), runtime.clock.now()
        service.set_password(db, staff, password_hash, must_change=True, keep_session=None, actor=caller.actor, now=now)
        passkeys.remove_all_passkeys(
            db, staff, actor=caller.actor, now=now
        )  # whoever had the account may have added one
    return _show_password(request, runtime, caller, staff, first, is_new=False)


@router.post("/staff/{staff_id}/totp/off")
def end_totp(runtime: RuntimeDep, caller: FreshStaffManager, staff_id: str) -> Response:
    """For somebody who lost phone and recovery codes: a password alone again."""
    with runtime.web_db.write() as db:
        second_factor.end_totp(db, _person(db, staff_id), actor=caller.actor, now=runtime.clock.now())
    return _back(staff_id, "totp_off")


@router.post("/staff/{staff_id}/passkeys/remove")
def remove_passkeys(runtime: RuntimeDep, caller: FreshStaffManager, staff_id: str) -> Response:
    """For somebody who lost the device that holds them."""
    with runtime.web_db.write() as db:
        passkeys.remove_all_passkeys(db, _person(db, staff_id), actor=caller.actor, now=runtime.clock.now())
    return _back(staff_id, "passkeys_removed")


@router.post("/staff/{staff_id}/sessions/end")
def end_sessions(runtime: RuntimeDep, caller: FreshStaffManager, staff_id: str) -> Response:
    """Sign a person out everywhere."""
    with runtime.web_db.write() as db:
        service.revoke_all_sessions(db, _person(db, staff_id), actor=caller.actor, now=runtime.clock.now())
    return _back(staff_id, "sessions_ended")


@router.post("/staff/{staff_id}/sessions/{session_id}/end")
def end_session(runtime: RuntimeDep, caller: FreshStaffManager, staff_id: str, session_id: str) -> Response:
    """Sign one browser of a person out."""
    with runtime.web_db.write() as db:
        staff, session = _person(db, staff_id), queries.get_session(db, parse_id(SESSION_PREFIX, session_id))
        if session.staff_id != staff.id:
            raise NotFound
        service.end_session(db, session, actor=caller.actor, now=runtime.clock.now())
    return _back(staff_id, "session_ended")


def parse_role(text: str) -> Role:
    """A role of a form.

    Raises:
        Invalid: there is no such role.
    """
    try:
        return Role(text)
    except ValueError:
        raise Invalid(N_("Choose one of the roles."), field="role") from None


def _person(db: Session, staff_id: str) -> Staff:
    return queries.get_staff(db, parse_id(STAFF_PREFIX, staff_id))


def _back(staff_id: str, status: str) -> Response:
    return RedirectResponse(url(f"/staff/{staff_id}", status=status), 303)


def _list(
    request: Request, runtime: Runtime, caller: Principal, *, status: int, email: str, problem: str | None
) -> Response:
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed="all", section="staff", caller=caller)
        people = queries.list_staff(db)
    rows = [{"staff": one, "href": f"/staff/{show_staff(one)}"} for one in people]
    return render(shell, "staff.html", status=status, rows=rows, email=email, problem=problem, **EVERYWHERE)


def _show(
    request: Request, runtime: Runtime, caller: Principal, staff_id: str, *, status: int, problem: str | None
) -> Response:
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed="all", section="staff", caller=caller)
        staff = _person(db, staff_id)
        sessions = queries.list_sessions(db, staff, now=shell.now)
        number = len(passkeys.list_passkeys(db, staff))
    return render(
        shell,
        "staff_person.html",
        status=status,
        staff=staff,
        here=f"/staff/{show_staff(staff)}",
        is_own=staff.id == caller.staff_id,
        sessions=sessions,
        passkeys=number,
        own_session=caller.session_id,
        problem=problem,
        notice=find_notice(text_param(request, "status")),
        **EVERYWHERE,
    )


def _show_password(
    request: Request, runtime: Runtime, caller: Principal, staff: Staff, first: Secret, *, is_new: bool
) -> Response:
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed="all", section="staff", caller=caller)
    return render(
        shell,
        "staff_password.html",
        email=staff.email,
        password=first.reveal(),
        is_new=is_new,
        back=f"/staff/{show_staff(staff)}",
        **EVERYWHERE,
    )
