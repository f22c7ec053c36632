"""Back-fills in JSON: an estimate of a period, and the run that reads its orders anew."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from kedai.kit.ids import show_id
from kedai.sync import backfill
from kedai.sync.period import parse_period
from kedai.values.environment import Scope
from kedai.web.api.place import PREFIX, Place, Replayer
from kedai.web.api.shown import shown_run
from kedai.web.deps import RuntimeDep

router = APIRouter(prefix=PREFIX)
Instant = Annotated[str, Field(max_length=40)]


class BackfillBody(BaseModel):
    """Which period; with ``dry_run`` only its size is asked."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    since: Instant
    until: Instant
    dry_run: bool = False


@router.post("/connectors/{connector}/shops/{shop_id}/backfills")
async def begin(
    connector: str, shop_id: str, place: Place, runtime: RuntimeDep, caller: Replayer, body: BackfillBody
) -> Response:
    """Queue a run that reads a period's orders anew; with ``dry_run`` only say how much there is."""
    parts = runtime.parts
    scope = Scope(parts.connector(connector).name, place, shop_id)
    period = parse_period(body.since, body.until, now=runtime.clock.now())
    if body.dry_run:
        found = await backfill.estimate(parts, scope, period)
        told = {"windows": found.windows, "pages": found.pages, "orders": found.orders, "complete": found.is_complete}
        return JSONResponse({"dry_run": True, **told, "expected_orders": found.expected})
    run = await backfill.begin(parts, scope, period, actor=caller.actor)
    location = f"/api/v1/{place.value}/runs/{show_id('run', run.id)}"
    return JSONResponse(shown_run(run), 202, headers={"Location": location})
