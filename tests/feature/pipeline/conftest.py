"""One simulator and, on each database, one installation for all rows of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kedai.simulator.embedded import simulator_in_thread
from tests.feature.pipeline.line import Line, open_line


@pytest.fixture(scope="module")
def line(shared_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """The rows keep apart by having orders of their own."""
    directory = tmp_path_factory.mktemp("line")
    with simulator_in_thread() as simulator, open_line(shared_database_url, directory, simulator) as opened:
        yield opened
