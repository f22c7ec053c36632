"""Where sealed values are: the one list of them, counted by key, read in batches, and swapped.

Tables are named by their names: some belong to rooms beside this one. A test holds the list against all tables.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db.base import Model
from kedai.db.database import dialect_of
from kedai.kit.crypto import SecretPlace
from kedai.values.environment import Environment
from kedai.vault.models import EnvironmentCredentials


@dataclass(frozen=True, slots=True)
class SealedTable:
    """A table with sealed columns.

    ``row`` names the text column that is the natural key inside (connector, environment), or inside the installation
    where ``of_environment`` is false; None where there is one row only.
    """

    name: str
    columns: tuple[str, ...]
    row: str | None
    of_environment: bool


SEALED_TABLES = (
    SealedTable(
        "environment_credentials",
        ("partner_key_encrypted", "push_partner_key_encrypted", "previous_push_partner_key_encrypted"),
        row=None,
        of_environment=True,
    ),
    SealedTable(
        "auth_token", ("access_token_encrypted", "refresh_token_encrypted"), row="shop_id", of_environment=True
    ),
    SealedTable(
        "merchant_token", ("access_token_encrypted", "refresh_token_encrypted"), row="merchant_id", of_environment=True
    ),
    SealedTable(
        "held_token", ("access_token_encrypted", "refresh_token_encrypted"), row="account", of_environment=True
    ),
    SealedTable("staff", ("totp_secret_encrypted",), row="email", of_environment=False),
    SealedTable("notification_channel", ("secret_encrypted",), row="name", of_environment=False),
    SealedTable("installation", ("fingerprint_key_encrypted",), row=None, of_environment=False),
)


@dataclass(frozen=True, slots=True)
class Shelf:
    """The sealed values of one table that lie in one environment of a marketplace, or in the installation itself."""

    sealed: SealedTable
    connector: str
    environment: str
    """Both blank for the installation's own, as they are in the places that its values are bound to."""

    @property
    def table(self) -> sa.Table:
        return Model.metadata.tables[self.sealed.name]

    def where(self) -> list[sa.ColumnElement[bool]]:
        """Which rows are its own."""
        if not self.sealed.of_environment:
            return []
        columns = self.table.c
        return [columns.connector == self.connector, columns.environment == Environment(self.environment)]

    def place(self, column: str, row: str) -> SecretPlace:
        """What a value is bound to."""
        return SecretPlace(self.connector, self.sealed.name, column, self.environment, row)


@dataclass(frozen=True, slots=True)
class SealedRow:
    """The sealed values of one row by column, those that are not set left out; ``row`` is its natural key."""

    row: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Swap:
    """One row's values to exchange, by column, each from the one that was read to the new one."""

    row: str
    values: Mapping[str, tuple[str, str]]


def shelves_of_environment(connector: str, environment: Environment) -> list[Shelf]:
    """What is sealed in one environment of a marketplace."""
    return [Shelf(one, connector, environment.value) for one in SEALED_TABLES if one.of_environment]


def shelves_of_installation() -> list[Shelf]:
    """What is sealed and belongs to no environment."""
    return [Shelf(one, "", "") for one in SEALED_TABLES if not one.of_environment]


def all_shelves(db: Session) -> list[Shelf]:
    """Everything that is sealed in this database."""
    found = shelves_of_installation()
    for connector, environment in list_places(db):
        found += shelves_of_environment(connector, environment)
    return found


def list_places(db: Session) -> list[tuple[str, Environment]]:
    """Every environment of every marketplace that the database knows, registered or not."""
    columns = (EnvironmentCredentials.connector, EnvironmentCredentials.environment)
    return [(row[0], row[1]) for row in db.execute(sa.select(*columns).order_by(*columns))]


def count_by_key(db: Session, shelves: Iterable[Shelf]) -> dict[str, int]:
    """How many values are sealed with each key, ``v1`` among them; ``?`` for what is in no known format."""
    counts: Counter[str] = Counter()
    for shelf in shelves:
        for name in shelf.sealed.columns:
            column = shelf.table.c[name]
            kids = sa.select(_kid_of(db, column).label("kid")).where(*shelf.where(), column.is_not(None)).subquery()
            for kid, number in db.execute(sa.select(kids.c.kid, sa.func.count()).group_by(kids.c.kid)):
                counts[kid or "?"] += number
    return dict(sorted(counts.items()))


def read_rows(db: Session, shelf: Shelf, *, after: str, limit: int, unless: str | None = None) -> Sequence[SealedRow]:
    """The next rows by natural key; with ``unless`` only those that hold a value not sealed with that key."""
    columns = [shelf.table.c[name] for name in shelf.sealed.columns]
    statement = sa.select(*columns).where(*shelf.where(), sa.or_(*(column.is_not(None) for column in columns)))
    if unless is not None:
        prefix = f"v2:{unless}:"
        statement = statement.where(sa.or_(*(sa.func.substr(one, 1, len(prefix)) != prefix for one in columns)))
    if shelf.sealed.row is not None:
        key = shelf.table.c[shelf.sealed.row]
        statement = statement.add_columns(key.label("natural_key")).where(key > after).order_by(key)
    rows = db.execute(statement.limit(limit)).mappings().all()
    return [
        SealedRow(
            row.get("natural_key", ""), {name: row[name] for name in shelf.sealed.columns if row[name] is not None}
        )
        for row in rows
    ]


def swap(db: Session, shelf: Shelf, swaps: Sequence[Swap]) -> None:
    """Exchange values, each only if it is still the one that was read: a newer one is never overwritten."""
    columns = {name: shelf.table.c[name] for name in shelf.sealed.columns}
    old = {name: sa.bindparam(f"old_{name}", type_=sa.Text) for name in columns}
    new = {name: sa.bindparam(f"new_{name}", type_=sa.Text) for name in columns}
    where = [*shelf.where(), sa.or_(*(column == old[name] for name, column in columns.items()))]
    if shelf.sealed.row is not None:
        where.append(shelf.table.c[shelf.sealed.row] == sa.bindparam("at_row"))
    values = {name: sa.case((one == old[name], new[name]), else_=one) for name, one in columns.items()}
    statement = sa.update(shelf.table).where(*where).values(values)
    db.connection().execute(statement, [_parameters(shelf, one) for one in swaps])


def _parameters(shelf: Shelf, one: Swap) -> dict[str, str | None]:
    """A column that is left alone is compared with nothing, which nothing equals."""
    given: dict[str, str | None] = {} if shelf.sealed.row is None else {"at_row": one.row}
    for name in shelf.sealed.columns:
        given[f"old_{name}"], given[f"new_{name}"] = one.values.get(name, (None, None))
    return given


def _kid_of(db: Session, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """The key id that a sealed value names, read by the database."""
    start, rest = sa.func.substr(column, 1, 3), sa.func.substr(column, 4)
    if dialect_of(db) == "postgresql":
        named: sa.ColumnElement[Any] = sa.func.split_part(rest, ":", 1)
    else:
        named = sa.func.substr(rest, 1, sa.func.instr(rest, ":") - 1)
    return sa.case((start == "v1:", sa.literal("v1")), (start == "v2:", named), else_=sa.literal("?"))
