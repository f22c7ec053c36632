"""A push as it arrived and as it was understood."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class Topic(StrEnum):
    """What a push is about; it decides what happens while its environment is inactive."""

    CONNECTION = "connection"
    """Probes and authorisation: applied in both environments."""

    ORDER = "order"
    """Orders, packages, stock, returns: parked while the environment is inactive."""

    OTHER = "other"
    """Stored and shown; nothing is done by itself."""

    MALFORMED = "malformed"
    """Signed correctly, yet not understood: a person must look."""


class EventState(StrEnum):
    """Where a stored push stands; the same word in database, API and page."""

    RECEIVED = "received"
    PARKED = "parked"
    APPLIED = "applied"
    SKIPPED = "skipped"
    DEAD = "dead"
    DISCARDED = "discarded"


class ParkedReason(StrEnum):
    """Why a push waits for a person or for its environment."""

    INACTIVE_ENVIRONMENT = "inactive_environment"
    UNKNOWN_SHOP = "unknown_shop"
    ORDER_NOT_FOUND = "order_not_found"


class InboundEvent(msgspec.Struct, frozen=True):
    """A push, parsed: fields are ``None`` where the body lacks them or holds something unusable.

    ``event_id`` is 32 bytes: big-endian seconds of the body's timestamp, then 28 bytes of the body's SHA-256.
    (A struct, not a dataclass: thousands a second are made, and a frozen dataclass costs five times as much.)
    """

    event_id: bytes
    topic: Topic
    code: int | None
    shop_id: str | None
    order_sn: str | None
    pushed_at: datetime | None
    problem: str | None = None


class PushMatch(msgspec.Struct, frozen=True):
    """Which key and which URL a push's signature matched."""

    key_name: str
    url: str
