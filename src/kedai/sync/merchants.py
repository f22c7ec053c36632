"""Merchants of main accounts: a token pair that one process at a time renews, and what a person does with one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy.orm import Session

from kedai.connectors.base import Client, MainAccounts
from kedai.errors import AuthExpired, Conflict, Invalid, NeedsReconnect, NotFound, OutcomeUnknown, RemoteUnavailable
from kedai.kit.ids import new_id
from kedai.sync.parts import Parts, open_client
from kedai.sync.tokens import EARLY, HeldToken
from kedai.values.actor import Actor
from kedai.values.credentials import TokenSet
from kedai.values.environment import MerchantScope
from kedai.values.secret import Secret
from kedai.vault import merchants as vault
from kedai.vault.held import is_held, take_held
from kedai.vault.queries import get_credentials

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _Lease:
    holder: str
    generation: int
    tokens: TokenSet
    client: MainAccounts


async def get_merchant_token(parts: Parts, scope: MerchantScope, *, rejected: int | None = None) -> HeldToken:
    """A usable access token of a merchant; ``rejected`` names a generation that the marketplace no longer accepts.

    Raises:
        NeedsReconnect: a person must connect the merchant again.
        RemoteUnavailable: somebody is renewing it, or the marketplace cannot be reached: try later.
    """
    held = await parts.read(lambda db: _usable(parts, db, scope, rejected))
    if held is not None:
        return held
    lease = await parts.write(lambda db: _take_lease(parts, db, scope, rejected))
    if lease is None:
        raise RemoteUnavailable("The merchant's token is being renewed.")
    return await _renew(parts, scope, lease)


async def call_with_merchant_token(
    parts: Parts, scope: MerchantScope, call: Callable[[MainAccounts, Secret], Awaitable[Answer]]
) -> Answer:
    """Make a merchant's call; a token that is refused is renewed once.

    Raises:
        KedaiError: as the connector sorts the marketplace's answer.
    """
    client = await parts.read(lambda db: open_main_accounts(parts, db, scope))
    held = await get_merchant_token(parts, scope)
    try:
        return await call(client, held.access_token)
    except AuthExpired:
        held = await get_merchant_token(parts, scope, rejected=held.generation)
    try:
        return await call(client, held.access_token)
    except AuthExpired as error:
        raise NeedsReconnect("The marketplace refuses even a fresh token.") from error


def open_main_accounts(parts: Parts, db: Session, scope: MerchantScope) -> MainAccounts:
    """A client that knows merchants.

    Raises:
        NotFound: this marketplace knows none. Besides, as `open_client`.
    """
    client: Client = open_client(parts, db, scope.connector, scope.environment)
    if not isinstance(client, MainAccounts):
        raise NotFound("This marketplace knows no merchants.")
    return client


def confirm_merchant(
    parts: Parts, db: Session, scope: MerchantScope, *, typed: str, actor: Actor, now: datetime
) -> None:
    """Accept a pending merchant, or the newer pair that is held for a connected one: its id must be typed.

    Raises:
        NotFound: no such merchant. Conflict: nothing of it waits. Invalid: another id was typed.
    """
    before = _lock(parts, db, scope)
    if before != "pending" and not is_held(db, scope, now=now):
        raise Conflict(f"This merchant is {before.replace('_', ' ')}, not pending.")
    _check_typed(scope, typed)
    held = None if before == "pending" else take_held(db, parts.ring, scope, now=now)
    if held is not None:
        sealed = vault.seal_merchant_tokens(db, parts.ring, scope, held.tokens)
        vault.store_merchant_tokens(db, scope, held.partner_id, sealed, shared=True, now=now)
    vault.set_merchant_state(db, scope, "connected", reason="", actor=actor, now=now)


def disconnect_merchant(
    parts: Parts, db: Session, scope: MerchantScope, *, typed: str, actor: Actor, now: datetime
) -> None:
    """Forget a merchant's tokens on purpose; it can be connected again.

    Raises:
        NotFound: no such merchant. Invalid: another id was typed. Conflict: it is disconnected.
    """
    if _lock(parts, db, scope) == "disconnected":
        raise Conflict("This merchant is disconnected: it cannot be disconnected now.")
    _check_typed(scope, typed)
    vault.disconnect_merchant(db, scope, reason=f"disconnected by {actor.name}", actor=actor, now=now)


def _usable(parts: Parts, db: Session, scope: MerchantScope, rejected: int | None) -> HeldToken | None:
    row, merchant = vault.find_merchant_token(db, scope), vault.find_merchant(db, scope)
    if row is None or merchant is None or merchant.state == "disconnected":
        raise NeedsReconnect("The merchant has no token: connect it.")
    if row.partner_id != (get_credentials(db, scope.connector, scope.environment).partner_id or ""):
        raise NeedsReconnect("The merchant's token belongs to another app: connect it again.")
    if row.generation == rejected or row.access_expires_at - EARLY <= parts.clock.now():
        return None
    return HeldToken(vault.open_merchant_tokens(parts.ring, row).access_token, row.generation)


def _take_lease(parts: Parts, db: Session, scope: MerchantScope, rejected: int | None) -> _Lease | None:
    row = vault.find_merchant_token(db, scope)
    if row is None or _usable(parts, db, scope, rejected) is not None:
        return None
    holder, tokens = new_id().hex, vault.open_merchant_tokens(parts.ring, row)
    if not vault.take_merchant_lease(db, scope, generation=row.generation, holder=holder):
        return None
    return _Lease(holder, row.generation, tokens, open_main_accounts(parts, db, scope))


async def _renew(parts: Parts, scope: MerchantScope, lease: _Lease) -> HeldToken:
    try:
        tokens = await _call(scope, lease)
    except NeedsReconnect as error:
        reason = error.message
        await parts.write(lambda db: _lose(db, scope, lease, reason, parts.clock.now()))
        raise
    except BaseException:
        await asyncio.shield(parts.write(lambda db: vault.free_merchant_lease(db, scope, holder=lease.holder)))
        raise
    now, generation = parts.clock.now(), lease.generation
    swap = parts.write(
        lambda db: vault.swap_merchant_tokens(db, parts.ring, scope, generation=generation, tokens=tokens, now=now)
    )
    if await asyncio.shield(swap):
        return HeldToken(tokens.access_token, generation + 1)
    raise RemoteUnavailable("The merchant was connected anew meanwhile.")


async def _call(scope: MerchantScope, lease: _Lease) -> TokenSet:
    refresh_token = lease.tokens.refresh_token
    try:
        return await lease.client.refresh_merchant(scope.merchant_id, refresh_token)
    except OutcomeUnknown:  # the answer was lost: inside its grace the old token gives the same pair once more
        return await lease.client.refresh_merchant(scope.merchant_id, refresh_token)


def _lose(db: Session, scope: MerchantScope, lease: _Lease, reason: str, now: datetime) -> None:
    """Only the holder, and only while nobody stored a newer pair, may declare the merchant lost."""
    if vault.free_merchant_lease(db, scope, holder=lease.holder, generation=lease.generation):
        vault.lose_merchant(db, scope, reason=reason, now=now)


def _lock(parts: Parts, db: Session, scope: MerchantScope) -> str:
    """The credentials first, then the merchant: the order in which everybody locks them. Returns how it stands."""
    parts.connector(scope.connector)
    get_credentials(db, scope.connector, scope.environment, lock=True)
    merchant = vault.find_merchant(db, scope, lock=True)
    if merchant is None:
        raise NotFound("There is no such merchant here.")
    return merchant.state


def _check_typed(scope: MerchantScope, typed: str) -> None:
    if typed.strip() != scope.merchant_id:
        raise Invalid("Type the merchant's id exactly as it is shown.", field="merchant_id")
