"""Which keys fit which database: made only when nothing can be lost; a missing or wrong one is a visible state."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from kedai.db.database import Database
from kedai.errors import Conflict, SecretUnreadable, SettingsInvalid
from kedai.kit.clock import ManualClock
from kedai.kit.crypto import derive_v1_key, seal_v1
from kedai.runtime import open_ring
from kedai.sync.connection import get_connection
from kedai.vault import ring as ring_module
from kedai.vault.keys import create_key_file
from kedai.vault.models import EnvironmentCredentials, Installation, KeyRingEntry
from kedai.vault.queries import credentials_place, get_credentials, open_secret
from kedai.vault.ring import KeyRing
from kedai.vault.rotation import add_key, promote_key
from tests.support.factories import (
    ANNA,
    COMPLETE,
    FAKE,
    LIVE,
    MASTER_KEYS,
    SANDBOX,
    START,
    House,
    make_settings,
    on_postgresql,
    on_sqlite,
    open_house,
    run_threads,
)
from tests.support.processes import free_port

SECOND = "k2:" + base64.b64encode(hashlib.sha256(b"a second key for tests").digest()).decode()
IMPOSTOR = "k1:" + base64.b64encode(hashlib.sha256(b"another key by the same name").digest()).decode()
KEYS_FILE = "master.keys"


def ring_for(database: Database, directory: Path, *, may_create_key: bool = False, **settings: Any) -> KeyRing:
    given = make_settings(database.url, directory, **{"master_keys": None, **settings})
    return open_ring(given, database, may_create_key=may_create_key, clock=ManualClock(START))


def stored_keys(database: Database) -> list[tuple[str, str, str]]:
    with database.read() as db:
        rows = db.execute(sa.select(KeyRingEntry.kid, KeyRingEntry.state, KeyRingEntry.canary)).all()
    return sorted((row.kid, row.state, row.canary) for row in rows)


def partner_key(house: House) -> str | None:
    with house.db.read() as db:
        secret = open_secret(house.parts.ring, get_credentials(db, FAKE, SANDBOX), "partner_key_encrypted")
    return None if secret is None else secret.reveal()


@on_sqlite
def test_first_start_of_an_embedded_installation_makes_a_key_for_its_owner_only(db: Database, tmp_path: Path) -> None:
    ring = ring_for(db, tmp_path, may_create_key=True)
    assert ring.trouble is None
    assert stat.S_IMODE((tmp_path / KEYS_FILE).stat().st_mode) == 0o600
    again = ring_for(db, tmp_path, may_create_key=True)
    assert again.trouble is None
    assert again.kids() == ("k1",)


@on_sqlite
def test_only_who_may_make_a_key_makes_one(db: Database, tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="no master key"):
        ring_for(db, tmp_path)
    assert not (tmp_path / KEYS_FILE).exists()
    assert stored_keys(db) == []


@on_postgresql
def test_key_is_never_made_for_a_database_that_others_may_share(db: Database, tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="no master key"):
        ring_for(db, tmp_path, may_create_key=True)
    assert not (tmp_path / KEYS_FILE).exists()


def test_malformed_material_stops_the_start_before_anything_is_stored(db: Database, tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="Master key"):
        ring_for(db, tmp_path, may_create_key=True, master_keys="k1:c2hvcnQ=")
    assert stored_keys(db) == []


def test_first_key_given_is_the_primary_and_each_has_a_canary(db: Database, tmp_path: Path) -> None:
    ring = ring_for(db, tmp_path, master_keys=f"{SECOND},{MASTER_KEYS}")
    assert ring.primary == "k2"
    assert [(kid, state) for kid, state, _ in stored_keys(db)] == [("k1", "active"), ("k2", "primary")]


def test_database_names_the_primary_not_the_order_of_the_keys(db: Database, tmp_path: Path) -> None:
    ring_for(db, tmp_path, master_keys=f"{MASTER_KEYS},{SECOND}")
    assert ring_for(db, tmp_path, master_keys=f"{SECOND},{MASTER_KEYS}").primary == "k1"


@pytest.mark.parametrize("keys", [None, SECOND, IMPOSTOR], ids=["no key", "another key", "another key by that name"])
def test_key_that_does_not_fit_is_a_visible_state_and_nothing_is_made_or_overwritten(
    house: House, tmp_path: Path, keys: str | None
) -> None:
    """T5, F43."""
    house.configure()
    before = stored_keys(house.db)
    with open_house(house.url, tmp_path, master_keys=keys) as unfit:
        ring = unfit.parts.ring
        assert ring.trouble is not None
        assert "k1" in ring.trouble
        assert ring.needed_kid == "k1"
        assert not (tmp_path / KEYS_FILE).exists()
        with unfit.db.read() as db:
            view = get_connection(unfit.parts, db, FAKE, SANDBOX)
        assert (view.partner_key.set, view.partner_key.fingerprint) == (True, None)
        assert view.partner_key.unreadable_kid
        with pytest.raises(SecretUnreadable):
            partner_key(unfit)
        with pytest.raises(Conflict, match="k1"):
            unfit.configure(SANDBOX, partner_key="a-new-key-that-must-not-be-stored")
        assert stored_keys(unfit.db) == before
    with open_house(house.url, tmp_path) as fit:
        assert fit.parts.ring.trouble is None
        assert partner_key(fit) == COMPLETE["partner_key"]


@on_sqlite
def test_lost_key_file_is_never_replaced_by_a_new_key(db: Database, tmp_path: Path) -> None:
    """F43: a key that is missing is waited for."""
    ring_for(db, tmp_path, may_create_key=True)
    (tmp_path / KEYS_FILE).rename(tmp_path / "moved")
    ring = ring_for(db, tmp_path, may_create_key=True)
    assert ring.trouble == "needs key k1"
    assert not (tmp_path / KEYS_FILE).exists()
    (tmp_path / "moved").rename(tmp_path / KEYS_FILE)
    with db.read() as session:
        ring.check(session)
    assert ring.trouble is None


def test_key_added_to_the_file_later_is_found_without_a_restart(db: Database, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(MASTER_KEYS)
    old = ring_for(db, tmp_path, master_keys_file=file)
    file.write_text(f"{MASTER_KEYS}\n{SECOND}\n")
    newer = ring_for(db, tmp_path, master_keys_file=file)
    with db.write() as session:
        add_key(session, newer, "k2", actor=ANNA, now=START)
        promote_key(session, newer, "k2", actor=ANNA, now=START)
        stored = newer.seal(session, credentials_place(FAKE, SANDBOX, "x"), "sealed by another process")
    assert old.kids() == ("k1",)
    assert old.open(credentials_place(FAKE, SANDBOX, "x"), stored) == "sealed by another process"
    with pytest.raises(SecretUnreadable, match="k3"):
        old.open(credentials_place(FAKE, SANDBOX, "x"), stored.replace("v2:k2:", "v2:k3:"))


def test_key_file_that_went_bad_meanwhile_leaves_a_secret_unreadable_and_nothing_worse(
    db: Database, tmp_path: Path
) -> None:
    file = tmp_path / "keys"
    file.write_text(MASTER_KEYS)
    ring = ring_for(db, tmp_path, master_keys_file=file)
    file.unlink()
    with pytest.raises(SecretUnreadable, match="k9"):
        ring.open(credentials_place(FAKE, SANDBOX, "x"), "v2:k9:" + "A" * 40)


def test_writes_of_a_key_are_counted_and_limited(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """T6: a random IV is safe for so many values of one key and no more."""
    count = sa.select(KeyRingEntry.writes)
    before = house.scalar(count)
    house.configure(SANDBOX, partner_key="key-number-one-of-this-test")
    assert house.scalar(count) == before + 1
    monkeypatch.setattr(ring_module, "_MAX_WRITES_PER_KEY", before + 1)
    with pytest.raises(Conflict, match="limit"):
        house.configure(SANDBOX, partner_key="key-number-two-of-this-test")
    assert partner_key(house) == "key-number-one-of-this-test"


def test_v1_value_is_read_with_the_installations_three_texts_only(house: House, tmp_path: Path) -> None:
    v1 = {"v1_secret": "an old login secret", "v1_salt": "salt", "v1_info": "info"}
    stored = seal_v1(derive_v1_key("an old login secret", "salt", "info"), "key-of-the-old-days")
    house.execute(
        sa.update(EnvironmentCredentials)
        .where(EnvironmentCredentials.environment == SANDBOX)
        .values(partner_key_encrypted=stored)
    )
    with pytest.raises(SecretUnreadable, match="v1"):
        partner_key(house)
    with open_house(house.url, tmp_path, **{**v1, "v1_salt": "other"}) as unfit, pytest.raises(SecretUnreadable):
        partner_key(unfit)
    with open_house(house.url, tmp_path, **v1) as fit:
        assert partner_key(fit) == "key-of-the-old-days"
        fit.configure(SANDBOX, partner_key="key-of-the-new-days-01")
        assert fit.scalar(
            sa.select(EnvironmentCredentials.partner_key_encrypted).where(EnvironmentCredentials.environment == SANDBOX)
        ).startswith("v2:k1:")


def test_values_swapped_between_rows_or_columns_show_as_unreadable_not_as_an_error(house: House) -> None:
    """T1 where it is shown."""
    house.configure(SANDBOX)
    house.configure(LIVE, partner_key="key-of-live-of-this-test")
    with house.db.read() as db:
        rows = {one: get_credentials(db, FAKE, one) for one in (SANDBOX, LIVE)}
    swapped = {
        SANDBOX: {"partner_key_encrypted": rows[LIVE].partner_key_encrypted},
        LIVE: {"partner_key_encrypted": rows[SANDBOX].push_partner_key_encrypted},
    }
    for environment, values in swapped.items():
        house.execute(
            sa.update(EnvironmentCredentials).where(EnvironmentCredentials.environment == environment).values(values)
        )
    for environment in (SANDBOX, LIVE):
        with house.db.read() as db:
            view = get_connection(house.parts, db, FAKE, environment)
        assert (view.partner_key.set, view.partner_key.fingerprint) == (True, None)
        assert view.partner_key.unreadable_kid is not None


def test_eight_first_starts_at_once_agree_on_keys_and_installation(db: Database, tmp_path: Path) -> None:
    others = [Database(db.url, pool_size=2) for _ in range(8)]
    try:
        rings = run_threads(
            [lambda one=one: ring_for(one, tmp_path, master_keys=f"{MASTER_KEYS},{SECOND}") for one in others]
        )
    finally:
        for one in others:
            one.close()
    assert [ring.trouble for ring in rings] == [None] * 8
    assert [(kid, state) for kid, state, _ in stored_keys(db)] == [("k1", "primary"), ("k2", "active")]
    with db.read() as session:
        assert session.execute(sa.select(sa.func.count()).select_from(Installation)).scalar_one() == 1


@on_sqlite
def test_a_second_maker_of_the_key_file_gives_way(db: Database, tmp_path: Path) -> None:
    """Whoever comes second in the very moment of the first start never replaces the file of the first."""
    made = create_key_file(tmp_path / KEYS_FILE)
    with closing(Database(db.url)) as other:
        assert ring_for(other, tmp_path, may_create_key=True).kids() == tuple(made)


@pytest.mark.parametrize(
    "secret",
    [
        base64.b64encode(b"A canary key that is too long by far: 0123456789").decode(),
        base64.b64encode(b"supersecret".ljust(32, b"\0")).decode(),
        "not base64 but a canary, too",
    ],
    ids=["too long", "well known", "not base64"],
)
def test_unusable_material_ends_the_start_with_78_and_one_line_without_it(tmp_path: Path, secret: str) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KEDAI_")}
    done = subprocess.run(
        [sys.executable, "-m", "kedai", "serve", "--port", str(free_port())],
        env={**kept, "KEDAI_MASTER_KEYS": f"k1:{secret}", "KEDAI_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 78
    assert len([line for line in done.stderr.splitlines() if "Master key k1" in line]) == 1
    assert "Traceback" not in done.stderr
    assert secret[:12] not in done.stdout + done.stderr
