"""A shop's access token: used while it lasts, and renewed by exactly one process, whoever else waits for it (T21)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from kedai.connectors.base import Client
from kedai.errors import AuthExpired, NeedsReconnect, RemoteUnavailable
from kedai.kit.clock import monotonic
from kedai.sync.parts import Parts, open_client
from kedai.sync.renewal import Renewal, begin, renew
from kedai.sync.spooled import recover
from kedai.values.environment import Account
from kedai.values.secret import Secret
from kedai.values.wording import N_
from kedai.vault.accounts import find_pair, find_state, secret_place
from kedai.vault.pairs import open_pair
from kedai.vault.queries import get_credentials
from kedai.vault.refresh import is_refresh_free

Answer = TypeVar("Answer")
EARLY = timedelta(minutes=5)
_WAIT_SECONDS = 3.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class HeldToken:
    """An access token and the generation it belongs to."""

    access_token: Secret
    generation: int


async def get_access_token(parts: Parts, scope: Account, *, rejected: int | None = None) -> HeldToken:
    """A usable access token; ``rejected`` names a generation that the marketplace no longer accepts.

    Raises:
        NeedsReconnect: a person must connect the shop again.
        RemoteUnavailable: somebody is refreshing it, or the marketplace cannot be reached: try later.
        OutcomeUnknown: the answer was lost; nobody asks again before a minute has passed.
        Unavailable: this host could not keep a new pair, so none is asked for.
    """
    deadline = monotonic() + _WAIT_SECONDS
    while True:
        if _key(scope) not in _beginning:  # while one tries, the others leave it the threads
            held, is_free = await parts.read(lambda db: _look(parts, db, scope, rejected))
            if held is None and is_free:
                held = await _to_its_end(_try_to_renew(parts, scope, rejected))
            if held is not None:
                return held
        if monotonic() > deadline:
            raise RemoteUnavailable(N_("The shop's token is being refreshed."))
        await asyncio.sleep(_POLL_SECONDS)


@dataclass(frozen=True, slots=True)
class TokenCalls:
    """An account's client and the token that was good a moment ago: for calls that are made now, side by side."""

    parts: Parts
    scope: Account
    client: Client
    held: HeldToken

    async def make(self, call: Callable[[Client, Secret], Awaitable[Answer]]) -> Answer:
        """Make a call; a token that is refused is refreshed once.

        Raises:
            KedaiError: as the connector sorts the marketplace's answer.
        """
        try:
            return await call(self.client, self.held.access_token)
        except AuthExpired:
            held = await get_access_token(self.parts, self.scope, rejected=self.held.generation)
        try:
            return await call(self.client, held.access_token)
        except AuthExpired as error:
            raise NeedsReconnect(N_("The marketplace refuses even a fresh token.")) from error


async def open_calls(parts: Parts, scope: Account) -> TokenCalls:
    """Look up what calls need; raises as `get_access_token` does."""
    client, held = await parts.read(lambda db: _open(parts, db, scope))
    return TokenCalls(parts, scope, client, held or await get_access_token(parts, scope))


async def call_with_token(parts: Parts, scope: Account, call: Callable[[Client, Secret], Awaitable[Answer]]) -> Answer:
    """Make one call of an account; raises as `TokenCalls.make` and `get_access_token` do."""
    return await (await open_calls(parts, scope)).make(call)


def _open(parts: Parts, db: Session, scope: Account) -> tuple[Client, HeldToken | None]:
    """All that calls need, in one look: the usual case is a token that is good."""
    return open_client(parts, db, scope.connector, scope.environment), _usable(parts, db, scope, None)


def _look(parts: Parts, db: Session, scope: Account, rejected: int | None) -> tuple[HeldToken | None, bool]:
    """The usable token, and whether nobody is refreshing it: those who wait only read, and never queue to write."""
    held = _usable(parts, db, scope, rejected)
    return held, held is None and is_refresh_free(db, scope)


def _usable(parts: Parts, db: Session, scope: Account, rejected: int | None) -> HeldToken | None:
    row = find_pair(db, scope)
    if row is None:
        raise NeedsReconnect(N_("The shop has no token: connect it."))
    if row.partner_id != (get_credentials(db, scope.connector, scope.environment).partner_id or ""):
        raise NeedsReconnect(N_("The shop's token belongs to another app: connect it again."))
    _refuse_given_up(db, scope)
    if row.generation == rejected or row.access_expires_at - EARLY <= parts.clock.now():
        return None
    return HeldToken(open_pair(parts.ring, partial(secret_place, scope), row).access_token, row.generation)


def _refuse_given_up(db: Session, scope: Account) -> None:
    if find_state(db, scope) in {None, "disconnected", "needs_reauth"}:
        raise NeedsReconnect(N_("The shop is not connected any more: connect it again."))


async def _try_to_renew(parts: Parts, scope: Account, rejected: int | None) -> HeldToken | None:
    """What was saved here comes first; None where that is stored now, or somebody else was faster."""
    begun = await _begin_alone(parts, scope, rejected)
    tokens = None if begun is None else await renew(parts, begun)
    if begun is None or tokens is None:
        return None
    return HeldToken(tokens.access_token, begun.claim.generation.number + 1)


async def _begin_alone(parts: Parts, scope: Account, rejected: int | None) -> Renewal | None:
    """One caller of a loop is enough to try: a crowd would keep the key ring from whoever has won."""
    key = _key(scope)
    if key in _beginning:
        return None
    _beginning.add(key)
    try:
        if await asyncio.to_thread(recover, parts):
            return None
        return await parts.write(lambda db: _begin(parts, db, scope, rejected))
    finally:
        _beginning.discard(key)


def _begin(parts: Parts, db: Session, scope: Account, rejected: int | None) -> Renewal | None:
    row = find_pair(db, scope)
    if row is None or _usable(parts, db, scope, rejected) is not None or not is_refresh_free(db, scope):
        return None
    begun = begin(parts, db, scope, row)
    _refuse_given_up(db, scope)  # whoever held the lease before us may have been refused since we looked
    return begun


def _key(scope: Account) -> tuple[int, Account]:
    return id(asyncio.get_running_loop()), scope


async def _to_its_end(trying: Coroutine[Any, Any, HeldToken | None]) -> HeldToken | None:
    """Go on even where whoever asked is told to stop: an answer that nobody takes is lost."""
    task = asyncio.ensure_future(trying)
    _going_on.add(task)
    task.add_done_callback(_going_on.discard)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())  # it may be that nobody asks any more
    return await asyncio.shield(task)


_beginning: set[tuple[int, Account]] = set()
_going_on: set[asyncio.Future[HeldToken | None]] = set()
"""The loop itself keeps no hold of its tasks."""
