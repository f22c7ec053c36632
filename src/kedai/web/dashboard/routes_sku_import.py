"""Importing a file of SKUs by page: choose it, look at what it would do, then do all of it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from kedai.catalog import queries
from kedai.catalog.csv_file import MOST_BYTES, MOST_ROWS, parse
from kedai.errors import Invalid, KedaiError, Stale, TooLarge
from kedai.runtime import Runtime
from kedai.sync import sku_import, skus
from kedai.values.environment import Environment
from kedai.values.wording import N_
from kedai.vault.queries import list_shops
from kedai.web.dashboard.access import CatalogKeeper
from kedai.web.dashboard.render import known, render, url
from kedai.web.dashboard.shell import ActedEnvironment, main_connector, read_shell
from kedai.web.dashboard.uploads import Uploaded
from kedai.web.deps import RuntimeDep
from kedai.web.security import Principal

router = APIRouter()

_LINES_SHOWN = 200


@router.get("/e/{environment}/sku-map/import")
def ask(request: Request, runtime: RuntimeDep, caller: CatalogKeeper, environment: ActedEnvironment) -> Response:
    """Which file, and what it must look like."""
    return _ask(request, runtime, caller, environment)


@router.post("/e/{environment}/sku-map/previews")
def preview(
    request: Request, runtime: RuntimeDep, caller: CatalogKeeper, environment: ActedEnvironment, upload: Uploaded
) -> Response:
    """What the file would do, line by line; nothing is changed."""
    try:
        if not upload.file:
            raise Invalid(N_("Choose a file first."), field="file")
        return _preview(request, runtime, caller, environment, upload.fields, upload.file, problem="")
    except (Invalid, TooLarge) as error:
        return _ask(request, runtime, caller, environment, problem=error)


@router.post("/e/{environment}/sku-map/imports")
def apply(
    request: Request, runtime: RuntimeDep, caller: CatalogKeeper, environment: ActedEnvironment, upload: Uploaded
) -> Response:
    """Do all that the previewed file asks for; the preview anew where somebody changed the map meanwhile."""
    fields = upload.fields
    body, version = _sent_file(fields.get("content", "")), fields.get("version", "")
    if not version.isascii() or not version.isdigit() or len(version) > 18:
        raise Invalid(N_("This form must be sent as the page sends it."), field="version")
    try:
        with runtime.web_db.write() as db:
            sku_import.apply(
                db,
                runtime.parts.connector(fields.get("connector", "")).name,
                environment,
                parse(body),
                shop_id=fields.get("shop", "").strip() or None,
                expected_version=int(version),
                actor=caller.actor,
                now=runtime.clock.now(),
            )
    except Stale as error:
        return _preview(request, runtime, caller, environment, fields, body, problem=known(error.message))
    except (Invalid, TooLarge) as error:
        return _ask(request, runtime, caller, environment, problem=error)
    return RedirectResponse(url(f"/e/{environment.value}/sku-map", status="skus_imported"), 303)


def _sent_file(text: str) -> bytes:
    """The file as the preview handed it out: in letters, since a browser changes line ends in a form."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid(N_("This form must be sent as the page sends it."), field="content") from None


def _ask(
    request: Request,
    runtime: Runtime,
    caller: Principal,
    environment: Environment,
    *,
    problem: KedaiError | None = None,
) -> Response:
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=environment.value, section="sku-map", caller=caller)
        shops = {name: list_shops(db, name, environment=environment) for name in runtime.connectors}
    return render(
        shell,
        "sku_import.html",
        status=200 if problem is None else 413 if isinstance(problem, TooLarge) else 422,
        problem="" if problem is None else problem.message,
        connector=main_connector(runtime),
        shops=[shop for some in shops.values() for shop in some],
        most_kib=MOST_BYTES // 1024,
        most_rows=MOST_ROWS,
    )


def _preview(
    request: Request,
    runtime: Runtime,
    caller: Principal,
    environment: Environment,
    fields: Mapping[str, str],
    body: bytes,
    *,
    problem: str,
) -> Response:
    parsed = parse(body)
    name, shop_id = runtime.parts.connector(fields.get("connector", "")).name, fields.get("shop", "").strip() or None
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=environment.value, section="sku-map", caller=caller)
        plan = sku_import.plan(db, name, environment, parsed, shop_id=shop_id)
        version = skus.version_of(queries.find_map(db, name, environment))
    return render(
        shell,
        "sku_import_preview.html",
        status=412 if problem else 200,
        problem=problem,
        connector=name,
        shop_id=shop_id or "",
        plan=plan,
        changes=plan.changes[:_LINES_SHOWN],
        problems=plan.problems[:_LINES_SHOWN],
        lines_shown=_LINES_SHOWN,
        version=version,
        content=base64.b64encode(body).decode(),
    )
