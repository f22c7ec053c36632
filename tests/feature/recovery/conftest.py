"""One simulator for the room, and for each test an installation on both databases that knows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kedai.simulator.embedded import Simulator, simulator_in_thread
from tests.support.stall import Stall, open_stall


@pytest.fixture(scope="package")
def simulator() -> Iterator[Simulator]:
    with simulator_in_thread() as running:
        yield running


@pytest.fixture
def stall(database_url: str, tmp_path: Path, simulator: Simulator) -> Iterator[Stall]:
    """Sandbox is configured, connected and active."""
    with open_stall(database_url, tmp_path, simulator) as opened:
        opened.prepare()
        yield opened
