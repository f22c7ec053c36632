"""One simulator and, on each database, one installation for all rows of a module."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from kedai.simulator.embedded import simulator_in_thread
from tests.feature.pipeline.line import Line, open_line
from tests.support.postgres_shelf import PostgresShelf


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def line(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """The rows keep apart by having orders of their own."""
    directory = tmp_path_factory.mktemp("line")
    with ExitStack() as stack:
        if request.param == "sqlite":
            target = directory / "kedai.sqlite3"
            shutil.copy(request.getfixturevalue("sqlite_template"), target)
            url = f"sqlite:///{target}"
        else:
            shelf: PostgresShelf = request.getfixturevalue("postgres_shelf")
            url = stack.enter_context(shelf.lend())
        simulator = stack.enter_context(simulator_in_thread())
        yield stack.enter_context(open_line(url, directory, simulator))
