"""`kedai audit`, `kedai staff` and `kedai token` as an operator runs them, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import sqlalchemy as sa

from kedai.staff import queries
from tests.feature.audit.test_audit_trail import tamper
from tests.support.installation import Installation

PASSWORD = "an honest long passphrase"


@pytest.fixture
def home(database_url: str, tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, database_url=database_url, with_simulator=False) as opened:
        yield opened


def create(home: Installation, email: str, role: str = "admin") -> CompletedProcess[str]:
    return home.run("staff", "create", email, "--role", role, "--password-stdin", given=f"{PASSWORD}\n")


def ok(done: CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_verify_names_the_first_broken_entry_and_notices_a_cut_end(home: Installation) -> None:
    for name in ("anna", "bob", "carl"):
        ok(create(home, f"{name}@example.com"))
    noted = ok(home.run("audit", "verify")).splitlines()[-1]
    assert noted.startswith("3:")
    ok(home.run("audit", "verify", "--noted", noted))
    tamper(home.database, "DELETE FROM audit WHERE sequence = 3")
    cut = home.run("audit", "verify", "--noted", noted)
    assert (cut.returncode, "entry 3 is gone" in cut.stderr) == (1, True)
    tamper(home.database, "UPDATE audit SET actor_name = 'somebody else' WHERE sequence = 2")
    broken = home.run("audit", "verify")
    assert (broken.returncode, "entry 2" in broken.stderr) == (1, True)
    assert home.run("audit", "verify", "--noted", "three").returncode == 2


def test_export_writes_what_fits_and_records_itself(home: Installation) -> None:
    ok(create(home, "anna@example.com"))
    lines = [json.loads(line) for line in ok(home.run("audit", "export", "--format", "json")).splitlines()]
    assert [line["action"] for line in lines] == ["staff.created", "audit.exported"]
    table = ok(home.run("audit", "export", "--what", "created", "--env", "installation"))
    assert [line.split(",")[5] for line in table.splitlines()] == ["action", "staff.created"]
    assert home.run("audit", "export", "--format", "xml").returncode == 2
    assert home.run("audit", "export", "--from", "2026-02-30").returncode == 2


def test_people_are_listed_changed_and_the_last_administrator_stays(home: Installation) -> None:
    ok(create(home, "anna@example.com"))
    ok(create(home, "bob@example.com", "viewer"))
    last = home.run("staff", "disable", "anna@example.com")
    assert (last.returncode, "last administrator" in last.stderr) == (4, True)
    ok(home.run("staff", "role", "bob@example.com", "admin"))
    ok(home.run("staff", "disable", "Anna@example.com"))
    listed = ok(home.run("staff", "list")).splitlines()
    assert listed == ["anna@example.com\tadmin\tdisabled\tpassword", "bob@example.com\tadmin\tactive\tpassword"]
    ok(home.run("staff", "enable", "anna@example.com"))
    ok(home.run("staff", "totp-off", "anna@example.com"))
    ok(home.run("staff", "password", "anna@example.com", "--password-stdin", given="another long passphrase\n"))
    assert home.run("staff", "disable", "nobody@example.com").returncode == 3
    with home.database.read() as db:
        anna = queries.find_staff_by_email(db, "anna@example.com")
        assert anna is not None
        assert anna.disabled_at is None
        assert anna.password_changed_at is not None


def test_tokens_are_listed_and_revoked_and_never_shown_again(home: Installation) -> None:
    text = ok(home.run("token", "create", "till", "--role", "viewer", "--env", "live")).strip()
    listed = ok(home.run("token", "list"))
    assert text not in listed
    token_id, *rest = listed.strip().split("\t")
    assert rest == ["live", "viewer", "active", "never", "till"]
    ok(home.run("token", "revoke", token_id))
    assert "\trevoked\t" in ok(home.run("token", "list"))
    assert home.run("token", "revoke", "token_x").returncode == 3
    counted = home.rows(sa.text("SELECT count(*) FROM api_token WHERE revoked_at IS NOT NULL"))  # type: ignore[arg-type]
    assert counted[0][0] == 1
