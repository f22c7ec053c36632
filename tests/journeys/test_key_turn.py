"""Item 7 with real processes: the whole turn by the command line, killed in the middle of the rewrap."""

from __future__ import annotations

import base64
import hashlib
import json
import signal
import stat
from datetime import UTC, datetime, timedelta

import pytest

from kedai.values.actor import COMMAND_LINE
from kedai.values.credentials import ShopProfile, TokenSet
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.values.secret import Secret
from kedai.vault import accounts
from kedai.vault.sealed import all_shelves, count_by_key
from tests.journeys.conftest import Place
from tests.support.installation import MASTER_KEYS, Installation
from tests.support.processes import wait_until

pytestmark = pytest.mark.journey

SECOND = "k2:" + base64.b64encode(hashlib.sha256(b"a second key for journeys").digest()).decode()
TOKENS = 350
KILLED = "rewrap.took_step"
SHORT_LEASE = {"KEDAI_LEASE_SECONDS": "2"}


def fill(home: Installation) -> None:
    """Many shops of live, each with a token pair: more than one step of a rewrap."""
    with home.runtime() as runtime, runtime.web_db.write() as db:
        now = datetime.now(UTC)
        pair = TokenSet(Secret("an access token"), Secret("a refresh token"), now, now + timedelta(days=30))
        for number in range(TOKENS):
            scope = Scope(ConnectorName("shopee"), Environment.LIVE, f"{7_000_000 + number}")
            sealed = accounts.seal_tokens(db, runtime.ring, scope, pair)
            profile = ShopProfile(scope.shop_id, "Shop", "SG", None, None)
            accounts.save_account(db, scope, profile, state="paused", reason="", actor=COMMAND_LINE, now=now)
            accounts.store_tokens(db, scope, "1", sealed, now=now)


def counts(home: Installation) -> dict[str, int]:
    with home.database.read() as db:
        return count_by_key(db, all_shelves(db))


def test_whole_turn_by_command_with_a_kill_in_the_middle(place: Place) -> None:
    """F44 with a real kill."""
    home = place(with_simulator=False)
    file = home.directory / "keys"
    file.write_text(f"{MASTER_KEYS}\n")
    file.chmod(0o600)
    home.extra.update({"KEDAI_MASTER_KEYS": "", "KEDAI_MASTER_KEYS_FILE": str(file), **SHORT_LEASE})
    home.upgrade()
    fill(home)
    everything = sum(counts(home).values())
    running = home.start(KEDAI_CRASH_AT=KILLED)

    added = home.run("keys", "add", "k2", "--generate")
    assert added.returncode == 0, added.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    wait_until(lambda: home.run("keys", "promote", "k2").returncode == 0, timeout=30, message="k2 is not primary")

    assert home.run("keys", "rewrap", "--no-wait").returncode == 0
    for _more in range(2):
        assert running.wait_exit(30) == -signal.SIGKILL
        running = home.start(ready=False, KEDAI_CRASH_AT=KILLED)
    assert running.wait_exit(30) == -signal.SIGKILL
    halfway = counts(home)
    assert 0 < halfway["k2"] < everything
    assert sum(halfway.values()) == everything
    assert home.run("keys", "verify").returncode == 0
    refused = home.run("keys", "retire", "k1")
    assert (refused.returncode, "going on" in refused.stderr) == (4, True)

    running = home.start()
    done = home.run("keys", "rewrap")
    assert done.returncode == 0, done.stderr
    wait_until(lambda: counts(home) == {"k2": everything}, timeout=30, message="not everything was sealed anew")
    shown = json.loads(home.run("keys", "list", "--json").stdout)
    assert [(one["id"], one["state"], one["values"]) for one in shown["keys"]] == [
        ("k1", "active", 0),
        ("k2", "primary", everything),
    ]
    assert home.run("keys", "retire", "k1").returncode == 0

    running.terminate()
    assert running.wait_exit(20) == 0
    file.write_text("".join(line for line in file.read_text().splitlines(keepends=True) if line.startswith("k2:")))
    home.start()
    verified = home.run("keys", "verify")
    assert (verified.returncode, verified.stdout) == (0, f"k2: {everything} values open\n")
    for answer in (added, refused, done, verified):
        for line in (MASTER_KEYS, *file.read_text().split()):
            assert line.partition(":")[2] not in answer.stdout + answer.stderr


def test_rewrap_without_any_worker_is_done_by_the_command_itself(place: Place) -> None:
    home = place(with_simulator=False, extra={"KEDAI_MASTER_KEYS": f"{MASTER_KEYS},{SECOND}"})
    home.upgrade()
    fill(home)
    everything = sum(counts(home).values())
    assert home.run("keys", "promote", "k2").returncode == 0
    done = home.run("keys", "rewrap")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["key  before  after", f"k1  {everything}  0", f"k2  0  {everything}"]
    assert counts(home) == {"k2": everything}
    again = home.run("keys", "rewrap")
    assert (again.returncode, "already" in again.stdout) == (0, True)


def test_commands_refuse_what_makes_no_sense(place: Place) -> None:
    home = place(with_simulator=False)
    home.upgrade()
    for arguments, code in (
        (("keys", "add", "k2"), 4),
        (("keys", "add", "K2"), 2),
        (("keys", "add", "k2", "--generate"), 78),
        (("keys", "promote", "k9"), 3),
        (("keys", "retire", "k1"), 4),
        (("keys", "retire", "k9"), 3),
    ):
        done = home.run(*arguments)
        assert (done.returncode, "Traceback" in done.stderr, done.stdout) == (code, False, ""), done.stderr
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    wrong = home.run("keys", "list", KEDAI_MASTER_KEYS=SECOND)
    assert "needs key k1" in wrong.stdout
