"""T38: who has a backup and no key has no secret; who restores one is told what is missing, and finds the rest."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import sqlalchemy as sa

from kedai import migrations
from kedai.errors import SecretUnreadable, SettingsInvalid
from kedai.vault.queries import get_credentials, open_secret
from kedai.vault.sealed import all_shelves, read_rows
from tests.architecture.sources import ROOT
from tests.feature.dashboard.browser import Browser, store_orders
from tests.support.factories import COMPLETE, FAKE, KEY, LIVE, SANDBOX, House, on_sqlite, open_house, snapshot


def live_a_little(house: House) -> None:
    house.configure(SANDBOX)
    house.configure(LIVE)
    house.connect(SANDBOX)
    store_orders(house, snapshot("BACKUP1"))


def test_t38_restored_without_its_key_everything_opens_but_the_secrets(database_url: str, tmp_path: Path) -> None:
    with open_house(database_url, tmp_path) as house:
        live_a_little(house)
    with open_house(database_url, tmp_path, master_keys=None) as house:
        assert (house.parts.ring.trouble, house.parts.ring.kids()) == ("needs key k1", ())
        with house.db.read() as db:
            for name in ("partner_key_encrypted", "push_partner_key_encrypted"):
                with pytest.raises(SecretUnreadable):
                    open_secret(house.parts.ring, get_credentials(db, FAKE, SANDBOX), name)
        browser = Browser(house)
        browser.sign_in()
        assert "BACKUP1" in browser.get("/e/sandbox/orders").words
        page = browser.get(f"/connectors/{FAKE}?tab=sandbox")
        assert (page.status, "needs key k1" in page.words) == (200, True)
        assert not list(tmp_path.glob("*.keys")), "no key is made over a database that has one"
    with open_house(database_url, tmp_path) as house, house.db.read() as db:
        opened = open_secret(house.parts.ring, get_credentials(db, FAKE, SANDBOX), "partner_key_encrypted")
        assert opened is not None
        assert opened.reveal() == COMPLETE["partner_key"]


def test_t38_nothing_sealed_opens_with_what_the_database_itself_holds(database_url: str, tmp_path: Path) -> None:
    """Whatever is stored in clear, taken for a key, is none."""
    with open_house(database_url, tmp_path) as house:
        live_a_little(house)
        with house.db.read() as db:
            stored = [
                value
                for table in sorted(sa.inspect(db.connection()).get_table_names())
                for row in db.execute(sa.text(f'SELECT * FROM "{table}"'))
                for value in row
            ]
            sealed = [
                one
                for shelf in all_shelves(db)
                for row in read_rows(db, shelf, after="", limit=9)
                for one in row.values
            ]
    assert len(sealed) >= 7
    held = b"\0".join(
        one.encode() if isinstance(one, str) else bytes(one)
        for one in stored
        if isinstance(one, str | bytes | memoryview)
    )
    for form in (KEY, base64.b64encode(KEY), base64.urlsafe_b64encode(KEY), KEY.hex().encode()):
        assert form not in held


@on_sqlite
def test_t38_the_copy_before_an_upgrade_holds_no_key(database_url: str, tmp_path: Path) -> None:
    with open_house(database_url, tmp_path) as house:
        live_a_little(house)
    copy = migrations.back_up(Path(database_url.removeprefix("sqlite:///")), tmp_path / "backups", "copy.sqlite3")
    held = copy.read_bytes()
    assert b"BACKUP1" in held
    for text in (
        KEY,
        base64.b64encode(KEY),
        *(COMPLETE[name].encode() for name in ("partner_key", "push_partner_key")),
    ):
        assert text not in held


def test_t38_without_any_key_a_shared_database_is_not_opened_for_the_first_time(
    database_url: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsInvalid, match="no master key"), open_house(database_url, tmp_path, master_keys=None):
        pass


def test_t38_the_documents_say_where_the_key_is() -> None:
    """And that it is kept apart."""
    told = " ".join((ROOT / "docs/how-to/back-up-and-restore.md").read_text().split())
    for part in ("`master.keys` in the data directory", "`KEDAI_MASTER_KEYS_FILE`", "Leave it out of the backups"):
        assert part in told, part
