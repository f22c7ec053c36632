"""Registers our push address and the codes that are needed at the marketplace, on a person's explicit word."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.connectors.base import Client, Probes, PushesToUs
from kedai.errors import Conflict, KedaiError, OutcomeUnknown
from kedai.sync.parts import Parts, open_client
from kedai.sync.preflight.facts import find_place
from kedai.sync.preflight.pushes import missing_codes
from kedai.sync.urls import webhook_urls
from kedai.values.actor import Actor
from kedai.values.app import PushConfigChange
from kedai.values.environment import ConnectorName, Environment
from kedai.vault.queries import get_credentials


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
        OutcomeUnknown: its answer was lost: look at what is registered.
    """
    connector = parts.connector(name)
    client = await parts.read(lambda db: _open_client(parts, db, name, environment))
    if not isinstance(client, Probes) or not isinstance(connector, PushesToUs):
        raise Conflict(f"{connector.label} cannot be told where to push: use its console.")
    url = webhook_urls(parts.settings, name, environment)[0]
    config = await client.get_push_config()
    # switching any code on also lifts a suspension: those that are on already are sent along
    offered = set(config.codes_on) | set(missing_codes(connector.needed_push_codes, config))
    codes = tuple(sorted(connector.needed_push_codes & offered))
    try:
        await client.set_push_config(PushConfigChange(callback_url=url, codes_on=codes))
    except KedaiError as error:
        outcome = "unknown" if isinstance(error, OutcomeUnknown) else "refused"
        await parts.write(lambda db: _record(db, name, environment, outcome, actor, parts.clock.now()))
        raise
    await parts.write(lambda db: _record(db, name, environment, "done", actor, parts.clock.now()))
    return Registration(url, codes)


def _open_client(parts: Parts, db: Session, name: ConnectorName, environment: Environment) -> Client:
    place = find_place(parts, parts.connector(name), environment, get_credentials(db, name, environment).host)
    if place.problem:
        raise Conflict(f"{place.problem} Choose another host first.")
    return open_client(parts, db, name, environment)


def _record(
    db: Session, name: ConnectorName, environment: Environment, outcome: str, actor: Actor, now: datetime
) -> None:
    details = {"fields": ["callback_url", "push_codes"], "outcome": outcome}
    record(db, actor=actor, action="pushes.register", environment=environment, subject=name, details=details, now=now)
