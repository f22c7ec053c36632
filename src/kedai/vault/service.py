"""Writing the vault: seed, edit and clear credentials. Encryption happens here and in `shops`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.db.upsert import insert_into
from kedai.errors import Conflict, Invalid, NotFound, SecretUnreadable, Stale
from kedai.values.actor import SYSTEM, Actor
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.values.wording import N_
from kedai.vault.accounts import lock_foreign, set_state
from kedai.vault.models import ActiveEnvironment, EnvironmentCredentials, Shop
from kedai.vault.queries import (
    credentials_place,
    get_active_environment,
    get_credentials,
    open_push_keys,
    open_secret,
)
from kedai.vault.ring import KeyRing, keyed_fingerprint

SECRETS = ("partner_key", "push_partner_key")
NULLABLE = ("partner_id", "shop_id", "host", "default_location_id", "default_shipping_option_id")


def seed(db: Session, ring: KeyRing, connector: ConnectorName, sandbox: Mapping[str, str], *, now: datetime) -> None:
    """Make what a first boot needs: an active-environment row (sandbox), a sandbox row, an empty live row.

    Only what is missing is made, so that any number of processes may do it at once and a restart changes nothing.
    """
    base = {"connector": connector, "region": "GLOBAL", "version": 1, "updated_at": now, "updated_by": SYSTEM.name}
    empty = dict.fromkeys((*NULLABLE, "partner_key_encrypted", "push_partner_key_encrypted"))
    filled = {**base, **empty, "environment": Environment.SANDBOX}
    existing = sa.select(sa.func.count()).where(EnvironmentCredentials.connector == connector)
    if db.execute(existing).scalar_one() == 0:  # nothing of the seed is even encrypted after the first boot
        filled |= _seeded(db, ring, connector, sandbox, now)
    rows = [{**base, **empty, "environment": Environment.LIVE}, filled]
    for row in rows:
        db.execute(insert_into(db, EnvironmentCredentials).on_conflict_do_nothing(), [row])
    active = {"connector": connector, "environment": Environment.SANDBOX, "version": 1}
    active |= {"updated_at": now, "updated_by": SYSTEM.name}
    db.execute(insert_into(db, ActiveEnvironment).on_conflict_do_nothing(), [active])


def edit_credentials(
    db: Session,
    ring: KeyRing,
    connector: ConnectorName,
    environment: Environment,
    changes: Mapping[str, str | None],
    *,
    required: Sequence[str],
    expected_version: int | None,
    old_push_key_until: datetime | None = None,
    actor: Actor,
    now: datetime,
) -> tuple[str, ...]:
    """Apply validated changes and return the names of the fields that really changed.

    A blank secret means *keep*. ``required`` names what the active environment may never lack. A push key that is
    replaced goes on verifying pushes until ``old_push_key_until``; without an instant it ends at once.

    Raises:
        Stale: ``expected_version`` is not the stored one.
        Conflict: the change would make the active environment incomplete (``missing`` in its facts).
        Invalid: the push key is the other environment's.
    """
    wanted = {name: value for name, value in changes.items() if not (name in SECRETS and not value)}
    if "push_partner_key" in wanted:  # both rows, live first: the other one must not take the same key meanwhile
        get_credentials(db, connector, Environment.LIVE, lock=True)
    row = get_credentials(db, connector, environment, lock=True)
    if expected_version is not None and expected_version != row.version:
        raise Stale(facts_version=row.version)
    _refuse_shared_push_key(db, ring, row, wanted.get("push_partner_key"), now)
    lacking = missing_fields(db, row, required)
    if wanted.get("push_partner_key"):
        _keep_old_push_key(db, ring, row, wanted["push_partner_key"], old_push_key_until)
    changed = [name for name, value in wanted.items() if _apply(db, ring, row, name, value, actor, now)]
    if not changed:
        return ()
    _refuse_incomplete_active(db, row, required, lacking)
    _stamp(row, actor, now)
    reconnect = _mark_foreign_tokens(db, row, now) if "partner_id" in changed else ()
    if reconnect:  # a shop that must be connected again stands in for no shop id
        _refuse_incomplete_active(db, row, required, lacking)
    db.flush()
    record(
        db,
        actor=actor,
        action="credentials.edit",
        environment=environment,
        subject=f"{connector}",
        details={"fields": sorted(changed), "shops_to_reconnect": list(reconnect), **_overlap(row, changed)},
        now=now,
    )
    return tuple(changed)


def clear_secret(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    name: str,
    *,
    required: Sequence[str],
    expected_version: int | None = None,
    actor: Actor,
    now: datetime,
) -> None:
    """Remove a secret on purpose.

    Raises:
        NotFound: no such secret field.
        Stale: ``expected_version`` is not the stored one.
        Conflict: the active environment needs it.
    """
    if name not in SECRETS:
        raise NotFound(N_("There is no such secret."))
    row = get_credentials(db, connector, environment, lock=True)
    if expected_version is not None and expected_version != row.version:
        raise Stale(facts_version=row.version)
    if getattr(row, f"{name}_encrypted") is None:
        return
    lacking = missing_fields(db, row, required)
    _set_secret(row, name, None, actor, now)
    if name == "push_partner_key":
        _forget_old_push_key(row)
    _refuse_incomplete_active(db, row, required, lacking)
    _stamp(row, actor, now)
    db.flush()
    details = {"fields": [name]}
    record(
        db,
        actor=actor,
        action="credentials.clear",
        environment=environment,
        subject=connector,
        details=details,
        now=now,
    )


def end_old_push_key(
    db: Session, connector: ConnectorName, environment: Environment, *, actor: Actor, now: datetime
) -> bool:
    """Accept the replaced push key no longer, before its time is over; False where none was kept."""
    row = get_credentials(db, connector, environment, lock=True)
    if row.previous_push_partner_key_encrypted is None:
        return False
    _forget_old_push_key(row)
    _stamp(row, actor, now)
    db.flush()
    details = {"fields": ["previous_push_partner_key"]}
    record(
        db,
        actor=actor,
        action="credentials.clear",
        environment=environment,
        subject=connector,
        details=details,
        now=now,
    )
    return True


def missing_fields(db: Session, row: EnvironmentCredentials, required: Sequence[str]) -> list[str]:
    """Which of ``required`` the row lacks; a connected shop serves as ``shop_id``."""
    missing = []
    for name in required:
        column = f"{name}_encrypted" if name in SECRETS else name
        if not getattr(row, column) and not (name == "shop_id" and _has_connected_shop(db, row)):
            missing.append(name)
    return missing


def _seeded(
    db: Session, ring: KeyRing, connector: ConnectorName, values: Mapping[str, str], now: datetime
) -> dict[str, Any]:
    seeded: dict[str, Any] = {}
    for name, value in values.items():
        if name not in SECRETS:
            seeded[name] = value
            continue
        column = f"{name}_encrypted"
        seeded[column] = ring.seal(db, credentials_place(connector, Environment.SANDBOX, column), value)
        seeded[f"{name}_changed_at"], seeded[f"{name}_changed_by"] = now, SYSTEM.name
    return seeded


def _apply(
    db: Session, ring: KeyRing, row: EnvironmentCredentials, name: str, value: str | None, actor: Actor, now: datetime
) -> bool:
    if name in SECRETS and value:
        place = credentials_place(row.connector, row.environment, f"{name}_encrypted")
        _set_secret(row, name, ring.seal(db, place, value), actor, now)
        return True
    stored = value or ("GLOBAL" if name == "region" else None)
    if getattr(row, name) == stored:
        return False
    setattr(row, name, stored)
    return True


def _set_secret(row: EnvironmentCredentials, name: str, sealed: str | None, actor: Actor, now: datetime) -> None:
    setattr(row, f"{name}_encrypted", sealed)
    setattr(row, f"{name}_changed_at", now)
    setattr(row, f"{name}_changed_by", actor.name)


def _keep_old_push_key(
    db: Session, ring: KeyRing, row: EnvironmentCredentials, new: str | None, until: datetime | None
) -> None:
    """The key that is replaced moves to a column of its own, which it is sealed for anew; one out of reach ends."""
    try:
        old = open_secret(ring, row, "push_partner_key_encrypted")
    except SecretUnreadable:
        old = None
    if old is not None and old.reveal() == new:
        return  # the same key typed again replaces nothing
    _forget_old_push_key(row)
    if old is not None and until is not None:
        column = "previous_push_partner_key_encrypted"
        place = credentials_place(row.connector, row.environment, column)
        row.previous_push_partner_key_encrypted = ring.seal(db, place, old.reveal())
        row.previous_push_partner_key_valid_until = until


def _forget_old_push_key(row: EnvironmentCredentials) -> None:
    row.previous_push_partner_key_encrypted = row.previous_push_partner_key_valid_until = None


def _overlap(row: EnvironmentCredentials, changed: Sequence[str]) -> dict[str, str]:
    """What the trail says of a push key's overlap."""
    until = row.previous_push_partner_key_valid_until
    return {"old_push_key_until": until.isoformat()} if until is not None and "push_partner_key" in changed else {}


def _stamp(row: EnvironmentCredentials, actor: Actor, now: datetime) -> None:
    row.version, row.updated_at, row.updated_by = row.version + 1, now, actor.name


def _refuse_incomplete_active(
    db: Session, row: EnvironmentCredentials, required: Sequence[str], lacking: Sequence[str]
) -> None:
    """What was ``lacking`` before (a fresh sandbox) may stay missing; what this change takes away may not."""
    if get_active_environment(db, ConnectorName(row.connector)) is not row.environment:
        return
    lost = [name for name in missing_fields(db, row, required) if name not in lacking]
    if lost:
        name, fields = row.environment.value.title(), ", ".join(lost)
        text = N_("%(environment)s is the active environment and needs %(fields)s.", environment=name, fields=fields)
        raise Conflict(text, missing=lost)


def _refuse_shared_push_key(
    db: Session, ring: KeyRing, row: EnvironmentCredentials, key: str | None, now: datetime
) -> None:
    """Neither the key of the other environment nor the one it still accepts."""
    if not key:
        return
    other = get_credentials(db, ConnectorName(row.connector), row.environment.other, lock=True)
    try:
        theirs = open_push_keys(ring, other, now=now)
    except SecretUnreadable:
        return  # an unreadable key cannot be compared; the other environment says so on its own tab
    if not theirs:
        return
    ours = keyed_fingerprint(db, ring, key)
    if any(keyed_fingerprint(db, ring, one.key.reveal()) == ours for one in theirs):
        name = other.environment.value
        text = N_("This is the push key of %(environment)s. Each environment needs its own.", environment=name)
        raise Invalid(text, field="push_partner_key")


def _mark_foreign_tokens(db: Session, row: EnvironmentCredentials, now: datetime) -> Sequence[str]:
    """Tokens of another app are useless: their shops must be connected again."""
    lost = lock_foreign(db, row.connector, row.environment, partner_id=row.partner_id or "")
    for scope in lost:
        set_state(db, scope, "needs_reauth", reason=N_("the partner id was changed"), actor=SYSTEM, now=now)
    return [scope.shop_id for scope in lost if isinstance(scope, Scope)]


def _has_connected_shop(db: Session, row: EnvironmentCredentials) -> bool:
    statement = sa.select(
        sa.exists().where(
            Shop.connector == row.connector, Shop.environment == row.environment, Shop.state == "connected"
        )
    )
    return db.execute(statement).scalar_one()
