"""T22: what the marketplace answered survives a kill, a full disk and an absent database, and only the right pair wins.

Break `_save` in `sync.renewal` (nothing is saved), or the fence `_is` in `vault.refresh` (whatever is saved wins).
"""

from __future__ import annotations

import asyncio
import base64
import errno
import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db.database import Database
from kedai.errors import Conflict, NeedsReconnect, OutcomeUnknown, RemoteUnavailable, StorageUnavailable, Unavailable
from kedai.kit import spool
from kedai.kit.crypto import SecretPlace, seal_v2
from kedai.sync import keys
from kedai.sync.outcome import Action, rule_for
from kedai.sync.spool_files import seal_pair_file
from kedai.sync.spooled import recover
from kedai.sync.tokens import get_access_token
from kedai.values.environment import Scope
from kedai.vault import rotation
from kedai.vault.accounts import disconnect_account, open_tokens
from kedai.vault.models import AuthToken, Installation
from kedai.vault.queries import find_token
from kedai.vault.refresh import has_open_intent
from tests.support.factories import (
    ANNA,
    FAKE,
    KEY,
    LIVE,
    SANDBOX,
    SHOP,
    Call,
    House,
    generation_of,
    open_house,
)

SCOPE = Scope(FAKE, SANDBOX, SHOP)
SOON = timedelta(minutes=4)


@pytest.fixture
def shop(house: House) -> House:
    """A house whose sandbox shop holds a token that is about to expire."""
    house.configure(SANDBOX)
    house.connect(SANDBOX, expires_in=SOON)
    return house


@dataclass
class Away:
    """A database that goes away when it is told to."""

    database: Database
    is_away: bool = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.database, name)

    def transact(self, work: Callable[[Session], Any]) -> Any:
        if self.is_away:
            raise StorageUnavailable
        return self.database.transact(work)


def get(house: House) -> int:
    return asyncio.run(get_access_token(house.parts, SCOPE)).generation


def row(house: House, scope: Scope = SCOPE) -> AuthToken:
    with house.db.read() as db:
        found = find_token(db, scope)
    assert found is not None
    return found


def directory(house: House) -> Path:
    return house.parts.settings.token_spool_dir


def files(house: House) -> list[str]:
    """The endings of what lies in the spool."""
    return sorted(one.suffix for one in directory(house).iterdir()) if directory(house).exists() else []


def saved(house: House) -> Path:
    (only,) = spool.list_saved(directory(house))
    return only


def lose_commit(house: House) -> str:
    """Renew the pair with a database that goes away before the answer is stored; the new access token."""
    away: Any = Away(house.parts.database)

    async def go_away(_call: Call) -> None:
        away.is_away = True

    house.market.after = go_away
    with pytest.raises(StorageUnavailable):
        asyncio.run(get_access_token(replace(house.parts, database=away), SCOPE))
    house.market.after = at_once
    token = house.market.access_token(SANDBOX, SHOP)
    assert token is not None
    return token


async def at_once(_call: Call) -> None:
    return


def put(house: House, **changes: Any) -> Path:
    """Save a pair as a process that was killed would have: for the stored generation, or another one."""
    with house.db.write() as db:
        asked = replace(generation_of(db, SCOPE), **changes)
        kid = house.parts.ring.reserve(db, 1)
    tokens = house.market.issue(SANDBOX, SHOP, house.now)
    with spool.Slot(directory(house)) as slot:
        slot.save(seal_pair_file(house.parts.ring, kid, asked, tokens))
    return spool.list_saved(directory(house))[0]


def test_t22_answer_that_could_not_be_stored_lies_sealed_on_the_disk_and_is_stored_later(shop: House) -> None:
    """Fails when `_save` comes after the commit."""
    token = lose_commit(shop)
    stored = row(shop)
    assert (stored.generation, has_open_intent(stored)) == (1, True)
    data = saved(shop).read_bytes()
    assert token.encode() not in data
    assert b"refresh-token" not in data
    assert stat.S_IMODE(saved(shop).stat().st_mode) == 0o600
    assert stat.S_IMODE(directory(shop).stat().st_mode) == 0o700

    assert recover(shop.parts) == 1

    opened = open_tokens(shop.parts.ring, row(shop))
    assert opened.access_token.reveal() == token
    assert (row(shop).generation, row(shop).lease_by, row(shop).lease_until) == (2, None, None)
    assert files(shop) == []
    assert shop.market.count("refresh") == 1


def test_t22_what_was_saved_here_is_stored_before_anything_is_asked(shop: House) -> None:
    """Fails when `tokens._begin_alone` does not `recover` first: the old token is used up, and the shop lost."""
    token = lose_commit(shop)
    shop.execute(sa.update(AuthToken).values(lease_until=None))
    assert asyncio.run(get_access_token(shop.parts, SCOPE)).access_token.reveal() == token
    assert shop.market.count("refresh") == 1


def test_t22_pair_that_is_stored_leaves_nothing_on_the_disk(shop: House) -> None:
    assert get(shop) == 2
    assert files(shop) == []


def test_t22_saved_pair_clears_the_mark_of_a_shop_that_was_given_up_meanwhile(shop: House) -> None:
    """Another host found the intent, replayed the old token, and was refused."""
    token = lose_commit(shop)
    shop.execute(sa.update(AuthToken).values(lease_until=None))
    with pytest.raises(NeedsReconnect):
        asyncio.run(get_access_token(replace(shop.parts, settings=elsewhere(shop)), SCOPE))
    assert shop.shop_state() == "needs_reauth"
    assert recover(shop.parts) == 1
    assert shop.shop_state() == "connected"
    assert open_tokens(shop.parts.ring, row(shop)).access_token.reveal() == token


def elsewhere(house: House) -> Any:
    """The settings of another host: a data directory of its own."""
    return house.parts.settings.model_copy(update={"data_dir": directory(house) / "another host"})


@pytest.mark.parametrize("step", [-1, 1])
def test_t22_only_the_next_generation_wins(shop: House, step: int) -> None:
    put(shop, number=1 + step)
    before = row(shop).access_token_encrypted
    assert recover(shop.parts) == 0
    assert row(shop).access_token_encrypted == before
    assert files(shop) == []


def test_t22_pair_of_an_earlier_connection_does_not_win_though_generations_begin_anew(shop: House) -> None:
    """Fails without the row's id in `refresh._is`: disconnecting forgets it, and connecting begins with 1 again."""
    put(shop)
    with shop.db.write() as db:
        disconnect_account(db, SCOPE, reason="by Anna", actor=ANNA, now=shop.now)
    shop.connect(SANDBOX)
    before = row(shop).access_token_encrypted
    assert row(shop).generation == 1
    assert recover(shop.parts) == 0
    assert row(shop).access_token_encrypted == before
    assert files(shop) == []


def test_t22_pair_of_a_shop_that_is_gone_is_dropped(shop: House) -> None:
    put(shop)
    with shop.db.write() as db:
        disconnect_account(db, SCOPE, reason="by Anna", actor=ANNA, now=shop.now)
    assert recover(shop.parts) == 0
    assert files(shop) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("connector", "other"),
        ("environment", "live"),
        ("kind", "merchant"),
        ("id", "7002"),
        ("pair", "0" * 32),
        ("generation", 0),
    ],
)
def test_t22_saved_pair_opens_in_its_own_place_only(shop: House, field: str, value: Any) -> None:
    """T1 for the spool: fails when `spooled._place` leaves out a part."""
    shop.configure(LIVE)
    for scope in (shop.connect(LIVE), shop.connect(SANDBOX, "7002")):
        assert row(shop, scope).generation == 1
    path = put(shop)
    path.write_bytes(msgspec.json.encode({**msgspec.json.decode(path.read_bytes()), field: value}))
    assert recover(shop.parts) == 0
    assert files(shop) == [".set-aside"]
    assert {row(shop, one).generation for one in (SCOPE, Scope(FAKE, LIVE, SHOP), Scope(FAKE, SANDBOX, "7002"))} == {1}


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def turn_a_bit(path: Path) -> None:
    data = msgspec.json.decode(path.read_bytes())
    flipped = "A" if data["sealed"][-5] != "A" else "B"
    path.write_bytes(msgspec.json.encode({**data, "sealed": data["sealed"][:-5] + flipped + data["sealed"][-4:]}))


def downgrade(path: Path) -> None:
    data = msgspec.json.decode(path.read_bytes())
    path.write_bytes(msgspec.json.encode({**data, "sealed": "v1:" + data["sealed"][6:]}))


def seal_elsewhere(kid: str) -> Callable[[Path], None]:
    """By another installation, whose key may have the same name."""

    def seal(path: Path) -> None:
        key = hashlib.sha256(b"the key of another installation").digest()
        sealed = seal_v2(key, kid, SecretPlace("fake", "token_spool", "", "sandbox", SHOP), "{}")
        path.write_bytes(msgspec.json.encode({**msgspec.json.decode(path.read_bytes()), "sealed": sealed}))

    return seal


def become(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def replace_by(path: Path) -> None:
        path.unlink()
        make(path)

    return replace_by


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": become(lambda path: path.write_bytes(b"")),
    "zeros": become(lambda path: path.write_bytes(bytes(4096))),
    "not JSON": become(lambda path: path.write_bytes(b"\xff\xfe{")),
    "deep": become(lambda path: path.write_bytes(b"[" * 60_000)),
    "too large": become(lambda path: path.write_bytes(b" " * (spool.MAX_BYTES + 1))),
    "directory": become(lambda path: path.mkdir()),
    "link": become(lambda path: path.symlink_to("/etc/hostname")),
    "pipe": become(os.mkfifo),
    "cut": cut,
    "one bit": turn_a_bit,
    "older format": downgrade,
    "another installation": seal_elsewhere("k1"),
    "unknown key": seal_elsewhere("k9"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_t22_damaged_or_foreign_file_is_set_aside_and_keeps_no_other_from_being_stored(
    shop: House, damage: Callable[[Path], object], capsys: pytest.CaptureFixture[str]
) -> None:
    damage(put(shop))
    token = put_second(shop)
    assert recover(shop.parts) == 1
    assert row(shop).generation == 2
    assert open_tokens(shop.parts.ring, row(shop)).access_token.reveal() == token
    assert files(shop) == [".set-aside"]
    assert recover(shop.parts) == 0
    told = "".join(capsys.readouterr())
    assert "access-token-number" not in told
    assert "refresh-token-number" not in told


def put_second(house: House) -> str:
    put(house)
    token = house.market.access_token(SANDBOX, SHOP)
    assert token is not None
    return token


def test_t22_of_two_saved_pairs_the_later_answer_wins(shop: House) -> None:
    """Two hosts' calls met: what the marketplace said last is what it goes by."""
    put(shop)
    token = put_second(shop)
    assert recover(shop.parts) == 1
    assert open_tokens(shop.parts.ring, row(shop)).access_token.reveal() == token
    assert files(shop) == []


def test_t22_saved_pair_waits_while_its_environment_is_sealed(shop: House, database_url: str, tmp_path: Path) -> None:
    """A copied disk: nothing of it counts before a person has confirmed that it belongs here."""
    put(shop)
    shop.execute(sa.update(Installation).values(identity="where it was"))
    with open_house(database_url, tmp_path) as copy:
        assert recover(copy.parts) == 0
        assert files(copy) == [".answer"]
        assert row(copy).generation == 1


def test_t22_saved_pair_waits_while_the_master_key_is_missing(shop: House, database_url: str, tmp_path: Path) -> None:
    put(shop)
    with open_house(database_url, tmp_path, master_keys=OTHER_KEYS) as without:
        assert without.parts.ring.trouble is not None
        assert recover(without.parts) == 0
        assert files(without) == [".answer"]
    assert recover(shop.parts) == 1


def test_t22_saved_pair_waits_while_the_database_is_away(shop: House) -> None:
    put(shop)
    away: Any = Away(shop.parts.database, is_away=True)
    with pytest.raises(StorageUnavailable):
        recover(replace(shop.parts, database=away))
    assert files(shop) == [".answer"]


def test_t22_key_is_not_retired_while_an_answer_may_lie_sealed_with_it(shop: House) -> None:
    """Fails without `_refuse_while_renewing`: the saved pair could not be opened any more."""
    lose_commit(shop)
    with shop.db.write() as db:
        rotation.lock_ring(db)
        with pytest.raises(Conflict, match=f"{SHOP} is being renewed"):
            rotation._refuse_while_renewing(db)
    shop.execute(sa.update(AuthToken).values(refresh_intent_at=shop.now))  # years ago
    with shop.db.write() as db:
        rotation._refuse_while_renewing(db)


def test_f17_nothing_is_asked_where_an_answer_could_not_be_saved(shop: House) -> None:
    """Fails when the room is not taken before the call. The next host, whose disk is whole, may ask at once."""
    directory(shop).write_text("a file where the directory should be")
    with pytest.raises(Unavailable, match="token-spool"):
        get(shop)
    assert shop.market.calls == []
    assert (row(shop).lease_until, has_open_intent(row(shop)), shop.shop_state()) == (None, False, "connected")
    assert rule_for(Unavailable()).action is Action.WAIT
    directory(shop).unlink()
    assert get(shop) == 2


def test_f17_nothing_is_asked_while_the_disk_is_full(shop: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails when the room is not filled before the call: an empty file can be made on a full disk."""

    def refuse(_descriptor: int, _data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(spool, "_write", refuse)
        with pytest.raises(Unavailable, match="No space left"):
            get(shop)
    assert (shop.market.calls, files(shop), shop.shop_state()) == ([], [], "connected")
    assert get(shop) == 2


def test_f17_room_that_a_killed_process_took_is_given_back_after_an_hour(shop: House) -> None:
    slot = spool.Slot(directory(shop))
    (room,) = directory(shop).iterdir()
    recover(shop.parts)
    assert files(shop) == [".room"]
    an_hour_ago = room.stat().st_mtime - 3_700
    os.utime(room, (an_hour_ago, an_hour_ago))
    recover(shop.parts)
    assert files(shop) == []
    slot.close()


def test_t22_try_without_effect_does_not_hide_that_an_earlier_answer_may_have_been_lost(shop: House) -> None:
    """Fails where giving a replay up closes the intent: idle, nobody would bring that renewal to an end."""
    shop.execute(sa.update(AuthToken).values(refresh_intent_by="gone", refresh_intent_generation=1))

    async def refuse(_call: Call) -> None:
        raise RemoteUnavailable

    shop.market.before = refuse
    with pytest.raises(RemoteUnavailable):
        get(shop)
    assert (has_open_intent(row(shop)), row(shop).lease_until) == (True, None)
    shop.market.before = at_once
    assert get(shop) == 2


@pytest.mark.parametrize("which", [1, 2], ids=["file", "directory"])
def test_f18_nothing_is_asked_where_the_disk_does_not_keep_what_it_is_given(
    shop: House, monkeypatch: pytest.MonkeyPatch, which: int
) -> None:
    """Fails when an error of fsync is passed over."""
    fail_flush(monkeypatch, which)
    with pytest.raises(Unavailable):
        get(shop)
    assert shop.market.calls == []
    assert files(shop) == []
    assert get(shop) == 2


@pytest.mark.parametrize("which", [3, 4], ids=["file", "directory"])
def test_f18_answer_that_the_disk_does_not_keep_is_stored_all_the_same(
    shop: House, monkeypatch: pytest.MonkeyPatch, which: int
) -> None:
    fail_flush(monkeypatch, which)
    assert get(shop) == 2
    assert files(shop) == []
    assert shop.market.count("refresh") == 1


def fail_flush(monkeypatch: pytest.MonkeyPatch, which: int) -> None:
    """Let the n-th flush fail, and no other."""
    flush, count = os.fsync, iter(range(1, 1_000))

    def maybe(descriptor: int) -> None:
        if next(count) == which:
            raise OSError(5, "Input/output error")
        flush(descriptor)

    monkeypatch.setattr(spool, "_flush", maybe)


def test_t22_nothing_is_asked_where_the_answer_could_not_be_sealed(
    shop: House, database_url: str, tmp_path: Path
) -> None:
    """Only an older key is at hand: it opens the tokens, but a new pair would have to be sealed with the primary.

    Fails when the write is not reserved before the call.
    """
    both = f"k1:{base64.b64encode(KEY).decode()},{OTHER_KEYS.replace('k1', 'k2')}"
    with open_house(database_url, tmp_path, master_keys=both) as turning:
        with turning.db.write() as db:
            rotation.add_key(db, turning.parts.ring, "k2", actor=ANNA, now=turning.now)
        with turning.db.write() as db:
            keys.promote(db, turning.parts.ring, "k2", actor=ANNA, now=turning.now)
    assert shop.parts.ring.trouble is None, "it has not looked yet"
    with pytest.raises(Unavailable, match="needs key k2"):
        get(shop)
    assert shop.market.calls == []
    assert (row(shop).lease_until, has_open_intent(row(shop))) == (None, False)


def test_f29_token_that_was_used_behind_our_back_makes_the_shop_wait_for_a_person(shop: House) -> None:
    """Fails when the refusal changes no state, or raises no exception."""
    shop.market.issue(SANDBOX, SHOP, shop.now)
    with pytest.raises(NeedsReconnect):
        get(shop)
    assert shop.shop_state() == "needs_reauth"
    assert [one.code for one in shop.exceptions()] == ["needs_reconnect"]
    for _try in range(5):
        with pytest.raises(NeedsReconnect):
            get(shop)
    assert shop.market.count("refresh") == 1


@pytest.mark.parametrize(("rotates", "ends"), [(True, "needs_reauth"), (False, "connected")], ids=["strict", "same"])
def test_t22_lost_answer_is_asked_for_once_more_and_then_the_shop_waits_for_a_person(
    shop: House, rotates: bool, ends: str
) -> None:
    """Whether the marketplace gives the same pair once more or refuses the old token: two calls, and no third."""
    shop.market.rotates = rotates

    async def be_lost(_call: Call) -> None:
        shop.market.after = at_once
        raise OutcomeUnknown

    shop.market.after = be_lost
    for _try in range(5):
        if rotates:
            with pytest.raises(NeedsReconnect):
                get(shop)
        else:
            assert get(shop) == 2
    assert shop.shop_state() == ends
    assert shop.market.count("refresh") == 2
    shown = shop.shop()
    assert shown is not None
    assert shown.state_reason.startswith("The answer to the last renewal" if rotates else "")


OTHER_KEYS = "k1:" + base64.b64encode(hashlib.sha256(b"another key for tests").digest()).decode()
