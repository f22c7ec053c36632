"""Exceptions in JSON: the groups, one of them with the orders it touches, and what is done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from kedai.connector_exceptions import acts, queries
from kedai.connector_exceptions.queries import Filter
from kedai.errors import Invalid
from kedai.kit.ids import parse_id, show_id
from kedai.runtime import Runtime
from kedai.sync.exceptions import assign, explain
from kedai.sync.retry import retry_group, retry_order
from kedai.vault.queries import get_cursor_key
from kedai.web.api.place import PREFIX, Place, Reader, Replayer
from kedai.web.api.shown import plain, shown_run
from kedai.web.deps import ReadSession, RuntimeDep, WriteSession

if TYPE_CHECKING:
    from kedai.connector_exceptions.models import ConnectorException, ExceptionOrder

router = APIRouter(prefix=f"{PREFIX}/exceptions")

_MOST_ORDERS = 1_000


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class SnoozeBody(_Body):
    """Until when; an instant with its zone."""

    until: AwareDatetime


class AssigneeBody(_Body):
    """The address of a person who works here, or null."""

    assignee: Annotated[str, Field(max_length=320)] | None


class NoteBody(_Body):
    """What the next person should know."""

    note: Annotated[str, Field(max_length=2_000)]


class RetryBody(_Body):
    """One affected order by its ``subject``; without it all of them."""

    subject: Annotated[str, Field(max_length=200)] | None = None


@router.get("")
def list_all(
    place: Place,
    runtime: RuntimeDep,
    _caller: Reader,
    db: ReadSession,
    state: Annotated[str | None, Query(max_length=20)] = None,
    code: Annotated[str | None, Query(max_length=200)] = None,
    shop: Annotated[str | None, Query(max_length=64)] = None,
    assignee: Annotated[str | None, Query(max_length=320)] = None,
    cursor: Annotated[str | None, Query(max_length=600)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> dict[str, Any]:
    """An environment's groups, the one that happened last first; without a state those that are open."""
    if state is not None and state not in queries.STATES:
        raise Invalid("There is no such state of an exception.", field="state")
    chosen = Filter(queries.OPEN_STATES if state is None else (state,), code, shop, assignee)
    page = queries.list_exceptions(
        db,
        environment=place,
        chosen=chosen,
        cursor=cursor,
        cursor_key=get_cursor_key(db),
        limit=limit,
        now=runtime.clock.now(),
    )
    shown = [shown_exception(runtime, row) for row in page.rows]
    return {"exceptions": shown, "next_cursor": page.next_cursor, "has_more": page.next_cursor is not None}


@router.get("/{exception_id}")
def show(exception_id: str, place: Place, runtime: RuntimeDep, _caller: Reader, db: ReadSession) -> dict[str, Any]:
    """One group, and the orders it touches."""
    row = queries.get_exception(db, parse_id("exc", exception_id), environment=place)
    affected = queries.list_affected(db, row.id, limit=_MOST_ORDERS)
    return shown_exception(runtime, row) | {"orders": [_shown_order(one) for one in affected]}


@router.post("/{exception_id}/resolutions")
def resolve(exception_id: str, place: Place, runtime: RuntimeDep, caller: Replayer, db: WriteSession) -> dict[str, Any]:
    """Say that the cause is mended."""
    found, now = parse_id("exc", exception_id), runtime.clock.now()
    return shown_exception(runtime, acts.resolve(db, found, environment=place, actor=caller.actor, now=now))


@router.post("/{exception_id}/reopenings")
def reopen(exception_id: str, place: Place, runtime: RuntimeDep, caller: Replayer, db: WriteSession) -> dict[str, Any]:
    """Take back that it is resolved or snoozed."""
    found, now = parse_id("exc", exception_id), runtime.clock.now()
    return shown_exception(runtime, acts.reopen(db, found, environment=place, actor=caller.actor, now=now))


@router.post("/{exception_id}/snoozes")
def snooze(
    exception_id: str, place: Place, runtime: RuntimeDep, caller: Replayer, db: WriteSession, body: SnoozeBody
) -> dict[str, Any]:
    """Keep it out of sight until then, 90 days at most."""
    found, now = parse_id("exc", exception_id), runtime.clock.now()
    row = acts.snooze(db, found, environment=place, until=body.until, actor=caller.actor, now=now)
    return shown_exception(runtime, row)


@router.put("/{exception_id}/assignee")
def change_assignee(
    exception_id: str, place: Place, runtime: RuntimeDep, caller: Replayer, db: WriteSession, body: AssigneeBody
) -> dict[str, Any]:
    """Say who looks after it."""
    found, now = parse_id("exc", exception_id), runtime.clock.now()
    row = assign(db, found, environment=place, assignee=body.assignee, actor=caller.actor, now=now)
    return shown_exception(runtime, row)


@router.put("/{exception_id}/note")
def change_note(
    exception_id: str, place: Place, runtime: RuntimeDep, caller: Replayer, db: WriteSession, body: NoteBody
) -> dict[str, Any]:
    """Replace the note."""
    found, now = parse_id("exc", exception_id), runtime.clock.now()
    row = acts.set_note(db, found, environment=place, note=body.note, actor=caller.actor, now=now)
    return shown_exception(runtime, row)


@router.post("/{exception_id}/retries")
def retry(
    exception_id: str,
    place: Place,
    runtime: RuntimeDep,
    caller: Replayer,
    db: WriteSession,
    body: Annotated[RetryBody | None, Body()] = None,
) -> dict[str, Any]:
    """Try one affected order again (its events at once, or a run that reads it), or all of them by a run."""
    found, now = parse_id("exc", exception_id), runtime.clock.now()
    subject = None if body is None else body.subject
    if subject is None:
        run = retry_group(db, found, environment=place, actor=caller.actor, now=now)
        return {"events": 0, "run": shown_run(run)}
    done = retry_order(db, found, subject, environment=place, actor=caller.actor, now=now)
    return {"events": done.events, "run": None if done.run is None else shown_run(done.run)}


def shown_exception(runtime: Runtime, row: ConnectorException) -> dict[str, Any]:
    """A group as the routes answer it, with what its code means."""
    cause = explain(runtime.parts, row)
    body = {
        "id": show_id("exc", row.id),
        "connector": row.connector,
        "environment": row.environment.value,
        "code": row.code,
        "title": row.title,
        "cause": cause.cause,
        "next_step": cause.next_step,
        "last_message": row.last_message,
        "state": queries.shown_state(row, runtime.clock.now()),
        "count": row.count,
        "shop_id": row.shop_id,
        "first_seen_at": row.first_seen_at,
        "last_seen_at": row.last_seen_at,
        "regressed_at": row.regressed_at,
        "snoozed_until": row.snoozed_until,
        "resolved_at": row.resolved_at,
        "resolved_by": row.resolved_by,
        "assignee": row.assignee,
        "note": row.note,
        "listed": row.listed,
        "unlisted": row.unlisted,
    }
    shown: dict[str, Any] = plain(body)
    return shown


def _shown_order(one: ExceptionOrder) -> dict[str, Any]:
    body = {
        "subject": one.subject,
        "shop_id": one.shop_id,
        "order_sn": one.order_sn,
        "event": None if one.event_id is None else show_id("evt", one.event_id),
        "count": one.count,
        "first_seen_at": one.first_seen_at,
        "last_seen_at": one.last_seen_at,
        "retried_at": one.retried_at,
    }
    shown: dict[str, Any] = plain(body)
    return shown
