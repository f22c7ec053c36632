"""The main job as one story: both environments side by side, one of them signed in, nothing lost and nothing mixed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import sqlalchemy as sa

from kedai.connector_exceptions.models import ConnectorException
from kedai.values.environment import Environment, Scope
from kedai.vault.accounts import open_tokens
from kedai.vault.queries import find_token
from tests.journeys.conftest import Place
from tests.support.installation import SHOPEE, Browser, Installation, request
from tests.support.processes import Process, wait_until

pytestmark = pytest.mark.journey

ORDERS = {"sandbox": 60, "live": 30}
DEMO_SECONDS = 45
NASTY = '260901"X\n{"level":"info","event":"forged"}'


def test_the_demo_proves_the_main_job_by_itself() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kedai", "demo", "--check"], capture_output=True, text=True, timeout=DEMO_SECONDS
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The main job works" in done.stdout


def test_pushes_become_orders_equal_to_the_marketplaces_and_the_inactive_environment_waits_for_its_replay(
    place: Place,
) -> None:
    home = place(extra={"KEDAI_LOG_LEVEL": "debug"})
    processes = start_everything(home)
    operator = home.sign_in()
    for environment in ("sandbox", "live"):
        configure_and_connect(home, operator, environment)
        home.control(environment, "POST", "/control/settings", {"duplicate_pushes": 0.2, "shuffle_pushes": True})
    send_nasty_push(home)

    live_through_a_busy_day(home)

    home.wait_equal("sandbox")
    assert len(home.believed("sandbox")) > ORDERS["sandbox"] // 2
    waiting = home.count_events("parked", environment="live")
    assert waiting > ORDERS["live"]
    assert home.believed("live") == {}

    switch(home, operator, "live")
    assert operator.post(f"{home.url}/e/live/events/replay-parked", {}, follow=False).status == 303

    home.wait_equal("live")
    assert len(home.believed("live")) > ORDERS["live"] // 2
    wait_until(lambda: home.count_events("received", environment="live") == 0, message="not all events were finished")
    assert home.count_events("applied", environment="live") >= waiting
    assert home.count_events("parked", environment="live") == 0

    sandbox_waits_now(home)
    assert read_troubles(home) == [("sandbox", "malformed")]

    secrets = list_secrets(home, operator)
    for process in processes:
        process.terminate()
    assert [process.wait_exit(20) for process in processes] == [0] * len(processes)
    for process in processes:
        assert_log_is_clean(process.output(), secrets)


def start_everything(home: Installation) -> list[Process]:
    """`serve` on SQLite; on PostgreSQL a web server and two workers apart."""
    if home.database_url is None:
        return [home.start("serve")]
    processes = [home.start("web", ready=False), *(home.start("worker", ready=False) for _ in range(2))]
    for process, command in zip(processes, ("web", "worker", "worker"), strict=True):
        home.wait_ready(process, command)
    return processes


def configure_and_connect(home: Installation, operator: Browser, environment: str) -> None:
    """Credentials, push address, and the marketplace's consent page, as an operator would."""
    path = f"{home.url}/admin/dashboard/connectors/shopee?env={environment}"
    saved = operator.send_json("PATCH", path, home.credentials(environment))
    assert saved.status == 200, saved
    home.register_pushes(environment, saved.json()["callback_urls"]["webhook"][0])

    consent = operator.post(f"{home.url}/connectors/shopee/connect?env={environment}", {})
    assert consent.status == 200
    assert operator.visited[-1].startswith(home.simulators[environment])
    back = operator.submit({"shop_id": home.shop_id(environment), "decision": "approve"})

    assert back.status == 200
    clean = f"{home.url}/connectors/shopee?tab={environment}&env={environment}&status=connected"
    assert operator.visited[-1] == clean
    assert "code=" in operator.visited[-2]


def send_nasty_push(home: Installation) -> None:
    """T36: an order number and a path that would be a second line of the log; the push is signed correctly."""
    push = {"code": 3, "shop_id": int(home.shop_id("sandbox")), "data": {"ordersn": NASTY, "status": "PROCESSED"}}
    home.control("sandbox", "POST", "/control/pushes", push)
    wait_until(lambda: home.count_events("dead") == 1, message="the malformed push did not become one for a person")
    assert request("GET", f"{home.url}/e/sandbox/{quote(NASTY, safe='')}").status in {303, 404}


def live_through_a_busy_day(home: Installation) -> None:
    """Both environments at once; once the marketplace fails for a moment."""
    for environment, orders in ORDERS.items():
        failing = {"path": "/api/v2/order/get_order_detail", "error": "error_server", "status": 500, "times": 1}
        home.control(environment, "POST", "/control/settings", {"fail": [failing]})
        shops = [int(home.shop_id(environment))]
        plan = {"seed": 3, "orders": orders, "duration_seconds": 3, "shops": shops}
        home.control(environment, "POST", "/control/busy-day", plan)
    for environment in ORDERS:
        wait_until(
            # a push that met a busy machine comes again, later each time
            lambda environment=environment: is_over(home, environment),
            timeout=120,
            message="the busy day has no end",
        )


def is_over(home: Installation, environment: str) -> bool:
    """Nothing more happens, and every push was taken."""
    running = home.control(environment, "GET", "/control/busy-day")["running"]
    counts = home.control(environment, "GET", "/control/state?orders=0&deliveries=0")["delivery_counts"]
    return not running and counts.get("delivered", 0) + counts.get("not_sent", 0) == sum(counts.values())


def switch(home: Installation, operator: Browser, environment: str) -> None:
    """Sign in to the other environment, after its checks."""
    checks = f"{home.url}/admin/dashboard/connectors/shopee/certificates?env={environment}"
    checked = operator.send_json("POST", checks).json()
    assert checked["passed"], checked
    address = f"{home.url}/admin/dashboard/connectors/shopee/active-environment"
    answer = operator.send_json("POST", address, {"environment": environment, "confirm": environment})
    assert (answer.status, answer.json()["changed"]) == (200, True)


def sandbox_waits_now(home: Installation) -> None:
    """What was the active environment is the parked one now, in every process."""
    before = home.believed("sandbox")
    wish = {"shop_id": int(home.shop_id("sandbox")), "status": "READY_TO_SHIP"}
    home.control("sandbox", "POST", "/control/orders", wish)
    wait_until(lambda: home.count_events("parked") > 0, message="nothing was parked after the switch")
    assert home.believed("sandbox") == before


def read_troubles(home: Installation) -> list[tuple[str, str]]:
    """What a person must look at."""
    return [
        (row[0].value, row[1]) for row in home.rows(sa.select(ConnectorException.environment, ConnectorException.code))
    ]


def list_secrets(home: Installation, operator: Browser) -> set[str]:
    """Everything that no log may hold."""
    found = {"correct horse battery staple", *operator.cookie(home.url)["Cookie"].split("=", 1)[1:]}
    for address in operator.visited:
        query = parse_qs(urlsplit(address).query)
        found |= {value for name in ("code", "nonce", "sign") for value in query.get(name, [])}
    with home.runtime() as runtime:
        for environment in Environment:
            app = home.credentials(environment.value)
            found |= {app["partner_key"], app["push_partner_key"]}
            scope = Scope(SHOPEE, environment, home.shop_id(environment.value))
            with runtime.web_db.read() as db:
                row = find_token(db, scope)
                assert row is not None
                tokens = open_tokens(runtime.ring, row)
            found |= {tokens.access_token.reveal(), tokens.refresh_token.reveal()}
    assert len(found) > 10
    return found


def assert_log_is_clean(output: str, secrets: Iterable[str]) -> None:
    """Every line is one JSON object, none says what a payload wanted it to say, none holds a secret."""
    lines = [line for line in output.splitlines() if "ready" not in line]
    records = [json.loads(line) for line in lines]
    assert records
    assert all(isinstance(record, dict) and record["event"] != "forged" for record in records)
    assert [secret for secret in secrets if secret in output] == []
    assert re.findall(r"\b(?:sign|code|access_token|nonce)=(?!\*\*\*)[^&\s\"]+", output) == []
