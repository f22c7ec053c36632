"""Editing an environment's credentials: the connector checks the values, the vault keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from kedai.connectors.base import Connector
from kedai.errors import Invalid
from kedai.sync.admission import count_admittable, note_verifying
from kedai.sync.connection import switch_fields
from kedai.sync.parts import Parts, find_host
from kedai.values.actor import Actor
from kedai.values.environment import ConnectorName, Environment
from kedai.values.wording import N_
from kedai.vault import service as vault
from kedai.vault.queries import list_shops

_LONGEST_OVERLAP = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class EditResult:
    """What really changed, and what the operator should know of it.

    ``waiting_verify``: so many rejected deliveries verify now and can be admitted.
    """

    changed: tuple[str, ...]
    notices: tuple[str, ...]
    waiting_verify: int = 0


def edit(
    parts: Parts,
    db: Session,
    name: ConnectorName,
    environment: Environment,
    changes: Mapping[str, str | None],
    *,
    expected_version: int | None,
    old_push_key_until: datetime | None = None,
    actor: Actor,
    now: datetime,
) -> EditResult:
    """Apply changes: absent = keep, blank secret = keep, ``None`` or blank otherwise = clear.

    A push key that is replaced goes on verifying until ``old_push_key_until``, 30 days at most; else it ends at once.

    Raises:
        Invalid: a value is not valid (its name in ``field``), or the push key is the other environment's.
        Stale: somebody edited meanwhile. Conflict: the active environment would become incomplete.
    """
    connector = parts.connector(name)
    notices: list[str] = []
    if old_push_key_until is not None and not now < old_push_key_until <= now + _LONGEST_OVERLAP:
        raise Invalid(N_("The old push key can be kept for 30 days at most."), field="old_push_key_until")
    checked = {
        field: _checked(parts, connector, environment, field, value, notices) for field, value in changes.items()
    }
    before = {shop.shop_id for shop in list_shops(db, name, environment=environment) if shop.state == "needs_reauth"}
    changed = vault.edit_credentials(
        db,
        parts.ring,
        name,
        environment,
        checked,
        required=switch_fields(connector),
        expected_version=expected_version,
        old_push_key_until=old_push_key_until,
        actor=actor,
        now=now,
    )
    after = [shop.shop_id for shop in list_shops(db, name, environment=environment) if shop.state == "needs_reauth"]
    lost = [shop_id for shop_id in after if shop_id not in before]
    if lost:
        notices.append(f"Another app now: connect again shop {', '.join(lost)}.")
    if "push_partner_key" not in changed:
        return EditResult(changed, tuple(notices))
    note_verifying(parts, db, name, environment=environment, now=now)
    waiting = count_admittable(db, name, environment=environment)
    if waiting:
        words = "waiting delivery verifies" if waiting == 1 else "waiting deliveries verify"
        notices.append(f"{waiting} {words} now: admit them on the page of rejected deliveries.")
    return EditResult(changed, tuple(notices), waiting)


def clear_secret(
    parts: Parts,
    db: Session,
    name: ConnectorName,
    environment: Environment,
    secret: str,
    *,
    expected_version: int | None = None,
    actor: Actor,
    now: datetime,
) -> None:
    """Remove a secret on purpose; refused with `Conflict` for the active environment."""
    required = switch_fields(parts.connector(name))
    vault.clear_secret(
        db, name, environment, secret, required=required, expected_version=expected_version, actor=actor, now=now
    )


def _checked(
    parts: Parts, connector: Connector, environment: Environment, field: str, value: str | None, notices: list[str]
) -> str | None:
    known = {one.name: one for one in connector.credential_fields}
    if field not in known:
        raise Invalid(N_("There is no such field."), field=field)
    if value is None or not value.strip():
        return None
    if known[field].secret and value != value.strip():
        notices.append(f"Spaces around the {known[field].label.lower()} were removed.")
    if field == "host":
        return find_host(parts, connector, environment, value.strip()).name
    return connector.validate_field(field, value)
