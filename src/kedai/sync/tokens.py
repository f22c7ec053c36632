"""A shop's access token, refreshed by exactly one process at a time and never lost to a race (contract §3.4, T21).

Take the lease in a short transaction, call with none open, then compare-and-swap on the generation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy.orm import Session

from kedai.connectors.base import Client
from kedai.errors import AuthExpired, NeedsReconnect, OutcomeUnknown, RemoteUnavailable
from kedai.kit.clock import monotonic
from kedai.kit.ids import new_id
from kedai.sync.parts import Parts, open_client
from kedai.values.credentials import TokenSet
from kedai.values.environment import Scope
from kedai.values.secret import Secret
from kedai.vault import leases
from kedai.vault.queries import find_shop, find_token, get_credentials, open_tokens
from kedai.vault.shops import lose_shop, swap_tokens

Answer = TypeVar("Answer")
EARLY = timedelta(minutes=5)
_WAIT_SECONDS = 3.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class HeldToken:
    """An access token and the generation it belongs to."""

    access_token: Secret
    generation: int


async def get_access_token(parts: Parts, scope: Scope, *, rejected: int | None = None) -> HeldToken:
    """A usable access token; ``rejected`` names a generation that the marketplace no longer accepts.

    Raises:
        NeedsReconnect: a person must connect the shop again.
        RemoteUnavailable: somebody is refreshing it, or the marketplace cannot be reached: try later.
    """
    deadline = monotonic() + _WAIT_SECONDS
    while True:
        held, is_free = await parts.read(lambda db: _look(parts, db, scope, rejected))
        if held is not None:
            return held
        lease = await parts.write(lambda db: _take_lease(parts, db, scope, rejected)) if is_free else None
        if lease is not None:
            return await _refresh(parts, scope, lease)
        if monotonic() > deadline:
            raise RemoteUnavailable("The shop's token is being refreshed.")
        await asyncio.sleep(_POLL_SECONDS)


async def call_with_token(parts: Parts, scope: Scope, call: Callable[[Client, Secret], Awaitable[Answer]]) -> Answer:
    """Make a shop's call; a token that is refused is refreshed once.

    Raises:
        KedaiError: as the connector sorts the marketplace's answer.
    """
    client = await parts.read(lambda db: open_client(parts, db, scope.connector, scope.environment))
    held = await get_access_token(parts, scope)
    try:
        return await call(client, held.access_token)
    except AuthExpired:
        held = await get_access_token(parts, scope, rejected=held.generation)
    try:
        return await call(client, held.access_token)
    except AuthExpired as error:
        raise NeedsReconnect("The marketplace refuses even a fresh token.") from error


@dataclass(frozen=True, slots=True)
class _Lease:
    holder: str
    generation: int
    tokens: TokenSet
    client: Client


def _look(parts: Parts, db: Session, scope: Scope, rejected: int | None) -> tuple[HeldToken | None, bool]:
    """The usable token, and whether nobody is refreshing it: those who wait only read, and never queue to write."""
    held = _usable(parts, db, scope, rejected)
    return held, held is None and leases.is_refresh_free(db, scope)


def _usable(parts: Parts, db: Session, scope: Scope, rejected: int | None) -> HeldToken | None:
    row = find_token(db, scope)
    if row is None:
        raise NeedsReconnect("The shop has no token: connect it.")
    if row.partner_id != (get_credentials(db, scope.connector, scope.environment).partner_id or ""):
        raise NeedsReconnect("The shop's token belongs to another app: connect it again.")
    shop = find_shop(db, scope)
    if shop is None or shop.state == "disconnected":
        raise NeedsReconnect("The shop is disconnected: connect it again.")
    if row.generation == rejected or row.access_expires_at - EARLY <= parts.clock.now():
        return None
    return HeldToken(open_tokens(parts.ring, row).access_token, row.generation)


def _take_lease(parts: Parts, db: Session, scope: Scope, rejected: int | None) -> _Lease | None:
    row = find_token(db, scope)
    if row is None or _usable(parts, db, scope, rejected) is not None:
        return None
    holder = new_id().hex
    if not leases.take_refresh_lease(db, scope, generation=row.generation, holder=holder):
        return None
    client = open_client(parts, db, scope.connector, scope.environment)
    return _Lease(holder, row.generation, open_tokens(parts.ring, row), client)


async def _refresh(parts: Parts, scope: Scope, lease: _Lease) -> HeldToken:
    try:
        tokens = await _call(scope, lease)
    except NeedsReconnect as error:
        reason = error.message
        await parts.write(lambda db: _lose(db, scope, lease, reason, parts.clock.now()))
        raise
    except BaseException:
        await asyncio.shield(parts.write(lambda db: leases.free_refresh_lease(db, scope, holder=lease.holder)))
        raise
    now = parts.clock.now()
    swap = parts.write(
        lambda db: swap_tokens(db, parts.ring, scope, generation=lease.generation, tokens=tokens, now=now)
    )
    if await asyncio.shield(swap):
        return HeldToken(tokens.access_token, lease.generation + 1)
    return await get_access_token(parts, scope, rejected=lease.generation)


async def _call(scope: Scope, lease: _Lease) -> TokenSet:
    refresh_token = lease.tokens.refresh_token
    try:
        return await lease.client.refresh(scope.shop_id, refresh_token)
    except OutcomeUnknown:  # the answer was lost: inside its grace the old token gives the same pair once more
        return await lease.client.refresh(scope.shop_id, refresh_token)


def _lose(db: Session, scope: Scope, lease: _Lease, reason: str, now: datetime) -> None:
    """Only the holder, and only while nobody stored a newer pair, may declare the shop lost."""
    if leases.free_refresh_lease(db, scope, holder=lease.holder, generation=lease.generation):
        lose_shop(db, scope, reason=reason, now=now)
