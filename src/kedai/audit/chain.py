"""How the audit trail's hashes are made; must stay as it is, or every stored chain reads as broken."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import NamedTuple

import msgspec

from kedai.db.types import to_microseconds
from kedai.values.wording import plain

FIRST_HASH = bytes(32)
"""What stands in place of a previous hash in the first entry."""

_FORMAT = "kedai-audit-1"


class Deed(NamedTuple):
    """Everything an entry says, in the order in which it is hashed; ``details`` is the stored JSON text."""

    sequence: int
    at: datetime
    actor_kind: str
    actor_id: str
    actor_name: str
    action: str
    environment: str | None
    subject: str
    details: str


def chained_hash(deed: Deed, previous_hash: bytes) -> bytes:
    """SHA-256 over the previous hash and the fields as one JSON array, so that no two deeds give the same bytes."""
    fields = [_FORMAT, deed.sequence, to_microseconds(deed.at), *deed[2:]]
    return hashlib.sha256(previous_hash + msgspec.json.encode(fields, enc_hook=plain)).digest()
