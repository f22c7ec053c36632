"""The doctor's judgements that need no installation: versions, durability, clocks, and places that do not open."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from kedai.db.base import SCHEMA_REVISION
from kedai.db.standing import Standing
from kedai.doctor.finding import INSTALLATION, State, worst
from kedai.doctor.place import is_usable, judge_durability, judge_offset, judge_schema, judge_version
from kedai.doctor.run import broken_off, examine_place, examine_settings
from kedai.doctor.software import judge_libraries, judge_python, read_floors
from kedai.kit.clock import SystemClock
from kedai.settings import Settings
from tests.support.factories import MASTER_KEYS, make_settings

GOOD = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}


def standing(product: str = "postgresql", version: str = "15.4 (Debian 15.4-2)", **durability: str) -> Standing:
    return Standing(product, version, durability or GOOD, SCHEMA_REVISION, datetime(2020, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("found", ["3.10.14", "3.9.0", "2.7"])
def test_an_old_python_fails(found: str) -> None:
    assert judge_python(found).state is State.FAIL
    assert judge_python("3.11.0rc1").state is judge_python("3.13.1").state is State.PASS


def test_a_library_below_its_floor_or_missing_fails_by_name() -> None:
    found = judge_libraries({"one": "1.10", "two": "2"}, {"one": "1.9.9", "two": None})
    assert (found.state, found.evidence) == (State.FAIL, "Too old: one 1.9.9 (needs 1.10), two is missing (needs 2).")
    assert judge_libraries({"one": "1.10"}, {"one": "1.10.post1"}).state is State.PASS


def test_the_floors_are_those_that_the_package_asks_for() -> None:
    floors = read_floors()
    assert floors["starlette"] == "1.10"
    assert floors["psycopg"] == "3.3"
    assert len(floors) > 20


@pytest.mark.parametrize("name", list(GOOD))
def test_a_database_that_may_lose_what_it_confirmed_fails(name: str) -> None:
    assert judge_durability(standing()).state is State.PASS
    found = judge_durability(standing(**{**GOOD, name: "off"}))
    assert (found.state, name in found.fix) == (State.FAIL, True)


@pytest.mark.parametrize(
    ("mode", "synchronous", "state"), [("wal", "2", "pass"), ("wal", "1", "fail"), ("delete", "2", "fail")]
)
def test_sqlite_keeps_what_it_confirmed_only_in_its_two_settings(mode: str, synchronous: str, state: str) -> None:
    found = judge_durability(standing("sqlite", "3.40.1", journal_mode=mode, synchronous=synchronous))
    assert found.state.value == state


def test_a_database_older_than_what_is_tested_is_worth_a_look() -> None:
    assert judge_version(standing(version="14.9")).state is State.WARN
    assert judge_version(standing()).state is State.PASS


@pytest.mark.parametrize(
    ("revision", "state"), [(None, "fail"), ("0000", "fail"), (SCHEMA_REVISION, "pass"), ("9999", "warn")]
)
def test_the_schema_is_at_head_or_says_what_to_do(revision: str | None, state: str) -> None:
    assert judge_schema(revision).state.value == state


@pytest.mark.parametrize(("seconds", "state"), [(None, "skipped"), (-5.0, "pass"), (61.0, "warn"), (-241.0, "fail")])
def test_t23_a_clock_that_differs_from_the_database_s_is_told(seconds: float | None, state: str) -> None:
    assert judge_offset(seconds).state.value == state


def test_settings_that_cannot_be_read_leave_a_whole_list_behind() -> None:
    found = examine_settings("KEDAI_PUBLIC_URL: must be https")
    assert [one.id for one in found] == list(INSTALLATION)
    assert {one.id: one for one in found}["config"].state is worst(found) is State.FAIL


def test_a_database_that_is_not_there_is_told_and_not_made(tmp_path: Path) -> None:
    settings = make_settings("", tmp_path / "none", master_keys=MASTER_KEYS)
    found = {one.id: one for one in examine_place(settings, SystemClock())}
    assert found["database"].state is State.FAIL
    assert not is_usable(list(found.values()))
    assert not (tmp_path / "none").exists()
    whole = broken_off(list(found.values()))
    assert [one.id for one in whole] == list(INSTALLATION)


def test_a_master_key_that_is_too_short_is_told_without_its_bytes(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, master_keys="k1:c2hvcnQ=")
    found = next(one for one in examine_place(settings, SystemClock()) if one.id == "master_keys")
    assert (found.state, "c2hvcnQ" in found.evidence) == (State.FAIL, False)


def test_an_address_behind_https_wants_a_trusted_proxy(tmp_path: Path) -> None:
    def judged(**given: str) -> str:
        found = examine_place(make_settings("", tmp_path, **given), SystemClock())
        return next(one for one in found if one.id == "trusted_proxies").state.value

    assert judged() == "warn"
    assert judged(trusted_proxies="10.0.0.5") == "pass"
    assert judged(public_url="http://127.0.0.1:8080") == "skipped"
