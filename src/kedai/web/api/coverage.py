"""In JSON: what covered a shop's time, the statement that nothing of a period is missing, and back-fills."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from kedai.coverage.queries import find_gaps, list_intervals
from kedai.errors import NotFound
from kedai.sync import backfill, completeness
from kedai.sync.period import parse_period
from kedai.values.environment import Scope
from kedai.vault.queries import find_shop
from kedai.web.api.place import PREFIX, Place, Reader, Replayer
from kedai.web.api.shown import plain, queued_run
from kedai.web.deps import ReadSession, RuntimeDep

router = APIRouter(prefix=f"{PREFIX}/connectors/{{connector}}/shops/{{shop_id}}")
Instant = Annotated[str, Field(max_length=40)]


class StatementBody(BaseModel):
    """Which period."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    since: Instant
    until: Instant


@router.get("/coverage")
def show_coverage(
    connector: str,
    shop_id: str,
    place: Place,
    runtime: RuntimeDep,
    _caller: Reader,
    db: ReadSession,
    since: Annotated[str, Query(max_length=40)],
    until: Annotated[str, Query(max_length=40)],
) -> dict[str, Any]:
    """Which source covered which part of a period, and which part none did; nobody is asked."""
    scope = Scope(runtime.parts.connector(connector).name, place, shop_id)
    period = parse_period(since, until, now=runtime.clock.now())
    if "\0" in shop_id or find_shop(db, scope) is None:
        raise NotFound("There is no such shop here.")
    intervals = list_intervals(db, scope, since=period.since, until=period.until)
    gaps = find_gaps(intervals, since=period.since, until=period.until)
    told = {"since": period.since, "until": period.until, **completeness.coverage_as_json(intervals, gaps)}
    shown: dict[str, Any] = plain(told)
    return shown


@router.post("/statements")
async def make_statement(
    connector: str, shop_id: str, place: Place, runtime: RuntimeDep, _caller: Replayer, body: StatementBody
) -> dict[str, Any]:
    """Ask the marketplace for its list of a period, and compare it with what is held; nothing is changed."""
    scope = Scope(runtime.parts.connector(connector).name, place, shop_id)
    period = parse_period(body.since, body.until, now=runtime.clock.now())
    shown: dict[str, Any] = plain(completeness.as_json(await completeness.state(runtime.parts, scope, period)))
    return shown


class BackfillBody(BaseModel):
    """Which period; with ``dry_run`` only its size is asked."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    since: Instant
    until: Instant
    dry_run: bool = False


@router.post("/backfills")
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
    return queued_run(run)
