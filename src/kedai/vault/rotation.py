"""Turning the key ring: add, promote, renew what is sealed, retire. Every deed of a person is recorded."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.db import lease
from kedai.errors import Conflict, Invalid, NotFound, SecretUnreadable
from kedai.kit.crypto import key_id
from kedai.values.actor import Actor
from kedai.values.wording import N_, NP_
from kedai.vault.models import Installation, KeyRingEntry
from kedai.vault.oauth_states import is_exchange_open
from kedai.vault.processes import list_processes
from kedai.vault.refresh import find_open_since
from kedai.vault.ring import KeyRing, new_entry
from kedai.vault.sealed import SealedRow, Shelf, Swap, all_shelves, count_by_key, read_rows

V1 = "v1"
_KID = re.compile(r"[a-z0-9-]{1,16}")
_AT_ONCE = 500
_ANSWERS_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Batch:
    """Values sealed anew and not yet exchanged, and how many could not be opened."""

    swaps: tuple[Swap, ...]
    unreadable: int

    @property
    def renewed(self) -> int:
        return sum(len(one.values) for one in self.swaps)


@dataclass(frozen=True, slots=True)
class Verification:
    """How many values opened, by key id, and where those are that did not."""

    opened: dict[str, int]
    unreadable: tuple[str, ...]


def list_entries(db: Session) -> Sequence[KeyRingEntry]:
    """Every key that this database knows, in the order in which they came."""
    return db.execute(sa.select(KeyRingEntry).order_by(KeyRingEntry.created_at, KeyRingEntry.kid)).scalars().all()


def is_v1_refused(db: Session) -> bool:
    """Whether values in the older format are refused for good."""
    return bool(db.execute(sa.select(Installation.v1_refused)).scalar_one_or_none())


def add_key(db: Session, ring: KeyRing, kid: str, *, actor: Actor, now: datetime) -> bool:
    """Make a key known to this database, without using it; False where it was.

    Raises:
        Invalid: that is no key id. Conflict: the key is not at hand, was retired, or is not the one known by this id.
    """
    if kid == V1 or not _KID.fullmatch(kid):
        raise Invalid(N_("A key id is 1 to 16 characters of a-z 0-9 -, and not v1."), field="kid")
    known = {entry.kid: entry for entry in lock_ring(db)}
    entry = known.get(kid)
    if entry is not None and entry.state == "retired":
        raise Conflict(N_("Key %(kid)s was retired: choose another id.", kid=kid))
    canary = ring.make_canary(kid)
    if entry is not None:
        if not ring.opens_canary(kid, entry.canary):
            raise Conflict(N_("The key %(kid)s given here is not the one this database knows by that id.", kid=kid))
        return False
    db.add(new_entry(kid, canary, now=now))
    db.flush()
    record(db, actor=actor, action="keys.add", environment=None, subject=f"key {kid}", details={}, now=now)
    return True


def promote_key(db: Session, ring: KeyRing, kid: str, *, actor: Actor, now: datetime) -> bool:
    """Seal with this key from now on; False where it was the primary.

    Waits for everything that is being sealed under the old one, so that nothing follows it.

    Raises:
        NotFound: no such key. Conflict: it was retired, or a process that runs does not hold it.
    """
    entries = {entry.kid: entry for entry in lock_ring(db)}
    entry = _known(entries.values(), kid)
    if entry.state == "retired":
        raise Conflict(N_("Key %(kid)s was retired.", kid=kid))
    if entry.state == "primary":
        return False
    if not ring.opens_canary(kid, entry.canary):
        raise Conflict(
            N_("Key %(kid)s is not among the master keys given here, or is another key by that id.", kid=kid)
        )
    _refuse_where_missing(db, kid)
    before = next((one for one in entries.values() if one.state == "primary"), None)
    if before is not None:
        before.state = "active"
        db.flush()
    entry.state = "primary"
    db.flush()
    details = {"from": None if before is None else before.kid, "to": kid}
    record(db, actor=actor, action="keys.promote", environment=None, subject=f"key {kid}", details=details, now=now)
    return True


def retire_key(db: Session, kid: str, *, actor: Actor, now: datetime) -> bool:
    """Give a key up for good; False where it was retired already. ``v1`` stands for the older format.

    Raises:
        NotFound: no such key.
        Conflict: it is the primary, something is still sealed with it, or an answer may be that nobody stored yet.
    """
    entries = lock_ring(db)
    if kid == V1:
        _refuse_in_use(db, V1)
        return refuse_v1(db, actor=actor, now=now)
    entry = _known(entries, kid)
    if entry.state == "retired":
        return False
    if entry.state == "primary":
        raise Conflict(N_("Key %(kid)s is the primary: promote another one first.", kid=kid))
    _refuse_in_use(db, kid)
    _refuse_while_renewing(db)
    entry.state = "retired"
    db.flush()
    record(db, actor=actor, action="keys.retire", environment=None, subject=f"key {kid}", details={}, now=now)
    return True


def _refuse_while_renewing(db: Session) -> None:
    """A renewed token pair may lie on a disk, sealed with the key that goes: for a day we wait until it is stored."""
    found = find_open_since(db, lease.now(db) - _ANSWERS_KEPT)
    if found is not None:
        raise Conflict(N_("The token of %(account)s is being renewed: try again in a few minutes.", account=found))
    if is_exchange_open(db, lease.now(db) - _ANSWERS_KEPT):
        raise Conflict(N_("A shop is being connected: try again in a few minutes."))


def refuse_v1(db: Session, *, actor: Actor, now: datetime) -> bool:
    """Refuse the older format for good: there is no way back. False where it was refused."""
    changed = db.execute(sa.update(Installation).where(Installation.v1_refused.is_(False)).values(v1_refused=True))
    if not changed.rowcount:  # type: ignore[attr-defined]
        return False
    record(db, actor=actor, action="keys.refuse_v1", environment=None, subject="format v1", details={}, now=now)
    return True


def lock_ring(db: Session) -> Sequence[KeyRingEntry]:
    """Every key's row, locked: nothing is sealed, promoted or retired until the transaction ends."""
    statement = sa.select(KeyRingEntry).order_by(KeyRingEntry.kid).with_for_update()
    return db.execute(statement, execution_options={"populate_existing": True}).scalars().all()


def renew_rows(ring: KeyRing, shelf: Shelf, kid: str, rows: Sequence[SealedRow]) -> Batch:
    """Seal what these rows held again under ``kid``, and store nothing.

    A value that cannot be opened stays as it is and is counted.
    """
    swaps: list[Swap] = []
    unreadable = 0
    for row in rows:
        renewed: dict[str, tuple[str, str]] = {}
        for column, old in row.values.items():
            if old.startswith(f"v2:{kid}:"):
                continue
            try:
                renewed[column] = (old, ring.renew(kid, shelf.place(column, row.row), old))
            except SecretUnreadable:
                unreadable += 1
        if renewed:
            swaps.append(Swap(row.row, renewed))
    return Batch(tuple(swaps), unreadable)


def verify_sealed(db: Session, ring: KeyRing) -> Verification:
    """Open everything that is sealed, and change nothing."""
    opened: Counter[str] = Counter()
    unreadable: list[str] = []
    for shelf in all_shelves(db):
        for row in _rows_of(db, shelf):
            for column, stored in row.values.items():
                try:
                    ring.open(shelf.place(column, row.row), stored)
                    opened[key_id(stored)] += 1
                except SecretUnreadable:
                    unreadable.append(_describe(shelf, column, row.row))
    return Verification(dict(sorted(opened.items())), tuple(unreadable))


def _rows_of(db: Session, shelf: Shelf) -> Iterator[SealedRow]:
    """All rows, a batch at a time."""
    rows = read_rows(db, shelf, after="", limit=_AT_ONCE)
    while rows:
        yield from rows
        is_done = shelf.sealed.row is None or len(rows) < _AT_ONCE
        rows = [] if is_done else read_rows(db, shelf, after=rows[-1].row, limit=_AT_ONCE)


def _describe(shelf: Shelf, column: str, row: str) -> str:
    """Where a value is, in words: names only."""
    where = " ".join(part for part in (shelf.connector, shelf.environment, row) if part) or "installation"
    return f"{where}: {column.removesuffix('_encrypted')}"


def _known(entries: Iterable[KeyRingEntry], kid: str) -> KeyRingEntry:
    found = next((entry for entry in entries if entry.kid == kid), None)
    if found is None:
        raise NotFound(N_("There is no such key in the ring."))
    return found


def _refuse_where_missing(db: Session, kid: str) -> None:
    """A process that lacks the key could neither open nor write what others seal with it from now on."""
    lacking = [f"{one.role} on {one.host}" for one in list_processes(db) if kid not in one.kids]
    if lacking:
        raise Conflict(
            NP_(
                "%(num)s running process does not hold key %(kid)s yet: %(names)s. Give it to them; a key file is read "
                "again within seconds.",
                "%(num)s running processes do not hold key %(kid)s yet: %(names)s. Give it to them; a key file is read "
                "again within seconds.",
                len(lacking),
                kid=kid,
                names=", ".join(lacking),
            )
        )


def _refuse_in_use(db: Session, kid: str) -> None:
    used = count_by_key(db, all_shelves(db)).get(kid, 0)
    if used:
        raise Conflict(
            NP_(
                "%(num)s stored value needs %(kid)s: rewrap first.",
                "%(num)s stored values need %(kid)s: rewrap first.",
                used,
                kid=kid,
            )
        )
