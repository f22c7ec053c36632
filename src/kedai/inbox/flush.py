"""Storing a batch of pushes: one static statement per database, in the caller's transaction.

A push that is already stored is counted as a duplicate, whether its twin came earlier or stands in the same batch.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from kedai.db.database import dialect_of
from kedai.db.engine import retry_locked
from kedai.db.storage import note_new_rows
from kedai.db.types import Id, to_microseconds
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


class Guard(NamedTuple):
    """What must hold in the moment of storing: a query of one value for each database, and its one parameter."""

    queries: Mapping[str, str]
    expected: str


_COLUMNS = {
    "id": "uuid",
    "connector": "text",
    "environment": "text",
    "event_id": "text",
    "body": "text",
    "headers": "text",
    "matched_key": "text",
    "matched_url": "text",
    "topic": "text",
    "code": "bigint",
    "shop_id": "text",
    "order_sn": "text",
    "pushed_at": "timestamptz",
    "received_at": "timestamptz",
    "state": "text",
    "parked_reason": "text",
    "due_at": "timestamptz",
}
"""The columns that are given, with their types in a JSON record; bytes travel there as base64."""

_NAMES = ", ".join(_COLUMNS)
_IN_BASE64 = ("event_id", "body")
_MOST_AT_ONCE = 128
_COUNT = {
    dialect: "UPDATE raw_event SET duplicates = duplicates + 1"
    f" WHERE connector = {place} AND environment = {place} AND event_id = {place}"
    for dialect, place in (("postgresql", "%b"), ("sqlite", "?"))
}


_NO_GUARD = Guard({"postgresql": "SELECT %b = ''", "sqlite": "SELECT ? = ''"}, "")


def insert_pushes(connection: Connection, pushes: Sequence[IncomingPush], *, guard: Guard = _NO_GUARD) -> int | None:
    """Store the pushes and return how many were new, or None where the ``guard`` did not hold: then none was stored.

    Rows go in key order, so that two writers never deadlock.
    """
    first: dict[tuple[str, str, bytes], IncomingPush] = {}
    keyed = [(push.key, push) for push in pushes]
    repeated = [key for key, push in keyed if first.setdefault(key, push) is not push]
    ordered = [first[key] for key in sorted(first)]
    if dialect_of(connection) == "postgresql":
        new = _insert_postgresql(connection, ordered, guard)
    else:
        new = _as_sqlalchemy_fails(lambda: _insert_sqlite(connection, ordered, guard))
    if new is None:
        return None
    if new:
        note_new_rows(connection)
    if new < len(ordered):
        repeated += _stored_before(connection, ordered)
    if repeated:
        connection.exec_driver_sql(_COUNT[dialect_of(connection)], sorted(repeated))
    return new


_RECORD = ", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())
_GIVEN = ", ".join(f"decode({name}, 'base64')" if name in _IN_BASE64 else name for name in _COLUMNS)


def _insert_postgresql(connection: Connection, pushes: Sequence[IncomingPush], guard: Guard) -> int | None:
    """How many were new, None where the guard did not hold: one statement, one round trip, all or nothing.

    One JSON text is far quicker to make than an array for each column, and the server has its own processor.
    """
    given = (_values(push, push.id, push.event.pushed_at, push.received_at) for push in pushes)
    rows = [dict(zip(_COLUMNS, values, strict=True)) for values in given]
    statement = (
        f"WITH guard(holds) AS MATERIALIZED ({guard.queries['postgresql']}), stored AS ("
        f"INSERT INTO raw_event ({_NAMES}) SELECT {_GIVEN} FROM json_to_recordset(%b::json) AS pushes({_RECORD})"
        " WHERE (SELECT holds FROM guard) ON CONFLICT (connector, environment, event_id) DO NOTHING RETURNING 1"
        ") SELECT holds, (SELECT count(*) FROM stored) FROM guard"
    )
    parameters = (guard.expected, msgspec.json.encode(rows).decode())
    holds, new = connection.exec_driver_sql(statement, parameters).one()
    return new if holds else None


def _insert_sqlite(connection: Connection, pushes: Sequence[IncomingPush], guard: Guard) -> int | None:
    """How many were new, None where the guard did not hold.

    As few statements as can be: each one gives the interpreter away, and then waits to have it back.
    """
    cursor = connection.connection.cursor()
    holds = guard.queries["sqlite"]
    new = 0
    for first in range(0, len(pushes), _MOST_AT_ONCE):
        portion = pushes[first : first + _MOST_AT_ONCE]
        values = chain.from_iterable(map(_sqlite_values, portion))
        places = ", ".join([_PLACES] * len(portion))
        rows = f"SELECT * FROM (VALUES {places}) WHERE ({holds})"
        statement = f"INSERT INTO raw_event ({_NAMES}) {rows} ON CONFLICT DO NOTHING"
        retry_locked(partial(cursor.execute, statement, (*values, guard.expected)))
        new += cursor.rowcount
    if new or cursor.execute(holds, (guard.expected,)).fetchone()[0]:
        return new
    return None


_PLACES = f"({', '.join('?' * len(_COLUMNS))})"


def _sqlite_values(push: IncomingPush) -> tuple[Any, ...]:
    pushed_at = push.event.pushed_at
    return _values(
        push,
        push.id.bytes,
        None if pushed_at is None else to_microseconds(pushed_at),
        to_microseconds(push.received_at),
    )


def _as_sqlalchemy_fails(insert: Callable[[], int | None]) -> int | None:
    """The driver's own cursor is quick, but its errors must sort like those of every other statement."""
    try:
        return insert()
    except sqlite3.Error as error:
        raise DBAPIError.instance("INSERT INTO raw_event", None, error, sqlite3.Error) from error


def _stored_before(connection: Connection, pushes: Sequence[IncomingPush]) -> list[tuple[str, str, bytes]]:
    """The keys of those that were not stored under their own id: a twin came earlier."""
    stored = set(connection.execute(_STORED, {"ids": [push.id for push in pushes]}).scalars())
    return [push.key for push in pushes if push.id not in stored]


_STORED = (
    sa.text("SELECT id FROM raw_event WHERE id IN :ids")
    .bindparams(sa.bindparam("ids", type_=Id, expanding=True))
    .columns(id=Id)
)


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
