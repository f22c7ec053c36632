"""Row ids: UUIDv7 inside, ``evt_…``-like text outside."""

from __future__ import annotations

import hashlib
from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7

from kedai.errors import NotFound


def new_id() -> UUID:
    """A new id; ids made later sort later."""
    return uuid7()


def derived_id(at: datetime, *parts: str) -> UUID:
    """The id of something that came from elsewhere: in the order of ``at``, and the same however often it is made.

    Built like every other id (UUIDv7), with a hash of ``parts`` where the random bits would be.
    """
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    milliseconds = int(at.timestamp() * 1000).to_bytes(6, "big")
    version, variant = 0x70 | digest[0] & 0x0F, 0x80 | digest[2] & 0x3F
    return UUID(bytes=milliseconds + bytes((version, digest[1], variant)) + digest[3:10])


def first_id(at: datetime) -> UUID:
    """No id that was made from that instant on is smaller."""
    return UUID(bytes=int(at.timestamp() * 1000).to_bytes(6, "big") + bytes(10))


def show_id(prefix: str, value: UUID) -> str:
    """The public form, for example ``evt_0199…`` (32 hex digits)."""
    return f"{prefix}_{value.hex}"


def parse_id(prefix: str, text: str) -> UUID:
    """The row id of a public id.

    Raises:
        NotFound: another prefix, or not an id at all: nothing can be there by that name.
    """
    head, _, digits = text.partition("_")
    if head != prefix or len(digits) != 32 or not digits.isascii() or not digits.isalnum():
        raise NotFound
    try:
        return UUID(hex=digits)
    except ValueError:
        raise NotFound from None
