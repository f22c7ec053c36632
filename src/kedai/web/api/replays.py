"""Replays by filter and range in JSON: how many events are meant, and a run that puts them back in the queue."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from kedai.inbox.replays import REPLAYABLE, Choice
from kedai.kit.instants import parse_instant
from kedai.sync.replay_events import preview, replay_events
from kedai.values.event import EventState
from kedai.web.api.place import PREFIX, Place, Replayer
from kedai.web.api.shown import queued_run
from kedai.web.deps import RuntimeDep

router = APIRouter(prefix=PREFIX)
Text = Annotated[str, Field(max_length=64, pattern=r"^[!-~]+$")]
Instant = Annotated[str, Field(max_length=40)]


class ReplayBody(BaseModel):
    """Which events are meant; what is left out is not asked for. With ``dry_run`` they are only counted."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    states: tuple[EventState, ...] = REPLAYABLE
    code: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    shop_id: Text | None = None
    order_sn: Text | None = None
    since: Instant | None = None
    until: Instant | None = None
    dry_run: bool = False

    def choice(self) -> Choice:
        """Raises `Invalid` for an instant that is none, or a choice that nothing can fit."""
        since = None if self.since is None else parse_instant(self.since, field="since")
        until = None if self.until is None else parse_instant(self.until, field="until")
        return Choice(self.states, self.code, self.shop_id, self.order_sn, since, until)


@router.post("/connectors/{connector}/event-replays")
def replay(connector: str, place: Place, runtime: RuntimeDep, caller: Replayer, body: ReplayBody) -> Response:
    """Queue a run that replays them in order of arrival; 409 where the environment is not the active one."""
    name, choice = runtime.parts.connector(connector).name, body.choice()
    with runtime.web_db.read() as db:
        counted = preview(db, name, place, choice)
    if body.dry_run:
        return JSONResponse({"dry_run": True, "events": counted})
    with runtime.web_db.write() as db:
        now = runtime.clock.now()
        run = replay_events(runtime.parts, db, name, place, choice, counted=counted, actor=caller.actor, now=now)
        return queued_run(run)
