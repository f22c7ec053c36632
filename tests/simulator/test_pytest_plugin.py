"""The fixtures for other people's suites, as such a suite uses them: a run of pytest of its own."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from kedai.simulator.embedded import simulator_in_thread

if TYPE_CHECKING:
    from pathlib import Path

CONFTEST = 'pytest_plugins = ["kedai.simulator.pytest"]\n'
SUITE = """
import pytest
from kedai.simulator.embedded import ControlRefused


def test_an_order_and_its_pushes(shopee):
    order = shopee.sandbox.create_order(status="READY_TO_SHIP")
    assert shopee.sandbox.step(order["order_sn"], "ship")["order_status"] == "PROCESSED"
    assert [push["code"] for push in shopee.sandbox.deliveries()] == [3, 3, 30, 4]
    shopee.sandbox.fail(error="error_server", times=3)
    with pytest.raises(ControlRefused, match="is PROCESSED"):
        shopee.sandbox.step(order["order_sn"], "pay")


def test_each_test_begins_anew(shopee):
    assert shopee.sandbox.deliveries() == []
    assert shopee.sandbox.settings()["fail"] == []
    assert shopee.live.environment == "live"
    kept = shopee.live.snapshot()
    shopee.live.create_order()
    shopee.live.restore(kept)
    assert shopee.live.control("GET", "/state")["orders"] == []
    before = shopee.live.now()
    shopee.live.advance(500)
    assert shopee.live.now() >= before + 500
"""


def test_the_fixtures_work_in_a_suite_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_mine.py").write_text(SUITE)
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "2 passed" in run.stdout


def test_two_run_side_by_side_and_end() -> None:
    with simulator_in_thread(seed=1) as one, simulator_in_thread(seed=2) as other:
        assert one.sandbox.url != other.sandbox.url
        assert one.sandbox.shop_ids != other.sandbox.shop_ids
