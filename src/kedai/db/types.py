"""The shared column types; features use these and no others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, Inexact, Overflow
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from kedai.values.environment import Environment
from kedai.values.wording import plain

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_AMOUNT_UNIT = Decimal("0.0001")
_EXACT = Context(prec=40, traps=[Inexact, Overflow])  # the thread's own context would round digits away unseen

KeyText = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
"""Marketplace ids, connector names and other key text: compared byte by byte on both databases."""

Bytes = sa.LargeBinary
Integer = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""A 64-bit integer (SQLite's INTEGER holds 64 bits too)."""
Real = sa.Double
"""A measure such as a speed; never money."""


class Id(TypeDecorator[UUID]):
    """A UUIDv7 primary key: `uuid` on PostgreSQL, 16 bytes on SQLite."""

    impl = sa.LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.UUID(as_uuid=True))
        return dialect.type_descriptor(sa.LargeBinary(16))

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> Any:
        return value if value is None or dialect.name == "postgresql" else value.bytes

    def process_result_value(self, value: Any, dialect: Dialect) -> UUID | None:
        return value if value is None or isinstance(value, UUID) else UUID(bytes=bytes(value))


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: `timestamptz` on PostgreSQL, microseconds on SQLite (which loses zones). Naive is refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.TIMESTAMP(timezone=True))
        return dialect.type_descriptor(sa.Integer())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime is never stored")
        return value if dialect.name == "postgresql" else to_microseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if isinstance(value, datetime) else from_microseconds(value)


class Amount(TypeDecorator[Decimal]):
    """Money as an integer of 1/10,000 major unit; the currency stands beside it. More decimals are refused."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        return None if value is None else to_amount_units(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else _EXACT.multiply(Decimal(value), _AMOUNT_UNIT)


class EnvironmentType(TypeDecorator[Environment]):
    """Sandbox or live as text; tables add `environment_check()`."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Environment | None, dialect: Dialect) -> str | None:
        return None if value is None else Environment(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> Environment | None:
        return None if value is None else Environment(value)


class JsonText(TypeDecorator[Any]):
    """A small JSON value as text (never jsonb: it refuses U+0000). Not for marketplace bodies, which are bytes."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else msgspec.json.encode(value, order="sorted", enc_hook=plain).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else msgspec.json.decode(value)


def environment_check(column: str = "environment") -> sa.CheckConstraint:
    """The closed set of environments, enforced by the database."""
    return sa.CheckConstraint(f"{column} IN ('sandbox', 'live')", name=f"{column}_known")


def to_microseconds(value: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (value - _EPOCH) // _MICROSECOND


def from_microseconds(value: int) -> datetime:
    """The instant of `to_microseconds`."""
    return _EPOCH + value * _MICROSECOND


def to_amount_units(value: Decimal) -> int:
    """1/10,000 units.

    Raises:
        ValueError: more than four decimals, not finite, or out of 64 bits.
    """
    if not value.is_finite():
        raise ValueError("an amount is a finite number")
    try:
        units = _EXACT.divide(value, _AMOUNT_UNIT)
    except ArithmeticError:
        units = None
    if units is None or units != units.to_integral_value() or abs(units) > 2**63 - 1:
        raise ValueError("an amount has at most four decimals and fits 64 bits")
    return int(units)
