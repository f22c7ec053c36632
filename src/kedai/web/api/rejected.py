"""Rejected deliveries in JSON: why each was refused, and admitting those that verify after a fix. No key is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query

from kedai.errors import Invalid
from kedai.inbox import rejected
from kedai.inbox.queries import get_rejected
from kedai.inbox.rejected import Filter
from kedai.kit.ids import parse_id, show_id
from kedai.sync.admission import admit_all, admit_one, count_admittable
from kedai.sync.diagnosis import ADMITTABLE, EXPLAINED, Diagnosis, diagnose, open_keyring
from kedai.values.environment import ConnectorName
from kedai.vault.queries import get_cursor_key
from kedai.web.api.place import PREFIX, Place, Reader, Replayer
from kedai.web.api.shown import plain
from kedai.web.deps import ReadSession, RuntimeDep, WriteSession

if TYPE_CHECKING:
    from kedai.inbox.models import RejectedDelivery
    from kedai.inbox.rejected import RejectedRow

router = APIRouter(prefix=PREFIX)


@router.get("/connectors/{connector}/rejected-deliveries")
def list_all(
    connector: str,
    place: Place,
    runtime: RuntimeDep,
    _caller: Reader,
    db: ReadSession,
    diagnosis: Annotated[str | None, Query(max_length=40)] = None,
    show: Annotated[Literal["waiting", "admitted"] | None, Query()] = None,
    cursor: Annotated[str | None, Query(max_length=600)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> dict[str, Any]:
    """Those that were kept, newest first; how many verify now, and how many were ever refused."""
    name = runtime.parts.connector(connector).name
    if diagnosis is not None and diagnosis not in set(Diagnosis):
        raise Invalid("There is no such diagnosis.", field="diagnosis")
    admitted = None if show is None else show == "admitted"
    chosen = Filter(place, name, (diagnosis,) if diagnosis else (), admitted=admitted)
    rows, next_cursor = rejected.list_rejected(db, chosen, cursor=cursor, cursor_key=get_cursor_key(db), limit=limit)
    return {
        "deliveries": [shown_rejected(row, row.diagnosis) for row in rows],
        "verify_now": count_admittable(db, name, environment=place),
        "refused": rejected.count_rejected(db, name, environment=place)[0],
        "next_cursor": next_cursor,
        "has_more": next_cursor is not None,
    }


@router.get("/rejected-deliveries/{rejected_id}")
def show(rejected_id: str, place: Place, runtime: RuntimeDep, _caller: Reader, db: ReadSession) -> dict[str, Any]:
    """One of them, judged by today's keys and URLs; its body is not among it."""
    row = get_rejected(db, parse_id("rej", rejected_id), environment=place)
    if row.admitted_at is not None:
        return shown_rejected(row, row.diagnosis)
    ring = open_keyring(runtime.parts, db, ConnectorName(row.connector), place, now=runtime.clock.now())
    return shown_rejected(row, diagnose(ring, row))


@router.post("/rejected-deliveries/{rejected_id}/admissions")
def admit(rejected_id: str, place: Place, runtime: RuntimeDep, caller: Replayer, db: WriteSession) -> dict[str, Any]:
    """Verify one again and take it in; 409 where it still does not verify."""
    found, now = parse_id("rej", rejected_id), runtime.clock.now()
    row = admit_one(runtime.parts, db, found, environment=place, actor=caller.actor, now=now)
    return shown_rejected(row, row.diagnosis)


@router.post("/connectors/{connector}/rejected-deliveries/admissions")
def admit_every(connector: str, place: Place, runtime: RuntimeDep, caller: Replayer) -> dict[str, Any]:
    """Verify all that wait again and take in those that verify, in transactions of a few."""
    name, now = runtime.parts.connector(connector).name, runtime.clock.now()
    done = admit_all(runtime.parts, runtime.web_db, name, environment=place, actor=caller.actor, now=now)
    return {"admitted": done.admitted, "left": done.left}


def shown_rejected(row: RejectedRow | RejectedDelivery, diagnosis: str) -> dict[str, Any]:
    """A delivery as the routes answer it, with what its diagnosis means."""
    cause = EXPLAINED[Diagnosis(diagnosis)]
    body = {
        "id": show_id("rej", row.id),
        "connector": row.connector,
        "environment": row.environment.value,
        "reason": row.reason,
        "diagnosis": str(diagnosis),
        "title": cause.title,
        "cause": cause.cause,
        "next_step": cause.next_step,
        "verifies": diagnosis in ADMITTABLE,
        "size": row.size,
        "received_at": row.received_at,
        "admitted_at": row.admitted_at,
        "admitted_by": row.admitted_by,
    }
    shown: dict[str, Any] = plain(body)
    return shown
