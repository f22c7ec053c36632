"""Clone quarantine with real processes: a copied data directory, a restored dump, and what is no copy at all.

The marketplace counts what it is asked: a copy that asked anything at all would show there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from kedai.inbox.models import RawEvent
from kedai.kit.ids import new_id
from kedai.vault.models import AuthToken
from tests.journeys.conftest import Place
from tests.support.installation import Installation, order_push, request
from tests.support.postgres import PostgresServer
from tests.support.processes import wait_until

pytestmark = pytest.mark.journey

DETAIL = "/api/v2/order/get_order_detail"
REFRESH = "/api/v2/auth/access_token/get"


def live_a_little(home: Installation) -> str:
    """Connect both environments, apply one order of the sandbox, and stop; its push key."""
    home.prepare("sandbox", "live")
    shop_id = home.shop_id("sandbox")
    batch = {"shop_id": int(shop_id), "count": 1, "pushes": False}
    (order_sn,) = home.control("sandbox", "POST", "/control/orders/batch", batch)["order_sns"]
    key = home.credentials("sandbox")["push_partner_key"]
    server = home.start()
    assert home.push("sandbox", order_push(order_sn, shop_id), key=key).status == 200
    wait_until(lambda: home.count_events("applied") == 1, timeout=20, message="the order was not read")
    server.terminate()
    assert server.wait_exit() == 0
    return key


def leave_work_waiting(copy: Installation) -> None:
    """In the copy the event waits once more, and every token must be renewed before anything can be asked."""
    past = datetime.now(UTC) - timedelta(minutes=1)
    with copy.database.write() as db:
        db.execute(sa.update(RawEvent).values(state="received", due_at=past, finished_at=None))
        db.execute(sa.update(AuthToken).values(access_expires_at=past))


def forget_calls(home: Installation) -> None:
    for environment in ("sandbox", "live"):
        home.control(environment, "DELETE", "/control/calls")


def count_calls(home: Installation) -> int:
    """Everything either marketplace was asked."""
    return sum(sum(home.control(one, "GET", "/control/calls").values()) for one in ("sandbox", "live"))


def status(home: Installation) -> tuple[int, str, str]:
    answer = request("GET", f"{home.url}/readyz")
    return answer.status, answer.json()["status"], answer.json()["checks"]["identity"]


def assert_sealed_until_confirmed(home: Installation, copy: Installation, key: str) -> None:
    """The copy runs: it stores pushes, asks for nothing, and begins to when a person says so."""
    assert status(copy) == (200, "sealed", "seems to be a copy: sealed live, sandbox")
    shop_id = home.shop_id("sandbox")
    pushed = copy.push("sandbox", order_push("260901COPIED1", shop_id), key=key)
    assert pushed.status == 200
    assert copy.count_events("parked") == 1
    person = copy.sign_in(email="bela@example.com")
    assert b"What was recognised" in person.open(f"{copy.url}/quarantine").body

    refused = copy.run("env", "unseal", "sandbox", "--confirm", "live")
    assert refused.returncode == 2
    listed = {one["environment"]: one for one in json.loads(copy.run("env", "list", "--json").stdout)}
    assert [listed[one]["sealed"] for one in ("sandbox", "live")] == [True, True]
    assert copy.count_events("received") == 1
    assert count_calls(home) == 0, "nothing was asked, for all this time"

    done = copy.run_fresh("env", "unseal", "sandbox", "--confirm", "sandbox")
    assert done.returncode == 0, done.stderr
    wait_until(lambda: copy.count_events("applied") == 1, timeout=20, message="the copy does not work")
    assert home.calls("sandbox", REFRESH) == 1
    assert home.calls("live", REFRESH) == 0
    assert status(copy) == (200, "sealed", "seems to be a copy: sealed live")
    done = copy.run("env", "unseal", "live", "--confirm", "live")
    assert done.returncode == 0, done.stderr
    assert status(copy) == (200, "ready", "ok")
    assert copy.run("env", "unseal", "live", "--confirm", "live").returncode == 4


def test_a_copied_data_directory_is_sealed_though_everything_else_is_equal(on_sqlite: Place, tmp_path: Path) -> None:
    home = on_sqlite()
    key = live_a_little(home)
    with Installation(tmp_path / "copy", with_simulator=False) as copy:
        shutil.copytree(home.data_dir, copy.data_dir)
        copy.simulators, copy.port, copy.url = home.simulators, home.port, home.url
        leave_work_waiting(copy)
        forget_calls(home)
        copied = copy.start()
        assert_sealed_until_confirmed(home, copy, key)
        copied.terminate()
        assert copied.wait_exit() == 0
        again = copy.start()
        assert status(copy) == (200, "ready", "ok")
        again.terminate()
        again.wait_exit()
    home.start()
    assert status(home) == (200, "ready", "ok"), "the original is still itself"


def test_a_restored_dump_is_sealed(on_postgresql: Place, postgres_server: PostgresServer, tmp_path: Path) -> None:
    home = on_postgresql()
    key = live_a_little(home)
    with restored(postgres_server, home, tmp_path) as url:
        with Installation(tmp_path / "copy", database_url=url, with_simulator=False) as copy:
            copy.simulators, copy.port, copy.url = home.simulators, home.port, home.url
            leave_work_waiting(copy)
            forget_calls(home)
            copied = copy.start()
            assert_sealed_until_confirmed(home, copy, key)
            copied.terminate()
            copied.wait_exit()
    home.start()
    assert status(home) == (200, "ready", "ok"), "the original is still itself"


@contextmanager
def restored(server: PostgresServer, home: Installation, tmp_path: Path) -> Iterator[str]:
    """A database made from a dump of another one, with the very tools that an operator uses."""
    name, dump = f"restored_{new_id().hex}", tmp_path / "kedai.dump"
    server.create_database(name)
    original = make_url(str(home.database_url)).render_as_string(hide_password=False)
    plain = original.replace("postgresql+psycopg://", "postgresql://")
    target = str(make_url(plain).set(database=name).render_as_string(hide_password=False))
    try:
        run_tool(server, "pg_dump", "--format=custom", f"--file={dump}", plain)
        run_tool(server, "pg_restore", "--no-owner", f"--dbname={target}", str(dump))
        yield server.url(name)
    finally:
        server.drop_database(name)


def run_tool(server: PostgresServer, *command: str) -> None:
    path = server.bin_dir / command[0]
    if not os.access(path, os.X_OK):
        pytest.skip(f"this PostgreSQL has no {command[0]}")
    done = subprocess.run([path, *command[1:]], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_restart_another_port_and_a_moved_directory_are_no_copies(on_sqlite: Place, tmp_path: Path) -> None:
    home = on_sqlite(with_simulator=False, extra={"KEDAI_PUBLIC_URL": ""})
    for _ in range(2):  # nobody set a public URL: the port that is listened on is no part of the identity
        with Installation(tmp_path, with_simulator=False, extra={"KEDAI_PUBLIC_URL": ""}) as started:
            server = started.start()
            assert status(started) == (200, "ready", "ok")
            server.terminate()
            server.wait_exit()
    moved = replace(home, directory=tmp_path / "moved")
    moved.directory.mkdir()
    home.data_dir.rename(moved.data_dir)
    with moved:
        moved.start()
        assert status(moved) == (200, "ready", "ok")


def test_a_stray_process_with_another_address_is_sealed_alone(on_postgresql: Place) -> None:
    home = on_postgresql(with_simulator=False)
    home.start("web")
    with Installation(home.directory / "stray", database_url=home.database_url, with_simulator=False) as stray:
        stray.start("web")
        assert status(stray)[1] == "sealed"
        assert status(home) == (200, "ready", "ok")
        shown = home.run("env", "list", "--json")
        assert [one["sealed"] for one in json.loads(shown.stdout)] == [False, False]


def test_environments_are_shown_compared_and_copied_on_the_command_line(place: Place) -> None:
    home = place()
    home.prepare("sandbox")
    keys = home.credentials("sandbox")
    outputs = []

    def told(*words: str, code: int = 0) -> str:
        done = home.run("env", *words)
        assert done.returncode == code, (words, done)
        assert "Traceback" not in done.stderr
        outputs.append(done.stdout + done.stderr)
        return done.stdout

    assert "sandbox" in told("list")
    assert "connected" in told("show", "sandbox")
    assert json.loads(told("show", "live", "--json"))["complete"] is False
    verdicts = {one["field"]: one for one in json.loads(told("diff", "--json"))["fields"]}
    assert verdicts["region"]["verdict"] == "different"
    assert len(verdicts["partner_key"]["sandbox"]) == 8
    assert "different" in told("diff")

    preview = json.loads(told("copy", "--from", "sandbox", "--to", "live", "--json"))
    assert preview["changes"] == [{"field": "region", "before": "GLOBAL", "after": "SG"}]
    command = ["copy", "--from", "sandbox", "--to", "live", "--apply"]
    told(*command, code=2)
    told(*command, "--if-match", preview["tag"], code=2)
    told(*command, "--if-match", "v1-v99", "--confirm", "live", code=4)
    told(*command, "--if-match", preview["tag"], "--confirm", "live", "--field", "partner_key", code=2)
    assert json.loads(told("show", "live", "--json"))["region"] == "GLOBAL"
    told(*command, "--if-match", preview["tag"], "--confirm", "live")
    assert json.loads(told("show", "live", "--json"))["region"] == "SG"
    told(*command, "--if-match", preview["tag"], "--confirm", "live", code=4)
    told("show", "prod", code=2)
    told("unseal", "live", "--confirm", "live", code=4)
    for name in ("partner_key", "push_partner_key"):
        assert all(keys[name] not in text for text in outputs)
