"""F45: what starts on a database of a newer version says so in one line, ends with 78, and changes nothing."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.journeys.conftest import Place
from tests.support.installation import Installation
from tests.support.processes import free_port

pytestmark = pytest.mark.journey

NEWER = "9999"
CONFIGURATION = 78


def make_newer(home: Installation) -> None:
    """As the next version leaves it."""
    home.upgrade()
    with home.database.write() as db:
        db.execute(sa.text("UPDATE alembic_version SET version_num = :newer"), {"newer": NEWER})


def assert_refused(home: Installation, *command: str) -> None:
    ended = home.run(*command)
    told = ended.stdout + ended.stderr
    assert ended.returncode == CONFIGURATION, told
    assert len(told.strip().splitlines()) == 1, told
    assert told.startswith(f"kedai: The database schema is at {NEWER}, made by a newer version of Kedai")
    assert "kedai db upgrade" not in told


def test_f45_a_newer_schema_is_refused_by_everything_that_starts(place: Place) -> None:
    """Fails where the schema is only compared after something was opened, or where a library's words come through."""
    home = place(with_simulator=False)
    make_newer(home)
    assert_refused(home, "serve", "--port", str(free_port()))
    assert_refused(home, "db", "upgrade")
    assert_refused(home, "keys", "list")
    if home.database_url is not None:
        assert_refused(home, "worker")
    assert home.rows(sa.text("SELECT version_num FROM alembic_version"))[0][0] == NEWER  # type: ignore[arg-type]
    assert not (home.data_dir / "backups").exists()
