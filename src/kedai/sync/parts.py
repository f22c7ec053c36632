"""What every verb of this room works with: sessions, clock, key ring, connectors, the outgoing function."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy.orm import Session

from kedai.connectors.base import Client, Connector, Host, Http, Pacing
from kedai.db.database import Database
from kedai.errors import Invalid, NotConfigured, NotFound
from kedai.kit.clock import Clock
from kedai.settings import Settings
from kedai.sync.quarantine import Quarantine
from kedai.values.credentials import Credentials
from kedai.values.environment import ConnectorName, Environment
from kedai.values.secret import Secret
from kedai.values.wording import N_
from kedai.vault.queries import get_credentials, open_secret
from kedai.vault.ring import KeyRing

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parts:
    """One role's parts; ``database`` is that role's own connections."""

    settings: Settings
    clock: Clock
    ring: KeyRing
    database: Database
    connectors: Mapping[ConnectorName, Connector]
    http: Http
    pacing: Pacing
    quarantine: Quarantine

    def connector(self, name: str) -> Connector:
        """Raises `NotFound` for a marketplace that is not registered."""
        found = self.connectors.get(ConnectorName(name))
        if found is None:
            raise NotFound(
                N_("There is no such connector here: there is %(connectors)s.", connectors=", ".join(self.connectors))
            )
        return found

    async def read(self, work: Callable[[Session], T]) -> T:
        """Run a whole unit of reading in a thread."""

        def unit() -> T:
            with self.database.read() as db:
                return work(db)

        return await asyncio.to_thread(unit)

    async def write(self, work: Callable[[Session], T]) -> T:
        """Run a whole unit of writing in a thread; a deadlock is retried once."""
        return await asyncio.to_thread(self.database.transact, work)


def hosts_of(parts: Parts, connector: Connector, environment: Environment) -> tuple[Host, ...]:
    """The host presets of one environment: the connector's own and the installer's."""
    extra = (Host(one.name, one.api_url, one.auth_url, one.environment) for one in parts.settings.extra_hosts)
    return tuple(host for host in (*connector.hosts, *extra) if host.environment is environment)


def find_host(parts: Parts, connector: Connector, environment: Environment, name: str | None) -> Host:
    """The named preset, or the environment's default where none was chosen.

    Raises:
        Invalid: the preset is unknown, or belongs to the other environment.
    """
    wanted, known = name or connector.default_host(environment), hosts_of(parts, connector, environment)
    for host in known:
        if host.name == wanted:
            return host
    names = ", ".join(host.name for host in known)  # what was typed is not repeated: it may be a key in the wrong field
    raise Invalid(
        N_(
            "The hosts of the %(environment)s environment are %(names)s: choose one of them.",
            environment=environment.value,
            names=names,
        ),
        field="host",
    )


def open_credentials(parts: Parts, db: Session, name: ConnectorName, environment: Environment) -> Credentials:
    """An environment's app, decrypted: whoever wants to call out passes here.

    Raises:
        Sealed: this seems to be a copy, and nobody has confirmed the environment yet.
        NotConfigured: what is missing to sign a call.
        SecretUnreadable: the stored key cannot be opened.
    """
    parts.quarantine.refuse(db, environment)
    row = get_credentials(db, name, environment)
    missing = [
        field
        for field, value in (("partner_id", row.partner_id), ("partner_key", row.partner_key_encrypted))
        if not value
    ]
    partner_key = open_secret(parts.ring, row, "partner_key_encrypted")
    if missing or partner_key is None or row.partner_id is None:
        raise NotConfigured(environment, missing)
    host = find_host(parts, parts.connector(name), environment, row.host)
    return Credentials(
        connector=name,
        environment=environment,
        partner_id=row.partner_id,
        partner_key=partner_key,
        api_url=host.api_url,
        auth_url=host.auth_url,
        region=row.region,
        version=row.version,
    )


def make_own_credentials(parts: Parts, name: ConnectorName, environment: Environment) -> Credentials:
    """For a question to ourselves over the public address: nothing is signed, only the address is used."""
    url = parts.settings.public_url
    return Credentials(name, environment, "", Secret(""), url, url, "", 0)


def open_client(parts: Parts, db: Session, name: ConnectorName, environment: Environment) -> Client:
    """A client for one environment's app; there is no default environment and no current one."""
    credentials = open_credentials(parts, db, name, environment)
    return parts.connector(name).client(parts.http, credentials, parts.pacing)
