"""How values read in JSON: instants as RFC 3339 UTC, ids in their public form."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from fastapi.responses import JSONResponse

from kedai.inbox.tries import read_tries
from kedai.kit.ids import show_id
from kedai.runs.progress import measure

if TYPE_CHECKING:
    from kedai.calls.models import OutgoingCall
    from kedai.inbox.models import RawEvent
    from kedai.runs.models import Run
    from kedai.sync.schedule_view import ScheduleView


def plain(value: Any) -> Any:
    """The same value with every instant inside as text."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value.isoformat().replace("+00:00", "Z") if hasattr(value, "isoformat") else value


def shown_run(run: Run) -> dict[str, Any]:
    """A run as the routes answer it; ``percent`` is null where nobody knows how much there is."""
    body = {
        "id": show_id("run", run.id),
        "kind": run.kind,
        "connector": run.connector,
        "environment": run.environment.value,
        "scope": run.scope,
        "state": run.state,
        "cancel_requested": run.cancel_requested,
        "done": run.done,
        "total": run.total,
        "percent": min(100, run.done * 100 // run.total) if run.total else None,
        "note": run.note,
        "scheduled_at": run.scheduled_at,
        "created_at": run.created_at,
        "created_by": run.created_by,
        "started_at": run.started_at,
        "paused_at": run.paused_at,
        "paused_by": run.paused_by,
        "finished_at": run.finished_at,
    }
    shown: dict[str, Any] = plain(body)
    return shown


def queued_run(run: Run, *, at: str = "runs") -> JSONResponse:
    """202 with the run, and where it is watched: ``/api/v1/{environment}/{at}/{id}``."""
    location = f"/api/v1/{run.environment.value}/{at}/{show_id('run', run.id)}"
    return JSONResponse(shown_run(run), 202, headers={"Location": location})


def shown_call(call: OutgoingCall) -> dict[str, Any]:
    """An outgoing call; ``status`` is null where no answer came."""
    body = {
        "id": show_id("call", call.id),
        "connector": call.connector,
        "environment": call.environment.value,
        "shop_id": call.shop_id,
        "method": call.method,
        "path": call.path,
        "status": call.status,
        "outcome": call.outcome,
        "code": call.code,
        "milliseconds": call.milliseconds,
        "request_id": call.request_id,
        "started_at": call.started_at,
    }
    shown: dict[str, Any] = plain(body)
    return shown


def shown_progress(run: Run, now: datetime) -> dict[str, Any]:
    """How long it has worked, how fast it goes, and when it will end at that rate; null is what nobody can know yet."""
    found = measure(run, now=now)
    per_minute = None if found.per_minute is None else round(found.per_minute, 1)
    return {"worked_seconds": round(found.seconds, 1), "per_minute": per_minute, "ends_at": plain(found.ends_at)}


def shown_schedule(view: ScheduleView) -> dict[str, Any]:
    """A schedule as the routes and the command line answer it."""
    body = {
        "kind": view.kind,
        "label": view.label,
        "does": view.does,
        "connector": view.connector,
        "environment": view.environment.value,
        "period": view.period,
        "grace_seconds": int(view.grace.total_seconds()),
        "state": view.state.value,
        "next_at": view.next_at,
        "expected_at": view.expected_at,
        "last_tick_at": view.last_tick_at,
        "last_success_at": view.last_success_at,
        "durations": list(view.durations),
        "paused_at": view.paused_at,
        "paused_by": view.paused_by,
        "pause_reason": view.pause_reason,
        "last_run": None if view.last_run is None else show_id("run", view.last_run.id),
    }
    shown: dict[str, Any] = plain(body)
    return shown


def shown_event(event: RawEvent) -> dict[str, Any]:
    """Where an event stands; its body is not among it."""
    body = {
        "id": show_id("evt", event.id),
        "connector": event.connector,
        "environment": event.environment.value,
        "state": event.state,
        "parked_reason": event.parked_reason,
        "note": event.note,
        "topic": event.topic,
        "code": event.code,
        "shop_id": event.shop_id,
        "order_sn": event.order_sn,
        "received_at": event.received_at,
        "attempts": event.attempts,
        "finished_at": event.finished_at,
        "discarded_by": event.discarded_by,
        "tries": [{"at": one.at, "state": one.state, "note": one.note} for one in read_tries(event.tries)],
    }
    shown: dict[str, Any] = plain(body)
    return shown
