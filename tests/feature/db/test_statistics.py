"""A new installation's tables are looked at by PostgreSQL as soon as they have grown, not at autovacuum's leisure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from kedai.db.statistics import MANY_ROWS, analyze, find_unknown
from kedai.orders.service import prepare
from kedai.sync import statistics
from kedai.sync.store import store_orders
from kedai.sync.worker import Worker
from kedai.values.environment import Scope
from tests.support.factories import FAKE, SANDBOX, SHOP, House, on_postgresql, on_sqlite, open_house, snapshot
from tests.support.processes import wait_until

CHECK = (
    "SELECT 1 FROM ONLY order_sync x WHERE connector = 'fake' AND environment = 'sandbox' AND shop_id = '{shop}'"
    " AND order_sn = 'O7' FOR KEY SHARE OF x"
)
"""What PostgreSQL asks for each line of an order: its own check of the foreign key."""


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Iterator[House]:
    with open_house(database_url, tmp_path) as opened:
        opened.configure(SANDBOX)
        opened.connect(SANDBOX)
        yield opened


def as_new(house: House, *tables: str) -> None:
    """As if never looked at: autovacuum may have been here while an earlier test had this database."""
    for table in tables:
        house.execute(sa.text(f"ALTER TABLE {table} SET (autovacuum_enabled = false)"))
    house.execute(sa.text(f"TRUNCATE {', '.join(tables)} CASCADE"))
    house.execute(sa.text("SELECT pg_stat_reset()"))


def store_many(house: House) -> None:
    """As many orders of one shop as make a table worth a look."""
    for first in range(0, MANY_ROWS, 100):
        orders = prepare([snapshot(f"O{number}") for number in range(first, first + 100)])
        with house.db.write() as db:
            store_orders(db, Scope(FAKE, SANDBOX, SHOP), orders, now=house.now)


def unknown(house: House) -> list[str]:
    with house.db.read() as db:
        return list(find_unknown(db))


def rows_known(house: House, table: str) -> int:
    """How many rows the planner reckons with; -1 where it has never looked."""
    statement = sa.text("SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(:table)")
    with house.db.read() as db:
        return int(db.execute(statement, {"table": table}).scalar_one())


@on_postgresql
def test_tables_that_grew_unseen_are_looked_at_once_and_foreign_keys_are_checked_by_their_own_index(
    house: House,
) -> None:
    """By the worker. Break `analyze` in `StatisticsWatch.look`: the planner goes on as if the tables were empty."""
    as_new(house, "order_sync", "order_item")
    assert unknown(house) == []
    store_many(house)
    wait_until(lambda: {"order_sync", "order_item"} <= set(unknown(house)), message="the rows were not counted")
    assert rows_known(house, "order_sync") < MANY_ROWS

    asyncio.run(work_until(house, lambda: rows_known(house, "order_sync") == MANY_ROWS))

    wait_until(lambda: not {"order_sync", "order_item"} & set(unknown(house)), message="the look was not noted")
    with house.db.read() as db:
        plan = "\n".join(db.execute(sa.text("EXPLAIN " + CHECK.format(shop=SHOP))).scalars())
    assert "uq_order_sync_connector_environment_shop_id_order_sn" in plan


async def work_until(house: House, is_done: Callable[[], bool]) -> None:
    """Let a whole worker run."""
    worker = Worker(house.runtime.worker_parts)
    running = asyncio.create_task(worker.run())
    try:
        await asyncio.to_thread(wait_until, is_done, timeout=30, message="the worker did not do it")
    finally:
        worker.stop()
        await running


@on_postgresql
def test_a_table_that_is_not_ours_to_look_at_is_tried_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL passes it over in silence, so that it would be tried again and again."""
    tried: list[list[str]] = []
    monkeypatch.setattr(statistics, "find_unknown", lambda _db: ["order_sync"])
    monkeypatch.setattr(statistics, "analyze", lambda _db, tables: tried.append(list(tables)) or True)
    watch = statistics.StatisticsWatch(house.parts)
    for _ in range(3):
        asyncio.run(watch.look())
    assert tried == [["order_sync"]]


@on_postgresql
def test_two_processes_do_not_look_at_the_same_time(house: House) -> None:
    with house.db.write() as first, house.db.write() as second:
        assert analyze(first, ["order_sync"])
        assert not analyze(second, ["order_sync"])


@on_sqlite
def test_sqlite_is_left_alone(house: House) -> None:
    store_many(house)
    assert unknown(house) == []
