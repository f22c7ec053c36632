"""Health for machines: alive, ready, and the guarded metrics."""

from __future__ import annotations

import asyncio
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from kedai.db.base import SCHEMA_REVISION
from kedai.db.standing import find_revision
from kedai.errors import StorageUnavailable
from kedai.runtime import Runtime
from kedai.staff.roles import Capability
from kedai.sync.schedule_view import read_schedules
from kedai.values.environment import Environment
from kedai.vault.sealed import all_shelves, count_by_key
from kedai.web.deps import RuntimeDep, require
from kedai.web.metrics import CONTENT_TYPE
from kedai.web.schedule_metrics import render_schedules
from kedai.web.security import Principal

router = APIRouter()
_DEADLINE_SECONDS = 2.0


@router.get("/livez")
async def livez() -> dict[str, str]:
    """The process answers; nothing else is asked."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(runtime: RuntimeDep) -> JSONResponse:
    """Database, schema and keys: 200 when all fit, else 503 with what does not, within two seconds.

    A sealed copy is ready, and says that it is sealed: it must go on taking pushes and show its pages. So is a process
    that runs on when a newer version has upgraded the database: what is added to a schema disturbs nobody. One whose
    database takes no writes says so and stays: it must show its pages, and tell senders to come again.
    """
    checks = {"database": "ok", "schema": "ok", "keys": "ok"}
    sealed: list[str] = []
    try:
        async with asyncio.timeout(_DEADLINE_SECONDS):
            checks["schema"], sealed = await asyncio.to_thread(_look, runtime)
    except (StorageUnavailable, sa.exc.DBAPIError, TimeoutError):
        checks["database"] = "unreachable"
    checks["keys"] = runtime.ring.trouble or "ok"
    ready = all(state == "ok" for state in checks.values())
    checks["identity"] = f"seems to be a copy: sealed {', '.join(sealed)}" if sealed else "ok"
    checks["storage"] = _storage_state(runtime)
    status = ("sealed" if sealed else "ready") if ready else "not ready"
    return JSONResponse({"status": status, "checks": checks}, 200 if ready else 503)


@router.get("/metrics")
def metrics(
    request: Request, runtime: RuntimeDep, _caller: Annotated[Principal, Depends(require(Capability.READ))]
) -> Response:
    """Prometheus text, for a signed-in caller or an API token only."""
    with runtime.web_db.read() as db:
        secrets_by_key = count_by_key(db, all_shelves(db))
        schedules = render_schedules(read_schedules(db, environments=frozenset(Environment), now=runtime.clock.now()))
    text = request.app.state.metrics.render(
        secrets_by_key, calls_dropped=runtime.calls.dropped, storage_trouble=runtime.storage.trouble
    )
    return Response(text + schedules, media_type=CONTENT_TYPE)


def _look(runtime: Runtime) -> tuple[str, list[str]]:
    """How the schema stands, and what is sealed."""
    with runtime.web_db.read() as db:
        state = _schema_state(db)
        sealed = sorted(runtime.parts.quarantine.sealed(db))
        if runtime.ring.trouble is not None:
            runtime.ring.check(db)  # the missing key may have been given meanwhile
    return state, [one.value for one in sealed]


def _storage_state(runtime: Runtime) -> str:
    trouble = runtime.storage.trouble
    return "ok" if trouble is None else f"refuses writes ({trouble.refusal}) since {trouble.since.isoformat()}"


def _schema_state(db: Session) -> str:
    found = find_revision(db)
    if found is not None and found >= SCHEMA_REVISION:  # they are numbers of four digits
        return "ok"
    return f"is at {found}, this version needs {SCHEMA_REVISION}"
