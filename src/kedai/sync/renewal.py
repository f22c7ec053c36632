"""One renewal of a token pair, from its intent to its commit, so that a kill at any point loses no shop (T21, T22).

All that makes it possible to keep an answer is checked before anything is asked. The call is made with no transaction
open; its answer is saved on the disk before it is stored; and the compare-and-swap refuses whoever comes too late.
"""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from sqlalchemy.orm import Session

from kedai.connector_exceptions.service import Trouble, raise_exception
from kedai.connectors.base import Client, MainAccounts
from kedai.errors import (
    AuthExpired,
    Conflict,
    NeedsReconnect,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RemoteRejected,
    RemoteUnavailable,
    RemoteUnreadable,
    SecretUnreadable,
    StorageUnavailable,
    Unavailable,
)
from kedai.kit import crash
from kedai.kit.deadline import within
from kedai.kit.spool import Slot
from kedai.sync.outcome import rule_for
from kedai.sync.parts import Parts, open_client
from kedai.sync.reconnected import end_troubles
from kedai.sync.spool_files import seal_pair_file
from kedai.values.credentials import TokenSet
from kedai.values.environment import Account, Scope
from kedai.values.secret import Secret
from kedai.values.wording import N_
from kedai.vault import refresh
from kedai.vault.accounts import find_state, secret_place
from kedai.vault.pairs import open_pair
from kedai.vault.refresh import Claim, Generation

_CALL_SECONDS = 12.0  # the outgoing function ends after 10; this bounds whatever else a connector does
_NO_EFFECT = (RemoteUnavailable, RateLimited, RemoteRejected, AuthExpired, StorageUnavailable)
_UNKNOWN = (OutcomeUnknown, RemoteUnreadable)

log = structlog.get_logger("tokens")


@dataclass(frozen=True, slots=True)
class Renewal:
    """A renewal that is ours for a minute.

    ``is_replay``: somebody began to renew this generation before, and nobody knows how it went. ``kid`` is the key
    under which the answer can be sealed even where the database has gone away by then.
    """

    claim: Claim
    refresh_token: Secret
    client: Client
    kid: str
    is_replay: bool

    @property
    def scope(self) -> Account:
        return self.claim.generation.scope


def begin(parts: Parts, db: Session, scope: Account, row: Any) -> Renewal | None:
    """Claim the renewal of this pair and note the intent, after all else; None where somebody was faster.

    Raises:
        Sealed, NotConfigured, SecretUnreadable: nothing can be asked.
        Unavailable: an answer could not be sealed here.
    """
    client = open_client(parts, db, scope.connector, scope.environment)
    tokens = open_pair(parts.ring, partial(secret_place, scope), row)
    try:
        kid = parts.ring.reserve(db, 1)
    except Conflict as error:
        raise Unavailable(N_("No token is renewed here: %(problem)s", problem=error.message)) from error
    generation = Generation(scope, row.id, row.generation)
    is_replay, earlier = refresh.has_open_intent(row), row.refresh_intent_by
    claim = refresh.begin_refresh(db, generation, by=f"{socket.gethostname()}/{os.getpid()}")
    if claim is None:
        return None
    if is_replay:
        text = "a renewal was never finished: the old token is used once more"
        log.warning(text, account=str(scope), begun_by=earlier)
    return Renewal(claim, tokens.refresh_token, client, kid, is_replay)


async def renew(parts: Parts, begun: Renewal) -> TokenSet | None:
    """Ask for the new pair and store it; None where somebody else stored a newer one, or asks for it now.

    Raises:
        NeedsReconnect: refused, and the account now waits for a person.
        Unavailable: the answer could not be saved here, so nothing was asked.
        OutcomeUnknown, RemoteUnreadable: the answer was lost; the lease keeps everybody from asking for a minute.
        KedaiError: the call had no effect, and the next one may ask at once.
    """
    directory = parts.settings.token_spool_dir
    try:
        slot = await asyncio.to_thread(Slot, directory)
    except OSError as error:
        await _give_up(parts, begun)
        text = N_(
            "No token is renewed here: an answer could not be saved in %(place)s (%(error)s).",
            place=directory,
            error=error.strerror or error,
        )
        raise Unavailable(text) from error
    crash.point("refresh.intended")
    try:
        tokens = await _ask(begun)
    except BaseException as error:
        slot.close()
        if await _was_overtaken(parts, begun, error):
            return None
        raise
    crash.point("refresh.answered")
    # Handed to a thread before anything else can happen: whoever is told to stop now does not stop this.
    kept = asyncio.get_running_loop().run_in_executor(None, _keep, parts, begun, slot, tokens)
    return tokens if await asyncio.shield(kept) else None


async def _ask(begun: Renewal) -> TokenSet:
    """Call; after a lost answer once more with the old token, which inside its grace gives the same pair."""
    if not begun.is_replay:
        try:
            return await _call(begun)
        except _UNKNOWN as error:
            log.warning("the answer to a renewal was lost", account=str(begun.scope), detail=error.message)
    try:
        return await _call(begun)
    except NeedsReconnect as error:
        lost = N_("The answer to the last renewal of its token was lost: %(problem)s", problem=error.message)
        raise NeedsReconnect(lost) from error


async def _call(begun: Renewal) -> TokenSet:
    try:
        with within(_CALL_SECONDS):  # its own time, whoever asked: a renewal that is cut off may cost the shop
            async with asyncio.timeout(_CALL_SECONDS):
                return await _refresh(begun.client, begun.scope, begun.refresh_token)
    except TimeoutError:
        raise OutcomeUnknown(N_("The marketplace took too long to answer. The call may have taken effect.")) from None


async def _refresh(client: Client, account: Account, refresh_token: Secret) -> TokenSet:
    if isinstance(account, Scope):
        return await client.refresh(account.shop_id, refresh_token)
    if not isinstance(client, MainAccounts):
        raise NotFound(N_("This marketplace knows no merchants."))
    return await client.refresh_merchant(account.merchant_id, refresh_token)


async def _was_overtaken(parts: Parts, begun: Renewal, error: BaseException) -> bool:
    """Note how the call failed; True where that is no longer ours to judge, because the pair or its lease is not."""
    if isinstance(error, NeedsReconnect):
        reason = error.message
        return not await asyncio.shield(parts.write(lambda db: _lose(parts, db, begun.claim, reason)))
    if isinstance(error, _NO_EFFECT):
        await _give_up(parts, begun)
    else:
        await asyncio.shield(parts.write(lambda db: refresh.leave_refresh_open(db, begun.claim)))
    return False


async def _give_up(parts: Parts, begun: Renewal) -> None:
    give_up = refresh.give_replay_up if begun.is_replay else refresh.give_refresh_up
    await asyncio.shield(parts.write(lambda db: give_up(db, begun.claim)))


def _lose(parts: Parts, db: Session, claim: Claim, reason: str) -> bool:
    """Stop this account and tell a person: nothing renews its pair by itself from now on."""
    scope, now = claim.generation.scope, parts.clock.now()
    if not refresh.lose_claimed(db, claim, reason=reason, now=now):
        return False
    rule = rule_for(NeedsReconnect())
    if isinstance(scope, Scope):
        trouble = Trouble(NeedsReconnect.code, rule.title or "", rule.next_step, scope.shop_id)
    else:
        title = N_("Merchant %(merchant_id)s must be connected again", merchant_id=scope.merchant_id)
        next_step = N_("Open the connector page and press Reconnect for this merchant.")
        trouble = Trouble(NeedsReconnect.code, title, next_step, group=f"merchant {scope.merchant_id}")
    raise_exception(db, scope.connector, scope.environment, trouble, now=now)
    return True


def _keep(parts: Parts, begun: Renewal, slot: Slot, tokens: TokenSet) -> bool:
    """Save the answer, store it, forget what was saved; False where a newer pair stands. Runs in a thread."""
    asked = begun.claim.generation
    try:
        _save(parts, begun, slot, tokens)
        crash.point("refresh.spooled")
        now = parts.clock.now()
        stored = parts.database.transact(lambda db: store_renewed(parts, db, asked, tokens, now=now))
        crash.point("refresh.committed")
        slot.forget()
    finally:
        slot.close()
    return stored


def store_renewed(parts: Parts, db: Session, asked: Generation, tokens: TokenSet, *, now: datetime) -> bool:
    """Store the pair that was given for a generation, which ends what a person was told; False where a newer stands."""
    stored = refresh.swap_tokens(db, parts.ring, asked, tokens, now=now)
    if stored and find_state(db, asked.scope) == "connected":
        end_troubles(db, asked.scope, is_granted=False, now=now)
    return stored


def _save(parts: Parts, begun: Renewal, slot: Slot, tokens: TokenSet) -> None:
    """A disk that breaks only now cannot be helped: the answer is in our hands and is stored all the faster."""
    try:
        slot.save(seal_pair_file(parts.ring, begun.kid, begun.claim.generation, tokens))
    except (OSError, SecretUnreadable) as error:
        log.warning("a renewed token pair could not be saved on the disk", account=str(begun.scope), detail=str(error))
