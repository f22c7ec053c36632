"""What starts and what does not: one line and an exit code for each refusal, and what a first start makes."""

from __future__ import annotations

import base64
import json
import stat
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa

from kedai.kit.ids import new_id
from kedai.values.environment import Environment
from kedai.vault.models import ActiveEnvironment, EnvironmentCredentials, KeyRingEntry
from tests.journeys.conftest import Place
from tests.support.installation import KEDAI, MASTER_KEYS, Installation, order_push, request
from tests.support.postgres import PostgresServer
from tests.support.processes import Process, free_port

pytestmark = pytest.mark.journey

CONFIGURATION = 78
UNAVAILABLE = 69
PUSH_KEY = "push-key-of-the-journeys-00001"
SEEDS = {
    "SHOPEE_PARTNER_ID": "1001",
    "SHOPEE_PARTNER_KEY": "partner-key-of-the-journeys-01",
    "SHOPEE_PUSH_PARTNER_KEY": PUSH_KEY,
    "SHOPEE_SHOP_ID": "7001",
    "SHOPEE_REGION": "SG",
}
ADMIN = "/admin/dashboard/connectors/shopee"


def key(raw: bytes, kid: str = "k1") -> str:
    return f"{kid}:{base64.b64encode(raw).decode()}"


BAD_KEYS = {
    "short": key(b"sixteen bytes 16"),
    "well-known": key((b"supersecret" * 3)[:32]),
    "same-as-the-v1-secret": key(b"a secret that is shared - a pity"),
}
BAD_URLS = ("http://kedai.example", "javascript:alert(1)", "https://someone@kedai.example")
"""A few of each: the whole tables are told to the parsers themselves, in the unit tests."""


def start_all(home: Installation, starts: Sequence[tuple[str, dict[str, str]]]) -> list[tuple[int, str]]:
    """Start them at once, wait for the end of each; exit status and output."""
    with ExitStack() as stack:
        processes = [
            stack.enter_context(Process([*KEDAI, *words.split()], env={**home.environ, **settings}))
            for words, settings in starts
        ]
        return [(process.wait_exit(60), process.output()) for process in processes]


def assert_refused(ended: tuple[int, str], code: int, *told: str) -> None:
    """The exit status, and one plain line that says why."""
    status, output = ended
    assert status == code, output
    assert len(output.strip().splitlines()) == 1, output
    assert output.startswith("kedai: ")
    assert [word for word in told if word not in output] == []


def test_t4_bad_master_keys_exit_78_with_one_line_that_holds_no_key(on_sqlite: Place, tmp_path: Path) -> None:
    home = on_sqlite(with_simulator=False, extra={"KEDAI_V1_SECRET": "a secret that is shared - a pity"})
    starts = [
        (f"serve --port {free_port()}", {"KEDAI_MASTER_KEYS": text, "KEDAI_DATA_DIR": str(tmp_path / name)})
        for name, text in BAD_KEYS.items()
    ]
    for text, ended in zip(BAD_KEYS.values(), start_all(home, starts), strict=True):
        assert_refused(ended, CONFIGURATION, "aster key")
        assert text.partition(":")[2][:8] not in ended[1]


def test_a_public_url_that_cannot_be_ours_exits_78_and_names_the_setting(on_sqlite: Place) -> None:
    """Bad input 60."""
    home = on_sqlite(with_simulator=False)
    starts = [(f"serve --port {free_port()}", {"KEDAI_PUBLIC_URL": url}) for url in BAD_URLS]
    for ended in start_all(home, starts):
        assert_refused(ended, CONFIGURATION, "KEDAI_PUBLIC_URL")


def test_web_and_worker_alone_are_refused_on_sqlite(on_sqlite: Place) -> None:
    home = on_sqlite(with_simulator=False)
    for ended in start_all(home, [("web", {}), ("worker", {})]):
        assert_refused(ended, CONFIGURATION, "PostgreSQL", "kedai serve")


def test_a_second_server_on_the_same_directory_or_port_exits_69_and_leaves_the_first_alone(
    on_sqlite: Place, tmp_path: Path
) -> None:
    home = on_sqlite(with_simulator=False, extra=SEEDS)
    home.start()
    elsewhere = {"KEDAI_DATA_DIR": str(tmp_path / "elsewhere")}
    starts = [(f"serve --port {free_port()}", {}), (f"serve --port {home.port}", elsewhere)]
    same_directory, same_port = start_all(home, starts)
    assert_refused(same_directory, UNAVAILABLE, "data directory")
    assert same_port[0] == UNAVAILABLE
    assert same_port[1].splitlines()[-1] == f"kedai: The web server cannot listen on 127.0.0.1 port {home.port}."
    assert "Traceback" not in same_port[1]
    assert home.push("sandbox", order_push("260901SECOND1", 7001), key=PUSH_KEY).status == 200


def test_postgresql_is_never_upgraded_by_itself_and_needs_key_material(
    postgres_server: PostgresServer, on_postgresql: Place, tmp_path: Path
) -> None:
    at_head = on_postgresql(with_simulator=False)
    empty = f"journey_{new_id().hex}"
    postgres_server.create_database(empty)
    port = free_port()
    try:
        url = {"KEDAI_DATABASE_URL": postgres_server.url(empty)}
        keyless = {"KEDAI_MASTER_KEYS": ""}
        with Installation(tmp_path, at_head.database_url, with_simulator=False, extra=keyless) as no_key:
            without_key = start_all(no_key, [(f"serve --port {port}", {}), ("worker", {})])
        with_key = start_all(at_head, [(f"serve --port {port}", url), ("worker", url)])
    finally:
        postgres_server.drop_database(empty)
    for ended in with_key:
        assert_refused(ended, CONFIGURATION, "kedai db upgrade")
    for ended in without_key:
        assert_refused(ended, CONFIGURATION, "KEDAI_MASTER_KEYS")
    assert at_head.rows(sa.select(KeyRingEntry.kid)) == []


def test_a_first_start_on_an_empty_directory_makes_schema_key_file_and_both_environments(tmp_path: Path) -> None:
    with Installation(tmp_path, with_simulator=False, extra={"KEDAI_MASTER_KEYS": ""}) as home:
        server = home.start()
        keys = home.data_dir / "master.keys"
        assert stat.S_IMODE(keys.stat().st_mode) == 0o600
        made = keys.read_bytes()
        assert server.output().count("master key was made") == 1
        assert made.split(b"k1:")[1].strip().decode() not in server.output()
        assert not (home.data_dir / "backups").exists()
        rows = home.rows(sa.select(EnvironmentCredentials.environment).order_by(EnvironmentCredentials.environment))
        assert [row[0] for row in rows] == [Environment.LIVE, Environment.SANDBOX]
        assert request("GET", f"{home.url}/login").status == 200
        server.terminate()
        assert server.wait_exit() == 0

        again = home.start()
        assert keys.read_bytes() == made
        assert "master key was made" not in again.output()


def test_t5_without_its_key_the_server_says_so_keeps_answering_and_writes_no_secret(on_sqlite: Place) -> None:
    home = on_sqlite(with_simulator=False, extra={**SEEDS, "KEDAI_MASTER_KEYS": ""})
    first = home.start(KEDAI_MASTER_KEYS=MASTER_KEYS)
    token = home.token("sandbox")
    operator = home.sign_in()
    first.terminate()
    assert first.wait_exit() == 0
    stored = read_secrets(home)
    assert len(stored) == 2

    server = home.start(ready=False)
    server.wait_output("Kedai is ready at")
    ready = request("GET", f"{home.url}/readyz")
    assert (ready.status, ready.json()["checks"]["keys"]) == (503, "needs key k1")
    assert request("GET", f"{home.url}/livez").status == 200
    assert operator.open(f"{home.url}/connectors/shopee?tab=sandbox").status == 200
    shown = home.call("GET", f"{ADMIN}?env=sandbox", token=token)
    assert (shown.status, shown.json()["partner_key"]["set"]) == (200, True)
    for name in ("partner_key", "push_partner_key"):
        refused = home.call("PATCH", f"{ADMIN}?env=sandbox", token=token, value={name: "another-key-of-the-journeys"})
        assert refused.status == 409, refused
        assert "k1" in refused.json()["detail"]
    pushed = home.push("sandbox", order_push("260901NOKEY01", 7001), key=PUSH_KEY)
    assert pushed.status == 503
    assert int(pushed.headers["retry-after"]) > 0
    assert not (home.data_dir / "master.keys").exists()
    assert read_secrets(home) == stored

    server.terminate()
    assert server.wait_exit() == 0
    home.start(KEDAI_MASTER_KEYS=MASTER_KEYS)
    assert home.push("sandbox", order_push("260901NOKEY01", 7001), key=PUSH_KEY).status == 200


def read_secrets(home: Installation) -> list[str]:
    """The sealed texts of the sandbox."""
    columns = (EnvironmentCredentials.partner_key_encrypted, EnvironmentCredentials.push_partner_key_encrypted)
    chosen = sa.select(*columns).where(EnvironmentCredentials.environment == Environment.SANDBOX)
    return [text for row in home.rows(chosen) for text in row if text is not None]


def test_t42_eight_processes_at_once_seed_one_database_once_and_later_seeds_change_nothing(
    on_postgresql: Place,
) -> None:
    home = on_postgresql(with_simulator=False, extra=SEEDS)
    ports = [home.port, *(free_port() for _ in range(7))]
    processes = [home.start("web", ready=False, port=port) for port in ports]
    for process, port in zip(processes, ports, strict=True):
        home.wait_ready(process, port=port)
    first = read_everything(home)
    assert [(row[0], row[1]) for row in first["credentials"]] == [("live", None), ("sandbox", "1001")]
    assert [(row[0], row[1]) for row in first["active"]] == [("sandbox", 1)]
    assert len(first["keys"]) == 1
    for process in processes:
        process.terminate()
    assert {process.wait_exit() for process in processes} == {0}

    other = {
        "SHOPEE_PARTNER_ID": "9009",
        "SHOPEE_PUSH_PARTNER_KEY": "another-push-key-of-journeys",
        "SHOPEE_REGION": "MY",
    }
    home.start("web", **other)
    assert read_everything(home) == first
    body = order_push("260901SEEDED1", 7001)
    assert home.push("sandbox", body, key=other["SHOPEE_PUSH_PARTNER_KEY"]).status == 401
    assert home.push("sandbox", body, key=PUSH_KEY).status == 200


def read_everything(home: Installation) -> dict[str, list[tuple[object, ...]]]:
    """All that a seed could touch."""
    credentials, active = EnvironmentCredentials, ActiveEnvironment
    seeded = sa.select(
        credentials.environment,
        credentials.partner_id,
        credentials.shop_id,
        credentials.region,
        credentials.partner_key_encrypted,
        credentials.push_partner_key_encrypted,
        credentials.version,
    ).order_by(credentials.environment)
    chosen = {
        "credentials": seeded,
        "active": sa.select(active.environment, active.version),
        "keys": sa.select(KeyRingEntry.kid, KeyRingEntry.canary),
    }
    return {name: [tuple(row) for row in home.rows(statement)] for name, statement in chosen.items()}


def test_bad_seeds_are_named_left_out_and_no_reason_not_to_start(on_sqlite: Place) -> None:
    bad = {"SHOPEE_PARTNER_ID": "1_000", "SHOPEE_PARTNER_KEY": "too short", "SHOPEE_REGION": "SG"}
    home = on_sqlite(with_simulator=False, extra=bad)
    server = home.start()
    records = [json.loads(line) for line in server.output().splitlines() if line.startswith("{")]
    assert {record["field"] for record in records if "field" in record} == {"SHOPEE_PARTNER_ID", "SHOPEE_PARTNER_KEY"}
    assert "too short" not in server.output()
    rows = read_everything(home)["credentials"]
    assert rows[1][:4] == (Environment.SANDBOX, None, None, "SG")
