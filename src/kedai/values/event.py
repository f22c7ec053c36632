"""A push as it arrived and as it was understood."""

from __future__ import annotations

from dataclasses import dataclass
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


class Effect(StrEnum):
    """What a push leads to, by its code."""

    CONNECTION = "connection"
    """What it says of the connection is written."""

    READ_ORDER = "read_order"
    """The order that it names is read anew."""

    READ_PACKAGE = "read_package"
    """As `READ_ORDER`; besides, it tells of a package what no order says."""

    READ_BOOKING = "read_booking"
    """It names a booking: the order that the booking was matched to is read anew."""

    NOTICE = "notice"
    """What it tells the operator in words is stored and shown."""

    HAND_ON = "hand_on"
    """It concerns the shop's own systems (listings, stock, returns): kept for them."""

    KEEP = "keep"
    """Stored by name, and nothing else."""


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


class ConnectionKind(StrEnum):
    """What a push about the connection says."""

    PROBE = "probe"
    """A test of the push address: nothing to do."""

    AUTHORIZED = "authorized"
    DEAUTHORIZED = "deauthorized"
    EXPIRING = "expiring"


class EndReason(StrEnum):
    """Why an authorisation ended."""

    CANCELLED_BY_SELLER = "cancelled_by_seller"
    EXPIRED = "expired"
    APP_SUSPENDED = "app_suspended"
    UNLINKED_FROM_MAIN_ACCOUNT = "unlinked_from_main_account"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ConnectionChange:
    """What a push about the connection says, in full; shops and merchants have ids of separate spaces.

    ``partner_id`` is the app it names, if it names one. ``ends_before`` belongs to `ConnectionKind.EXPIRING`,
    ``end_reason`` to `ConnectionKind.DEAUTHORIZED`. A list may be spread over ``pages`` pushes.
    """

    kind: ConnectionKind
    partner_id: str | None = None
    shop_ids: tuple[str, ...] = ()
    merchant_ids: tuple[str, ...] = ()
    main_account_id: str | None = None
    pushed_at: datetime | None = None
    end_reason: EndReason | None = None
    ends_before: datetime | None = None
    page: int = 1
    pages: int = 1


@dataclass(frozen=True, slots=True)
class PackageNews:
    """What a push says of a package and no order does; ``stated_at`` orders two of them. None is what it leaves out."""

    order_sn: str | None
    package_number: str
    tracking_number: str | None
    document_status: str | None
    stated_at: datetime


@dataclass(frozen=True, slots=True)
class Announcement:
    """Something that the marketplace tells the operator: plain text, never markup; ``url`` is an https address."""

    title: str
    content: str
    url: str | None
    stated_at: datetime | None


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
