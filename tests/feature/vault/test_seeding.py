"""T42: the first boot makes what is missing, once, however many processes boot; then the database alone counts."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

import kedai.runtime
from kedai.db.database import Database
from kedai.errors import StorageUnavailable
from kedai.kit.clock import ManualClock
from kedai.runtime import open_runtime
from kedai.values.environment import ConnectorName, Environment
from kedai.vault import service as vault
from kedai.vault.models import ActiveEnvironment, EnvironmentCredentials, Installation, KeyRingEntry
from kedai.vault.queries import get_active_environment, get_credentials, open_secret
from tests.support.factories import (
    COMPLETE,
    FAKE,
    LIVE,
    SANDBOX,
    START,
    House,
    NoHttp,
    boot,
    boot_with,
    make_settings,
    run_threads,
)

SHOPEE = ConnectorName("shopee")
SEED_NAMES = ("PARTNER_ID", "PARTNER_KEY", "PUSH_PARTNER_KEY", "SHOP_ID", "REGION", "DEFAULT_LOCATION_ID")


def rows(house: House) -> dict[Environment, EnvironmentCredentials]:
    with house.db.read() as db:
        return {
            row.environment: row
            for row in db.execute(
                sa.select(EnvironmentCredentials).where(EnvironmentCredentials.connector == FAKE)
            ).scalars()
        }


def counts(house: House) -> dict[str, int]:
    tables = (EnvironmentCredentials, ActiveEnvironment, Installation, KeyRingEntry)
    return {one.__tablename__: house.scalar(sa.select(sa.func.count()).select_from(one)) for one in tables}


ONE_OF_EACH = {"environment_credentials": 2, "active_environment": 1, "installation": 1, "key_ring": 1}


def forget_everything(house: House) -> None:
    """Back to a virgin database, migrated but never booted."""
    for table in (EnvironmentCredentials, ActiveEnvironment, Installation, KeyRingEntry):
        house.execute(sa.delete(table))


def test_first_boot_makes_an_active_row_a_sandbox_row_and_an_empty_live_row(house: House) -> None:
    made = rows(house)
    assert set(made) == {SANDBOX, LIVE}
    for row in made.values():
        empty = ("partner_id", "shop_id", "host", "partner_key_encrypted", "push_partner_key_encrypted")
        assert [getattr(row, name) for name in empty] == [None] * len(empty)
        assert (row.region, row.version) == ("GLOBAL", 1)
    with house.db.read() as db:
        assert get_active_environment(db, FAKE) is SANDBOX
    assert counts(house) == ONE_OF_EACH


def test_seed_fills_the_sandbox_row_only_and_seals_its_secrets(house: House, tmp_path: Path) -> None:
    forget_everything(house)
    boot(house.url, tmp_path, {**COMPLETE, "default_location_id": "L1"})
    made = rows(house)
    sandbox = made[SANDBOX]
    assert (sandbox.partner_id, sandbox.shop_id, sandbox.region) == ("1001", "7001", "SG")
    assert sandbox.default_location_id == "L1"
    assert sandbox.partner_key_encrypted is not None
    assert sandbox.partner_key_encrypted.startswith("v2:k1:")
    for column, secret in (
        ("partner_key", COMPLETE["partner_key"]),
        ("push_partner_key", COMPLETE["push_partner_key"]),
    ):
        opened = open_secret(house.parts.ring, sandbox, f"{column}_encrypted")
        assert opened is not None
        assert opened.reveal() == secret
    assert (made[LIVE].partner_id, made[LIVE].partner_key_encrypted, made[LIVE].region) == (None, None, "GLOBAL")


def test_restart_with_other_values_changes_nothing_and_seals_nothing(house: House, tmp_path: Path) -> None:
    forget_everything(house)
    boot(house.url, tmp_path, COMPLETE)
    writes = house.scalar(sa.select(KeyRingEntry.writes))
    before = {one: vars(row).copy() for one, row in rows(house).items()}
    boot(house.url, tmp_path, {**COMPLETE, "partner_id": "9", "partner_key": "another-key-0123456789"})
    after = {one: vars(row).copy() for one, row in rows(house).items()}
    for kept in (*before.values(), *after.values()):
        kept.pop("_sa_instance_state")
    assert after == before
    assert counts(house) == ONE_OF_EACH
    assert house.scalar(sa.select(KeyRingEntry.writes)) == writes


def test_restart_does_not_undo_what_an_operator_did(house: House, tmp_path: Path) -> None:
    house.configure(SANDBOX)
    house.configure(LIVE)
    house.switch(LIVE)
    boot(house.url, tmp_path, {"partner_id": "9", "region": "MY"})
    assert (rows(house)[SANDBOX].partner_id, rows(house)[SANDBOX].region) == ("1001", "SG")
    with house.db.read() as db:
        assert get_active_environment(db, FAKE) is LIVE


def test_only_what_is_missing_is_made(house: House, tmp_path: Path) -> None:
    house.configure(SANDBOX)
    house.execute(sa.delete(EnvironmentCredentials).where(EnvironmentCredentials.environment == LIVE))
    house.execute(sa.delete(ActiveEnvironment))
    boot(house.url, tmp_path, {"partner_id": "9"})
    assert (rows(house)[SANDBOX].partner_id, rows(house)[LIVE].partner_id) == ("1001", None)
    assert counts(house) == ONE_OF_EACH


def test_bad_seed_value_is_left_out_and_the_others_are_taken(house: House, tmp_path: Path) -> None:
    forget_everything(house)
    boot(
        house.url,
        tmp_path,
        {**COMPLETE, "partner_id": "1_000", "push_partner_key": "short", "region": "MARS", "shop_id": " "},
    )
    made = rows(house)[SANDBOX]
    assert (made.partner_id, made.push_partner_key_encrypted, made.region, made.shop_id) == (None, None, "GLOBAL", None)
    assert made.partner_key_encrypted is not None


def test_seed_of_the_process_environment_is_trimmed_and_checked_by_its_marketplace(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ("1000016", " 5a6b7c8d9e0f1a2b3c4d5e6f708192a3\n", "emoji-key-🔑-0123456789", "7001", "sg", "")
    for name, value in zip(SEED_NAMES, given, strict=True):
        monkeypatch.setenv(f"SHOPEE_{name}", value)
    runtime = open_runtime(make_settings(database_url, tmp_path), clock=ManualClock(START), http=NoHttp())
    try:
        with runtime.web_db.read() as db:
            row = get_credentials(db, SHOPEE, SANDBOX)
            key = open_secret(runtime.ring, row, "partner_key_encrypted")
        assert (row.partner_id, row.shop_id, row.region) == ("1000016", "7001", "SG")
        assert key is not None
        assert key.reveal() == "5a6b7c8d9e0f1a2b3c4d5e6f708192a3"
        assert row.push_partner_key_encrypted is None
    finally:
        runtime.close()


def test_installation_that_cannot_be_opened_gives_its_connections_back(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[Database] = []

    def note(database: Database) -> None:
        closed.append(database)

    def fail(*_given: object) -> None:
        raise RuntimeError("the seeds cannot be read")

    monkeypatch.setattr(Database, "close", note)
    monkeypatch.setattr(kedai.runtime, "seed_all", fail)
    with pytest.raises(RuntimeError):
        open_runtime(make_settings(database_url, tmp_path), clock=ManualClock(START), http=NoHttp())
    assert len(closed) == len({id(one) for one in closed}) == 3
    monkeypatch.undo()
    for database in closed:
        database.close()


def test_without_a_fitting_key_nothing_is_seeded(house: House, tmp_path: Path) -> None:
    house.execute(sa.delete(EnvironmentCredentials))
    house.execute(sa.update(KeyRingEntry).values(canary="v2:k1:AAAA"))
    boot(house.url, tmp_path, COMPLETE)
    assert rows(house) == {}


def test_trouble_other_than_a_double_row_is_not_swallowed(house: House) -> None:
    house.execute(sa.text("DROP TABLE active_environment"))
    with pytest.raises((StorageUnavailable, DBAPIError)), house.db.write() as db:
        vault.seed(db, house.parts.ring, FAKE, {}, now=house.now)


def test_eight_first_boots_at_once_leave_exactly_those_rows(house: House, tmp_path: Path) -> None:
    forget_everything(house)
    done = run_threads([lambda number=number: boot_with(number, house.url, str(tmp_path)) for number in range(8)])
    assert done == [None] * 8
    assert counts(house) == ONE_OF_EACH
    first = rows(house)[SANDBOX]
    assert (first.partner_id, first.version) == ("1001", 1)
    assert str(first.default_location_id).startswith("from ")
    opened = open_secret(house.parts.ring, first, "partner_key_encrypted")
    assert opened is not None
    assert opened.reveal() == COMPLETE["partner_key"]


def test_eight_processes_that_boot_at_once_leave_exactly_those_rows(house: House, tmp_path: Path) -> None:
    forget_everything(house)
    context: Any = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.support.factories"])
    started = [context.Process(target=boot_with, args=(number, house.url, str(tmp_path))) for number in range(8)]
    for one in started:
        one.start()
    for one in started:
        one.join(60)
    assert [one.exitcode for one in started] == [0] * 8
    assert counts(house) == ONE_OF_EACH
    assert rows(house)[SANDBOX].partner_id == "1001"
