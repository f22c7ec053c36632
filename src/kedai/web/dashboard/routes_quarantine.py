"""The page of a sealed copy: what was recognised, since when, what to do; and a person's word that it belongs here."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from kedai.errors import Conflict
from kedai.runtime import Runtime
from kedai.values.environment import Environment
from kedai.values.wording import N_
from kedai.vault.identity import Seal, find_place, list_seals, unseal
from kedai.web.dashboard.access import Reader, Switcher
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.notice_words import find_notice
from kedai.web.dashboard.render import render
from kedai.web.dashboard.shell import env_param, read_shell, text_param
from kedai.web.deps import RuntimeDep
from kedai.web.security import Principal, demand_fresh

router = APIRouter()


@router.get("/quarantine")
def show(request: Request, runtime: RuntimeDep, caller: Reader) -> Response:
    """How each environment stands: sealed, or recognised."""
    return _show(request, runtime, caller, status=200, problems={})


@router.post("/quarantine/unseal")
def confirm(request: Request, runtime: RuntimeDep, caller: Switcher, form: Form) -> Response:
    """Unseal an environment whose name was typed."""
    environment = env_param(request, "env")
    if form.get("confirm", "").strip() != environment.value:
        problems: dict[Environment, str] = {
            environment: N_("Type the word %(environment)s to confirm.", environment=environment.value)
        }
        return _show(request, runtime, caller, status=422, problems=problems)
    demand_fresh(caller, runtime.clock.now())
    with runtime.web_db.write() as db:
        identity = runtime.parts.quarantine.identity(db)
        if identity is None:  # recognised: the seal of a stray process is not for this one to lift
            raise Conflict(N_("%(environment)s is not sealed here.", environment=environment.value.title()))
        unseal(db, environment, identity=identity, actor=caller.actor, now=runtime.clock.now())
    return RedirectResponse("/quarantine?status=unsealed", 303)


def _show(
    request: Request, runtime: Runtime, caller: Principal, *, status: int, problems: dict[Environment, str]
) -> Response:
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=None, section="quarantine", caller=caller)
        seals = {one.environment: one for one in _own(list_seals(db), runtime.parts.quarantine.identity(db))}
        place = find_place(db)
    return render(
        shell,
        "quarantine.html",
        status=status,
        notice=find_notice(text_param(request, "status")),
        seals=[seals[environment] for environment in shell.sealed if environment in seals],
        place=place,
        problems=problems,
        scope_links={one: f"/e/{one}/home" for one in ("sandbox", "live", "all")},
    )


def _own(seals: Sequence[Seal], identity: str | None) -> list[Seal]:
    """Those of this very process: another one on the same database may be sealed for reasons of its own."""
    return [one for one in seals if one.identity == identity]
