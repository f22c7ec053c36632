"""Writing the vault: seed, edit, switch, and what a shop's connection stands at. Encryption happens here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.db.upsert import insert_into
from kedai.errors import Conflict, Invalid, NotConfigured, NotFound, SecretUnreadable, Stale
from kedai.kit.ids import new_id
from kedai.values.actor import SYSTEM, Actor
from kedai.values.credentials import ShopProfile, TokenSet
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.vault.models import ActiveEnvironment, AuthToken, EnvironmentCredentials, Shop
from kedai.vault.queries import credentials_place, find_shop, get_active_environment, get_credentials, token_place
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
    actor: Actor,
    now: datetime,
) -> tuple[str, ...]:
    """Apply validated changes and return the names of the fields that really changed.

    A blank secret means *keep*. ``required`` names what the active environment may never lack.

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
    _refuse_shared_push_key(db, ring, row, wanted.get("push_partner_key"))
    lacking = missing_fields(db, row, required)
    changed = [name for name, value in wanted.items() if _apply(db, ring, row, name, value, actor, now)]
    if not changed:
        return ()
    _refuse_incomplete_active(db, row, required, lacking)
    _stamp(row, actor, now)
    reconnect = _mark_foreign_tokens(db, row, now) if "partner_id" in changed else ()
    db.flush()
    record(
        db,
        actor=actor,
        action="credentials.edit",
        environment=environment,
        subject=f"{connector}",
        details={"fields": sorted(changed), "shops_to_reconnect": list(reconnect)},
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
        raise NotFound("There is no such secret.")
    row = get_credentials(db, connector, environment, lock=True)
    if expected_version is not None and expected_version != row.version:
        raise Stale(facts_version=row.version)
    if getattr(row, f"{name}_encrypted") is None:
        return
    lacking = missing_fields(db, row, required)
    _set_secret(row, name, None, actor, now)
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


def activate(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    *,
    required: Sequence[str],
    actor: Actor,
    now: datetime,
) -> bool:
    """Sign in to an environment; False when it already was the active one.

    The facts are checked in this transaction: a concurrent edit waits for the row that both lock first.

    Raises:
        NotConfigured: the target lacks something (its names in ``missing``).
    """
    target = get_credentials(db, connector, environment, lock=True)
    missing = missing_fields(db, target, required)
    statement = sa.select(ActiveEnvironment).where(ActiveEnvironment.connector == connector).with_for_update()
    row = db.execute(statement, execution_options={"populate_existing": True}).scalar_one()
    if row.environment == environment:
        return False
    if missing:
        raise NotConfigured(environment, missing)
    before = row.environment
    row.environment, row.version = environment, row.version + 1
    row.updated_at, row.updated_by = now, actor.name
    db.flush()
    details = {"from": before.value, "to": environment.value}
    record(
        db,
        actor=actor,
        action="environment.switch",
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


def save_shop(
    db: Session, scope: Scope, profile: ShopProfile, *, state: str, reason: str, actor: Actor, now: datetime
) -> Shop:
    """Store what the marketplace says of a shop and how its connection stands."""
    shop = find_shop(db, scope, lock=True)
    if shop is None:
        key = {"connector": scope.connector, "environment": scope.environment, "shop_id": scope.shop_id}
        shop = Shop(**key, name="", region="", state=state, state_reason="", updated_at=now)
        db.add(shop)
    shop.name, shop.region = profile.name, profile.region
    shop.authorized_at, shop.authorized_until = profile.authorized_at, profile.authorized_until
    shop.state, shop.state_reason, shop.updated_at = state, reason, now
    if state == "connected":
        shop.connected_at = now
    db.flush()
    _record_shop(db, scope, state, reason, actor, now)
    return shop


def set_shop_state(db: Session, scope: Scope, state: str, *, reason: str, actor: Actor, now: datetime) -> bool:
    """Change how a shop's connection stands; False when it stood so already."""
    shop = find_shop(db, scope, lock=True)
    if shop is None or (shop.state == state and shop.state_reason == reason):
        return False
    shop.state, shop.state_reason, shop.updated_at = state, reason, now
    db.flush()
    _record_shop(db, scope, state, reason, actor, now)
    return True


def seal_tokens(db: Session, ring: KeyRing, scope: Scope, tokens: TokenSet) -> dict[str, Any]:
    """A token pair as column values.

    Do this before anything that records in the audit trail: transactions that take the key ring's row and the audit
    lock in one order never deadlock.
    """

    def sealed(column: str, text: str) -> str:
        return ring.seal(db, token_place(scope, column), text)

    return {
        "access_token_encrypted": sealed("access_token_encrypted", tokens.access_token.reveal()),
        "refresh_token_encrypted": sealed("refresh_token_encrypted", tokens.refresh_token.reveal()),
        "access_expires_at": tokens.access_expires_at,
        "refresh_expires_at": tokens.refresh_expires_at,
    }


def store_tokens(db: Session, scope: Scope, partner_id: str, sealed: Mapping[str, Any], *, now: datetime) -> None:
    """Store a freshly granted pair: it replaces any older one and frees the refresh lease."""
    values = {**sealed, "partner_id": partner_id, "updated_at": now}
    key = {"connector": scope.connector, "environment": scope.environment, "shop_id": scope.shop_id}
    replaced = {**values, "generation": AuthToken.generation + 1, "lease_by": None, "lease_until": None}
    statement = insert_into(db, AuthToken).values({"id": new_id(), "generation": 1, **key, **values})
    db.execute(statement.on_conflict_do_update(index_elements=list(key), set_=replaced))


def swap_tokens(db: Session, ring: KeyRing, scope: Scope, *, generation: int, tokens: TokenSet, now: datetime) -> bool:
    """Compare-and-swap after a refresh: only if nobody stored a newer pair. A success clears `needs_reauth`."""
    values = seal_tokens(db, ring, scope, tokens)
    values |= {"generation": generation + 1, "updated_at": now, "lease_by": None, "lease_until": None}
    swapped = db.execute(
        sa.update(AuthToken)
        .where(
            AuthToken.connector == scope.connector,
            AuthToken.environment == scope.environment,
            AuthToken.shop_id == scope.shop_id,
            AuthToken.generation == generation,
        )
        .values(values)
    )
    if swapped.rowcount != 1:  # type: ignore[attr-defined]
        return False
    shop = find_shop(db, scope, lock=True)
    if shop is not None and shop.state == "needs_reauth":
        set_shop_state(db, scope, "connected", reason="", actor=SYSTEM, now=now)
    return True


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
        raise Conflict(
            f"{row.environment.value.title()} is the active environment and needs {', '.join(lost)}.", missing=lost
        )


def _refuse_shared_push_key(db: Session, ring: KeyRing, row: EnvironmentCredentials, key: str | None) -> None:
    if not key:
        return
    other = get_credentials(db, ConnectorName(row.connector), row.environment.other, lock=True)
    if other.push_partner_key_encrypted is None:
        return
    place = credentials_place(row.connector, other.environment, "push_partner_key_encrypted")
    try:
        same = keyed_fingerprint(db, ring, ring.open(place, other.push_partner_key_encrypted)) == keyed_fingerprint(
            db, ring, key
        )
    except SecretUnreadable:
        return  # an unreadable key cannot be compared; the other environment says so on its own tab
    if same:
        raise Invalid(
            f"This is the push key of {other.environment.value}. Each environment needs its own.",
            field="push_partner_key",
        )


def _mark_foreign_tokens(db: Session, row: EnvironmentCredentials, now: datetime) -> Sequence[str]:
    """Tokens of another app are useless: their shops must be connected again."""
    statement = sa.select(AuthToken.shop_id).where(
        AuthToken.connector == row.connector,
        AuthToken.environment == row.environment,
        AuthToken.partner_id != (row.partner_id or ""),
    )
    shop_ids = db.execute(statement.order_by(AuthToken.shop_id)).scalars().all()
    for shop_id in shop_ids:
        scope = Scope(ConnectorName(row.connector), row.environment, shop_id)
        set_shop_state(db, scope, "needs_reauth", reason="the partner id was changed", actor=SYSTEM, now=now)
    return shop_ids


def _has_connected_shop(db: Session, row: EnvironmentCredentials) -> bool:
    statement = sa.select(
        sa.exists().where(
            Shop.connector == row.connector, Shop.environment == row.environment, Shop.state == "connected"
        )
    )
    return db.execute(statement).scalar_one()


def _record_shop(db: Session, scope: Scope, state: str, reason: str, actor: Actor, now: datetime) -> None:
    record(
        db,
        actor=actor,
        action=f"shop.{state}",
        environment=scope.environment,
        subject=f"{scope.connector} shop {scope.shop_id}",
        details={"reason": reason},
        now=now,
    )
