"""The key ring as people see and turn it: what each key is for, who holds it, and the deeds in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from kedai.errors import Conflict
from kedai.runs.models import Run
from kedai.sync.rewrap import list_latest, list_open
from kedai.values.actor import Actor
from kedai.vault import rotation
from kedai.vault.models import Process
from kedai.vault.processes import list_processes
from kedai.vault.ring import KeyRing
from kedai.vault.sealed import all_shelves, count_by_key

_LATEST = 6


@dataclass(frozen=True, slots=True)
class KeyView:
    """One key. ``at_hand``: yes, no, or wrong (another key by that id); ``values`` are stored values it seals.

    The older format stands among them as ``v1``: no key of the ring, so nobody counts its writes or when it came.
    """

    kid: str
    state: str
    at_hand: str
    values: int
    writes: int | None
    held_by: int | None
    created_at: datetime | None

    @property
    def may_retire(self) -> bool:
        return self.values == 0 and self.state in {"active", "readable"}


@dataclass(frozen=True, slots=True)
class RingView:
    """How the ring stands; ``stale`` counts the values that are not sealed with the primary."""

    trouble: str | None
    primary: str | None
    keys: tuple[KeyView, ...]
    unregistered: tuple[str, ...]
    unknown: tuple[str, ...]
    stale: int
    processes: tuple[Process, ...]
    open_runs: tuple[Run, ...]
    latest_runs: tuple[Run, ...]


def read_ring(db: Session, ring: KeyRing) -> RingView:
    """The ring as this process and this database see it."""
    ring.refresh()
    ring.check(db)
    entries, counts = rotation.list_entries(db), count_by_key(db, all_shelves(db))
    processes = tuple(list_processes(db))
    primary = next((entry.kid for entry in entries if entry.state == "primary"), None)
    keys = [
        KeyView(
            kid=entry.kid,
            state=entry.state,
            at_hand="yes" if ring.opens_canary(entry.kid, entry.canary) else "wrong" if entry.kid in ring.kids() else "no",
            values=counts.get(entry.kid, 0),
            writes=entry.writes,
            held_by=sum(entry.kid in one.kids for one in processes),
            created_at=entry.created_at,
        )
        for entry in entries
    ]
    known = {entry.kid for entry in entries}
    return RingView(
        trouble=ring.trouble,
        primary=primary,
        keys=(*keys, *_v1_view(db, ring, counts)),
        unregistered=tuple(kid for kid in ring.kids() if kid not in known),
        unknown=tuple(kid for kid in counts if kid not in known and kid != rotation.V1),
        stale=sum(number for kid, number in counts.items() if kid != primary),
        processes=processes,
        open_runs=tuple(list_open(db)),
        latest_runs=tuple(list_latest(db, at_most=_LATEST)),
    )


def promote(db: Session, ring: KeyRing, kid: str, *, actor: Actor, now: datetime) -> bool:
    """Seal with this key from now on, in every process; False where it was the primary.

    Raises:
        NotFound: no such key. Conflict: a running process lacks it, it was retired, or a rewrap goes on.
    """
    rotation.lock_ring(db)
    _refuse_while_rewrapping(db)
    return rotation.promote_key(db, ring, kid, actor=actor, now=now)


def retire(db: Session, ring: KeyRing, kid: str, *, actor: Actor, now: datetime) -> bool:
    """Give a key (or the older format, ``v1``) up for good; False where that was done.

    Raises:
        NotFound: no such key. Conflict: it is in use, the primary, or a rewrap goes on.
    """
    rotation.lock_ring(db)
    _refuse_while_rewrapping(db)
    changed = rotation.retire_key(db, kid, actor=actor, now=now)
    ring.check(db)
    return changed


def report_of(runs: Sequence[Run]) -> dict[str, tuple[int, int]]:
    """Values per key id before and after some rewraps that have ended, summed up."""
    kids = sorted({kid for run in runs for kid in (*run.cursor["before"], *run.cursor.get("now", {}))})
    return {
        kid: (
            sum(run.cursor["before"].get(kid, 0) for run in runs),
            sum(run.cursor.get("now", {}).get(kid, 0) for run in runs),
        )
        for kid in kids
    }


def _v1_view(db: Session, ring: KeyRing, counts: dict[str, int]) -> list[KeyView]:
    """The older format, where it is or could be in use, or was refused on purpose."""
    refused, used = rotation.is_v1_refused(db), counts.get(rotation.V1, 0)
    if not (refused or used or ring.reads_v1):
        return []
    state = "refused" if refused else "readable"
    return [KeyView(rotation.V1, state, "yes" if ring.reads_v1 else "no", used, None, None, None)]


def _refuse_while_rewrapping(db: Session) -> None:
    if list_open(db):
        raise Conflict("A rewrap is going on: wait until it has ended, or stop it.")
