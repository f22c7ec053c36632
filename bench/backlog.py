"""Puts order events into the inbox as the intake stores them, so that a worker finds a backlog when it starts."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from kedai.db.base import Model
from kedai.inbox.flush import IncomingPush, insert_pushes
from kedai.inbox.models import RawEvent
from kedai.kit.ids import new_id
from kedai.values.environment import ConnectorName, Environment
from kedai.values.event import InboundEvent, Topic
from tests.support.installation import order_push

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kedai.db.database import Database

INVENTED = "INVENTED"
"""How the numbers of invented orders begin."""

_AT_ONCE = 2000
_COPY = {  # what a copied event has of its own, by database
    "sqlite": {"id": "randomblob(16)", "event_id": "randomblob(32)", "order_sn": f"printf('{INVENTED}%012d', number)"},
    "postgresql": {
        "id": "gen_random_uuid()",
        "event_id": "sha256(number::text::bytea)",
        "order_sn": f"'{INVENTED}' || lpad(number::text, 12, '0')",
    },
}
_NUMBERS = {
    "sqlite": "(WITH RECURSIVE series(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM series"
    " WHERE number < :count) SELECT number FROM series)",
    "postgresql": "generate_series(1, CAST(:count AS integer)) AS series(number)",
}


def pile_up(database: Database, shop_id: str, order_sns: Sequence[str]) -> None:
    """Store one verified event for each order, all of them due."""
    for first in range(0, len(order_sns), _AT_ONCE):
        with database.connect() as connection:
            insert_pushes(connection, make_pushes(shop_id, order_sns[first : first + _AT_ONCE]))


def make_pushes(shop_id: str, order_sns: Sequence[str]) -> list[IncomingPush]:
    """One verified push for each order, as the intake hands it over."""
    return [_push(shop_id, order_sn) for order_sn in order_sns]


def pile_up_invented(database: Database, count: int) -> None:
    """Let so many events of orders that nobody knows wait behind those that are there; made by the database itself."""
    dialect = "sqlite" if database.is_sqlite else "postgresql"
    names = [column.name for column in RawEvent.__table__.c]
    later = "due_at + 1000000" if database.is_sqlite else "due_at + interval '1 second'"
    values = {name: f"model.{name}" for name in names} | _COPY[dialect] | {"due_at": later}
    model = "(SELECT * FROM raw_event WHERE state = 'received' ORDER BY due_at DESC, id DESC LIMIT 1) AS model"
    given = ", ".join(values[name] for name in names)
    statement = f"INSERT INTO raw_event ({', '.join(names)}) SELECT {given} FROM {model}, {_NUMBERS[dialect]}"
    with database.write() as db:
        db.execute(sa.text(statement), {"count": count})


def clear(database: Database) -> None:
    """Remove all events and orders, so that the next worker finds the same work."""
    tables = [
        table.name
        for table in reversed(Model.metadata.sorted_tables)
        if table.name == "raw_event" or table.name.startswith("order_")
    ]
    with database.write() as db:
        if database.is_sqlite:
            for name in tables:
                db.execute(sa.text(f"DELETE FROM {name}"))
        else:
            db.execute(sa.text(f"TRUNCATE {', '.join(tables)} CASCADE"))


def _push(shop_id: str, order_sn: str) -> IncomingPush:
    now = datetime.now(UTC)
    body = order_push(order_sn, shop_id, at=int(now.timestamp()))
    event = InboundEvent(
        event_id=hashlib.sha256(body).digest(),
        topic=Topic.ORDER,
        code=3,
        shop_id=shop_id,
        order_sn=order_sn,
        pushed_at=now,
    )
    return IncomingPush(
        id=new_id(),
        connector=ConnectorName("shopee"),
        environment=Environment.SANDBOX,
        event=event,
        body=body,
        headers="{}",
        matched_key="current",
        matched_url="primary",
        received_at=now,
        state="received",
        parked_reason=None,
    )
