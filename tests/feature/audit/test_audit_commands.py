"""`kedai audit`, `kedai staff` and `kedai token` as an operator runs them, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import sqlalchemy as sa

from kedai.staff import queries
from kedai.staff.ceremony import NewKey
from kedai.staff.models import Passkey
from kedai.staff.passkeys import add_passkey
from kedai.staff.roles import Role
from kedai.staff.service import create_staff
from kedai.values.actor import COMMAND_LINE
from tests.feature.audit.test_audit_trail import tamper
from tests.support.installation import Installation

pytestmark = pytest.mark.journey


@pytest.fixture
def home(database_url: str, tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, database_url=database_url, with_simulator=False) as opened:
        yield opened


def make(home: Installation, email: str, role: Role) -> None:
    with home.database.write() as db:
        create_staff(db, email, role=role, password_hash="none", actor=COMMAND_LINE, now=datetime.now(UTC))


def ok(done: CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_verify_names_the_first_broken_entry_and_notices_a_cut_end(home: Installation) -> None:
    """T37: by its number, for whoever runs the command."""
    for name in ("anna", "bob", "carl"):
        make(home, f"{name}@example.com", Role.ADMIN)
    noted = ok(home.run("audit", "verify")).splitlines()[-1]
    assert noted.startswith("3:")
    tamper(home.database, "DELETE FROM audit WHERE sequence = 3")
    cut = home.run("audit", "verify", "--noted", noted)
    assert (cut.returncode, "entry 3 is gone" in cut.stderr) == (1, True)
    tamper(home.database, "UPDATE audit SET actor_name = 'somebody else' WHERE sequence = 2")
    broken = home.run("audit", "verify")
    assert (broken.returncode, "entry 2" in broken.stderr) == (1, True)
    assert home.run("audit", "verify", "--noted", "3:not a hash").returncode == 2


def test_export_writes_what_fits_and_records_itself(home: Installation) -> None:
    make(home, "anna@example.com", Role.ADMIN)
    lines = [json.loads(line) for line in ok(home.run_fresh("audit", "export", "--format", "json")).splitlines()]
    assert [line["action"] for line in lines] == ["staff.created"]
    again = [json.loads(line) for line in ok(home.run("audit", "export", "--format", "json")).splitlines()]
    assert [line["action"] for line in again] == ["staff.created", "audit.exported"]
    assert again[1]["details"] == {"filter": {}, "format": "json", "rows": 1}
    table = ok(home.run("audit", "export", "--what", "created", "--env", "installation"))
    assert [line.split(",")[5] for line in table.splitlines()] == ["action", "staff.created"]
    assert home.run("audit", "export", "--from", "2026-02-30").returncode == 2


def test_people_are_listed_changed_and_the_last_administrator_stays(home: Installation) -> None:
    make(home, "anna@example.com", Role.ADMIN)
    make(home, "bob@example.com", Role.VIEWER)
    last = home.run_fresh("staff", "disable", "anna@example.com")
    assert (last.returncode, "last administrator" in last.stderr) == (4, True)
    ok(home.run_fresh("staff", "role", "bob@example.com", "admin"))
    ok(home.run_fresh("staff", "disable", "Anna@example.com"))
    listed = ok(home.run_fresh("staff", "list")).splitlines()
    assert listed == ["anna@example.com\tadmin\tdisabled\tpassword", "bob@example.com\tadmin\tactive\tpassword"]


def plant_passkey(home: Installation, email: str) -> None:
    with home.database.write() as db:
        staff = queries.find_staff_by_email(db, email)
        assert staff is not None
        key = NewKey(b"an id", b"a public key", 0, "internal")
        add_passkey(db, staff, key, "", actor=COMMAND_LINE, now=datetime.now(UTC))


def test_the_ways_back_in(home: Installation) -> None:
    make(home, "anna@example.com", Role.ADMIN)
    ok(home.run("staff", "enable", "anna@example.com"))
    ok(home.run("staff", "totp-off", "anna@example.com"))
    plant_passkey(home, "anna@example.com")
    assert "1 removed" in ok(home.run("staff", "passkeys-off", "anna@example.com"))
    plant_passkey(home, "anna@example.com")
    ok(home.run("staff", "password", "anna@example.com", "--password-stdin", given="another long passphrase\n"))
    with home.database.read() as db:
        assert db.scalars(sa.select(Passkey)).all() == [], "whoever had the account may have added one"
    with home.database.read() as db:
        anna = queries.find_staff_by_email(db, "anna@example.com")
    assert anna is not None
    assert anna.password_changed_at is not None
    assert home.run("staff", "disable", "nobody@example.com").returncode == 3


def test_tokens_are_listed_and_revoked_and_never_shown_again(home: Installation) -> None:
    text = home.token("live", role="viewer")
    listed = ok(home.run_fresh("token", "list"))
    assert text not in listed
    token_id, *rest = listed.strip().split("\t")
    assert rest == ["live", "viewer", "active", "never", "test"]
    ok(home.run_fresh("token", "revoke", token_id))
    with home.database.read() as db:
        assert queries.find_api_token(db, text, now=datetime.now(UTC)) is None
