"""The benchmark of the worker runs, small, and counts what it says; how fast anything was is no business of a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.draining import Drain
from bench.worker import measure_on
from tests.journeys.conftest import Place

pytestmark = pytest.mark.journey

EVENTS = 120


def test_every_row_is_told_of_a_worker_beside_its_peer(on_sqlite: Place, tmp_path: Path) -> None:
    home = on_sqlite()
    rows = measure_on(home, f"sqlite:///{tmp_path / 'peer.sqlite3'}", events=EVENTS, waiting=2 * EVENTS)
    assert [row.value for row in rows if "get_order_detail" in row.name] == [3 / EVENTS * 1000]
    assert [row.value for row in rows if "twice" in row.name] == [0]
    assert all(row.value > 0 for row in rows if row.unit in {"events/s", "MB"})


def test_two_workers_share_a_backlog_and_none_of_it_is_worked_on_twice(on_postgresql: Place) -> None:
    drained = Drain(on_postgresql(), EVENTS).run(processes=2)
    assert drained.twice == 0
    assert drained.detail_calls >= 3
