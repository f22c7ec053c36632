"""Both environments of a marketplace side by side, field by field; and copying those settings that mean the same.

A secret is compared, and shown, by its keyed fingerprint alone. What names an app, a shop, a host or a key is never
copied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.connectors.base import Connector, CredentialField
from kedai.errors import Invalid, SecretUnreadable, Stale
from kedai.sync import credentials
from kedai.sync.connection import switch_fields
from kedai.sync.parts import Parts, find_host
from kedai.values.actor import Actor
from kedai.values.environment import ConnectorName, Environment
from kedai.values.wording import N_
from kedai.vault.queries import get_active_environment, get_credentials, list_shops, open_secret
from kedai.vault.ring import keyed_fingerprint
from kedai.vault.service import missing_fields

if TYPE_CHECKING:
    from kedai.vault.models import EnvironmentCredentials

_SHOWN_DIGITS = 8


class Verdict(StrEnum):
    """What a comparison says of one field."""

    SAME = "same"
    DIFFERENT = "different"
    DIFFERS_AS_IT_SHOULD = "differs_as_it_should"
    SAME_BUT_SHOULD_DIFFER = "same_but_should_differ"
    ONLY_SANDBOX = "only_in_sandbox"
    ONLY_LIVE = "only_in_live"
    NEITHER = "in_neither"
    UNREADABLE = "cannot_be_read"


@dataclass(frozen=True, slots=True)
class FieldPair:
    """One field of both environments. Of a secret the texts are keyed fingerprints; None is a field that is not set."""

    name: str
    label: str
    secret: bool
    copyable: bool
    texts: Mapping[Environment, str | None]
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Side:
    """What else stands beside the fields of one environment. ``missing`` is what a switch to it lacks."""

    version: int
    updated_at: datetime
    updated_by: str
    missing: tuple[str, ...]
    shops: tuple[tuple[str, str], ...]
    """Ids and states."""


@dataclass(frozen=True, slots=True)
class Parity:
    """The comparison."""

    connector: ConnectorName
    active: Environment
    fields: tuple[FieldPair, ...]
    sides: Mapping[Environment, Side]


@dataclass(frozen=True, slots=True)
class Change:
    """What copying one field would do to the target."""

    name: str
    label: str
    before: str | None
    after: str


@dataclass(frozen=True, slots=True)
class CopyPlan:
    """What can be copied. ``tag`` names the two versions that it was made of: a later edit makes it stale."""

    source: Environment
    target: Environment
    tag: str
    changes: tuple[Change, ...]


def compare(parts: Parts, db: Session, name: ConnectorName) -> Parity:
    """Both environments as they stand; it reads, and changes nothing."""
    connector = parts.connector(name)
    rows = {environment: get_credentials(db, name, environment) for environment in Environment}
    return Parity(
        connector=name,
        active=get_active_environment(db, name),
        fields=tuple(_pair(parts, db, connector, rows, field) for field in connector.credential_fields),
        sides={environment: _side(db, connector, row) for environment, row in rows.items()},
    )


def plan_copy(parts: Parts, db: Session, name: ConnectorName, *, source: Environment, target: Environment) -> CopyPlan:
    """What copying would change: the settings that mean the same in both, set in the source and other in the target.

    Raises:
        Invalid: source and target are the same.
    """
    return _plan(parts.connector(name), get_credentials(db, name, source), get_credentials(db, name, target))


def copy(
    parts: Parts,
    db: Session,
    name: ConnectorName,
    *,
    source: Environment,
    target: Environment,
    fields: Sequence[str],
    tag: str,
    actor: Actor,
    now: datetime,
) -> tuple[str, ...]:
    """Copy the named settings as they were previewed, and return those that really changed.

    Raises:
        Stale: one of the two environments was edited after the preview; nothing is overwritten.
        Invalid: source and target are the same, nothing is named, or a field is not in the preview.
    """
    connector = parts.connector(name)
    rows = {one: get_credentials(db, name, one, lock=True) for one in (Environment.LIVE, Environment.SANDBOX)}
    plan = _plan(connector, rows[source], rows[target])
    if tag != plan.tag:
        raise Stale(N_("One of the environments was changed after the preview: look at it again."))
    offered = {change.name: change.after for change in plan.changes}
    if not fields or not set(fields) <= offered.keys():
        raise Invalid(N_("Name at least one field, and only fields that the preview shows."), field="fields")
    result = credentials.edit(
        parts,
        db,
        name,
        target,
        {field: offered[field] for field in fields},
        expected_version=rows[target].version,
        actor=actor,
        now=now,
    )
    details = {"from": source.value, "to": target.value, "fields": sorted(result.changed), "preview": tag}
    record(db, actor=actor, action="credentials.copy", environment=target, subject=name, details=details, now=now)
    return result.changed


def _plan(connector: Connector, source: EnvironmentCredentials, target: EnvironmentCredentials) -> CopyPlan:
    if source.environment is target.environment:
        raise Invalid(N_("Copy from one environment to the other."), field="to")
    changes = []
    for field in connector.credential_fields:
        if not field.copyable or field.secret:
            continue
        before, after = getattr(target, field.name), getattr(source, field.name)
        if after and after != before:
            changes.append(Change(field.name, field.label, before, after))
    return CopyPlan(source.environment, target.environment, f"v{source.version}-v{target.version}", tuple(changes))


def _side(db: Session, connector: Connector, row: EnvironmentCredentials) -> Side:
    shops = list_shops(db, ConnectorName(row.connector), environment=row.environment)
    return Side(
        version=row.version,
        updated_at=row.updated_at,
        updated_by=row.updated_by,
        missing=tuple(missing_fields(db, row, switch_fields(connector))),
        shops=tuple((shop.shop_id, shop.state) for shop in shops),
    )


def _pair(
    parts: Parts,
    db: Session,
    connector: Connector,
    rows: Mapping[Environment, EnvironmentCredentials],
    field: CredentialField,
) -> FieldPair:
    read = {environment: _text(parts, db, connector, row, field) for environment, row in rows.items()}
    texts = {
        environment: text if text is None or not field.secret else _short(text) for environment, text in read.items()
    }
    return FieldPair(field.name, field.label, field.secret, field.copyable, texts, _verdict(field, read))


_UNREADABLE = "?"


def _text(
    parts: Parts, db: Session, connector: Connector, row: EnvironmentCredentials, field: CredentialField
) -> str | None:
    """What is compared: a plain value, a host that is really used, a whole fingerprint."""
    if field.secret:
        return _fingerprint(parts, db, row, field.name)
    value: str | None = getattr(row, field.name)
    if field.name != "host":
        return value or None
    try:
        return find_host(parts, connector, row.environment, value).name
    except Invalid:  # the installer's preset is gone
        return value


def _fingerprint(parts: Parts, db: Session, row: EnvironmentCredentials, name: str) -> str | None:
    try:
        secret = open_secret(parts.ring, row, f"{name}_encrypted")
        return None if secret is None else keyed_fingerprint(db, parts.ring, secret.reveal()).hex()
    except SecretUnreadable:
        return _UNREADABLE


def _short(fingerprint: str) -> str:
    return fingerprint[:_SHOWN_DIGITS]


def _verdict(field: CredentialField, read: Mapping[Environment, str | None]) -> Verdict:
    sandbox, live = read[Environment.SANDBOX], read[Environment.LIVE]
    if _UNREADABLE in {sandbox, live} and field.secret:
        return Verdict.UNREADABLE
    if sandbox is None or live is None:
        if sandbox is not None:
            return Verdict.ONLY_SANDBOX
        return Verdict.NEITHER if live is None else Verdict.ONLY_LIVE
    if sandbox == live:
        return Verdict.SAME if field.copyable else Verdict.SAME_BUT_SHOULD_DIFFER
    return Verdict.DIFFERENT if field.copyable else Verdict.DIFFERS_AS_IT_SHOULD
