"""Storing a batch of pushes: one static statement per database, in the caller's transaction.

A push that is already stored is counted as a duplicate, whether its twin came earlier or stands in the same batch.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from kedai.db.database import dialect_of
from kedai.db.types import to_microseconds
from kedai.values.environment import ConnectorName, Environment
from kedai.values.event import InboundEvent


class IncomingPush(msgspec.Struct, frozen=True):
    """A verified push, ready to be stored. ``headers`` is small JSON text without secrets."""

    id: UUID
    connector: ConnectorName
    environment: Environment
    event: InboundEvent
    body: bytes
    headers: str
    matched_key: str
    matched_url: str
    received_at: datetime
    state: str
    parked_reason: str | None

    @property
    def key(self) -> tuple[str, str, bytes]:
        """What makes a push unique."""
        return self.connector, self.environment.value, self.event.event_id


_COLUMNS = (
    "id, connector, environment, event_id, body, headers, matched_key, matched_url, topic, code, shop_id, order_sn,"
    " pushed_at, received_at, state, parked_reason, due_at"
)
_TYPES = (
    *("uuid", "text", "text", "bytea", "bytea", "text", "text", "text", "text", "bigint", "text", "text"),
    *("timestamptz", "timestamptz", "text", "text", "timestamptz"),
)
_INSERT_POSTGRESQL = (
    f"INSERT INTO raw_event ({_COLUMNS}) SELECT * FROM unnest({', '.join(f'%b::{kind}[]' for kind in _TYPES)})"
    " ON CONFLICT (connector, environment, event_id) DO NOTHING RETURNING connector, environment, event_id"
)
_INSERT_SQLITE = f"INSERT INTO raw_event ({_COLUMNS}) VALUES ({', '.join('?' * len(_TYPES))}) ON CONFLICT DO NOTHING"
_COUNT = (
    "UPDATE raw_event SET duplicates = duplicates + 1 WHERE connector = {0} AND environment = {0} AND event_id = {0}"
)


def insert_pushes(connection: Connection, pushes: Sequence[IncomingPush]) -> int:
    """Store the pushes and return how many were new. Rows go in key order, so that two writers never deadlock."""
    first: dict[tuple[str, str, bytes], IncomingPush] = {}
    repeated = [push.key for push in pushes if first.setdefault(push.key, push) is not push]
    ordered = [first[key] for key in sorted(first)]
    if dialect_of(connection) == "postgresql":
        new = _insert_postgresql(connection, ordered)
    else:
        new = _as_sqlalchemy_fails(lambda: _insert_sqlite(connection, ordered))
    repeated += [push.key for push in ordered if push.key not in new]
    _count_duplicates(connection, sorted(repeated))
    return len(new)


def _insert_postgresql(connection: Connection, pushes: Sequence[IncomingPush]) -> set[tuple[str, str, bytes]]:
    rows = (_values(push, push.id, push.event.pushed_at, push.received_at) for push in pushes)
    columns = [list(column) for column in zip(*rows, strict=True)]
    new = connection.exec_driver_sql(_INSERT_POSTGRESQL, tuple(columns)).all()
    return {(row[0], row[1], bytes(row[2])) for row in new}


def _insert_sqlite(connection: Connection, pushes: Sequence[IncomingPush]) -> set[tuple[str, str, bytes]]:
    cursor = connection.connection.cursor()
    new = set()
    for push in pushes:
        pushed_at = None if push.event.pushed_at is None else to_microseconds(push.event.pushed_at)
        cursor.execute(_INSERT_SQLITE, _values(push, push.id.bytes, pushed_at, to_microseconds(push.received_at)))
        if cursor.rowcount == 1:
            new.add(push.key)
    return new


def _as_sqlalchemy_fails(insert: Callable[[], set[tuple[str, str, bytes]]]) -> set[tuple[str, str, bytes]]:
    """The driver's own cursor is quick, but its errors must sort like those of every other statement."""
    try:
        return insert()
    except sqlite3.Error as error:
        raise DBAPIError.instance(_INSERT_SQLITE, None, error, sqlite3.Error) from error


def _count_duplicates(connection: Connection, keys: Sequence[tuple[str, str, bytes]]) -> None:
    statement = _COUNT.format("%s" if dialect_of(connection) == "postgresql" else "?")
    for key in keys:
        connection.exec_driver_sql(statement, key)


def _values(push: IncomingPush, key: Any, pushed_at: Any, received_at: Any) -> tuple[Any, ...]:
    """In the order of the columns; key and instants are given as the database takes them."""
    event = push.event
    return (
        key,
        push.connector,
        push.environment.value,
        event.event_id,
        push.body,
        push.headers,
        push.matched_key,
        push.matched_url,
        event.topic.value,
        event.code,
        event.shop_id,
        event.order_sn,
        pushed_at,
        received_at,
        push.state,
        push.parked_reason,
        received_at,
    )
