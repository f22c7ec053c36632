"""Sandbox and live beside each other, and copying settings across: a preview first, then a person's word."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from kedai.errors import Invalid, Stale
from kedai.runtime import Runtime
from kedai.sync import parity
from kedai.values.environment import Environment
from kedai.values.wording import N_
from kedai.web.dashboard.access import Editor, FreshEditor, Reader
from kedai.web.dashboard.connection_page import frame, labels
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.notice_words import find_notice
from kedai.web.dashboard.render import known, render, url
from kedai.web.dashboard.shell import env_param, read_shell, text_param
from kedai.web.deps import RuntimeDep
from kedai.web.security import Principal

router = APIRouter()

_STALE = N_(
    "Somebody changed one of the environments after this preview. Nothing was copied: here is the preview anew."
)


@router.get("/connectors/{name}/parity")
def show(request: Request, runtime: RuntimeDep, caller: Reader, name: str) -> Response:
    """The comparison, field by field."""
    connector = runtime.parts.connector(name)
    with runtime.web_db.read() as db:
        section = f"connectors/{connector.name}"
        shell = read_shell(request, runtime, db, viewed="all", section=section, caller=caller)
        compared = parity.compare(runtime.parts, db, connector.name)
        plans = [
            parity.plan_copy(runtime.parts, db, connector.name, source=one, target=one.other) for one in Environment
        ]
    return render(
        shell,
        "parity.html",
        connector=connector,
        parity=compared,
        missing={one: labels(connector, side.missing) for one, side in compared.sides.items()},
        plans=plans,
        notice=find_notice(text_param(request, "status")),
        scope_links=_scope_links(name),
    )


@router.get("/connectors/{name}/parity/copy")
def ask(request: Request, runtime: RuntimeDep, caller: Editor, name: str) -> Response:
    """The preview: what would change in the target, field by field."""
    return _ask(request, runtime, caller, name, status=200, problem="")


@router.post("/connectors/{name}/parity/copy")
def copy(request: Request, runtime: RuntimeDep, caller: FreshEditor, name: str, form: Form) -> Response:
    """Copy the chosen fields, unless one of the environments was changed after the preview."""
    connector = runtime.parts.connector(name)
    target = env_param(request, "to")
    offered = (field.name for field in connector.credential_fields)
    try:
        with runtime.web_db.write() as db:
            parity.copy(
                runtime.parts,
                db,
                connector.name,
                source=target.other,
                target=target,
                fields=[field for field in offered if f"copy_{field}" in form],
                tag=form.get("tag", ""),
                actor=caller.actor,
                now=runtime.clock.now(),
            )
    except Stale:
        return _ask(request, runtime, caller, name, status=412, problem=_STALE)
    except Invalid as error:
        return _ask(request, runtime, caller, name, status=422, problem=known(error.message))
    return RedirectResponse(url(f"/connectors/{name}/parity", status="copied"), 303)


def _ask(request: Request, runtime: Runtime, caller: Principal, name: str, *, status: int, problem: str) -> Response:
    connector, target = runtime.parts.connector(name), env_param(request, "to")
    with runtime.web_db.read() as db:
        section = f"connectors/{connector.name}"
        shell = read_shell(request, runtime, db, viewed=target.value, section=section, caller=caller)
        plan = parity.plan_copy(runtime.parts, db, connector.name, source=target.other, target=target)
    return render(
        shell,
        "parity_copy.html",
        status=status,
        connector=connector,
        plan=plan,
        problem=problem,
        **frame(connector, target),
    )


def _scope_links(name: str) -> dict[str, str]:
    links = {one.value: url(f"/connectors/{name}", tab=one.value) for one in Environment}
    return {**links, "all": f"/connectors/{name}/parity"}
