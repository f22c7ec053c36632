"""Sealing everything again under the primary key: a run per environment, a few rows a step, beside live traffic.

Values are read and sealed with no transaction open that writes, since others wait for it. A step is one short
transaction that exchanges some of them and moves the run's cursor. A value is exchanged only if it is still the one
that was read, so that a token refreshed or a credential edited meanwhile stands. Nobody's version or generation
changes: what is cached stays good.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.kit.ids import show_id
from kedai.runs.queries import OPEN_STATES, list_of_kind
from kedai.runs.service import create_run, move_on
from kedai.sync.parts import Parts
from kedai.sync.work import Step, Work
from kedai.values.actor import SYSTEM, Actor
from kedai.values.environment import ConnectorName, Environment
from kedai.vault.ring import KeyRing
from kedai.vault.rotation import V1, Batch, lock_ring, refuse_v1, renew_rows
from kedai.vault.sealed import (
    SealedRow,
    Shelf,
    all_shelves,
    count_by_key,
    list_places,
    read_rows,
    shelves_of_environment,
    shelves_of_installation,
    swap,
)

if TYPE_CHECKING:
    from kedai.runs.models import Run

KIND = "rewrap"
_MANY = 1_000
READ_ROWS = 200
"""Read and sealed at once, with nobody waiting."""
STEP_ROWS = 50
"""Exchanged in one transaction."""


@dataclass(frozen=True, slots=True)
class Census:
    """Values by key id, of each environment and of the installation itself."""

    environments: Mapping[tuple[str, Environment], Mapping[str, int]]
    installation: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Portion:
    """Rows of one shelf that are still to be sealed anew, and whether they are its last ones."""

    number: int
    shelf: Shelf
    rows: Sequence[SealedRow]
    is_last: bool


def take_census(db: Session) -> Census:
    """Count all that is sealed, for `start_rewrap`; it reads a while, so never where others wait for the writer."""
    places = {place: count_by_key(db, shelves_of_environment(*place)) for place in list_places(db)}
    return Census(places, count_by_key(db, shelves_of_installation()))


def start_rewrap(db: Session, ring: KeyRing, census: Census, *, actor: Actor, now: datetime) -> Sequence[Run]:
    """Queue the runs that seal again what is not under the primary key; those that are open already count as started.

    Empty where nothing is left to do. What belongs to no environment goes with the first of the runs.

    Raises:
        Conflict: the ring does not fit this database.
    """
    primary = next((entry.kid for entry in lock_ring(db) if entry.state == "primary"), "")
    going_on = list_open(db)
    if going_on:
        return going_on
    other = {place: _count_other(counts, primary) for place, counts in census.environments.items()}
    other_own = _count_other(census.installation, primary)
    ring.reserve(db, 2 * (sum(other.values()) + other_own))  # twice: a step rolled back encrypts again
    chosen = [place for place, number in other.items() if number]
    if not chosen and other_own:
        chosen = list(other)[:1]
    runs = [
        _queue(db, place, primary, census, also=number == 0, actor=actor, now=now)
        for number, place in enumerate(chosen)
    ]
    db.flush()
    return runs


def _queue(
    db: Session,
    place: tuple[str, Environment],
    primary: str,
    census: Census,
    *,
    also: bool,
    actor: Actor,
    now: datetime,
) -> Run:
    """A run for one environment, ``also`` with what belongs to the installation."""
    connector, environment = place
    scope = {"to": primary, "also": "installation" if also else None}
    before = Counter(census.environments[place]) + Counter(census.installation if also else {})
    total = _count_other(before, primary)
    run = create_run(db, KIND, ConnectorName(connector), environment, scope=scope, total=total, actor=actor, now=now)
    run.cursor = {"shelf": 0, "after": "", "unreadable": 0, "before": dict(sorted(before.items()))}
    return run


async def read(parts: Parts, work: Work) -> Sequence[Step]:
    """Seal the next values anew; the steps that exchange them, or the last one, which writes the report."""
    portion = await parts.read(lambda db: _next_portion(db, work))
    if portion is None:
        counts = await parts.read(lambda db: count_by_key(db, _shelves(work)))
        return [partial(_finish, counts=counts)]
    starts = range(0, len(portion.rows), STEP_ROWS)
    chunks = [portion.rows[start : start + STEP_ROWS] for start in starts]
    kid = work.scope["to"]
    batches = await asyncio.to_thread(lambda: [renew_rows(parts.ring, portion.shelf, kid, one) for one in chunks])
    steps = []
    for chunk, batch in zip(chunks, batches, strict=True):
        is_last = portion.is_last and chunk is chunks[-1]
        at = (portion.number + 1, "") if is_last else (portion.number, chunk[-1].row)
        steps.append(partial(_exchange, shelf=portion.shelf, batch=batch, at=at))
    return steps


def _next_portion(db: Session, work: Work) -> _Portion | None:
    """What comes after the run's cursor; None where nothing is left."""
    number, after = work.cursor["shelf"], work.cursor["after"]
    for shelf in _shelves(work)[number:]:
        rows = read_rows(db, shelf, after=after, limit=READ_ROWS, unless=work.scope["to"])
        if rows:
            return _Portion(number, shelf, rows, shelf.sealed.row is None or len(rows) < READ_ROWS)
        number, after = number + 1, ""
    return None


def _exchange(db: Session, run: Run, *, shelf: Shelf, batch: Batch, at: tuple[int, str], now: datetime) -> bool:  # noqa: ARG001  a step's arguments
    """One step, in the transaction that also moves the run's cursor."""
    if batch.swaps:
        swap(db, shelf, batch.swaps)
    cursor = cursor_of(run)
    moved = {"shelf": at[0], "after": at[1], "unreadable": cursor["unreadable"] + batch.unreadable}
    move_on(run, cursor={**cursor, **moved}, done=batch.renewed)
    return False


def _finish(db: Session, run: Run, *, counts: Mapping[str, int], now: datetime) -> bool:
    """The last step: the report."""
    move_on(run, cursor={**cursor_of(run), "now": dict(counts)}, done=0)
    run.total = run.done  # what somebody else has sealed anew meanwhile was not ours to do
    _record_end(db, run, now)
    return True


def cursor_of(run: Run) -> dict[str, Any]:
    """Where a rewrap is: shelf and row to go on with, values that do not open, and values per key before and now."""
    return dict(run.cursor or {})


def list_open(db: Session) -> Sequence[Run]:
    """The rewraps that are queued or going on, in the order in which they are taken."""
    return list_of_kind(db, KIND, states=OPEN_STATES, limit=_MANY)[::-1]


def _shelves(work: Work) -> list[Shelf]:
    also = shelves_of_installation() if work.scope["also"] else []
    return shelves_of_environment(work.connector, work.environment) + also


def _count_other(counts: Mapping[str, int], kid: str) -> int:
    return sum(number for one, number in counts.items() if one != kid)


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
