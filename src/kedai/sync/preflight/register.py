"""Registers our push address and the codes that are needed at the marketplace, on a person's explicit word."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.connectors.base import Client, Probes, PushesToUs
from kedai.connectors.pacing.retry import persist
from kedai.errors import Conflict, KedaiError, OutcomeUnknown
from kedai.sync.parts import Parts, open_client
from kedai.sync.preflight.facts import find_place
from kedai.sync.preflight.pushes import missing_codes
from kedai.sync.urls import webhook_urls
from kedai.values.actor import Actor
from kedai.values.app import PushConfigChange, PushStatus
from kedai.values.environment import ConnectorName, Environment
from kedai.values.wording import N_
from kedai.vault.queries import get_credentials

_MOST_TRIES: Final = 3
_LONGEST_WAIT_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Registration:
    """What is registered now: our address, and the codes that were switched on for it."""

    callback_url: str
    codes_on: tuple[int, ...]


async def register_pushes(parts: Parts, name: ConnectorName, environment: Environment, *, actor: Actor) -> Registration:
    """Set our address and switch on what is needed; the marketplace tries the address with a test push first.

    Raises:
        Conflict: this marketplace cannot be told, or the host is wrong.
        Sealed, NotConfigured: nothing can be asked.
        RemoteRejected: the test push was not answered as it must be, or the address cannot be used.
        OutcomeUnknown: its answer was lost, and what is registered could not be looked up.
    """
    connector = parts.connector(name)
    client = await parts.read(lambda db: _open_client(parts, db, name, environment))
    if not isinstance(client, Probes) or not isinstance(connector, PushesToUs):
        raise Conflict(N_("%(label)s cannot be told where to push: use its console.", label=connector.label))
    url = webhook_urls(parts.settings, name, environment)[0]
    config = await client.get_push_config()
    # switching any code on also lifts a suspension: those that are on already are sent along
    offered = set(config.codes_on) | set(missing_codes(connector.needed_push_codes, config))
    codes = tuple(sorted(connector.needed_push_codes & offered))
    try:
        await _set(client, PushConfigChange(callback_url=url, codes_on=codes))
    except KedaiError as error:
        outcome = "unknown" if isinstance(error, OutcomeUnknown) else "refused"
        await parts.write(lambda db: _record(db, name, environment, outcome, actor, parts.clock.now()))
        raise
    await parts.write(lambda db: _record(db, name, environment, "done", actor, parts.clock.now()))
    return Registration(url, codes)


async def _set(client: Probes, change: PushConfigChange) -> None:
    """A person waits for it, so not for long; what may have been set already is looked up before it is set again."""

    async def is_set() -> bool | None:
        found = await client.get_push_config()
        stands = found.callback_url == change.callback_url and set(change.codes_on) <= set(found.codes_on)
        return True if stands and found.status is not PushStatus.SUSPENDED else None

    async def make() -> bool:
        await client.set_push_config(change)
        return True

    async def renew_token() -> None:
        """None is sent: it is asked in the app's own name."""

    await persist(
        make,
        read_state=is_set,
        renew_token=renew_token,
        sleep=asyncio.sleep,
        draw=random.random,
        most_attempts=_MOST_TRIES,
        longest_wait=_LONGEST_WAIT_SECONDS,
    )


def _open_client(parts: Parts, db: Session, name: ConnectorName, environment: Environment) -> Client:
    place = find_place(parts, parts.connector(name), environment, get_credentials(db, name, environment).host)
    if place.problem:
        raise Conflict(N_("%(problem)s Choose another host first.", problem=place.problem))
    return open_client(parts, db, name, environment)


def _record(
    db: Session, name: ConnectorName, environment: Environment, outcome: str, actor: Actor, now: datetime
) -> None:
    details = {"fields": ["callback_url", "push_codes"], "outcome": outcome}
    record(db, actor=actor, action="pushes.register", environment=environment, subject=name, details=details, now=now)
