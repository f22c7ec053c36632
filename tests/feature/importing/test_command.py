"""`kedai import medusa` as an operator runs it: a process, its output, its exit code, and a kill in the middle."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from kedai.errors import Invalid, StorageUnavailable
from kedai.inbox.models import RawEvent
from kedai.settings import child_environment
from kedai.sync.medusa.database import OldDatabase
from tests.feature.importing.old_system import SECRETS, V1, build, event, push
from tests.feature.importing.world import DATA, Kedai, counts, open_dump
from tests.support.commands import commands
from tests.support.factories import MASTER_KEYS, PUBLIC_URL, on_sqlite
from tests.support.postgres import PostgresServer

DUMP = DATA / "old_system.copy.sql"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(database_url: str, tmp_path: Path) -> Run:
    """Run the command against the installation of the test."""

    def running(*arguments: str, text: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
        given: Mapping[str, str] = {
            "KEDAI_DATA_DIR": str(tmp_path),
            "KEDAI_DATABASE_URL": database_url,
            "KEDAI_PUBLIC_URL": PUBLIC_URL,
            "KEDAI_MASTER_KEYS": MASTER_KEYS,
            **{f"KEDAI_{name.upper()}": value for name, value in V1.items()},
            **settings,
        }
        return commands().run(["import", "medusa", *arguments], environ=child_environment(given), given=text)

    return running


def test_dry_run_is_the_default_and_the_report_says_what_and_why(kedai: Kedai, run: Run) -> None:
    before = kedai.contents()
    done = run("--dump", str(DUMP))
    assert (done.returncode, done.stderr) == (0, "")
    assert kedai.contents() == before
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["table", "read", "new", "changed", "already", "there", "refused"]
    assert lines[1].split() == ["shopee_environment_credentials", "3", "2", "0", "0", "1"]
    assert "shopee_environment_credentials: 1 refused: it was deleted in the old system" in lines
    assert "shopee_auth_token: 1 refused: a secret does not open with the KEDAI_V1_… settings given" in lines
    assert "shopee_raw_event: 1 refused: the environment is neither sandbox nor live" in lines
    assert lines[-1] == "Nothing was written. Run it again with --apply to take this over."
    assert not [name for name, secret in SECRETS.items() if secret in done.stdout]


def test_apply_writes_and_a_second_one_finds_it_all_there(kedai: Kedai, run: Run, old_dsn: str) -> None:
    build(old_dsn)
    assert run(old_dsn, "--apply").returncode == 0
    before = kedai.contents()
    again = run("-", "--apply", text=f"{old_dsn}\n")
    assert again.returncode == 0
    assert again.stdout.splitlines()[4].split() == ["shopee_raw_event", "9", "0", "0", "7", "2"]
    assert kedai.contents() == before


def test_import_killed_in_the_middle_goes_on_where_it_was(kedai: Kedai, run: Run, old_dsn: str, tmp_path: Path) -> None:
    """The kill comes behind the first batch of pushes: what was committed stays, and nothing is there twice."""
    rows = [
        {**event("sraw_1", "live", push(f"26080100{number:06}", shop_id=8001), "processed"), "id": f"s{number}"}
        for number in range(450)
    ]
    build(old_dsn, {"shopee_raw_event": rows})
    killed = run(old_dsn, "--apply", KEDAI_CRASH_AT="import.shopee_raw_event")
    assert killed.returncode == -9
    assert stored(kedai) == 200
    resumed = run(old_dsn, "--apply")
    assert resumed.returncode == 0
    assert resumed.stdout.splitlines()[4].split() == ["shopee_raw_event", "450", "250", "0", "200", "0"]
    assert stored(kedai) == 450


@on_sqlite
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "give either a DSN or --dump FILE"),
        (("postgresql://a@127.0.0.1/x", "--dump", "file"), 2, "give either a DSN or --dump FILE"),
        (("--dump", "/nowhere/old.sql"), 2, "kedai: The dump cannot be opened: No such file or directory"),
        (("sqlite:///old.db",), 2, "kedai: The DSN cannot be read: expected postgresql://user@host/name."),
        (("host=127.0.0.1 port=1 user=a dbname=x",), 75, "kedai: The old database cannot be reached: "),
    ],
)
def test_wrong_use_ends_in_one_line_and_its_exit_code(
    kedai: Kedai, run: Run, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = run(*arguments)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@on_sqlite
def test_password_of_a_dsn_is_never_shown(kedai: Kedai, run: Run) -> None:
    for dsn in ("postgresql://a:s3cr3t-of-the-dsn@127.0.0.1:1/x", "password=s3cr3t-of-the-dsn host 127.0.0.1"):
        done = run(dsn)
        assert done.returncode in {2, 75}
        assert "s3cr3t-of-the-dsn" not in done.stdout + done.stderr
    with pytest.raises(Invalid) as refused:
        OldDatabase("password=s3cr3t-of-the-dsn host 127.0.0.1")
    assert "s3cr3t-of-the-dsn" not in str(refused.value)


@on_sqlite
def test_dsn_with_a_password_is_warned_about(run: Run, kedai: Kedai) -> None:
    assert "use -" in run("postgresql://a:s3cr3t-of-the-dsn@127.0.0.1:1/x").stderr
    assert "use -" not in run("-", text="postgresql://a:s3cr3t-of-the-dsn@127.0.0.1:1/x\n").stderr


def test_installation_that_was_never_started_is_told_to_be(run: Run, database_url: str) -> None:
    done = run("--dump", str(DUMP), "--apply")
    assert (done.returncode, done.stderr.splitlines()) == (
        4,
        ["kedai: This installation was never started: start Kedai once, then import."],
    )


def test_old_database_cannot_be_written_to(old: OldDatabase) -> None:
    old.columns("shopee_raw_event")
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        old._connection.execute("DELETE FROM shopee_raw_event")


def test_old_database_that_goes_away_is_said(old: OldDatabase, postgres_server: PostgresServer) -> None:
    rows = old.rows("shopee_raw_event")
    with psycopg.connect(postgres_server.dsn("postgres"), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", (old._connection.info.backend_pid,))
    with pytest.raises(StorageUnavailable, match="cannot be read"):
        list(rows)


@pytest.mark.parametrize("form", ["copy", "inserts"])
def test_dump_of_this_machines_pg_dump_is_read(
    kedai: Kedai, old_dsn: str, old: OldDatabase, form: str, tmp_path: Path, postgres_server: PostgresServer
) -> None:
    """The files beside this test are of one version; this one is of whatever is installed."""
    program = postgres_server.bin_dir / "pg_dump"
    if not program.exists():
        pytest.skip("these PostgreSQL binaries come without pg_dump")
    options: list[Any] = ["--column-inserts"] if form == "inserts" else []
    made = subprocess.run([program, *options, f"--dbname={old_dsn}"], capture_output=True, check=True)
    (tmp_path / "old.sql").write_bytes(made.stdout)
    with open_dump(tmp_path / "old.sql") as dump:
        from_dump = counts(kedai.take(dump, apply=False))
    assert from_dump == counts(kedai.take(old, apply=False))


def stored(kedai: Kedai) -> int:
    return kedai.read(lambda db: db.execute(sa.select(sa.func.count()).select_from(RawEvent)).scalar_one())
