"""Where journeys take place: an installation of real processes in a directory and on a database of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.installation import Installation
from tests.support.postgres_shelf import PostgresShelf

Place = Callable[..., Installation]


@pytest.fixture
def on_sqlite(sqlite_template: Path, tmp_path: Path) -> Iterator[Place]:
    """Make an embedded installation on a migrated file."""
    with ExitStack() as stack:

        def place(**options: Any) -> Installation:
            return stack.enter_context(Installation(tmp_path, **{"sqlite_template": sqlite_template, **options}))

        yield place


@pytest.fixture
def on_postgresql(postgres_shelf: PostgresShelf, tmp_path: Path) -> Iterator[Place]:
    """Make an installation on a migrated PostgreSQL database."""
    with ExitStack() as stack:
        url = stack.enter_context(postgres_shelf.lend())

        def place(**options: Any) -> Installation:
            return stack.enter_context(Installation(tmp_path, database_url=url, **options))

        yield place


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> Place:
    """An installation on each database in turn."""
    made: Place = request.getfixturevalue(f"on_{request.param}")
    return made
