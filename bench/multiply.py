"""Makes a large installation of a small one: PostgreSQL itself copies orders and events, each with a number and time.

Nothing is invented: every copy is a row that Kedai wrote, with another key, another day and another state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from kedai.db.base import Model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kedai.db.database import Database

TABLES = ("order_sync", "order_item", "order_timeline", "order_answer", "order_package", "order_package_change")
HOURS_APART = 9
_LIVE = "CASE WHEN number % 5 = 0 THEN 'live' ELSE 'sandbox' END"
_ORDER_SN = "model.order_sn || lpad(number::text, 6, '0')"
_BACK = (
    f"number * interval '{HOURS_APART} hours' + abs(hashtext(model.order_sn)) % {HOURS_APART * 3600} * interval '1 s'"
)
"""How much older a copy is; the same for all rows of an order."""
_STATUS = """CASE WHEN number < 40 THEN (ARRAY['READY_TO_SHIP', 'PROCESSED', 'UNPAID', 'SHIPPED', 'IN_CANCEL'])
 [1 + number % 5] ELSE (ARRAY['COMPLETED', 'COMPLETED', 'COMPLETED', 'CANCELLED'])[1 + number % 4] END"""
_STATE = """CASE WHEN abs(hashtext(model.order_sn || number)) % 5000 = 0 THEN 'dead'
 WHEN part = 1 AND number % 50 = 0 THEN 'skipped' ELSE 'applied' END"""


def multiply_orders(database: Database, copies: int) -> None:
    """Copy every order ``copies`` times, with all that hangs on it; a fifth of them into the live environment."""
    for name in TABLES:
        own = {"order_sn": _ORDER_SN, "environment": _LIVE}
        if name == "order_sync":
            own["status"] = _STATUS
        _copy(database, name, f"generate_series(1, {copies}) AS series(number)", own)


def multiply_events(database: Database, copies: int, each: int) -> None:
    """Copy every event for every copy of its order, ``each`` times a few minutes apart."""
    own = {
        "order_sn": _ORDER_SN,
        "environment": _LIVE,
        "event_id": "sha256(convert_to(model.order_sn || number || '/' || part, 'UTF8'))",
        "state": _STATE,
    }
    series = f"generate_series(1, {copies}) AS one(number), generate_series(1, {each}) AS other(part)"
    _copy(database, "raw_event", series, own, back=f"({_BACK} - part * interval '7 minutes')")


def _copy(database: Database, name: str, series: str, own: Mapping[str, str], *, back: str = f"({_BACK})") -> None:
    """One statement a table. Foreign keys are not checked row by row: all parents are copied the same way."""
    columns = Model.metadata.tables[name].columns
    values = {column.name: _shifted(column, back) for column in columns} | dict(own)
    if "id" in values:
        values["id"] = _new_id(f"(model.{'received_at' if name == 'raw_event' else 'remote_updated_at'} - {back})")
    if name == "order_package_change":
        values["id"] = _new_id(f"(model.recorded_at - {back})")
    names, given = ", ".join(values), ", ".join(values.values())
    with database.write() as db:
        db.execute(sa.text("SET LOCAL session_replication_role = replica"))
        db.execute(sa.text("SET LOCAL statement_timeout = 0"))
        db.execute(sa.text(f"INSERT INTO {name} ({names}) SELECT {given} FROM {name} AS model, {series}"))


def _shifted(column: sa.Column[object], back: str) -> str:
    is_instant = column.name.endswith("_at")
    return f"model.{column.name} - {back}" if is_instant else f"model.{column.name}"


def _new_id(at: str) -> str:
    """A UUIDv7 of that instant."""
    stamp = f"lpad(to_hex((extract(epoch FROM {at}) * 1000)::bigint), 12, '0')"
    head = f"substr({stamp}, 1, 8) || '-' || substr({stamp}, 9, 4) || '-7'"
    return f"overlay(gen_random_uuid()::text PLACING {head} FROM 1 FOR 15)::uuid"
