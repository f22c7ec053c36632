"""Who we are to a marketplace: app credentials and a shop's tokens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from kedai.values.environment import ConnectorName, Environment
from kedai.values.secret import Secret


@dataclass(frozen=True, slots=True)
class Credentials:
    """One environment's app at a marketplace, decrypted: enough to sign a call.

    ``version`` counts edits: what is cached under an older version is stale.
    """

    connector: ConnectorName
    environment: Environment
    partner_id: str
    partner_key: Secret
    api_url: str
    auth_url: str
    region: str
    version: int


@dataclass(frozen=True, slots=True)
class PushKey:
    """One key that may have signed a push; ``name`` is ``current`` or ``previous``, which ends at ``valid_until``."""

    name: str
    key: Secret
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class PushKeys:
    """Everything that may have signed an environment's pushes, at one credentials version."""

    connector: ConnectorName
    environment: Environment
    version: int
    keys: tuple[PushKey, ...]
    urls: tuple[str, ...]

    def at(self, now: datetime) -> PushKeys:
        """Without the keys whose time is over: whoever holds a copy asks this each time, however old the copy is."""
        valid = tuple(one for one in self.keys if one.valid_until is None or one.valid_until > now)
        return self if len(valid) == len(self.keys) else replace(self, keys=valid)


@dataclass(frozen=True, slots=True)
class TokenSet:
    """A token pair as the marketplace issued it; the instants are UTC."""

    access_token: Secret
    refresh_token: Secret
    access_expires_at: datetime
    refresh_expires_at: datetime


@dataclass(frozen=True, slots=True)
class Grant:
    """What an authorisation gave: a token pair and whom it is for.

    A main account's pair is shared by all it names: each shop and merchant must refresh it once, for a pair of its own.
    """

    tokens: TokenSet
    shop_ids: tuple[str, ...]
    merchant_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShopProfile:
    """What a marketplace says of a shop: its name, region and the span of its authorisation."""

    shop_id: str
    name: str
    region: str
    authorized_at: datetime | None
    authorized_until: datetime | None
