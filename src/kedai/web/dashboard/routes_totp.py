"""A person's own second factor: begin, confirm with the first code, turn off, new recovery codes."""

from __future__ import annotations

from urllib.parse import urlsplit

import segno
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from kedai.errors import Invalid
from kedai.runtime import Runtime
from kedai.staff import second_factor
from kedai.staff.totp import provisioning_uri
from kedai.sync.second_factor import begin, confirm, find_waiting
from kedai.values.secret import Secret
from kedai.web.dashboard.access import FreshPerson
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.people import EVERYWHERE, staff_of
from kedai.web.dashboard.render import known, render
from kedai.web.dashboard.shell import read_shell
from kedai.web.deps import RuntimeDep
from kedai.web.security import Principal

router = APIRouter()

_GROUP = 4
_QUIET_ZONE = 4  # modules of nothing around a QR code, which readers need


@router.post("/account/totp")
def begin_totp(runtime: RuntimeDep, caller: FreshPerson) -> Response:
    """Make a secret that waits for its first code, and show it."""
    with runtime.web_db.write() as db:
        begin(runtime.parts, db, staff_of(db, caller), actor=caller.actor, now=runtime.clock.now())
    return RedirectResponse("/account/totp", 303)


@router.get("/account/totp")
def show_totp(request: Request, runtime: RuntimeDep, caller: FreshPerson) -> Response:
    """The waiting secret, as a QR code and as text; one that is in use is never shown."""
    return _show(request, runtime, caller, status=200, problem=None)


@router.post("/account/totp/confirm")
def confirm_totp(request: Request, runtime: RuntimeDep, caller: FreshPerson, form: Form) -> Response:
    """Take the second factor into use; answers with the recovery codes, this once."""
    try:
        with runtime.web_db.write() as db:
            staff, now = staff_of(db, caller), runtime.clock.now()
            codes = confirm(runtime.parts, db, staff, form.get("code", "")[:100], actor=caller.actor, now=now)
    except Invalid as error:
        return _show(request, runtime, caller, status=422, problem=known(error.message))
    return _show_codes(request, runtime, caller, codes)


@router.post("/account/totp/off")
def end_totp(runtime: RuntimeDep, caller: FreshPerson) -> Response:
    """A password alone again."""
    with runtime.web_db.write() as db:
        second_factor.end_totp(db, staff_of(db, caller), actor=caller.actor, now=runtime.clock.now())
    return RedirectResponse("/account?status=totp_off", 303)


@router.post("/account/recovery-codes")
def replace_codes(request: Request, runtime: RuntimeDep, caller: FreshPerson) -> Response:
    """Ten new recovery codes, this once; the older ones are void."""
    with runtime.web_db.write() as db:
        staff = staff_of(db, caller)
        if staff.totp_confirmed_at is None:
            return RedirectResponse("/account", 303)
        codes = second_factor.replace_recovery_codes(db, staff, actor=caller.actor, now=runtime.clock.now())
    return _show_codes(request, runtime, caller, codes)


def _show(request: Request, runtime: Runtime, caller: Principal, *, status: int, problem: str | None) -> Response:
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed="all", section="account", caller=caller)
        secret = find_waiting(runtime.parts, staff_of(db, caller))
    if secret is None:
        return RedirectResponse("/account", 303)
    issuer = f"Kedai {urlsplit(runtime.settings.public_url).hostname or ''}".strip()
    text, (path, size) = secret.reveal(), _qr_path(provisioning_uri(secret, email=caller.name, issuer=issuer))
    shown = " ".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))
    return render(
        shell,
        "account_totp.html",
        status=status,
        secret=shown,
        qr_path=path,
        qr_size=size,
        problem=problem,
        **EVERYWHERE,
    )


def _show_codes(request: Request, runtime: Runtime, caller: Principal, codes: tuple[Secret, ...]) -> Response:
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed="all", section="account", caller=caller)
    return render(shell, "recovery_codes.html", codes=[code.reveal() for code in codes], **EVERYWHERE)


def _qr_path(text: str) -> tuple[str, int]:
    """A QR code as the path of an SVG (one square per dark module), and the picture's width in modules."""
    code = segno.make(text, error="m", micro=False)
    squares = [
        f"M{column + _QUIET_ZONE} {row + _QUIET_ZONE}h1v1h-1z"
        for row, modules in enumerate(code.matrix)
        for column, dark in enumerate(modules)
        if dark
    ]
    return "".join(squares), len(code.matrix) + 2 * _QUIET_ZONE
