"""Transactions: committed when the block ends well, never otherwise, and failing as errors of our own."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from kedai.db import database as database_module
from kedai.db import engine as engine_module
from kedai.db.database import Database, refuse_open_transaction
from kedai.errors import StorageUnavailable
from kedai.kit.clock import monotonic
from kedai.vault.models import ActiveEnvironment, EnvironmentCredentials, Shop
from tests.support.factories import FAKE, SANDBOX, START, House, on_postgresql, on_sqlite, run_threads
from tests.support.processes import free_port, wait_until


def rename(name: str) -> sa.Update:
    return sa.update(ActiveEnvironment).where(ActiveEnvironment.connector == FAKE).values(updated_by=name)


def named(database: Database) -> str:
    with database.read() as db:
        return db.execute(sa.select(ActiveEnvironment.updated_by)).scalar_one()


def test_block_that_ends_well_is_committed(house: House, open_database: Callable[[], Database]) -> None:
    with house.db.write() as db:
        db.execute(rename("one"))
    with house.db.connect() as connection:
        assert named(house.db) == "one"
        connection.execute(rename("two"))
    assert named(open_database()) == "two"


@pytest.mark.parametrize("kind", ["write", "connect"])
def test_block_that_fails_leaves_nothing_but_what_was_its_own_transaction(house: House, kind: str) -> None:
    def change_the_mind() -> None:
        with getattr(house.db, kind)() as db:
            db.execute(rename("half"))
            raise KeyError

    before = named(house.db)
    with pytest.raises(KeyError):
        change_the_mind()
    each_alone = kind == "connect" and not house.db.is_sqlite
    assert named(house.db) == ("half" if each_alone else before)
    house.execute(rename("after"))
    assert named(house.db) == "after"


def test_reading_block_writes_nothing(house: House) -> None:
    with pytest.raises((StorageUnavailable, DBAPIError)), house.db.read() as db:
        db.execute(rename("reader"))
    assert named(house.db) != "reader"


def test_reader_does_not_wait_for_a_writer(house: House) -> None:
    with house.db.write() as db:
        db.execute(rename("half"))
        (seen,) = run_threads([lambda: named(house.db)], timeout=10)
    assert seen != "half"


PID = sa.text("SELECT pg_backend_pid()")


@on_postgresql
@pytest.mark.parametrize("kind", ["kept", "pooled"])
def test_connection_that_was_cut_while_it_rested_is_replaced(
    house: House, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Break `_drop_dead` or `_ping_after_a_rest`: after a rest the first flush fails wherever idle ones are cut."""
    with closing(Database(house.db.url, pool_size=1)) as database, database.keep() as kept:
        use = kept.use if kind == "kept" else database.write
        with use() as db:
            first = db.execute(PID).scalar_one()
        with house.db.write() as other:
            other.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": first})
        for module in (database_module, engine_module):
            monkeypatch.setattr(module, "monotonic", lambda: monotonic() + 60)
        with use() as db:
            assert db.execute(PID).scalar_one() != first


def test_constraint_breach_is_left_to_the_caller(house: House) -> None:
    row = {"connector": "nobody", "environment": SANDBOX, "version": 1, "region": "SG"}
    with house.db.write() as db:
        db.execute(sa.insert(EnvironmentCredentials), [{**row, "updated_at": START, "updated_by": "x"}])
    with pytest.raises(IntegrityError), house.db.write() as db:
        db.execute(sa.insert(EnvironmentCredentials), [{**row, "updated_at": START, "updated_by": "x"}])


def test_error_of_a_statement_does_not_repeat_what_was_to_be_stored(house: House) -> None:
    row = {"connector": FAKE, "environment": SANDBOX, "version": 1, "region": "CANARY", "updated_at": START}
    with pytest.raises(IntegrityError) as caught:
        house.execute(sa.insert(EnvironmentCredentials).values(**row, updated_by="CANARY"))
    assert "CANARY" not in str(caught.value)
    assert "environment_credentials" in str(caught.value)


def test_reference_to_a_missing_row_is_refused(house: House) -> None:
    shop = {"connector": "nobody", "environment": SANDBOX, "shop_id": "1", "name": "", "region": "", "state_reason": ""}
    with pytest.raises(IntegrityError), house.db.connect() as connection:
        connection.execute(sa.insert(Shop), [{**shop, "state": "connected", "updated_at": START}])


def test_call_out_is_refused_while_a_transaction_is_open(house: House) -> None:
    refuse_open_transaction()
    for block in (house.db.read, house.db.write, house.db.connect):
        with block(), pytest.raises(RuntimeError, match="open transaction"):
            refuse_open_transaction()
        refuse_open_transaction()


def test_call_out_is_allowed_while_a_thread_of_ours_writes(house: House) -> None:
    """The fuse looks at the caller's own unit of work, not at the whole process."""

    async def unit() -> None:
        inside, done = threading.Event(), threading.Event()

        def write(_db: Session) -> None:
            inside.set()
            done.wait(10)

        writing = asyncio.create_task(house.parts.write(write))
        await asyncio.to_thread(inside.wait, 10)
        refuse_open_transaction()
        done.set()
        await writing

    asyncio.run(unit())


@on_postgresql  # SQLite has one writer: nothing can lock crosswise
def test_unit_of_work_is_tried_again_once_after_a_deadlock(house: House) -> None:
    house.configure(SANDBOX)
    order = [
        sa.update(EnvironmentCredentials).where(EnvironmentCredentials.environment == one).values(updated_by="x")
        for one in ("sandbox", "live")
    ]
    both_hold_one, tries = threading.Barrier(2), []

    def crosswise(first: int) -> Callable[[Session], None]:
        def work(db: Session) -> None:
            tries.append(first)
            db.execute(order[first])
            if len(tries) <= 2:
                both_hold_one.wait(10)
            db.execute(order[1 - first])

        return work

    results = run_threads([lambda: house.db.transact(crosswise(0)), lambda: house.db.transact(crosswise(1))])
    assert results == [None, None]
    assert len(tries) == 3


def test_data_error_is_not_tried_again(house: House) -> None:
    tries = []

    def work(db: Session) -> None:
        tries.append(1)
        db.execute(sa.insert(ActiveEnvironment), [{"connector": FAKE, "environment": SANDBOX, "version": 1}])

    with pytest.raises(IntegrityError):
        house.db.transact(work)
    assert tries == [1]


def test_writers_of_one_process_come_one_after_the_other(house: House) -> None:
    def count_up() -> None:
        for _ in range(20):
            with house.db.write() as db:
                row = db.execute(sa.select(ActiveEnvironment).with_for_update()).scalar_one()
                row.version += 1

    assert run_threads([count_up] * 6) == [None] * 6
    assert house.scalar(sa.select(ActiveEnvironment.version)) == 121


def test_writers_of_several_processes_wait_for_each_other(house: House, open_database: Callable[[], Database]) -> None:
    def count_up(database: Database) -> Callable[[], None]:
        def work() -> None:
            for _ in range(20):
                with database.write() as db:
                    row = db.execute(sa.select(ActiveEnvironment).with_for_update()).scalar_one()
                    row.version += 1

        return work

    assert run_threads([count_up(open_database()) for _ in range(4)]) == [None] * 4
    assert house.scalar(sa.select(ActiveEnvironment.version)) == 81


@on_sqlite  # about SQLite's file lock
def test_file_locked_by_another_program_is_storage_that_cannot_be_reached(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "_BEGIN_DEADLINE_SECONDS", 0.05)
    other = sqlite3.connect(house.url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(StorageUnavailable):
            house.execute(rename("never"))
    finally:
        other.execute("ROLLBACK")
        other.close()
    house.execute(rename("after"))
    assert named(house.db) == "after"


@on_postgresql  # SQLite's writers wait at the fair lock instead
def test_busy_pool_is_storage_that_cannot_be_reached(house: House) -> None:
    with closing(Database(house.url, pool_size=1)) as narrow, narrow.connect():
        with pytest.raises(StorageUnavailable, match="busy") as caught:
            named(narrow)
    assert caught.value.retry_after >= 1


def test_database_that_is_not_there_is_storage_that_cannot_be_reached(house: House, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'no' / 'such.sqlite3'}"
    if not house.db.is_sqlite:
        url = f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/nothing"
    with closing(Database(url)) as missing, pytest.raises(StorageUnavailable):
        named(missing)


@on_postgresql  # about connections over a network
def test_broken_connections_are_replaced(house: House) -> None:
    with house.db.connect() as connection:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        connection.exec_driver_sql(f"{others} AND pid <> pg_backend_pid()")
    assert named(house.db)
    with pytest.raises(StorageUnavailable), house.db.connect() as connection:
        connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
    house.execute(rename("after"))
    assert named(house.db) == "after"


@on_postgresql  # about PostgreSQL's statement_timeout
def test_statement_that_takes_too_long_is_ended(house: House) -> None:
    with closing(Database(house.url, statement_timeout_ms=50)) as hasty:
        with pytest.raises(StorageUnavailable), hasty.read() as db:
            db.execute(sa.text("SELECT pg_sleep(10)"))


@on_sqlite  # about the lock in front of SQLite's one writer
def test_intake_passes_waiting_workers(house: House) -> None:
    order: list[str] = []

    def write(name: str, *, first: bool) -> Callable[[], None]:
        def work() -> None:
            with house.db.connect(first=first):
                order.append(name)

        return work

    lock = house.db._lock
    assert lock is not None
    threads = []
    with house.db.connect():
        for name, first in (("worker 1", False), ("worker 2", False), ("intake", True)):
            before = len(lock._first) + len(lock._waiting)
            threads.append(threading.Thread(target=write(name, first=first), daemon=True))
            threads[-1].start()
            wait_until(lambda n=before: len(lock._first) + len(lock._waiting) > n, message="does not wait")
    for thread in threads:
        thread.join(10)
    assert order == ["intake", "worker 1", "worker 2"]


@on_sqlite
def test_memory_stays_as_it_is_whatever_waits(house: House) -> None:
    """Readers are many, and each has a cache of its own; a sort that does not fit it goes to disk."""

    def asked(name: str, *, reading: bool) -> int:
        with house.db.read() if reading else house.db.write() as db:
            return int(db.execute(sa.text(f"PRAGMA {name}")).scalar_one())

    assert [asked("cache_size", reading=one) for one in (True, False)] == [-2_000, -16_000]
    assert [asked("temp_store", reading=one) for one in (True, False)] == [1, 1], "in files"
