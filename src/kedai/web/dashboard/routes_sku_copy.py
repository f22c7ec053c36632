"""Copying the SKU map of one environment to the other by page: what matches is shown first."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from kedai.errors import Stale
from kedai.runtime import Runtime
from kedai.sync import sku_copy
from kedai.values.environment import ConnectorName, Environment
from kedai.web.dashboard.access import CatalogKeeper
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.render import known, render, url
from kedai.web.dashboard.shell import ActedEnvironment, main_connector, read_shell, text_param
from kedai.web.deps import RuntimeDep
from kedai.web.security import Principal

router = APIRouter()

_SHOWN = 200


@router.get("/e/{environment}/sku-map/copy")
def ask(request: Request, runtime: RuntimeDep, caller: CatalogKeeper, environment: ActedEnvironment) -> Response:
    """What matches in the other environment, and what does not."""
    name = runtime.parts.connector(text_param(request, "connector") or main_connector(runtime)).name
    return _ask(request, runtime, caller, environment, name, problem="")


@router.post("/e/{environment}/sku-map/copies")
def copy(
    request: Request, runtime: RuntimeDep, caller: CatalogKeeper, environment: ActedEnvironment, form: Form
) -> Response:
    """Copy what the preview matched; the preview anew where somebody changed one of the maps meanwhile."""
    name = runtime.parts.connector(form.get("connector", "")).name
    try:
        with runtime.web_db.write() as db:
            sku_copy.copy(
                db,
                name,
                source=environment.other,
                target=environment,
                tag=form.get("tag", ""),
                actor=caller.actor,
                now=runtime.clock.now(),
            )
    except Stale as error:
        return _ask(request, runtime, caller, environment, name, problem=known(error.message))
    return RedirectResponse(url(f"/e/{environment.value}/sku-map", status="skus_copied"), 303)


def _ask(
    request: Request,
    runtime: Runtime,
    caller: Principal,
    environment: Environment,
    name: ConnectorName,
    *,
    problem: str,
) -> Response:
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=environment.value, section="sku-map", caller=caller)
        plan = sku_copy.plan_copy(db, name, source=environment.other, target=environment)
    return render(
        shell,
        "sku_copy.html",
        status=412 if problem else 200,
        problem=problem,
        connector=name,
        plan=plan,
        matches=plan.matched.matches[:_SHOWN],
        unmatched=plan.matched.unmatched[:_SHOWN],
    )
