"""The key ring in memory: seals and opens secrets, and knows whether its keys fit this database.

A missing or wrong key is a visible state (``trouble``), not a crash: pages open, secrets stay closed.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db.upsert import insert_into
from kedai.errors import Conflict, SecretUnreadable, SettingsInvalid
from kedai.kit.crypto import SecretPlace, key_id, open_v1, open_v2, seal_v2
from kedai.values.wording import N_
from kedai.vault.models import Installation, KeyRingEntry

_CANARY = "kedai-canary"
_MAX_WRITES_PER_KEY = 2**32  # a random 96-bit IV stays safe below this many messages
_CANARY_WRITES = 1


class KeyRing:
    """Keys by id, the primary's id, and what is wrong, in words an operator can act on (None when all is well)."""

    def __init__(
        self,
        keys: Mapping[str, bytes],
        *,
        v1_key: bytes | None,
        reload: Callable[[], Mapping[str, bytes]] | None = None,
    ) -> None:
        self._keys = dict(keys)
        self._v1_key = v1_key
        self._reload = reload
        self._lock = threading.Lock()
        self._fitting: frozenset[str] = frozenset()
        self._retired: frozenset[str] = frozenset()
        self._v1_refused = False
        self.primary: str | None = next(iter(self._keys), None)
        self.trouble: str | None = None
        self.needed_kid: str | None = None

    def kids(self) -> tuple[str, ...]:
        """The keys at hand, whether they fit or not."""
        return tuple(self._keys)

    def fitting(self) -> tuple[str, ...]:
        """The keys at hand that opened their canary when last looked at."""
        return tuple(sorted(self._fitting))

    def seal(self, db: Session, place: SecretPlace, text: str) -> str:
        """Encrypt under the key that is primary in this transaction, bound to its place, and count the write.

        The primary's row stays locked until the transaction ends: a promotion waits for it, and from then on nobody
        stores anything under the old key.

        Raises:
            Conflict: the ring does not fit this database: no secret can be written.
        """
        if self.trouble:
            raise Conflict(
                N_("No secret can be stored right now: this installation %(trouble)s.", trouble=self.trouble)
            )
        kid, canary = _count_writes(db, 1)
        return seal_v2(self._checked_key(kid, canary), kid, place, text)

    def reserve(self, db: Session, number: int) -> str:
        """Count ``number`` writes at once for `renew` or `seal_reserved`; returns the primary's id.

        Raises:
            Conflict: the ring does not fit this database, or the key has no room for so many.
        """
        if self.trouble:
            raise Conflict(
                N_("No secret can be stored right now: this installation %(trouble)s.", trouble=self.trouble)
            )
        kid, canary = _count_writes(db, number)
        self._checked_key(kid, canary)
        return kid

    def renew(self, kid: str, place: SecretPlace, stored: str) -> str:
        """Open a stored value and seal it again under ``kid``, whose write was reserved before.

        Raises:
            SecretUnreadable: it cannot be opened, or ``kid`` is not at hand.
        """
        return self.seal_reserved(kid, place, self.open(place, stored))

    def seal_reserved(self, kid: str, place: SecretPlace, text: str) -> str:
        """Encrypt under ``kid``, whose write was reserved before: for where the database may be away by then.

        Raises:
            SecretUnreadable: ``kid`` is not at hand.
        """
        if kid not in self._fitting:
            raise SecretUnreadable(kid=kid)
        return seal_v2(self._keys[kid], kid, place, text)

    def open(self, place: SecretPlace, stored: str) -> str:
        """Decrypt a stored value.

        Raises:
            SecretUnreadable: its key is not here or retired, or the value was changed or moved.
        """
        kid = key_id(stored)
        if kid == "v1":
            return self._open_v1(stored)
        if kid in self._retired:
            raise SecretUnreadable(
                N_("A stored secret is sealed with key %(kid)s, which was retired.", kid=kid), kid=kid
            )
        key = self._keys.get(kid) or self._reloaded().get(kid)
        if key is None:
            raise SecretUnreadable(kid=kid)
        return open_v2(key, place, stored)

    def make_canary(self, kid: str) -> str:
        """A canary for a key that is at hand, also one added to the key file since the start.

        Raises:
            Conflict: it is not at hand, or its bytes are those of another key.
        """
        key = self._keys.get(kid) or self._reloaded().get(kid)
        if key is None:
            raise Conflict(N_("Key %(kid)s is not among the master keys given here: add it to them first.", kid=kid))
        twins = [other for other, one in self._keys.items() if other != kid and hmac.compare_digest(one, key)]
        if twins:
            raise Conflict(
                N_("Key %(kid)s is the same key as %(twin)s: a new id needs new bytes.", kid=kid, twin=twins[0])
            )
        return seal_v2(key, kid, canary_place(kid), _CANARY)

    def opens_canary(self, kid: str, canary: str) -> bool:
        """Whether the key by that id is at hand and is the one this database knows by it."""
        key = self._keys.get(kid)
        return key is not None and _opens(key, kid, canary)

    def check(self, db: Session) -> None:
        """Compare with the database: which keys fit, which is primary, what is retired, and what is wrong."""
        entries = db.execute(sa.select(KeyRingEntry).order_by(KeyRingEntry.kid)).scalars().all()
        current = [entry for entry in entries if entry.state != "retired"]
        if any(self._problem(entry) for entry in current):
            self._reloaded()
        problems = {entry.kid: problem for entry in current if (problem := self._problem(entry)) is not None}
        primary = next((entry.kid for entry in current if entry.state == "primary"), None)
        needed = next((entry.kid for entry in current if entry.kid in problems and _is_needed(entry)), None)
        self._fitting = frozenset(entry.kid for entry in current) - problems.keys()
        self._retired = frozenset(entry.kid for entry in entries) - {entry.kid for entry in current}
        self._v1_refused = bool(db.execute(sa.select(Installation.v1_refused)).scalar_one_or_none())
        self.primary = primary or self.primary
        self.trouble = None if needed is None else problems[needed]
        self.needed_kid = needed

    @property
    def reads_v1(self) -> bool:
        """Whether the key of the older format is at hand and not refused."""
        return self._v1_key is not None and not self._v1_refused

    def refresh(self) -> None:
        """Read the key file again, for those who ask which keys are there."""
        self._reloaded()

    def _open_v1(self, stored: str) -> str:
        if self._v1_refused:
            raise SecretUnreadable(N_("A stored secret is in the v1 format, which is refused here for good."), kid="v1")
        if self._v1_key is None:
            raise SecretUnreadable(kid="v1")
        return open_v1(self._v1_key, stored)

    def _checked_key(self, kid: str, canary: str) -> bytes:
        """The primary's bytes; a wrong key by its name must never seal anything."""
        if kid not in self._fitting:
            if not self.opens_canary(kid, canary):
                self._reloaded()
            if not self.opens_canary(kid, canary):
                raise Conflict(N_("No secret can be stored right now: this process needs key %(kid)s.", kid=kid))
            self._fitting |= {kid}
        self.primary = kid
        return self._keys[kid]

    def _problem(self, entry: KeyRingEntry) -> str | None:
        if entry.kid not in self._keys:
            return N_("needs key %(kid)s", kid=entry.kid)
        if not self.opens_canary(entry.kid, entry.canary):
            return N_("needs key %(kid)s (the one given is another key)", kid=entry.kid)
        return None

    def _reloaded(self) -> Mapping[str, bytes]:
        """Read the key file again: a key may have been added since the start; a file gone bad leaves what we have.

        A key that fits is never replaced: sealing relies on its canary having been opened with these very bytes.
        """
        if self._reload is not None:
            with self._lock, suppress(SettingsInvalid):
                given = self._reload()
                self._keys.update({kid: key for kid, key in given.items() if kid not in self._fitting})
        return self._keys


def register_keys(db: Session, keys: Mapping[str, bytes], *, now: datetime) -> None:
    """On a virgin database: a canary per key, the first being primary. Safe on any number of processes at once."""
    rows = [
        {
            "kid": kid,
            "canary": seal_v2(key, kid, canary_place(kid), _CANARY),
            "state": "primary" if index == 0 else "active",
            "writes": _CANARY_WRITES,
            "created_at": now,
        }
        for index, (kid, key) in enumerate(keys.items())
    ]
    rows.sort(key=lambda row: str(row["kid"]))
    db.execute(insert_into(db, KeyRingEntry).on_conflict_do_nothing(), rows)


def new_entry(kid: str, canary: str, *, now: datetime) -> KeyRingEntry:
    """The row of a key that joins the ring; its canary is its first write."""
    return KeyRingEntry(kid=kid, canary=canary, state="active", writes=_CANARY_WRITES, created_at=now)


def has_canary(db: Session) -> bool:
    """Whether this database was ever given a key."""
    return db.execute(sa.select(sa.exists().where(KeyRingEntry.kid.is_not(None)))).scalar_one()


def create_installation(db: Session, ring: KeyRing, *, now: datetime) -> None:
    """Make the one installation row, if missing."""
    if db.get(Installation, 1) is not None:
        return
    key = secrets.token_hex(32)
    values = {
        "id": 1,
        "fingerprint_key_encrypted": ring.seal(db, fingerprint_place(), key),
        "cursor_key": secrets.token_bytes(32),
        "v1_refused": False,
        "created_at": now,
    }
    db.execute(insert_into(db, Installation).on_conflict_do_nothing(), [values])


def keyed_fingerprint(db: Session, ring: KeyRing, text: str) -> bytes:
    """A keyed hash that tells two secrets apart without showing either (its key survives key rotation)."""
    installation = db.get_one(Installation, 1)
    key = ring.open(fingerprint_place(), installation.fingerprint_key_encrypted or "")
    return hmac.new(bytes.fromhex(key), text.encode(), hashlib.sha256).digest()


def canary_place(kid: str) -> SecretPlace:
    """Where a key's canary is stored."""
    return SecretPlace("", "key_ring", "canary", "", kid)


def fingerprint_place() -> SecretPlace:
    """Where the fingerprint key is stored."""
    return SecretPlace("", "installation", "fingerprint_key_encrypted", "", "")


def _count_writes(db: Session, number: int) -> tuple[str, str]:
    """Count writes of the primary and lock its row; its id and canary."""
    statement = (
        sa.update(KeyRingEntry)
        .where(KeyRingEntry.state == "primary", KeyRingEntry.writes <= _MAX_WRITES_PER_KEY - number)
        .values(writes=KeyRingEntry.writes + number)
        .returning(KeyRingEntry.kid, KeyRingEntry.canary)
        .execution_options(synchronize_session=False)
    )
    for _look in range(2):  # a promotion that was waited for has made another row the primary: look again
        row: Sequence[Any] | None = db.execute(statement).one_or_none()
        if row is not None:
            return row[0], row[1]
    full = db.execute(sa.select(KeyRingEntry.kid).where(KeyRingEntry.state == "primary")).scalar_one_or_none()
    if full is None:
        raise Conflict(N_("No secret can be stored right now: there is no master key."))
    raise Conflict(N_("Key %(kid)s has reached its limit of writes: promote a new one.", kid=full))


def _is_needed(entry: KeyRingEntry) -> bool:
    """A key that was added and never used may still be missing somewhere: nothing is sealed with it."""
    return entry.state == "primary" or entry.writes > _CANARY_WRITES


def _opens(key: bytes, kid: str, canary: str) -> bool:
    try:
        open_v2(key, canary_place(kid), canary)
    except SecretUnreadable:
        return False
    return True
