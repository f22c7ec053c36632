"""One exchange of a code for a token pair, from taking room on the disk to its commit, so that a kill loses no grant.

A code can be used once: as with a renewal, all that makes it possible to keep the answer is checked before anything is
asked, the answer is saved on the disk before anything else is done, and only then is it stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace

import structlog
from sqlalchemy.orm import Session

from kedai.connectors.base import Client
from kedai.errors import Conflict, KedaiError, SecretUnreadable, StorageUnavailable, Unavailable
from kedai.kit import crash
from kedai.kit.clock import monotonic
from kedai.kit.spool import Slot
from kedai.sync import grants
from kedai.sync.grants import Facts
from kedai.sync.parts import Parts, open_client
from kedai.sync.spool_files import SavedGrant, seal_grant_file
from kedai.values.actor import Actor
from kedai.values.credentials import Grant, ShopProfile
from kedai.values.environment import ConnectorName, Environment
from kedai.values.wording import N_
from kedai.vault import oauth_states
from kedai.vault.oauth_states import Purpose
from kedai.vault.queries import get_credentials

_KEEP_TRYING_SECONDS = 10.0
_AWAY_SECONDS = 0.5

log = structlog.get_logger("grants")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to connect: the hash that names it, whom it is for, through which main account, and who asked."""

    connector: ConnectorName
    environment: Environment
    token_hash: bytes
    purpose: Purpose
    actor: Actor
    main_account_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Opened:
    """What asking takes; ``kid`` is the key under which the answer can be sealed even without the database."""

    client: Client
    partner_id: str
    kid: str


async def exchange(
    parts: Parts,
    attempt: Attempt,
    ask: Callable[[Client], Awaitable[Grant]],
    describe: Callable[[Client, Grant], Awaitable[ShopProfile | None]],
) -> str:
    """Ask for the pair and keep it; a status of `grants.keep`.

    Neither a browser that goes away nor a database that is away for a moment loses it.

    Raises:
        Unavailable: the answer could not be kept here, so nothing was asked.
        StorageUnavailable: the database stays away; what was answered lies on the disk.
        KedaiError: as ``ask`` does, and nothing was given.
    """
    opened = await parts.write(lambda db: _open(parts, db, attempt))
    return await asyncio.shield(_exchange(parts, attempt, opened, ask, describe))


def _open(parts: Parts, db: Session, attempt: Attempt) -> _Opened:
    client = open_client(parts, db, attempt.connector, attempt.environment)
    partner_id = get_credentials(db, attempt.connector, attempt.environment).partner_id or ""
    try:
        kid = parts.ring.reserve(db, 1)
    except Conflict as error:
        raise Unavailable(N_("Nobody can be connected here: %(problem)s", problem=error.message)) from error
    oauth_states.open_exchange(db, attempt.token_hash)
    return _Opened(client, partner_id, kid)


async def _exchange(
    parts: Parts,
    attempt: Attempt,
    opened: _Opened,
    ask: Callable[[Client], Awaitable[Grant]],
    describe: Callable[[Client, Grant], Awaitable[ShopProfile | None]],
) -> str:
    try:
        slot = await asyncio.to_thread(_take_room, parts)
        with slot:
            grant = await ask(opened.client)
            crash.point("exchange.answered")
            given = opened.partner_id, attempt.main_account_id, grant, attempt.purpose, attempt.actor
            facts = Facts(*given, answered_at=parts.clock.now())
            await asyncio.to_thread(_save, parts, attempt, opened.kid, slot, facts)
            crash.point("exchange.saved")
    except KedaiError:
        with suppress(StorageUnavailable):
            await parts.write(lambda db: oauth_states.close_exchange(db, attempt.token_hash))
        raise
    try:
        facts = replace(facts, profile=await describe(opened.client, grant))
    except KedaiError as error:
        log.warning("what was granted could not be asked for its name yet", detail=error.message)
    status = await _store(parts, attempt, facts)
    crash.point("exchange.committed")
    await asyncio.to_thread(slot.forget)
    return status


def _take_room(parts: Parts) -> Slot:
    directory = parts.settings.token_spool_dir
    try:
        return Slot(directory)
    except OSError as error:
        text = N_(
            "Nobody can be connected here: an answer could not be saved in %(place)s (%(error)s).",
            place=directory,
            error=error.strerror or error,
        )
        raise Unavailable(text) from error


def _save(parts: Parts, attempt: Attempt, kid: str, slot: Slot, facts: Facts) -> None:
    """A disk that breaks only now cannot be helped: the answer is in our hands and is stored all the faster."""
    saved = SavedGrant(attempt.connector, attempt.environment, attempt.token_hash, facts)
    try:
        slot.save(seal_grant_file(parts.ring, kid, saved))
    except (OSError, SecretUnreadable) as error:
        log.warning("a granted token pair could not be saved on the disk", detail=str(error))


async def _store(parts: Parts, attempt: Attempt, facts: Facts) -> str:
    deadline = monotonic() + _KEEP_TRYING_SECONDS
    while True:
        try:
            return await parts.write(lambda db: _keep(parts, db, attempt, facts))
        except StorageUnavailable:
            if monotonic() > deadline:
                raise
        await asyncio.sleep(_AWAY_SECONDS)


def _keep(parts: Parts, db: Session, attempt: Attempt, facts: Facts) -> str:
    if not oauth_states.close_exchange(db, attempt.token_hash):  # it was found on the disk meanwhile
        return grants.read_status(db, attempt.connector, attempt.environment, facts.grant)
    return grants.keep(parts, db, attempt.connector, attempt.environment, facts, now=parts.clock.now())
