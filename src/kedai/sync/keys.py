"""The key ring as people see and turn it: what each key is for, who holds it, and the deeds in their order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from kedai.errors import Conflict
from kedai.runs.queries import list_of_kind
from kedai.sync.rewrap import KIND, cursor_of, list_open
from kedai.values.actor import Actor
from kedai.values.wording import N_
from kedai.vault import rotation
from kedai.vault.processes import list_processes
from kedai.vault.ring import KeyRing
from kedai.vault.sealed import all_shelves, count_by_key

if TYPE_CHECKING:
    from kedai.runs.models import Run
    from kedai.vault.models import KeyRingEntry, Process

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
    keys = [_key_view(ring, entry, counts, processes) for entry in entries]
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
        latest_runs=tuple(list_of_kind(db, KIND, limit=_LATEST)),
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
    cursors = [cursor_of(run) for run in runs]
    before = sum((Counter(one["before"]) for one in cursors), Counter[str]())
    after = sum((Counter(one.get("now", {})) for one in cursors), Counter[str]())
    return {kid: (before[kid], after[kid]) for kid in sorted(before | after)}


def _key_view(ring: KeyRing, entry: KeyRingEntry, counts: Mapping[str, int], processes: Sequence[Process]) -> KeyView:
    at_hand = "wrong" if entry.kid in ring.kids() else "no"
    return KeyView(
        kid=entry.kid,
        state=entry.state,
        at_hand="yes" if ring.opens_canary(entry.kid, entry.canary) else at_hand,
        values=counts.get(entry.kid, 0),
        writes=entry.writes,
        held_by=sum(entry.kid in one.kids for one in processes),
        created_at=entry.created_at,
    )


def _v1_view(db: Session, ring: KeyRing, counts: Mapping[str, int]) -> list[KeyView]:
    """The older format, where it is or could be in use, or was refused on purpose."""
    refused, used = rotation.is_v1_refused(db), counts.get(rotation.V1, 0)
    if not (refused or used or ring.reads_v1):
        return []
    state = "refused" if refused else "readable"
    return [KeyView(rotation.V1, state, "yes" if ring.reads_v1 else "no", used, None, None, None)]


def _refuse_while_rewrapping(db: Session) -> None:
    if list_open(db):
        raise Conflict(N_("A rewrap is going on: wait until it has ended, or stop it."))
