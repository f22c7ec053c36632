"""Fixtures of the whole suite: the two databases, each test with a fresh one, and `open_runtime` with substitutes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
import structlog

from kedai import migrations
from kedai.db.database import Database
from tests.support.haste import make_haste
from tests.support.postgres import PostgresServer
from tests.support.postgres_shelf import PostgresShelf

TEMPLATE = "kedai_template"
DATABASES = ("sqlite", "postgresql")

# The same examples in every run: what fails here fails everywhere, and nothing fails by chance.
hypothesis.settings.register_profile("kedai", derandomize=True, deadline=None)
hypothesis.settings.load_profile("kedai")

# Its default shows the locals of every frame, which takes half a minute where a whole application is among them.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)

make_haste()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--database sqlite` leaves out what would run on the other one."""
    parser.addoption("--database", choices=DATABASES, help="run the tests that take a database on this one alone")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests of a database that was not asked for."""
    wanted = config.getoption("database")
    if wanted is not None:
        items[:] = [one for one in items if _database_of(one) in {None, wanted}]


def _database_of(item: pytest.Item) -> str | None:
    given = item.callspec.params.values() if isinstance(item, pytest.Function) and hasattr(item, "callspec") else ()
    return next((one for one in given if isinstance(one, str) and one in DATABASES), None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this run's own, with one migrated template database."""
    with PostgresServer.start() as server:
        server.create_database(TEMPLATE)
        migrations.upgrade(server.url(TEMPLATE))
        yield server


@pytest.fixture(scope="session")
def postgres_shelf(postgres_server: PostgresServer) -> PostgresShelf:
    """Migrated databases of that server, to be taken and given back."""
    return PostgresShelf(postgres_server, TEMPLATE)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "kedai.sqlite3"
    migrations.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh, migrated database; every test that uses it runs on both."""
    yield from lend_database(request, tmp_path)


@pytest.fixture(scope="module", params=DATABASES)
def shared_database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The same for all tests of a module, on each database; they keep apart by using rows of their own."""
    yield from lend_database(request, tmp_path_factory.mktemp("shared"))


def lend_database(request: pytest.FixtureRequest, directory: Path) -> Iterator[str]:
    """A database of the kind that the fixture is asked for."""
    if request.param == "sqlite":
        target = directory / "kedai.sqlite3"
        shutil.copy(request.getfixturevalue("sqlite_template"), target)
        yield f"sqlite:///{target}"
        return
    shelf: PostgresShelf = request.getfixturevalue("postgres_shelf")
    with shelf.lend() as url:
        yield url


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    """The transactions of a fresh database."""
    database = Database(database_url, pool_size=20)
    yield database
    database.close()


@pytest.fixture
def open_database(database_url: str) -> Iterator[Callable[[], Database]]:
    """Open the same fresh database again, as another process would."""
    opened: list[Database] = []

    def open_again() -> Database:
        opened.append(Database(database_url, pool_size=20))
        return opened[-1]

    yield open_again
    for database in opened:
        database.close()
