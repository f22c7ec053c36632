"""A served installation: one for a whole module where nothing is changed for good, a fresh one where it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.feature.web.site import Offline, Site, serving


@pytest.fixture(scope="module")
def shared_site(shared_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Served for all tests of a module, on each database; they keep apart by using bodies of their own."""
    with serving(shared_database_url, tmp_path_factory.mktemp("site"), http=Offline()) as served:
        yield served


@pytest.fixture
def site(database_url: str, tmp_path: Path) -> Iterator[Site]:
    """Served for one test, on each database."""
    with serving(database_url, tmp_path) as served:
        yield served
