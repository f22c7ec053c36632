"""Is this still the installation that it was? A copy of the database or another public URL is sealed, a restart is not.

Real copies: an SQLite file beside its original, a PostgreSQL database made from another one. Break the comparison in
`vault.identity.recognise` (or `list_sealed`), and the copies are taken for the original.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from kedai.audit.models import AuditEntry
from kedai.errors import Conflict
from kedai.kit.ids import new_id
from kedai.settings import Settings
from kedai.sync.quarantine import Quarantine, open_quarantine
from kedai.values.environment import Environment
from kedai.vault.identity import Seal, find_place, list_seals, unseal
from tests.support.factories import ANNA, LIVE, PUBLIC_URL, SANDBOX, House, make_settings, open_house
from tests.support.postgres import PostgresServer

BOTH = frozenset(Environment)
MOVED = "https://moved.example"


def start(house: House, public_url: str | None = PUBLIC_URL) -> Quarantine:
    """Another process of the same database; None is one to which nobody gave a public URL."""
    settings = make_settings(house.url, Path(), public_url=public_url or PUBLIC_URL)
    if public_url is None:
        settings.model_fields_set.discard("public_url")
    return open_quarantine(settings, house.db, house.clock)


def sealed(house: House, process: Quarantine) -> frozenset[Environment]:
    with house.db.read() as db:
        return process.sealed(db)


def identity(house: House, process: Quarantine) -> str | None:
    with house.db.read() as db:
        return process.identity(db)


def seals(house: House) -> list[Seal]:
    with house.db.read() as db:
        return list(list_seals(db))


def deeds(house: House) -> list[tuple[str, Environment | None]]:
    chosen = sa.select(AuditEntry.action, AuditEntry.environment).where(AuditEntry.subject == "installation")
    with house.db.read() as db:
        return [(row[0], row[1]) for row in db.execute(chosen.order_by(AuditEntry.sequence))]


def confirm(house: House, environment: Environment, identity: str | None = None) -> Seal:
    with house.db.write() as db:
        return unseal(db, environment, identity=identity, actor=ANNA, now=house.now)


@pytest.fixture
def copied(house: House, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[House]:
    """A copy of the house's database, opened under the same public URL."""
    with copy_of(house, tmp_path, request) as url, open_house(url, tmp_path / "copy") as opened:
        yield opened


@contextmanager
def copy_of(house: House, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    house.runtime.close()
    if house.url.startswith("sqlite"):
        (tmp_path / "copy").mkdir()
        target = tmp_path / "copy" / "kedai.sqlite3"
        original = sqlite3.connect(house.url.removeprefix("sqlite:///"))
        original.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        original.close()
        shutil.copy2(house.url.removeprefix("sqlite:///"), target)
        yield f"sqlite:///{target}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = f"copy_{new_id().hex}"
    server.create_database(name, template=make_url(house.url).database)
    yield server.url(name)
    server.drop_database(name)


def test_restart_and_further_processes_are_recognised(house: House) -> None:
    for _ in range(3):
        assert start(house) == Quarantine(None)
    assert seals(house) == []
    assert deeds(house) == []


def test_process_without_a_public_url_of_its_own_is_the_one_that_was(house: House) -> None:
    """A command, or a worker that needs none, must not seal what it only visits."""
    assert start(house, None) == Quarantine(None)
    with house.db.read() as db:
        place = find_place(db)
    assert place is not None
    assert place.public_url == PUBLIC_URL


def test_the_listening_address_of_serve_is_no_public_url(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from kedai.cli.serve import _settings

    monkeypatch.delenv("KEDAI_PUBLIC_URL", raising=False)
    monkeypatch.setenv("KEDAI_DATA_DIR", str(tmp_path))
    assert _settings("127.0.0.1", 9009).public_url == "http://127.0.0.1:9009"
    assert _settings("127.0.0.1", 9009).given_public_url == ""
    monkeypatch.setenv("KEDAI_PUBLIC_URL", PUBLIC_URL)
    assert _settings("127.0.0.1", 9009).given_public_url == PUBLIC_URL
    assert Settings(public_url=PUBLIC_URL).given_public_url == PUBLIC_URL


def test_first_public_url_of_a_database_is_taken_as_it_is(house: House) -> None:
    """From a trial on loopback to a real address: nothing was known before, so nothing is another one."""
    house.execute(sa.text("UPDATE installation SET identity = NULL, identity_public_url = NULL"))
    assert start(house, None) == Quarantine(None)
    assert start(house) == Quarantine(None)
    assert sealed(house, start(house, MOVED)) == BOTH


def test_copied_database_is_sealed_in_both_environments(copied: House) -> None:
    process = copied.parts.quarantine
    assert sealed(copied, process) == BOTH
    found = seals(copied)
    assert {one.environment for one in found} == BOTH
    for one in found:
        assert one.was.public_url == one.found.public_url == PUBLIC_URL
        assert one.was.database != one.found.database
        assert one.sealed_at == copied.now
    assert deeds(copied) == [("environment.seal", SANDBOX), ("environment.seal", LIVE)]


def test_further_processes_of_the_copy_change_nothing(copied: House) -> None:
    before = seals(copied)
    for _ in range(2):
        assert sealed(copied, start(copied)) == BOTH
    assert seals(copied) == before
    assert len(deeds(copied)) == 2


def test_original_is_still_itself_after_it_was_copied(
    house: House, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with copy_of(house, tmp_path, request) as url:
        with open_house(url, tmp_path / "copy") as opened:
            assert sealed(opened, opened.parts.quarantine) == BOTH
        with open_house(house.url, tmp_path) as again:
            assert sealed(again, again.parts.quarantine) == frozenset()


def test_another_public_url_is_sealed_and_the_stray_process_seals_nobody_else(house: House) -> None:
    stray = start(house, MOVED)
    assert sealed(house, stray) == BOTH
    assert sealed(house, house.parts.quarantine) == frozenset()
    assert sealed(house, start(house)) == frozenset()
    one = seals(house)[0]
    assert (one.was.public_url, one.found.public_url) == (PUBLIC_URL, MOVED)
    assert one.was.database == one.found.database


def test_each_environment_is_confirmed_by_itself_at_once_and_for_good(copied: House) -> None:
    process = copied.parts.quarantine
    confirm(copied, SANDBOX)
    assert sealed(copied, process) == {LIVE}
    assert sealed(copied, start(copied)) == {LIVE}
    confirm(copied, LIVE, identity(copied, process))
    assert sealed(copied, process) == frozenset()
    assert start(copied) == Quarantine(None)
    assert deeds(copied)[2:] == [("environment.unseal", SANDBOX), ("environment.unseal", LIVE)]


def test_what_is_not_sealed_cannot_be_unsealed(house: House) -> None:
    for environment in Environment:
        with pytest.raises(Conflict):
            confirm(house, environment)
    start(house, MOVED)
    with pytest.raises(Conflict):
        confirm(house, LIVE, "another process")
    confirm(house, LIVE)
    with pytest.raises(Conflict):
        confirm(house, LIVE)


def test_after_a_confirmed_move_the_old_place_is_the_stranger(house: House) -> None:
    moved = start(house, MOVED)
    for environment in Environment:
        confirm(house, environment, identity(house, moved))
    assert start(house, MOVED) == Quarantine(None)
    assert sealed(house, start(house)) == BOTH


def test_stray_start_does_not_confirm_what_still_waits(copied: House) -> None:
    """The copy's live is sealed, its sandbox confirmed; then somebody starts a third place on the same database."""
    process = copied.parts.quarantine
    confirm(copied, SANDBOX, identity(copied, process))
    stray = start(copied, MOVED)
    assert sealed(copied, process) == {LIVE}
    assert sealed(copied, stray) == BOTH


def test_first_public_url_is_not_taken_while_something_is_sealed(copied: House) -> None:
    """Else naming an address would unseal what waits for a person."""
    copied.execute(sa.text("UPDATE installation SET identity_public_url = ''"))
    first = start(copied, None)
    confirm(copied, SANDBOX, identity(copied, first))
    assert LIVE in sealed(copied, start(copied, None))
    assert LIVE in sealed(copied, start(copied, MOVED))


def test_confirmed_address_counts_at_once_for_a_worker_that_was_given_none(copied: House) -> None:
    worker, web = start(copied, None), start(copied, MOVED)
    assert sealed(copied, worker) == sealed(copied, web) == BOTH
    confirm(copied, SANDBOX, identity(copied, web))
    assert sealed(copied, worker) == sealed(copied, web) == {LIVE}
