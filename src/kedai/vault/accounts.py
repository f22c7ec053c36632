"""Whoever holds a token pair, told apart in one place: what renews and keeps pairs knows no kind by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.kit.crypto import SecretPlace
from kedai.values.environment import Account, ConnectorName, Environment, MerchantScope, Scope
from kedai.vault.merchants import set_merchant_state
from kedai.vault.models import AuthToken, Merchant, MerchantToken, Shop
from kedai.vault.shops import set_shop_state


@dataclass(frozen=True, slots=True)
class AccountKind:
    """One kind of account: the type of its scope, its table, the table of its pairs, and how its state is changed.

    ``key`` names one of them: it is a field of the scope and a column of both tables.
    """

    name: str
    key: str
    scope: type[Account]
    holder: type[Any]
    tokens: type[Any]
    set_state: Callable[..., bool]


KINDS = (
    AccountKind("shop", "shop_id", Scope, Shop, AuthToken, set_shop_state),
    AccountKind("merchant", "merchant_id", MerchantScope, Merchant, MerchantToken, set_merchant_state),
)


def kind_of(scope: Account) -> AccountKind:
    """The kind of account that a scope is about."""
    return next(kind for kind in KINDS if isinstance(scope, kind.scope))


def find_kind(name: str) -> AccountKind | None:
    """The kind by its name."""
    return next((kind for kind in KINDS if kind.name == name), None)


def scope_of(kind: AccountKind, connector: str, environment: Environment, account_id: str) -> Account:
    """The scope of one account."""
    return kind.scope(ConnectorName(connector), environment, account_id)


def id_of(scope: Account) -> str:
    """The account's id inside its connector, environment and kind."""
    return str(getattr(scope, kind_of(scope).key))


def rows_of(scope: Account, table: type[Any]) -> tuple[sa.ColumnElement[bool], ...]:
    """Which row of its kind's tables is the account's own."""
    key = getattr(table, kind_of(scope).key)
    return table.connector == scope.connector, table.environment == scope.environment, key == id_of(scope)


def find_holder(db: Session, scope: Account, *, lock: bool = False) -> Any:
    """The account's row, or None."""
    holder = kind_of(scope).holder
    statement = sa.select(holder).where(*rows_of(scope, holder))
    if lock:
        statement = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
    return db.execute(statement).scalar_one_or_none()


def find_pair(db: Session, scope: Account) -> Any:
    """The row of the account's token pair, or None."""
    tokens = kind_of(scope).tokens
    return db.execute(sa.select(tokens).where(*rows_of(scope, tokens))).scalar_one_or_none()


def secret_place(scope: Account, column: str) -> SecretPlace:
    """Where a column of the account's pair is stored."""
    table: str = kind_of(scope).tokens.__tablename__
    return SecretPlace(scope.connector, table, column, scope.environment.value, id_of(scope))
