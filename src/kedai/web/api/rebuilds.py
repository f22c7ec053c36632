"""Rebuilds in JSON: orders as they were known at a time, compared with how they stand, then applied or discarded."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from kedai.kit.ids import parse_id
from kedai.kit.instants import parse_instant
from kedai.kit.paging import decode_cursor, encode_cursor
from kedai.orders.shadow import count_shadows, list_shadows
from kedai.sync import rebuild
from kedai.values.environment import Scope
from kedai.vault.queries import get_cursor_key
from kedai.web.api.place import PREFIX, FreshReplayer, Place, Reader, Replayer
from kedai.web.api.shown import queued_run, shown_run
from kedai.web.deps import ReadSession, RuntimeDep, WriteSession

router = APIRouter(prefix=PREFIX)
Instant = Annotated[str, Field(max_length=40)]


class RebuildBody(BaseModel):
    """Which orders of a shop, and as of when; instants as RFC 3339. Without a number or a range, all of them."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    shop_id: Annotated[str, Field(max_length=64, pattern=r"^[!-~]+$")]
    as_of: Instant
    order_sn: Annotated[str, Field(max_length=64)] | None = None
    placed_from: Instant | None = None
    placed_until: Instant | None = None

    def wish(self) -> rebuild.Wish:
        """Raises `Invalid` for an instant that is none."""
        ends = {
            name: parse_instant(text, field=name)
            for name in ("placed_from", "placed_until")
            if (text := getattr(self, name)) is not None
        }
        return rebuild.Wish(parse_instant(self.as_of, field="as_of"), self.order_sn, **ends)


@router.post("/connectors/{connector}/rebuilds")
def start(connector: str, place: Place, runtime: RuntimeDep, caller: Replayer, body: RebuildBody) -> Response:
    """Queue a rebuild into a shadow; no order is touched."""
    scope, wish = Scope(runtime.parts.connector(connector).name, place, body.shop_id), body.wish()
    with runtime.web_db.read() as db:
        counted = rebuild.count_meant(db, scope, wish)
    with runtime.web_db.write() as db:
        now = runtime.clock.now()
        run = rebuild.start_rebuild(runtime.parts, db, scope, wish, counted=counted, actor=caller.actor, now=now)
        return queued_run(run, at="rebuilds")


@router.get("/rebuilds/{run_id}")
def show(
    run_id: str,
    place: Place,
    _caller: Reader,
    db: ReadSession,
    cursor: Annotated[str | None, Query(max_length=600)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> dict[str, Any]:
    """How far a rebuild is, and the orders that would differ, by number; of personal data only that it differs."""
    run = rebuild.get_rebuild(db, parse_id("run", run_id), environment=place)
    key, bound_to = get_cursor_key(db), f"rebuild\0{run.id}"
    after = "" if cursor is None else str(decode_cursor(key, bound_to, cursor)[0])
    rows = list_shadows(db, run.id, environment=place, after=after, limit=limit + 1)
    found = [
        {"shop_id": row.shop_id, "order_sn": row.order_sn, "state": row.state, "events": row.events}
        | {"differences": row.differences}
        for row in rows[:limit]
    ]
    more = len(rows) > limit
    return {
        "run": shown_run(run),
        "counts": count_shadows(db, run.id, environment=place),
        "orders": found,
        "next_cursor": encode_cursor(key, bound_to, (rows[limit - 1].order_sn,)) if more else None,
        "has_more": more,
    }


@router.post("/rebuilds/{run_id}/applications")
def apply(run_id: str, place: Place, runtime: RuntimeDep, caller: FreshReplayer, db: WriteSession) -> Response:
    """Queue a run that leaves the orders as the rebuild found they were."""
    now, found = runtime.clock.now(), parse_id("run", run_id)
    return queued_run(rebuild.apply_rebuild(db, found, environment=place, actor=caller.actor, now=now))


@router.post("/rebuilds/{run_id}/discards")
def discard(run_id: str, place: Place, runtime: RuntimeDep, caller: Replayer, db: WriteSession) -> Response:
    """Queue a run that notes that the orders stay as they are."""
    now, found = runtime.clock.now(), parse_id("run", run_id)
    return queued_run(rebuild.discard_rebuild(db, found, environment=place, actor=caller.actor, now=now))
