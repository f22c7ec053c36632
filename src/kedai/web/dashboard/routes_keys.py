"""The page of the master keys: what each seals and who holds it, and turning the ring. No key is ever shown."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from kedai.errors import Conflict
from kedai.runtime import Runtime
from kedai.sync import keys
from kedai.sync.rewrap import start_rewrap, take_census
from kedai.values.wording import N_
from kedai.vault.rotation import Verification, add_key, verify_sealed
from kedai.web.dashboard.access import FreshKeyKeeper, KeyKeeper
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.notice_words import find_notice
from kedai.web.dashboard.render import known, render, url
from kedai.web.dashboard.shell import read_shell, text_param
from kedai.web.deps import RuntimeDep
from kedai.web.security import Principal

router = APIRouter()

_HERE = "/settings/keys"


@router.get(_HERE)
def show_keys(request: Request, runtime: RuntimeDep, caller: KeyKeeper) -> Response:
    """The ring, how far a rewrap is, and what the last ones did."""
    return _show(request, runtime, caller)


@router.post(_HERE)
def add(request: Request, runtime: RuntimeDep, caller: FreshKeyKeeper, form: Form) -> Response:
    """Make a key that this process holds known to the database."""
    kid = form.get("kid", "")

    def deed(db: Session) -> str:
        is_new = add_key(db, runtime.ring, kid, actor=caller.actor, now=runtime.clock.now())
        return "key_added" if is_new else "unchanged"

    return _do(request, runtime, caller, deed)


@router.post(f"{_HERE}/rewraps")
def rewrap(request: Request, runtime: RuntimeDep, caller: FreshKeyKeeper) -> Response:
    """Start to seal everything again under the primary key."""
    with runtime.web_db.read() as db:
        census = take_census(db)

    def deed(db: Session) -> str:
        runs = start_rewrap(db, runtime.ring, census, actor=caller.actor, now=runtime.clock.now())
        return "rewrap_started" if runs else "rewrap_needless"

    return _do(request, runtime, caller, deed)


@router.post(f"{_HERE}/verifications")
def verify(request: Request, runtime: RuntimeDep, caller: FreshKeyKeeper) -> Response:
    """Open everything that is sealed, and say what does not open."""
    with runtime.web_db.read() as db:
        found = verify_sealed(db, runtime.ring)
    return _show(request, runtime, caller, verification=found)


@router.post(f"{_HERE}/{{kid}}/promotions")
def promote(request: Request, runtime: RuntimeDep, caller: FreshKeyKeeper, kid: str) -> Response:
    """Seal with this key from now on."""

    def deed(db: Session) -> str:
        changed = keys.promote(db, runtime.ring, kid, actor=caller.actor, now=runtime.clock.now())
        return "key_promoted" if changed else "unchanged"

    return _do(request, runtime, caller, deed)


@router.post(f"{_HERE}/{{kid}}/retirements")
def retire(request: Request, runtime: RuntimeDep, caller: FreshKeyKeeper, kid: str, form: Form) -> Response:
    """Give a key up for good, once its id was typed."""
    if form.get("confirm", "").strip() != kid:
        return _show(
            request,
            runtime,
            caller,
            status=422,
            problem=N_("Type %(kid)s to retire it: there is no way back.", kid=kid),
        )

    def deed(db: Session) -> str:
        changed = keys.retire(db, runtime.ring, kid, actor=caller.actor, now=runtime.clock.now())
        return "key_retired" if changed else "unchanged"

    return _do(request, runtime, caller, deed)


def _do(request: Request, runtime: Runtime, caller: Principal, deed: Callable[[Session], str]) -> Response:
    """One deed in one transaction; what stands against it is said on the page."""
    try:
        with runtime.web_db.write() as db:
            status = deed(db)
    except Conflict as error:
        return _show(request, runtime, caller, status=409, problem=known(error.message))
    return RedirectResponse(url(_HERE, status=status), 303)


def _show(
    request: Request,
    runtime: Runtime,
    caller: Principal,
    *,
    status: int = 200,
    problem: str = "",
    verification: Verification | None = None,
) -> Response:
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=None, section="", caller=caller)
        view = keys.read_ring(db, runtime.ring)
    ended = [run for run in view.latest_runs if run.state == "succeeded"]
    return render(
        shell,
        "keys.html",
        status=status,
        here=_HERE,
        view=view,
        problem=problem,
        notice=None if problem else find_notice(text_param(request, "status")),
        verification=verification,
        ended=[(run, keys.report_of([run])) for run in ended],
    )
