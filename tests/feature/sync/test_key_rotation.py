"""The master keys turn while everything goes on: add, promote, rewrap, verify, retire."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from kedai.audit.models import AuditEntry
from kedai.errors import Conflict, Invalid, NotFound, SecretUnreadable, SettingsInvalid
from kedai.kit.crypto import derive_v1_key, seal_v1
from kedai.kit.ids import new_id
from kedai.runs.models import Run
from kedai.runs.service import claim_run, hold_run
from kedai.sync import keys, presence, rewrap, runner
from kedai.sync.connection import get_connection
from kedai.sync.work import work_of
from kedai.values.environment import Environment, MerchantScope, Scope
from kedai.vault import rotation
from kedai.vault.accounts import open_tokens, save_account, seal_tokens, store_tokens
from kedai.vault.held import hold, seal_held
from kedai.vault.keys import append_key, load_master_keys
from kedai.vault.models import AuthToken, EnvironmentCredentials, Installation, KeyRingEntry, Process
from kedai.vault.processes import list_processes, report_process
from kedai.vault.queries import credentials_place, find_token, get_credentials, open_secret
from kedai.vault.refresh import swap_tokens
from kedai.vault.ring import keyed_fingerprint
from kedai.vault.sealed import Swap, all_shelves, count_by_key, read_rows, shelves_of_environment, swap
from tests.support.factories import (
    ANNA,
    COMPLETE,
    FAKE,
    LIVE,
    MASTER_KEYS,
    SANDBOX,
    House,
    generation_of,
    make_settings,
    open_house,
    run_threads,
)

SECOND = "k2:" + base64.b64encode(hashlib.sha256(b"a second key for tests").digest()).decode()
THIRD = "k3:" + base64.b64encode(hashlib.sha256(b"a third key for tests").digest()).decode()
BOTH = f"{MASTER_KEYS},{SECOND}"
V1 = {"v1_secret": "an old login secret", "v1_salt": "salt", "v1_info": "info"}
V1_KEY = derive_v1_key("an old login secret", "salt", "info")
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
SHOPS = ("7001", "7002", "7003", "7004", "7005")


@pytest.fixture
def turning(database_url: str, tmp_path: Path) -> Iterator[House]:
    """Both environments with shops, a push key in overlap, all sealed with k1; k2 is in the ring."""
    with open_house(database_url, tmp_path, master_keys=BOTH, **V1) as house:
        fill(house)
        yield house


def fill(house: House) -> None:
    for environment in (SANDBOX, LIVE):
        house.configure(environment)
        for shop_id in SHOPS:
            house.connect(environment, shop_id)
        add_merchant(house, MerchantScope(FAKE, environment, SHOPS[0]))
    with house.db.write() as db:
        row = get_credentials(db, FAKE, LIVE, lock=True)
        column = "previous_push_partner_key_encrypted"
        row.previous_push_partner_key_encrypted = house.parts.ring.seal(
            db, credentials_place(FAKE, LIVE, column), "the-push-key-of-yesterday"
        )
        row.previous_push_partner_key_valid_until = house.now + timedelta(days=1)


def add_merchant(house: House, scope: MerchantScope) -> None:
    """A merchant with a shop's number, with a pair in use and another one that is kept aside."""
    tokens = house.market.issue(scope.environment, "a merchant", house.now)
    with house.db.write() as db:
        own = seal_tokens(db, house.parts.ring, scope, tokens)
        aside = seal_held(db, house.parts.ring, scope, tokens)
        save_account(db, scope, None, main_account_id="5", state="connected", reason="", actor=ANNA, now=house.now)
        store_tokens(db, scope, "1001", own, shared=True, now=house.now)
        hold(db, scope, "1001", aside, main_account_id="5", now=house.now)


VALUES = 2 * (2 + 2 * len(SHOPS) + 2 + 2) + 1 + 1
"""What `fill` seals, with the installation's own value."""


def counts(house: House) -> dict[str, int]:
    with house.db.read() as db:
        return count_by_key(db, all_shelves(db))


def plain(house: House) -> dict[str, str]:
    """Every stored secret, opened."""
    found = {}
    with house.db.read() as db:
        for shelf in all_shelves(db):
            for row in read_rows(db, shelf, after="", limit=1_000):
                for column, stored in row.values.items():
                    name = f"{shelf.environment} {shelf.sealed.name} {row.row} {column}"
                    found[name] = house.parts.ring.open(shelf.place(column, row.row), stored)
    return found


def ciphertexts(house: House) -> dict[str, str]:
    with house.db.read() as db:
        return {
            f"{shelf.environment} {shelf.sealed.name} {row.row} {column}": stored
            for shelf in all_shelves(db)
            for row in read_rows(db, shelf, after="", limit=1_000)
            for column, stored in row.values.items()
        }


def promote(house: House, kid: str = "k2") -> bool:
    with house.db.write() as db:
        return keys.promote(db, house.parts.ring, kid, actor=ANNA, now=house.now)


def start(house: House) -> list[Run]:
    with house.db.read() as db:
        census = rewrap.take_census(db)
    with house.db.write() as db:
        return list(rewrap.start_rewrap(db, house.parts.ring, census, actor=ANNA, now=house.now))


def retire(house: House, kid: str = "k1") -> bool:
    with house.db.write() as db:
        return keys.retire(db, house.parts.ring, kid, actor=ANNA, now=house.now)


def add(house: House, kid: str) -> bool:
    with house.db.write() as db:
        return rotation.add_key(db, house.parts.ring, kid, actor=ANNA, now=house.now)


def work(house: House) -> None:
    """Take runs until none is due, as the worker does."""

    async def until_idle() -> None:
        while await runner.run_next(house.parts):
            pass

    asyncio.run(until_idle())


def runs(house: House) -> list[Run]:
    with house.db.read() as db:
        return list(db.execute(sa.select(Run).order_by(Run.id)).scalars())


def standing(house: House) -> list[Any]:
    """What caches and refreshes are fenced by."""
    with house.db.read() as db:
        credentials = sa.select(EnvironmentCredentials.version, EnvironmentCredentials.updated_at)
        tokens = sa.select(AuthToken.generation, AuthToken.updated_at)
        rows = (*db.execute(credentials.order_by(EnvironmentCredentials.environment)), *db.execute(tokens))
        return [tuple(row) for row in rows]


def deeds(house: House) -> list[str]:
    with house.db.read() as db:
        chosen = sa.select(AuditEntry.action).where(AuditEntry.action.startswith("keys."))
        return list(db.execute(chosen.order_by(AuditEntry.sequence)).scalars())


def test_whole_turn_moves_every_value_and_changes_no_secret_version_or_generation(
    turning: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrap, "STEP_ROWS", 2)
    secrets, sealed = plain(turning), ciphertexts(turning)
    stand = standing(turning)
    with turning.db.read() as db:
        fingerprint = keyed_fingerprint(db, turning.parts.ring, "a secret")
    assert counts(turning) == {"k1": VALUES}
    assert promote(turning)
    assert len(start(turning)) == 2
    work(turning)
    assert counts(turning) == {"k2": VALUES}
    assert plain(turning) == secrets
    assert standing(turning) == stand
    assert not set(sealed.values()) & set(ciphertexts(turning).values())
    with turning.db.read() as db:
        assert keyed_fingerprint(db, turning.parts.ring, "a secret") == fingerprint
        assert rotation.verify_sealed(db, turning.parts.ring) == rotation.Verification({"k2": VALUES}, ())
    assert [(one.state, one.done, one.total) for one in runs(turning)] == [
        ("succeeded", one.done, one.done) for one in runs(turning)
    ]
    assert keys.report_of(runs(turning)) == {"k1": (VALUES, 0), "k2": (0, VALUES)}
    assert retire(turning)
    assert deeds(turning) == ["keys.promote", "keys.rewrapped", "keys.rewrapped", "keys.retire"]


def test_rewrap_that_has_nothing_to_do_starts_nothing(turning: House) -> None:
    promote(turning)
    start(turning)
    work(turning)
    sealed = ciphertexts(turning)
    assert start(turning) == []
    assert ciphertexts(turning) == sealed


def test_starting_twice_is_one_rewrap(turning: House) -> None:
    promote(turning)
    assert [one.id for one in start(turning)] == [one.id for one in start(turning)]
    assert len(runs(turning)) == 2


def test_f44_rewrap_killed_halfway_is_readable_and_is_resumed_where_it_was(
    turning: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails when a step commits its work and not its cursor, or the other way round."""
    monkeypatch.setattr(rewrap, "STEP_ROWS", 2)
    secrets = plain(turning)
    promote(turning)
    start(turning)
    with turning.db.write() as db:
        claimed = claim_run(db, lease_seconds=60)
        assert claimed is not None
    holder, left = str(claimed.lease_by), 3
    work_in_hand = work_of(claimed, holder)
    while left:
        for step in asyncio.run(rewrap.read(turning.parts, work_in_hand))[:left]:
            with turning.db.write() as db:
                held = hold_run(db, claimed.id, holder, lease_seconds=60)
                assert held is not None
                assert not step(db, held, now=turning.now)
                work_in_hand, left = work_of(held, holder), left - 1
    assert counts(turning) == {"k1": VALUES - 11, "k2": 11}
    assert plain(turning) == secrets
    with pytest.raises(Conflict, match="going on"):
        retire(turning)
    turning.execute(sa.update(Run).values(lease_until=LONG_AGO))
    work(turning)
    assert counts(turning) == {"k2": VALUES}
    assert plain(turning) == secrets
    assert keys.report_of(runs(turning)) == {"k1": (VALUES, 0), "k2": (0, VALUES)}


def test_value_that_was_changed_after_it_was_read_is_never_overwritten(turning: House) -> None:
    """Fails when `swap` does not compare with the old value: a token that was just refreshed would be gone for good."""
    promote(turning)
    scope = Scope(FAKE, SANDBOX, SHOPS[0])
    ring = turning.parts.ring
    shelf = next(one for one in shelves_of_environment(FAKE, SANDBOX) if one.sealed.name == "auth_token")
    with turning.db.read() as db:
        read = read_rows(db, shelf, after="", limit=100, unless="k2")
    tokens = turning.market.issue(SANDBOX, SHOPS[0], turning.now)
    with turning.db.write() as db:
        assert swap_tokens(db, ring, generation_of(db, scope), tokens, now=turning.now)
    with turning.db.write() as db:
        renewed = [
            {column: (old, ring.renew("k2", shelf.place(column, one.row), old)) for column, old in one.values.items()}
            for one in read
        ]
        swap(db, shelf, [Swap(one.row, values) for one, values in zip(read, renewed, strict=True)])
    with turning.db.read() as db:
        row = find_token(db, scope)
        assert row is not None
        assert open_tokens(ring, row).refresh_token.reveal() == tokens.refresh_token.reveal()
    assert counts(turning) == {"k1": VALUES - 2 * len(SHOPS), "k2": 2 * len(SHOPS)}


def test_tokens_and_credentials_that_change_all_the_while_survive_a_rewrap(
    turning: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrap, "STEP_ROWS", 1)
    ring, rounds = turning.parts.ring, 12
    latest: dict[str, str] = {}
    places = [turning.as_process() for _ in range(2)]

    def refresh() -> None:
        for number in range(rounds):
            for shop_id in SHOPS:
                tokens = turning.market.issue(LIVE, shop_id, turning.now)
                with places[0].database.write() as db:
                    scope = Scope(FAKE, LIVE, shop_id)
                    asked = replace(generation_of(db, scope), number=number + 1)
                    assert swap_tokens(db, ring, asked, tokens, now=turning.now)
                latest[shop_id] = tokens.refresh_token.reveal()

    def edit() -> None:
        for number in range(rounds):
            turning.configure(LIVE, partner_key=f"partner-key-number-{number:04}")

    def turn() -> None:
        for kid in ("k2", "k1", "k2"):
            promote(turning, kid)
            start(turning)
            asyncio.run(take_all(places[1]))

    async def take_all(parts: Any) -> None:
        while await runner.run_next(parts):
            pass

    assert run_threads([refresh, edit, turn]) == [None, None, None]
    with turning.db.read() as db:
        for shop_id in SHOPS:
            row = find_token(db, Scope(FAKE, LIVE, shop_id))
            assert row is not None
            assert open_tokens(ring, row).refresh_token.reveal() == latest[shop_id]
        opened = open_secret(ring, get_credentials(db, FAKE, LIVE), "partner_key_encrypted")
    assert opened is not None
    assert opened.reveal() == f"partner-key-number-{rounds - 1:04}"
    assert counts(turning) == {"k2": VALUES}


def test_t2_t3_v1_values_are_upgraded_and_then_refused_for_good(turning: House, tmp_path: Path) -> None:
    """Fails without `refuse_v1` at the end of the last run, or without asking for the flag in `_open_v1`."""
    planted = seal_v1(V1_KEY, "key-of-the-old-days")
    of_live = EnvironmentCredentials.environment == LIVE
    turning.execute(sa.update(EnvironmentCredentials).where(of_live).values(partner_key_encrypted=planted))
    turning.execute(
        sa.update(AuthToken)
        .where(AuthToken.environment == SANDBOX)
        .values(access_token_encrypted=seal_v1(V1_KEY, "an old access token"))
    )
    before = plain(turning)
    assert counts(turning) == {"k1": VALUES - 6, "v1": 6}
    with pytest.raises(Conflict, match="6 stored values need v1"):
        retire(turning, "v1")
    start(turning)
    work(turning)
    assert counts(turning) == {"k1": VALUES}
    assert plain(turning) == before
    assert turning.scalar(sa.select(Installation.v1_refused)) is True
    assert "keys.refuse_v1" in deeds(turning)
    turning.execute(sa.update(EnvironmentCredentials).where(of_live).values(partner_key_encrypted=planted))
    with open_house(turning.url, tmp_path, master_keys=BOTH, **V1) as later, later.db.read() as db:
        with pytest.raises(SecretUnreadable, match="refused"):
            open_secret(later.parts.ring, get_credentials(db, FAKE, LIVE), "partner_key_encrypted")
        assert get_connection(later.parts, db, FAKE, LIVE).partner_key.unreadable_kid == "v1"
        assert rotation.verify_sealed(db, later.parts.ring).unreadable == ("fake live: partner_key",)


def test_v1_can_be_refused_on_purpose_where_nothing_was_ever_stored_in_it(turning: House) -> None:
    assert retire(turning, "v1")
    assert not retire(turning, "v1")
    with pytest.raises(SecretUnreadable, match="refused"):
        turning.parts.ring.open(credentials_place(FAKE, LIVE, "x"), seal_v1(V1_KEY, "planted"))


def test_login_secret_may_change_without_touching_a_credential(turning: House, tmp_path: Path) -> None:
    """What once derived the key is only read for what is still sealed with it: after a rewrap, for nothing."""
    turning.execute(
        sa.update(EnvironmentCredentials)
        .where(EnvironmentCredentials.environment == SANDBOX)
        .values(partner_key_encrypted=seal_v1(V1_KEY, COMPLETE["partner_key"]))
    )
    start(turning)
    work(turning)
    secrets, sealed = plain(turning), ciphertexts(turning)
    for changed in ({**V1, "v1_secret": "a new login secret"}, {}):
        with open_house(turning.url, tmp_path, master_keys=BOTH, **changed) as later:
            assert later.parts.ring.trouble is None
            assert plain(later) == secrets
            assert ciphertexts(later) == sealed


def test_value_that_cannot_be_opened_stays_as_it_is_and_is_reported(turning: House) -> None:
    broken = "v2:k1:" + "A" * 60
    turning.execute(
        sa.update(AuthToken)
        .where(AuthToken.environment == LIVE, AuthToken.shop_id == SHOPS[1])
        .values(refresh_token_encrypted=broken)
    )
    promote(turning)
    start(turning)
    work(turning)
    assert counts(turning) == {"k1": 1, "k2": VALUES - 1}
    assert [one.state for one in runs(turning)] == ["succeeded", "succeeded"]
    assert sum(one.cursor["unreadable"] for one in runs(turning)) == 1
    with turning.db.read() as db:
        assert rotation.verify_sealed(db, turning.parts.ring).unreadable == (f"fake live {SHOPS[1]}: refresh_token",)
    with pytest.raises(Conflict, match="1 stored value needs k1"):
        retire(turning)


def test_key_that_is_in_use_primary_or_unknown_is_not_retired(turning: House) -> None:
    """F43. Fails without `_refuse_in_use`."""
    promote(turning)
    with pytest.raises(Conflict, match=f"{VALUES} stored values need k1"):
        retire(turning)
    with pytest.raises(Conflict, match="primary"):
        retire(turning, "k2")
    with pytest.raises(NotFound):
        retire(turning, "k9")


def test_retired_key_opens_nothing_any_more_and_its_id_is_used_up(turning: House, tmp_path: Path) -> None:
    old = ciphertexts(turning)["live environment_credentials  partner_key_encrypted"]
    promote(turning)
    start(turning)
    work(turning)
    assert retire(turning)
    assert not retire(turning)
    with pytest.raises(SecretUnreadable, match="retired"):
        turning.parts.ring.open(credentials_place(FAKE, LIVE, "partner_key_encrypted"), old)
    for deed in (add, promote):
        with pytest.raises(Conflict, match="retired"):
            deed(turning, "k1")
    with open_house(turning.url, tmp_path, master_keys=SECOND) as later:
        assert later.parts.ring.trouble is None
        later.configure(SANDBOX, partner_key="a-key-typed-after-the-turn-1")


def test_promotion_waits_for_what_is_being_sealed_and_nothing_follows_under_the_old_key(
    turning: House, tmp_path: Path
) -> None:
    """Fails when `seal` takes the primary from memory: what commits after the promotion must be under the new key."""
    other = turning.as_process()
    sealed, may_commit = threading.Event(), threading.Event()

    def seal_slowly() -> None:
        with other.database.write() as db:
            place = credentials_place(FAKE, SANDBOX, "partner_key_encrypted")
            text = turning.parts.ring.seal(db, place, "typed while the key turned")
            get_credentials(db, FAKE, SANDBOX, lock=True).partner_key_encrypted = text
            sealed.set()
            may_commit.wait(1)

    def promote_meanwhile() -> None:
        sealed.wait(10)
        promote(turning)

    assert run_threads([seal_slowly, promote_meanwhile]) == [None, None]
    assert counts(turning) == {"k1": VALUES}
    with open_house(turning.url, tmp_path, master_keys=BOTH) as third:
        third.parts.ring.primary = "k1"  # what a process believes that has not looked since
        third.configure(SANDBOX, partner_key="typed-after-the-promotion-01")
    assert counts(turning) == {"k1": VALUES - 1, "k2": 1}


def test_promotion_is_refused_while_a_running_process_lacks_the_key(turning: House) -> None:
    """Fails without `_refuse_where_missing`."""
    ours, behind = new_id(), new_id()
    with turning.db.write() as db:
        report_process(db, ours, role="web", host="one", kids=["k1", "k2"])
        report_process(db, behind, role="worker", host="two", kids=["k1"])
    with pytest.raises(Conflict, match="worker on two"):
        promote(turning)
    assert counts(turning) == {"k1": VALUES}
    turning.execute(sa.update(Process).where(Process.id == behind).values(seen_at=LONG_AGO))
    assert promote(turning)
    assert not promote(turning)


def test_promotion_and_retirement_wait_for_the_end_of_a_rewrap(turning: House) -> None:
    promote(turning)
    start(turning)
    for deed in (promote, retire):
        with pytest.raises(Conflict, match="going on"):
            deed(turning, "k1")


def test_process_reports_the_keys_that_fit_and_leaves_in_good_order(turning: House, tmp_path: Path) -> None:
    impostor = "k2:" + base64.b64encode(hashlib.sha256(b"another key by that name").digest()).decode()
    with open_house(turning.url, tmp_path, master_keys=f"{MASTER_KEYS},{impostor}") as other:
        assert other.parts.ring.trouble is None, "k2 seals nothing yet: nobody needs it"
        with presence.Presence(turning.parts, "serve"), presence.Presence(other.parts, "web"):
            with turning.db.read() as db:
                held = {one.role: one.kids for one in list_processes(db)}
            assert held == {"serve": ["k1", "k2"], "web": ["k1"]}
            with pytest.raises(Conflict, match="web on"):
                promote(turning)
        with turning.db.read() as db:
            assert list_processes(db) == []
        assert promote(turning)
        with pytest.raises(Conflict, match="needs key k2"):
            other.configure(SANDBOX, partner_key="sealed-by-an-impostor-never-1")
    assert "k2" not in counts(turning)


def test_added_key_is_found_in_the_file_by_those_who_run(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(MASTER_KEYS)
    given = {"master_keys": None, "master_keys_file": file}
    with open_house(database_url, tmp_path, **given) as one, open_house(database_url, tmp_path, **given) as other:
        with pytest.raises(Conflict, match="not among the master keys"):
            add(one, "k2")
        append_key(make_settings(database_url, tmp_path, **given), "k2")
        assert add(one, "k2")
        assert not add(one, "k2")
        with presence.Presence(other.parts, "worker"), one.db.read() as db:
            assert [process.kids for process in list_processes(db)] == [["k1", "k2"]]
        assert promote(one)
        other.configure(SANDBOX, partner_key="sealed-by-the-other-process-1")
        assert counts(one)["k2"] == 1


def test_key_that_was_added_and_is_missing_elsewhere_troubles_nobody(turning: House, tmp_path: Path) -> None:
    """Zero stop: between adding a key and giving it to the last process everything goes on."""
    with open_house(turning.url, tmp_path) as behind:
        assert behind.parts.ring.trouble is None
        behind.configure(SANDBOX, partner_key="sealed-without-the-new-key-1")
        promote(turning)
        with behind.db.read() as db:
            behind.parts.ring.check(db)
        assert behind.parts.ring.trouble == "needs key k2"


@pytest.mark.parametrize("kid", ["v1", "", "K2", "a" * 17, "k2:", "k 2"])
def test_bad_key_id_is_refused(turning: House, kid: str) -> None:
    with pytest.raises(Invalid):
        add(turning, kid)


def test_new_id_for_the_same_bytes_is_refused(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(MASTER_KEYS)
    with open_house(database_url, tmp_path, master_keys=None, master_keys_file=file) as house:
        file.write_text(f"{MASTER_KEYS}\n{MASTER_KEYS.replace('k1:', 'k2:')}\n")
        with pytest.raises(Conflict, match="same key as k1"):
            add(house, "k2")


def test_key_is_added_to_the_file_in_one_step(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# ours\n{MASTER_KEYS}\n")
    file.chmod(0o600)
    settings = make_settings("sqlite:///unused", tmp_path, master_keys=None, master_keys_file=file)
    before = load_master_keys(settings)
    append_key(settings, "k2")
    after = load_master_keys(settings)
    assert after["k1"] == before["k1"]
    assert list(after) == ["k1", "k2"]
    assert file.read_text().startswith("# ours\n")
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["keys"]
    with pytest.raises(SettingsInvalid, match="already"):
        append_key(settings, "k2")
    with pytest.raises(Invalid):
        append_key(settings, "v1")
    with pytest.raises(SettingsInvalid, match="no key file"):
        append_key(make_settings("sqlite:///unused", tmp_path, master_keys=MASTER_KEYS), "k2")


def test_wrong_key_in_the_file_is_mended_without_a_restart(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(MASTER_KEYS)
    given = {"master_keys": None, "master_keys_file": file}
    with open_house(database_url, tmp_path, **given) as house:
        house.configure(SANDBOX)
    file.write_text(SECOND.replace("k2:", "k1:"))
    with open_house(database_url, tmp_path, **given) as house:
        assert house.parts.ring.trouble == "needs key k1 (the one given is another key)"
        file.write_text(MASTER_KEYS)
        with house.db.read() as db:
            house.parts.ring.check(db)
        assert house.parts.ring.trouble is None
        assert "sandbox environment_credentials  partner_key_encrypted" in plain(house)


def test_database_admits_one_primary_only(turning: House) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        turning.execute(sa.update(KeyRingEntry).values(state="primary"))


def test_list_shows_what_each_key_seals_and_who_holds_it(turning: House, tmp_path: Path) -> None:
    with open_house(turning.url, tmp_path, master_keys=f"{BOTH},{THIRD}", **V1) as house:
        with presence.Presence(replace(house.parts, ring=turning.parts.ring), "serve"), house.db.read() as db:
            view = keys.read_ring(db, house.parts.ring)
    shown = {one.kid: (one.state, one.at_hand, one.values, one.held_by) for one in view.keys}
    assert shown == {
        "k1": ("primary", "yes", VALUES, 1),
        "k2": ("active", "yes", 0, 1),
        "v1": ("readable", "yes", 0, None),
    }
    assert (view.unregistered, view.unknown, view.stale) == (("k3",), (), 0)


@pytest.mark.parametrize("environment", list(Environment))
def test_t1_values_swapped_in_the_database_never_open(turning: House, environment: Environment) -> None:
    """Every pair of columns, each value of one put where the other is."""
    held = ciphertexts(turning)
    ring = turning.parts.ring
    places = {}
    with turning.db.read() as db:
        for shelf in all_shelves(db):
            for row in read_rows(db, shelf, after="", limit=1_000):
                for column in row.values:
                    name = f"{shelf.environment} {shelf.sealed.name} {row.row} {column}"
                    places[name] = shelf.place(column, row.row)
    assert places.keys() == held.keys()
    for name, place in places.items():
        if not name.startswith(environment.value):
            continue
        for other, stored in held.items():
            if other != name:
                with pytest.raises(SecretUnreadable):
                    ring.open(place, stored)
