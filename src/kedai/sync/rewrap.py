"""Sealing everything again under the primary key: a run per environment, a few rows a step, beside live traffic.

A step is one transaction that also moves the run's cursor. A value is exchanged only if it is still the one that was
read, so that a token refreshed or a credential edited meanwhile stands. Nobody's version or generation changes: what
is cached stays good.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.kit.ids import show_id
from kedai.runs.queries import OPEN_STATES, list_of_kind
from kedai.runs.service import create_run, move_on
from kedai.values.actor import SYSTEM, Actor
from kedai.values.environment import ConnectorName, Environment
from kedai.vault.ring import KeyRing
from kedai.vault.rotation import V1, lock_ring, refuse_v1, renew_batch
from kedai.vault.sealed import (
    Shelf,
    all_shelves,
    count_by_key,
    list_places,
    shelves_of_environment,
    shelves_of_installation,
)

if TYPE_CHECKING:
    from kedai.runs.models import Run

KIND = "rewrap"
_MANY = 1_000
STEP_ROWS = 50


def start_rewrap(db: Session, ring: KeyRing, *, actor: Actor, now: datetime) -> Sequence[Run]:
    """Queue the runs that seal again what is not under the primary key; those that are open already count as started.

    Empty where nothing is left to do. What belongs to no environment goes with the first of the runs.

    Raises:
        Conflict: the ring does not fit this database.
    """
    primary = next((entry.kid for entry in lock_ring(db) if entry.state == "primary"), "")
    going_on = list_open(db)
    if going_on:
        return going_on
    ring.reserve(db, 2 * _count_other(db, all_shelves(db), primary))  # twice: a step rolled back encrypts again
    own = [place for place in list_places(db) if _count_other(db, shelves_of_environment(*place), primary)]
    if not own and _count_other(db, shelves_of_installation(), primary):
        own = list_places(db)[:1]
    runs = [
        _queue(db, connector, environment, primary, also=number == 0, actor=actor, now=now)
        for number, (connector, environment) in enumerate(own)
    ]
    db.flush()
    return runs


def _queue(
    db: Session,
    connector: str,
    environment: Environment,
    primary: str,
    *,
    also: bool,
    actor: Actor,
    now: datetime,
) -> Run:
    """A run for one environment, ``also`` with what belongs to the installation."""
    scope = {"to": primary, "also": "installation" if also else None}
    shelves = shelves_of_environment(connector, environment) + (shelves_of_installation() if also else [])
    before = count_by_key(db, shelves)
    total = sum(number for kid, number in before.items() if kid != primary)
    run = create_run(db, KIND, ConnectorName(connector), environment, scope=scope, total=total, actor=actor, now=now)
    run.cursor = {"shelf": 0, "after": "", "unreadable": 0, "before": before}
    return run


def step(ring: KeyRing, db: Session, run: Run, *, now: datetime) -> bool:
    """One step of a run, in the transaction that also moves its cursor; True when nothing is left."""
    shelves, kid, cursor = _shelves(run), run.scope["to"], cursor_of(run)
    shelf = shelves[cursor["shelf"]]
    batch = renew_batch(db, ring, shelf, kid, after=cursor["after"], limit=STEP_ROWS)
    cursor = {**cursor, "unreadable": cursor["unreadable"] + batch.unreadable, "after": batch.last or ""}
    if batch.last is None:
        cursor["shelf"] += 1
    if cursor["shelf"] < len(shelves):
        move_on(run, cursor=cursor, done=batch.renewed)
        return False
    cursor["now"] = count_by_key(db, shelves)
    move_on(run, cursor=cursor, done=batch.renewed)
    run.total = run.done  # what somebody else has sealed anew meanwhile was not ours to do
    _record_end(db, run, now)
    return True


def cursor_of(run: Run) -> dict[str, Any]:
    """Where a rewrap is: shelf and row to go on with, values that do not open, and values per key before and now."""
    return dict(run.cursor or {})


def list_open(db: Session) -> Sequence[Run]:
    """The rewraps that are queued or going on, in the order in which they are taken."""
    return list_of_kind(db, KIND, states=OPEN_STATES, limit=_MANY)[::-1]


def _shelves(run: Run) -> list[Shelf]:
    also = shelves_of_installation() if run.scope["also"] else []
    return shelves_of_environment(run.connector, run.environment) + also


def _count_other(db: Session, shelves: Sequence[Shelf], kid: str) -> int:
    return sum(number for one, number in count_by_key(db, shelves).items() if one != kid)


def _record_end(db: Session, run: Run, now: datetime) -> None:
    """The report, and the older format's end once the last of its values was sealed anew."""
    cursor = cursor_of(run)
    report = {"to": run.scope["to"], "before": cursor["before"], "after": cursor["now"]}
    report["unreadable"] = cursor["unreadable"]
    record(
        db,
        actor=SYSTEM,
        action="keys.rewrapped",
        environment=run.environment,
        subject=show_id("run", run.id),
        details=report,
        now=now,
    )
    if V1 in cursor["before"] and V1 not in count_by_key(db, all_shelves(db)):
        refuse_v1(db, actor=SYSTEM, now=now)
