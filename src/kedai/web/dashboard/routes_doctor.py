"""The doctor's page: what can be said without asking anybody, and a button that asks the network too."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from kedai.doctor.finding import Finding, State, worst
from kedai.doctor.run import examine
from kedai.errors import Invalid
from kedai.runtime import Runtime
from kedai.values.environment import Environment
from kedai.values.wording import N_
from kedai.web.dashboard.access import Connecter, Reader
from kedai.web.dashboard.face import read_face
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.render import render
from kedai.web.dashboard.shell import read_shell
from kedai.web.deps import RuntimeDep
from kedai.web.security import Principal

router = APIRouter()

_GROUPS: Final = (
    (State.FAIL, N_("Failed")),
    (State.WARN, N_("To look at")),
    (State.PASS, N_("Good")),
    (State.SKIPPED, N_("Not looked at")),
)


@router.get("/doctor")
async def show_doctor(request: Request, runtime: RuntimeDep, caller: Reader) -> Response:
    """What is stored and how this server stands; nobody outside is asked by a look at a page."""
    found = await _examine(runtime, asked=(), offline=True)
    return await run_in_threadpool(_show, request, runtime, caller, found, None)


@router.post("/doctor/examinations")
async def examine_all(request: Request, runtime: RuntimeDep, caller: Connecter, form: Form) -> Response:
    """The whole list, with the marketplace asked for the environments that the form names; nothing is kept."""
    asked = _asked(form.get("env", ""))
    found = await _examine(runtime, asked=asked, offline=False)
    return await run_in_threadpool(_show, request, runtime, caller, found, asked)


def _asked(text: str) -> tuple[Environment, ...]:
    if text == "all":
        return tuple(Environment)
    if text not in set(Environment):
        raise Invalid(N_("Say whom to ask for: sandbox, live or all."), field="env")
    return (Environment(text),)


async def _examine(runtime: Runtime, *, asked: Collection[Environment], offline: bool) -> list[Finding]:
    face = read_face(runtime.settings)
    return await examine(runtime, face, environments=tuple(Environment), asked=asked, offline=offline)


def _show(
    request: Request,
    runtime: Runtime,
    caller: Principal,
    found: Sequence[Finding],
    asked: Sequence[Environment] | None,
) -> Response:
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed="all", section="doctor", caller=caller)
    groups = [(state.value, label, [one for one in found if one.state is state]) for state, label in _GROUPS]
    return render(
        shell,
        "doctor.html",
        groups=[one for one in groups if one[2]],
        verdict=worst(found).value,
        asked=asked,
        scope_links={one: f"/e/{one}/home" for one in ("sandbox", "live", "all")},
    )
