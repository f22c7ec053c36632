"""`kedai doctor` as an operator runs it: exit 0 or 1, a table or JSON, also where nothing works."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from kedai.doctor.finding import INSTALLATION
from kedai.kit.ids import new_id
from kedai.vault.processes import report_process
from tests.support.installation import Installation

pytestmark = pytest.mark.journey


@pytest.fixture
def home(database_url: str, tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, database_url=database_url, with_simulator=False) as opened:
        yield opened


def test_the_list_says_with_its_exit_whether_something_failed(home: Installation) -> None:
    done = home.run("doctor", "--offline", "--json")
    told = json.loads(done.stdout)
    failed = {one["id"] for one in told["checks"] if one["state"] == "fail"}
    assert (done.returncode, told["verdict"]) == (1, "fail")
    assert {"worker", "configuration"} <= failed
    assert [one["id"] for one in told["checks"] if one["environment"] is None] == list(INSTALLATION)


def test_the_table_has_a_line_a_check_and_the_fix_below_it(home: Installation) -> None:
    with home.database.write() as db:
        report_process(db, new_id(), role="serve", host="here", kids=["k1"])
    done = home.run("doctor", "--offline")
    lines = done.stdout.splitlines()
    assert any(line.startswith("ok    A worker is alive") and "serve on here" in line for line in lines)
    at = next(number for number, line in enumerate(lines) if line.startswith("FAIL  Everything is filled in"))
    assert lines[at + 1].startswith("      → Fill it in")
    assert "failed" in done.stderr


def test_what_cannot_even_be_opened_is_a_list_too_and_no_traceback(home: Installation) -> None:
    with home.database.write() as db:
        db.execute(sa.text("DELETE FROM alembic_version"))
    done = home.run("doctor", "--json")
    states = {one["id"]: one["state"] for one in json.loads(done.stdout)["checks"]}
    assert (done.returncode, states["schema"], states["worker"], done.stderr) == (1, "fail", "skipped", "")
    refused = home.run("doctor", "--env", "production")
    assert (refused.returncode, "sandbox, live, all" in refused.stderr) == (2, True)
