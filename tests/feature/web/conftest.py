"""A served installation: one for a whole module where nothing is changed for good, a fresh one where it is."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.feature.web.site import Offline, Site, serving
from tests.support.postgres_shelf import PostgresShelf


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Served for all tests of a module, on each database; they keep apart by using bodies of their own."""
    directory = tmp_path_factory.mktemp("site")
    with ExitStack() as stack:
        if request.param == "sqlite":
            target = directory / "kedai.sqlite3"
            shutil.copy(request.getfixturevalue("sqlite_template"), target)
            url = f"sqlite:///{target}"
        else:
            shelf: PostgresShelf = request.getfixturevalue("postgres_shelf")
            url = stack.enter_context(shelf.lend())
        yield stack.enter_context(serving(url, directory, http=Offline()))


@pytest.fixture
def site(database_url: str, tmp_path: Path) -> Iterator[Site]:
    """Served for one test, on each database."""
    with serving(database_url, tmp_path) as served:
        yield served
