"""Reading the vault: the active environment, credentials, push keys, shops and tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from kedai.db.database import dialect_of
from kedai.errors import NotFound
from kedai.kit.crypto import SecretPlace
from kedai.values.credentials import PushKey
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.values.secret import Secret
from kedai.vault.models import ActiveEnvironment, AuthToken, EnvironmentCredentials, Installation, Merchant, Shop
from kedai.vault.ring import KeyRing

Row = TypeVar("Row")
SECRET_COLUMNS = ("partner_key_encrypted", "push_partner_key_encrypted", "previous_push_partner_key_encrypted")


@dataclass(frozen=True, slots=True)
class Switchboard:
    """What decides about a push at the moment it is stored: the active environment and each environment's version."""

    active: Environment
    versions: dict[Environment, int]


def get_active_environment(db: Session, connector: ConnectorName) -> Environment:
    """The environment a marketplace is signed in to; sandbox when nothing was ever chosen."""
    row = db.get(ActiveEnvironment, connector)
    return Environment.SANDBOX if row is None else row.environment


def find_last_switch(db: Session, connector: ConnectorName) -> datetime | None:
    """When the active environment was last changed; ``None`` where nobody ever did: the other one was never active."""
    row = db.get(ActiveEnvironment, connector)
    return None if row is None or row.version == 1 else row.updated_at


def read_switchboard(connection: Connection, connector: ConnectorName) -> Switchboard:
    """Read it inside the caller's transaction.

    On PostgreSQL the active row is share-locked: a switch waits for pushes that are being stored under the old answer,
    so that its count of parked ones is complete.
    """
    rows = connection.exec_driver_sql(_SWITCHBOARD[dialect_of(connection)], (connector,)).all()
    active = Environment(rows[0][0]) if rows else Environment.SANDBOX
    return Switchboard(active, {Environment(environment): version for _, environment, version in rows})


_BOARD = (
    "SELECT active.environment AS active, credentials.environment, credentials.version FROM active_environment active"
    " JOIN environment_credentials credentials USING (connector) WHERE connector = "
)
_SWITCHBOARD = {"postgresql": f"{_BOARD}%b FOR SHARE OF active", "sqlite": f"{_BOARD}?"}

_ROWS = (
    "SELECT ',' || connector || ' ' || active.environment || ' ' || credentials.environment || ' ' ||"
    " credentials.version || ',' AS row FROM active_environment active"
    " JOIN environment_credentials credentials USING (connector)"
)
SWITCHBOARD_HOLDS = {
    "postgresql": "SELECT coalesce(bool_and(strpos(%b, row) > 0), true) FROM (" + _ROWS + " FOR SHARE OF active) rows",  # noqa: S608  static
    "sqlite": "SELECT coalesce(min(instr(?, row) > 0), 1) FROM (" + _ROWS + ") rows",  # noqa: S608  static
}
"""Whether all switchboards are what `as_text` says: asked by the statement that stores what was judged by them."""


def as_text(boards: Mapping[ConnectorName, Switchboard]) -> str:
    """All switchboards as one text that `SWITCHBOARD_HOLDS` compares."""
    rows = (
        f"{name} {board.active.value} {environment.value} {version}"
        for name, board in boards.items()
        for environment, version in board.versions.items()
    )
    return ",".join(("", *rows, ""))


def get_credentials(
    db: Session, connector: ConnectorName, environment: Environment, *, lock: bool = False
) -> EnvironmentCredentials:
    """The stored row.

    Raises:
        NotFound: the seeder has not run.
    """
    statement = sa.select(EnvironmentCredentials).where(
        EnvironmentCredentials.connector == connector, EnvironmentCredentials.environment == environment
    )
    row = db.execute(_locked(statement) if lock else statement).scalar_one_or_none()
    if row is None:
        raise NotFound(f"There is no {environment} environment of {connector}.")
    return row


def open_secret(ring: KeyRing, row: EnvironmentCredentials, column: str) -> Secret | None:
    """A secret of a credentials row, or None where it is not set.

    Raises:
        SecretUnreadable: it cannot be decrypted with the keys at hand.
    """
    stored: str | None = getattr(row, column)
    return (
        None if stored is None else Secret(ring.open(credentials_place(row.connector, row.environment, column), stored))
    )


def open_push_keys(ring: KeyRing, row: EnvironmentCredentials, *, now: datetime) -> tuple[PushKey, ...]:
    """The keys that may sign this environment's pushes: the current one, and the previous one while it is valid."""
    keys = []
    current = open_secret(ring, row, "push_partner_key_encrypted")
    if current is not None:
        keys.append(PushKey("current", current))
    until = row.previous_push_partner_key_valid_until
    if until is not None and until > now:
        previous = open_secret(ring, row, "previous_push_partner_key_encrypted")
        if previous is not None:
            keys.append(PushKey("previous", previous, until))
    return tuple(keys)


def find_shop(db: Session, scope: Scope, *, lock: bool = False) -> Shop | None:
    """The shop, or None where this environment does not know it."""
    statement = sa.select(Shop).where(
        Shop.connector == scope.connector, Shop.environment == scope.environment, Shop.shop_id == scope.shop_id
    )
    return db.execute(_locked(statement) if lock else statement).scalar_one_or_none()


def list_shops(db: Session, connector: ConnectorName, *, environment: Environment) -> Sequence[Shop]:
    """Every shop of an environment, by id."""
    statement = sa.select(Shop).where(Shop.connector == connector, Shop.environment == environment)
    return db.execute(statement.order_by(Shop.shop_id)).scalars().all()


def list_merchants(db: Session, connector: ConnectorName, *, environment: Environment) -> Sequence[Merchant]:
    """Every merchant of an environment, by id."""
    statement = sa.select(Merchant).where(Merchant.connector == connector, Merchant.environment == environment)
    return db.execute(statement.order_by(Merchant.merchant_id)).scalars().all()


def list_account_states(db: Session, *, environment: Environment) -> list[tuple[str, ...]]:
    """How every shop and merchant stands."""
    shops = sa.select(Shop.connector, Shop.shop_id, Shop.state).where(Shop.environment == environment)
    merchants = sa.select(Merchant.connector, Merchant.merchant_id, Merchant.state)
    rows = [*db.execute(shops), *db.execute(merchants.where(Merchant.environment == environment))]
    return sorted(tuple(row) for row in rows)


def find_token(db: Session, scope: Scope) -> AuthToken | None:
    """A shop's token row, or None."""
    statement = sa.select(AuthToken).where(
        AuthToken.connector == scope.connector,
        AuthToken.environment == scope.environment,
        AuthToken.shop_id == scope.shop_id,
    )
    return db.execute(statement).scalar_one_or_none()


def get_cursor_key(db: Session) -> bytes:
    """The key that binds page cursors to this installation."""
    return db.execute(sa.select(Installation.cursor_key)).scalar_one()


def credentials_place(connector: str, environment: Environment, column: str) -> SecretPlace:
    """Where a secret of an environment is stored."""
    return SecretPlace(connector, "environment_credentials", column, environment.value, "")


def _locked(statement: sa.Select[Row]) -> sa.Select[Row]:
    """Lock the row and read it anew: what this session had loaded before the lock may be old.

    The row's key never changes, so whoever only refers to it (a push that is stored, a run that is queued) need not
    wait: with the stronger lock an edit that waits for the key ring and a run that is queued would wait for each other.
    """
    return statement.with_for_update(key_share=True).execution_options(populate_existing=True)
