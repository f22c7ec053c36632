"""`kedai orders` as an operator runs it: one order anew, a period, and the proof that nothing is missing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.journeys.conftest import Place

pytestmark = pytest.mark.journey


def test_an_order_is_read_anew_a_period_is_filled_and_the_statement_is_complete(on_sqlite: Place) -> None:
    home = on_sqlite()
    home.prepare("sandbox")
    wish = {"shop_id": int(home.shop_id("sandbox")), "count": 5, "pushes": False, "spread_seconds": 3_600}
    numbers = home.control("sandbox", "POST", "/control/orders/batch", wish)["order_sns"]
    today = datetime.now(UTC)
    period = ["--env", "sandbox", "--since", f"{today - timedelta(days=2):%Y-%m-%d}", "--until", f"{today:%Y-%m-%d}"]

    read = home.run("orders", "sync", numbers[0], "--env", "sandbox", "--json")
    assert (read.returncode, json.loads(read.stdout)["status"]) == (0, "READY_TO_SHIP"), read.stderr
    assert home.run("orders", "sync", "NEVER1", "--env", "sandbox").returncode == 3

    audit = home.run("orders", "audit", *period, "--json")
    told = json.loads(audit.stdout)
    assert (audit.returncode, told["complete"], told["listed"]["orders"], told["held"]["orders"]) == (1, False, 5, 1)
    assert sorted(one["order_sn"] for one in told["differences"]) == sorted(set(numbers) - {numbers[0]})

    counted = home.run("orders", "backfill", *period, "--dry-run", "--json")
    assert json.loads(counted.stdout)["orders"] == 5
    home.start("serve")
    filled = home.run("orders", "backfill", *period, "--wait", "--json")
    assert (filled.returncode, json.loads(filled.stdout)["note"]) == (0, "4 orders were missing"), filled.stderr

    audit = home.run("orders", "audit", *period, "--json")
    told = json.loads(audit.stdout)
    assert (audit.returncode, told["complete"], told["differences"]) == (0, True, [])
    assert told["listed"]["sha256"] == told["held"]["sha256"]

    refused = home.run("orders", "backfill", "--env", "sandbox", "--since", "yesterday", "--until", "2026-01-01")
    assert refused.returncode == 2
    assert "no such date" in refused.stderr
