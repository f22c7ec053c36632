"""`kedai calls list` as an operator runs it, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kedai.calls.service import store
from tests.feature.calls.test_call_log import CALL
from tests.support.factories import LIVE
from tests.support.installation import Installation

pytestmark = pytest.mark.journey


@pytest.fixture
def home(database_url: str, tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, database_url=database_url, with_simulator=False) as opened:
        with opened.database.write() as db:
            bad = replace(CALL, status=None, code="timeout", request_id="", shop_id=None)
            store(db, [CALL, bad, replace(CALL, environment=LIVE, request_id="live-1")])
        yield opened


def test_calls_are_listed_as_lines_and_as_json(home: Installation) -> None:
    lines = home.run("calls", "list", "--env", "sandbox")
    assert lines.stdout.splitlines() == [
        "2020-01-01T12:00:00Z\ttimeout\t-\t12\t-\tGET\t/api/v2/order/get_order_list\t-",
        "2020-01-01T12:00:00Z\tok\t200\t12\t7001\tGET\t/api/v2/order/get_order_list\tabc123",
    ]
    chosen = home.run("calls", "list", "--env", "live", "--request-id", "live-1", "--since", "2020-01-01", "--json")
    assert json.loads(chosen.stdout) == [
        {
            "connector": "fake",
            "environment": "live",
            "shop_id": "7001",
            "method": "GET",
            "path": "/api/v2/order/get_order_list",
            "status": 200,
            "outcome": "ok",
            "code": "",
            "milliseconds": 12,
            "request_id": "live-1",
            "started_at": "2020-01-01T12:00:00Z",
        }
    ]
    refused = home.run("calls", "list", "--env", "sandbox", "--since", "yesterday")
    assert (refused.returncode, refused.stdout) != (0, "")
    assert "There is no such date and time" in refused.stderr
