"""Parked events in JSON: how many wait and why, and what becomes of them, one by one or all as a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from kedai.inbox.queries import get_event
from kedai.inbox.service import count_parked
from kedai.kit.ids import parse_id
from kedai.runtime import Runtime
from kedai.sync import replay
from kedai.values.environment import ConnectorName, Environment
from kedai.values.event import ParkedReason
from kedai.vault.queries import get_active_environment
from kedai.web.api.place import PREFIX, FreshReplayer, Place, Reader, Replayer
from kedai.web.api.shown import queued_run, shown_event
from kedai.web.deps import ReadSession, RuntimeDep, WriteSession
from kedai.web.security import Principal

router = APIRouter(prefix=PREFIX)
ShopId = Annotated[str, Field(max_length=64, pattern=r"^[!-~]+$")]


class ParkedBody(BaseModel):
    """Which parked events are meant; with ``dry_run`` they are only counted."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    reason: ParkedReason = ParkedReason.INACTIVE_ENVIRONMENT
    shop_id: ShopId | None = None
    dry_run: bool = False


@router.get("/connectors/{connector}/parked-events")
def count(connector: str, place: Place, runtime: RuntimeDep, _caller: Reader, db: ReadSession) -> dict[str, Any]:
    """How many events of an environment are parked, by reason."""
    name = runtime.parts.connector(connector).name
    counts = {reason.value: count_parked(db, name, place, reason=reason) for reason in ParkedReason}
    is_active = get_active_environment(db, name) is place
    return {"connector": name, "environment": place.value, "is_active": is_active, "parked": counts}


@router.post("/connectors/{connector}/parked-events/replays")
def replay_all(
    connector: str,
    place: Place,
    runtime: RuntimeDep,
    caller: Replayer,
    db: WriteSession,
    body: Annotated[ParkedBody | None, Body()] = None,
) -> Response:
    """Queue a run that replays them in order of arrival; 409 where the environment is not the active one."""
    return _decide(replay.replay_parked, connector, place, runtime, caller, db, body or ParkedBody())


@router.post("/connectors/{connector}/parked-events/discards")
def discard_all(
    connector: str,
    place: Place,
    runtime: RuntimeDep,
    caller: FreshReplayer,
    db: WriteSession,
    body: Annotated[ParkedBody | None, Body()] = None,
) -> Response:
    """Queue a run that discards them; none is deleted, and each can be replayed."""
    return _decide(replay.discard_parked, connector, place, runtime, caller, db, body or ParkedBody())


@router.post("/events/{event_id}/replays")
def replay_one(event_id: str, place: Place, runtime: RuntimeDep, caller: Replayer, db: WriteSession) -> dict[str, Any]:
    """Put one parked, dead or discarded event back in the queue."""
    return _decide_one(replay.replay_event, event_id, place, runtime, caller, db)


@router.post("/events/{event_id}/discards")
def discard_one(event_id: str, place: Place, runtime: RuntimeDep, caller: Replayer, db: WriteSession) -> dict[str, Any]:
    """Note that one parked or dead event is not needed."""
    return _decide_one(replay.discard_event, event_id, place, runtime, caller, db)


def _decide(
    verb: Callable[..., Any],
    connector: str,
    place: Environment,
    runtime: Runtime,
    caller: Principal,
    db: Session,
    body: ParkedBody,
) -> Response:
    name: ConnectorName = runtime.parts.connector(connector).name
    if body.dry_run:
        number = count_parked(db, name, place, reason=body.reason, shop_id=body.shop_id)
        return JSONResponse({"dry_run": True, "events": number})
    chosen = {"reason": body.reason, "shop_id": body.shop_id}
    run = verb(runtime.parts, db, name, place, **chosen, actor=caller.actor, now=runtime.clock.now())
    return queued_run(run)


def _decide_one(
    verb: Callable[..., None], event_id: str, place: Environment, runtime: Runtime, caller: Principal, db: Session
) -> dict[str, Any]:
    found = parse_id("evt", event_id)
    verb(db, found, environment=place, actor=caller.actor, now=runtime.clock.now())
    return shown_event(get_event(db, found, environment=place))
