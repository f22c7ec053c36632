"""What is stored about one environment of a marketplace that tells how far its setting up is; a few indexed reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from kedai.coverage.queries import find_push_health
from kedai.inbox.firsts import SentPush, find_sent_push
from kedai.inbox.receipts import find_last_rejection
from kedai.orders.firsts import StoredOrder, find_stored_order
from kedai.sync.connection import switch_fields
from kedai.sync.lost_pushes import FETCHED_KEY
from kedai.sync.parts import Parts
from kedai.sync.urls import webhook_urls
from kedai.values.environment import ConnectorName, Environment
from kedai.vault.certificates import find_latest_certificate, objection_to
from kedai.vault.queries import find_last_switch, get_active_environment, get_credentials, list_shops
from kedai.vault.service import missing_fields

if TYPE_CHECKING:
    from kedai.vault.models import EnvironmentCredentials, GoLiveCertificate, Shop

_REGISTERED = "push_config"
"""The check that asks the marketplace where it sends pushes."""
_OWN_STEP = "shop_id"
"""A switch needs it too, and a connected shop is a step of its own."""


@dataclass(frozen=True, slots=True)
class Sight:
    """When something last told whether pushes are registered for our address, and what it said."""

    at: datetime
    is_registered: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """One environment. ``objection`` is why its latest certificate does not count now; empty where it does.

    ``push`` is the newest one that came by itself, whatever it told; ``order_push`` the newest that is about an order.
    ``switched_at`` is when the active environment was last changed: whoever did it made both active once.
    """

    credentials: EnvironmentCredentials
    missing: tuple[str, ...]
    registration: Sight | None
    shop: Shop | None
    push: SentPush | None
    order_push: SentPush | None
    rejected_at: datetime | None
    order: StoredOrder | None
    certificate: GoLiveCertificate | None
    objection: str
    is_active: bool
    switched_at: datetime | None


def read_facts(parts: Parts, db: Session, name: ConnectorName, environment: Environment, *, now: datetime) -> Facts:
    """Everything that the steps of an environment are judged by.

    Raises:
        NotFound: nothing has been seeded yet, since no master key is there.
    """
    row = get_credentials(db, name, environment)
    certificate = find_latest_certificate(db, name, environment)
    push = find_sent_push(db, name, environment, fetched_key=FETCHED_KEY, names_order=False)
    shops = list_shops(db, name, environment=environment)
    fields = [field for field in switch_fields(parts.connector(name)) if field != _OWN_STEP]
    return Facts(
        credentials=row,
        missing=tuple(missing_fields(db, row, fields)),
        registration=_judge_registration(parts, db, name, environment, certificate, push),
        shop=next((one for one in shops if one.state == "connected"), None),
        push=push,
        order_push=find_sent_push(db, name, environment, fetched_key=FETCHED_KEY, names_order=True),
        rejected_at=find_last_rejection(db, name, environment),
        order=find_stored_order(db, name, environment),
        certificate=certificate,
        objection=objection_to(certificate, credentials_version=row.version, now=now),
        is_active=get_active_environment(db, name) is environment,
        switched_at=find_last_switch(db, name),
    )


def _judge_registration(
    parts: Parts,
    db: Session,
    name: ConnectorName,
    environment: Environment,
    certificate: GoLiveCertificate | None,
    push: SentPush | None,
) -> Sight | None:
    """What was found out last counts: by the checks, by the look at how pushes go, or by a push that came."""
    seen = []
    states = {} if certificate is None else {one["name"]: one["state"] for one in certificate.checks}
    if certificate is not None and states.get(_REGISTERED) in {"passed", "failed"}:
        seen.append(Sight(certificate.checked_at, states[_REGISTERED] == "passed"))
    health = find_push_health(db, name, environment)
    if health is not None:
        seen.append(Sight(health.checked_at, health.reaches_us))
    if push is not None and push.matched_url in webhook_urls(parts.settings, name, environment):
        seen.append(Sight(push.received_at, is_registered=True))
    return max(seen, key=lambda one: one.at, default=None)
