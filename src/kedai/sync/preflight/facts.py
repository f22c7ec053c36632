"""What the checks start from: read in one transaction, before anything is asked of anybody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from kedai.connectors.base import Client, Connector, Host, RetiresHosts
from kedai.errors import Invalid, NotConfigured, SecretUnreadable
from kedai.inbox.waiting import Queue, count_overdue, count_parked
from kedai.sync.connection import switch_fields
from kedai.sync.parts import Parts, find_host, open_client, open_credentials
from kedai.values.credentials import Credentials, PushKey
from kedai.values.environment import ConnectorName, Environment
from kedai.values.wording import N_, joined
from kedai.vault.queries import get_credentials, list_shops, open_push_keys
from kedai.vault.service import missing_fields

ASKED_STATES: Final = ("connected", "needs_reauth")
"""Of shops that are meant to work: one that is paused, pending or disconnected is nobody's concern now."""

OVERDUE: Final = timedelta(minutes=1)
COUNTED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where an environment's calls go. ``host`` is None where the stored preset is none of this environment's.

    ``problem`` says why nothing may be sent there, and is empty where it may.
    """

    host: Host | None
    problem: str


@dataclass(frozen=True, slots=True)
class App:
    """What signs the calls."""

    credentials: Credentials
    client: Client


@dataclass(frozen=True, slots=True)
class ShopFacts:
    """One shop that is meant to work, as it is stored."""

    shop_id: str
    region: str
    state: str
    authorized_until: datetime | None


@dataclass(frozen=True, slots=True)
class Facts:
    """One environment as it stands. ``app`` and ``push_key`` are None where they are not set or cannot be opened.

    ``app_problem`` and ``push_key_problem`` say which, in words.
    """

    connector: Connector
    environment: Environment
    version: int
    missing: tuple[str, ...]
    region: str
    expected_shop_id: str | None
    place: Place
    app: App | None
    app_problem: str
    push_key: PushKey | None
    push_key_problem: str
    shops: tuple[ShopFacts, ...]
    overdue: Queue
    parked: int
    read_at: datetime


def read_facts(parts: Parts, db: Session, name: ConnectorName, environment: Environment) -> Facts:
    """Everything at once.

    Raises:
        NotFound: no such connector.
        Sealed: this seems to be a copy, and nobody has confirmed the environment: nothing may be asked.
    """
    connector = parts.connector(name)
    parts.quarantine.refuse(db, environment)
    row, now = get_credentials(db, name, environment), parts.clock.now()
    place = find_place(parts, connector, environment, row.host)
    app, app_problem = (None, "") if place.problem else _open_app(parts, db, name, environment)
    push_key, push_key_problem = _open_push_key(parts, db, name, environment, now)
    return Facts(
        connector=connector,
        environment=environment,
        version=row.version,
        missing=tuple(missing_fields(db, row, switch_fields(connector))),
        region=row.region,
        expected_shop_id=row.shop_id,
        place=place,
        app=app,
        app_problem=app_problem,
        push_key=push_key,
        push_key_problem=push_key_problem,
        shops=tuple(
            ShopFacts(shop.shop_id, shop.region, shop.state, shop.authorized_until)
            for shop in list_shops(db, name, environment=environment)
            if shop.state in ASKED_STATES
        ),
        overdue=count_overdue(db, name, environment=environment, received_before=now - OVERDUE, at_most=COUNTED),
        parked=sum(count_parked(db, name, environment=environment, at_most=COUNTED).values()),
        read_at=now,
    )


def find_place(parts: Parts, connector: Connector, environment: Environment, chosen: str | None) -> Place:
    """The host that is chosen, judged by its name alone: a key is never sent to the wrong place to find that out."""
    try:
        host = find_host(parts, connector, environment, chosen)
    except Invalid as error:
        return Place(None, error.message)
    dns_name = _dns_name(host.api_url)
    if isinstance(connector, RetiresHosts) and dns_name in connector.retired_hosts:
        retired = N_(
            "%(host)s was retired by %(label)s: it refuses every signature.", host=dns_name, label=connector.label
        )
        return Place(host, retired)
    others = {_dns_name(one.api_url) for one in connector.hosts if one.environment is not environment}
    if dns_name in others:
        wrong = {"host": dns_name, "other": environment.other.value, "environment": environment.value}
        return Place(host, N_("%(host)s is a host of %(other)s, not of %(environment)s.", **wrong))
    return Place(host, "")


def _dns_name(address: str) -> str:
    return (urlsplit(address).hostname or "").lower()


def _open_app(parts: Parts, db: Session, name: ConnectorName, environment: Environment) -> tuple[App | None, str]:
    try:
        return App(open_credentials(parts, db, name, environment), open_client(parts, db, name, environment)), ""
    except NotConfigured as error:
        labels = {field.name: field.label for field in parts.connector(name).credential_fields}
        return None, N_("%(fields)s missing.", fields=joined(", ", [labels.get(one, one) for one in error.missing]))
    except SecretUnreadable as error:
        return None, error.message


def _open_push_key(
    parts: Parts, db: Session, name: ConnectorName, environment: Environment, now: datetime
) -> tuple[PushKey | None, str]:
    """The current one; a replaced one that is still accepted proves nothing about tomorrow."""
    try:
        keys = open_push_keys(parts.ring, get_credentials(db, name, environment), now=now)
    except SecretUnreadable as error:
        return None, error.message
    current = next((key for key in keys if key.valid_until is None), None)
    return current, "" if current else N_("No push key is set.")
