"""What a marketplace says of our app itself: who authorised it until when, where it pushes to, and how that goes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ConsentLink(StrEnum):
    """Which link leads a seller to the consent page, where a marketplace has two."""

    SIGNED = "signed"
    """Signed with the app's key, good for some minutes; has no ``state`` of its own."""

    SIGN_IN = "sign_in"
    """The sign-in page's own address, unsigned; echoes a ``state``."""


class PushStatus(StrEnum):
    """How a marketplace rates our answers to its pushes."""

    NORMAL = "normal"
    WARNING = "warning"
    """Too many pushes fail; nothing is withheld yet."""

    SUSPENDED = "suspended"
    """Pushes are switched off; what arises meanwhile is never sent."""

    UNKNOWN = "unknown"
    """The marketplace said something that we do not know."""


@dataclass(frozen=True, slots=True)
class PushConfig:
    """What a marketplace pushes to us; ``stated_status`` is its own word, as it came."""

    callback_url: str
    status: PushStatus
    stated_status: str
    suspended_at: datetime | None
    codes_on: tuple[int, ...]
    codes_off: tuple[int, ...]
    blocked_shop_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PushConfigChange:
    """What shall be different: None and no codes leave a thing as it is, an empty list of blocked shops empties it."""

    callback_url: str | None = None
    codes_on: tuple[int, ...] = ()
    codes_off: tuple[int, ...] = ()
    blocked_shop_ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class LostPushes:
    """The oldest pushes that nobody took: their whole bodies, and what to confirm once all of them are stored.

    ``more`` says whether others follow; they come only after the confirmation.
    """

    bodies: tuple[bytes, ...]
    last_id: str | None
    more: bool


@dataclass(frozen=True, slots=True)
class AuthorizedShop:
    """A shop that the app may act for, and until when."""

    shop_id: str
    region: str
    authorized_at: datetime | None
    authorized_until: datetime | None
    affiliate_shop_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AuthorizedMerchant:
    """A merchant that the app may act for, and until when; merchant ids are a space of their own."""

    merchant_id: str
    region: str
    authorized_at: datetime | None
    authorized_until: datetime | None


@dataclass(frozen=True, slots=True)
class MerchantProfile:
    """What a marketplace says of a merchant, told with the merchant's own token."""

    merchant_id: str
    name: str
    region: str
    currency: str
    authorized_at: datetime | None
    authorized_until: datetime | None
