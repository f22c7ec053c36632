"""A fresh installation on both databases, an old system in a PostgreSQL beside it, and dumps of that one as files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kedai.kit.clock import ManualClock
from kedai.kit.ids import new_id
from kedai.runtime import Runtime, open_runtime
from kedai.sync.medusa.database import OldDatabase
from kedai.sync.medusa.dump import Dump
from tests.feature.importing.old_system import V1, build
from tests.feature.importing.world import DATA, Kedai, open_dump
from tests.support.factories import START, NoHttp, make_settings
from tests.support.postgres import PostgresServer


@pytest.fixture
def open_kedai(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Kedai]]:
    """Open the fresh installation, with the old system's key material unless told otherwise."""
    opened: list[Runtime] = []

    def opening(**settings: Any) -> Kedai:
        given = make_settings(database_url, tmp_path, **{**V1, **settings})
        opened.append(open_runtime(given, clock=ManualClock(START), http=NoHttp(), seeds={}))
        return Kedai(opened[-1])

    yield opening
    for one in opened:
        one.close()


@pytest.fixture
def kedai(open_kedai: Callable[..., Kedai]) -> Kedai:
    return open_kedai()


@pytest.fixture
def old_dsn(postgres_server: PostgresServer) -> Iterator[str]:
    """An empty database for an old system."""
    name = f"old_{new_id().hex}"
    postgres_server.create_database(name)
    yield postgres_server.dsn(name)
    postgres_server.drop_database(name)


@pytest.fixture
def old(old_dsn: str) -> Iterator[OldDatabase]:
    """An old system with one of everything."""
    build(old_dsn)
    with OldDatabase(old_dsn) as source:
        yield source


@pytest.fixture(params=["copy", "inserts"])
def dump(request: pytest.FixtureRequest) -> Iterator[Dump]:
    """The same, as pg_dump wrote it to a file."""
    with open_dump(DATA / f"old_system.{request.param}.sql") as source:
        yield source
