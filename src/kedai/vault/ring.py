"""The key ring in memory: seals and opens secrets, and knows whether its keys fit this database.

A missing or wrong key is a visible state (``trouble``), not a crash: pages open, secrets stay closed.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db.upsert import insert_into
from kedai.errors import Conflict, SecretUnreadable, SettingsInvalid
from kedai.kit.crypto import SecretPlace, key_id, open_v1, open_v2, seal_v2
from kedai.vault.models import Installation, KeyRingEntry

_CANARY = "kedai-canary"
_MAX_WRITES_PER_KEY = 2**32  # a random 96-bit IV stays safe below this many messages


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
        self.primary: str | None = next(iter(self._keys), None)
        self.trouble: str | None = None
        self.needed_kid: str | None = None

    def kids(self) -> tuple[str, ...]:
        return tuple(self._keys)

    def seal(self, db: Session, place: SecretPlace, text: str) -> str:
        """Encrypt under the primary key, bound to its place, and count the write.

        Raises:
            Conflict: the ring does not fit this database: no secret can be written.
        """
        if self.trouble or self.primary is None:
            raise Conflict(f"No secret can be stored right now: {self.trouble or 'there is no master key'}.")
        counted = db.execute(
            sa.update(KeyRingEntry)
            .where(KeyRingEntry.kid == self.primary, KeyRingEntry.writes < _MAX_WRITES_PER_KEY)
            .values(writes=KeyRingEntry.writes + 1)
        )
        if counted.rowcount != 1:  # type: ignore[attr-defined]
            raise Conflict(f"Key {self.primary} has reached its limit of writes: promote a new one.")
        return seal_v2(self._keys[self.primary], self.primary, place, text)

    def open(self, place: SecretPlace, stored: str) -> str:
        """Decrypt a stored value.

        Raises:
            SecretUnreadable: its key is not here, or the value was changed or moved.
        """
        kid = key_id(stored)
        if kid == "v1":
            if self._v1_key is None:
                raise SecretUnreadable(kid="v1")
            return open_v1(self._v1_key, stored)
        key = self._keys.get(kid) or self._reloaded().get(kid)
        if key is None:
            raise SecretUnreadable(kid=kid)
        return open_v2(key, place, stored)

    def check(self, db: Session) -> None:
        """Compare with the database's canaries; sets ``trouble`` and the primary."""
        entries = db.execute(sa.select(KeyRingEntry).where(KeyRingEntry.state != "retired")).scalars().all()
        if any(entry.kid not in self._keys for entry in entries):
            self._reloaded()
        self.trouble = self.needed_kid = None
        for entry in entries:
            if entry.state == "primary":
                self.primary = entry.kid
            problem = self._problem(entry)
            if problem is not None and self.trouble is None:
                self.trouble, self.needed_kid = problem, entry.kid

    def _problem(self, entry: KeyRingEntry) -> str | None:
        key = self._keys.get(entry.kid)
        if key is None:
            return f"needs key {entry.kid}"
        try:
            open_v2(key, canary_place(entry.kid), entry.canary)
        except SecretUnreadable:
            return f"needs key {entry.kid} (the one given is another key)"
        return None

    def _reloaded(self) -> Mapping[str, bytes]:
        """Read the key file again: a key may have been added since the start; a file gone bad leaves what we have."""
        if self._reload is not None:
            with self._lock, suppress(SettingsInvalid):
                self._keys.update(self._reload())
        return self._keys


def register_keys(db: Session, keys: Mapping[str, bytes], *, now: datetime) -> None:
    """On a virgin database: a canary per key, the first being primary. Safe on any number of processes at once."""
    rows = [
        {
            "kid": kid,
            "canary": seal_v2(key, kid, canary_place(kid), _CANARY),
            "state": "primary" if index == 0 else "active",
            "writes": 1,
            "created_at": now,
        }
        for index, (kid, key) in enumerate(keys.items())
    ]
    rows.sort(key=lambda row: str(row["kid"]))
    db.execute(insert_into(db, KeyRingEntry).on_conflict_do_nothing(), rows)


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
