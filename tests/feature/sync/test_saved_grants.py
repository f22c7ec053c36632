"""T22 for what the seller has just granted: its code is used up, so that the answer is saved before anything else.

Break `_save` in `sync.exchange` (nothing is saved), or `_is_overtaken` in `sync.grants` (whatever is saved wins).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from kedai.errors import Conflict, RemoteUnavailable, StorageUnavailable
from kedai.kit import spool
from kedai.sync import accounts, connect, exchange, resend
from kedai.sync.connect import Callback, ConnectStart
from kedai.sync.parts import Parts
from kedai.sync.runner import run_next
from kedai.sync.spooled import recover
from kedai.values.environment import MerchantScope, Scope
from kedai.vault import rotation
from kedai.vault.accounts import find_pair, note_authorization, open_tokens
from kedai.vault.models import OAuthState, Shop
from tests.support.factories import ANNA, FAKE, LIVE, SANDBOX, SHOP, Call, House

ACCOUNT, SECOND, MERCHANT = "5001", "7002", "9001"
SCOPE = Scope(FAKE, SANDBOX, SHOP)


@pytest.fixture
def shop(house: House) -> House:
    """A house with both environments configured, no shop yet, and a seller with a main account besides the shop's."""
    house.configure(SANDBOX)
    house.configure(LIVE)
    house.market.main_accounts[ACCOUNT] = ((SHOP, SECOND), (MERCHANT,))
    return house


class Away:
    """A database that goes away when it is told to."""

    def __init__(self, house: House) -> None:
        self.database = house.parts.database
        self.is_away = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.database, name)

    def transact(self, work: Callable[..., Any]) -> Any:
        if self.is_away:
            raise StorageUnavailable
        return self.database.transact(work)


def start(house: House) -> ConnectStart:
    given = {"staff_id": ANNA.id, "session_id": "s", "expected_shop_id": None, "now": house.now}
    with house.db.write() as db:
        return connect.start(house.parts, db, FAKE, SANDBOX, **given)


def come_back(house: House, *, main_account: bool = False, parts: Parts | None = None) -> str:
    begun = start(house)
    shop_id, by = ("", ACCOUNT) if main_account else (SHOP, "")
    callback = Callback("a-code", shop_id, begun.cookie_value, "", by)
    given = {"cookie_value": begun.cookie_value, "session_id": "s", "actor": ANNA}
    return asyncio.run(connect.finish(parts or house.parts, FAKE, SANDBOX, callback, **given))


def lose_commit(house: House, monkeypatch: pytest.MonkeyPatch, *, main_account: bool = False) -> str:
    """Connect with a database that goes away before the answer is stored; the access token that was given."""
    away: Any = Away(house)

    async def go_away(_call: Call) -> None:
        away.is_away = True

    house.market.before = go_away
    parts = replace(house.parts, database=away)
    with monkeypatch.context() as patched:
        patched.setattr(exchange, "_KEEP_TRYING_SECONDS", 0.0)
        with pytest.raises(StorageUnavailable):
            come_back(house, main_account=main_account, parts=parts)
    house.market.before = lambda _call: asyncio.sleep(0)
    token = house.market.access_token(SANDBOX, f"main account {ACCOUNT}" if main_account else SHOP)
    assert token is not None
    return token


def token_of(house: House, scope: Scope | MerchantScope = SCOPE) -> str | None:
    with house.db.read() as db:
        row = find_pair(db, scope)
    return None if row is None else open_tokens(house.parts.ring, row).access_token.reveal()


def directory(house: House) -> Path:
    return house.parts.settings.token_spool_dir


def files(house: House) -> list[str]:
    return sorted(one.suffix for one in directory(house).iterdir()) if directory(house).exists() else []


def set_up(house: House) -> None:
    while asyncio.run(run_next(house.parts)):
        pass


@pytest.mark.parametrize("main_account", [False, True], ids=["shop account", "main account"])
def test_t22_grant_that_could_not_be_stored_lies_sealed_on_the_disk_and_is_stored_later(
    shop: House, monkeypatch: pytest.MonkeyPatch, main_account: bool
) -> None:
    """Fails when `_save` comes after the commit."""
    token = lose_commit(shop, monkeypatch, main_account=main_account)
    assert (token_of(shop), shop.shop(), files(shop)) == (None, None, [".answer"])
    data = spool.list_saved(directory(shop))[0].read_bytes()
    assert not [one for one in (token, "refresh-token", ANNA.name) if one.encode() in data]

    assert recover(shop.parts) == 1
    assert (token_of(shop), shop.shop_state(), files(shop)) == (token, "connected", [])
    if main_account:
        assert (token_of(shop, MerchantScope(FAKE, SANDBOX, MERCHANT)), shop.shop_state(SANDBOX, SECOND)) == (
            token,
            "pending",
        )
    set_up(shop)
    assert shop.scalar(sa.select(Shop.name).where(Shop.shop_id == SHOP)) == f"Shop {SHOP}"
    assert sum(call.method.startswith("exchange") for call in shop.market.calls) == 1


def test_t22_grant_that_is_stored_leaves_nothing_on_the_disk_and_is_not_stored_twice(shop: House) -> None:
    """Fails without `close_exchange`: the file of a process that was killed after its commit would count again."""
    kept: list[bytes] = []

    async def look(call: Call) -> None:
        if call.method == "get_shop":
            kept.append(spool.list_saved(directory(shop))[0].read_bytes())

    shop.market.before = look
    assert come_back(shop) == "connected"
    assert files(shop) == []
    with shop.db.write() as db:
        accounts.disconnect(shop.parts, db, SCOPE, typed=SHOP, actor=ANNA, now=shop.now)
    with spool.Slot(directory(shop)) as slot:
        slot.save(kept[0])
    assert recover(shop.parts) == 0
    assert (token_of(shop), shop.shop_state(), files(shop)) == (None, "disconnected", [])


def test_t22_grant_that_another_process_stored_meanwhile_is_not_stored_again(shop: House) -> None:
    """Its pair may be renewed already. Fails where `exchange._keep` asks nobody."""

    async def look(call: Call) -> None:
        if call.method == "get_shop":
            shop.clock.advance(timedelta(seconds=1))
            assert await asyncio.to_thread(recover, shop.parts) == 1

    shop.market.before = look
    assert come_back(shop) == "connected"
    with shop.db.read() as db:
        assert find_pair(db, SCOPE).generation == 1


def test_t22_newer_grant_stands(shop: House, monkeypatch: pytest.MonkeyPatch) -> None:
    lose_commit(shop, monkeypatch)
    shop.clock.advance(timedelta(seconds=30))
    kept = spool.list_saved(directory(shop))[0].rename(directory(shop) / "away")
    assert come_back(shop) == "connected"
    newer = token_of(shop)
    kept.rename(kept.with_name(f"{'0' * 32}.answer"))
    recover(shop.parts)
    assert (token_of(shop), files(shop)) == (newer, [])


def test_t22_account_that_was_disconnected_since_stays_so(shop: House, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.connect(SANDBOX)
    lose_commit(shop, monkeypatch)
    shop.clock.advance(timedelta(seconds=30))
    with shop.db.write() as db:
        accounts.disconnect(shop.parts, db, SCOPE, typed=SHOP, actor=ANNA, now=shop.now)
    recover(shop.parts)
    assert (token_of(shop), shop.shop_state(), files(shop)) == (None, "disconnected", [])


def test_push_about_the_authorisation_that_comes_before_the_pair_is_stored_keeps_nobody_out(shop: House) -> None:
    """Break `note_authorization` in `vault.accounts` (it writes `updated_at`): the shop stays disconnected."""
    shop.connect(SANDBOX)
    with shop.db.write() as db:
        accounts.disconnect(shop.parts, db, SCOPE, typed=SHOP, actor=ANNA, now=shop.now)

    async def push_comes(call: Call) -> None:
        if call.method == "get_shop":
            shop.clock.advance(timedelta(seconds=1))
            with shop.db.write() as db:
                note_authorization(db, SCOPE, at=shop.now, actor=ANNA, now=shop.now)

    shop.market.before = push_comes
    shop.clock.advance(timedelta(seconds=30))
    assert (come_back(shop), shop.shop_state()) == ("connected", "connected")


def test_t22_grant_to_an_app_that_was_changed_since_is_dropped(shop: House, monkeypatch: pytest.MonkeyPatch) -> None:
    lose_commit(shop, monkeypatch)
    shop.configure(SANDBOX, partner_id="1009")
    assert recover(shop.parts) == 0
    assert (token_of(shop), files(shop)) == (None, [])


@pytest.mark.parametrize(
    ("field", "value"), [("connector", "other"), ("environment", "live"), ("attempt", "00" * 32), ("what", "pair")]
)
def test_t22_saved_grant_opens_in_its_own_place_only(
    shop: House, monkeypatch: pytest.MonkeyPatch, field: str, value: str
) -> None:
    """T1 for the spool: fails when `spool_files._GrantFile.place` leaves out a part."""
    lose_commit(shop, monkeypatch)
    (path,) = spool.list_saved(directory(shop))
    path.write_bytes(msgspec.json.encode({**msgspec.json.decode(path.read_bytes()), field: value}))
    assert recover(shop.parts) == 0
    assert (token_of(shop), files(shop)) == (None, [".set-aside"])


def test_f17_no_code_is_exchanged_where_its_answer_could_not_be_saved(shop: House) -> None:
    """Fails when the room is not taken before the call."""
    directory(shop).write_text("a file where the directory should be")
    assert come_back(shop) == "cannot_keep"
    assert shop.market.calls == []
    directory(shop).unlink()
    assert come_back(shop) == "connected"


def test_f18_no_code_is_exchanged_where_the_disk_does_not_keep_what_it_is_given(
    shop: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(spool, "_flush", fail)
        assert come_back(shop) == "cannot_keep"
    assert (shop.market.calls, files(shop)) == ([], [])
    assert come_back(shop) == "connected"


def test_f18_grant_that_the_disk_does_not_keep_is_stored_all_the_same(
    shop: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush, count = os.fsync, iter(range(1, 1_000))

    def fail_the_third(descriptor: int) -> None:
        if next(count) == 3:
            raise OSError(5, "Input/output error")
        flush(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(spool, "_flush", fail_the_third)
        assert come_back(shop) == "connected"
    assert (token_of(shop) is not None, files(shop)) == (True, [])


def test_shop_whose_name_cannot_be_asked_yet_is_connected_and_named_later(shop: House) -> None:
    """Its code is used up by then: giving up would throw its pair away."""

    async def refuse(call: Call) -> None:
        if call.method == "get_shop":
            raise RemoteUnavailable

    shop.market.before = refuse
    assert come_back(shop) == "connected"
    assert (shop.shop_state(), shop.scalar(sa.select(Shop.name))) == ("connected", "")
    shop.market.before = lambda _call: asyncio.sleep(0)
    set_up(shop)
    assert shop.scalar(sa.select(Shop.name)) == f"Shop {SHOP}"


def test_t22_key_is_not_retired_while_a_grant_may_lie_sealed_with_it(
    shop: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_commit(shop, monkeypatch)
    with shop.db.write() as db:
        rotation.lock_ring(db)
        with pytest.raises(Conflict, match="is being connected"):
            rotation._refuse_while_renewing(db)
    recover(shop.parts)
    with shop.db.write() as db:
        rotation._refuse_while_renewing(db)


def test_attempt_that_gave_nothing_keeps_no_key_from_being_retired(shop: House) -> None:
    async def refuse(_call: Call) -> None:
        raise RemoteUnavailable

    shop.market.before = refuse
    with suppress(StorageUnavailable):
        assert come_back(shop) == "remote_error"
    assert shop.scalar(sa.select(OAuthState.exchange_open_since)) is None


def take_again(house: House, code: str = "again") -> str:
    return asyncio.run(resend.take_again(house.parts, FAKE, SANDBOX, code, actor=ANNA))


@pytest.mark.parametrize(
    ("state", "status", "after"),
    [
        ("needs_reauth", "connected", "connected"),
        ("connected", "already_connected", "connected"),
        ("paused", "already_connected", "paused"),
        ("disconnected", "pending_confirmation", "pending"),
    ],
)
def test_resend_code_brings_back_a_lost_shop_and_touches_no_other(
    shop: House, state: str, status: str, after: str
) -> None:
    """Breaks where `guard.judge_shop` takes a resend code for more than a shop that waits for its permission."""
    shop.market.resends["again"] = (SECOND,)
    shop.connect(SANDBOX, SECOND, state=state)
    before = token_of(shop, Scope(FAKE, SANDBOX, SECOND))
    assert (take_again(shop), shop.shop_state(SANDBOX, SECOND)) == (status, after)
    replaced = token_of(shop, Scope(FAKE, SANDBOX, SECOND)) != before
    assert replaced == (status != "already_connected")
    set_up(shop)
    assert shop.market.count("exchange_resend_code") == 1


def test_pair_of_a_resend_code_that_is_for_several_is_renewed_once_for_each(shop: House) -> None:
    shop.market.resends["again"] = (SHOP, SECOND)
    assert take_again(shop) == "connected"
    with shop.db.read() as db:
        rows = [find_pair(db, Scope(FAKE, SANDBOX, one)) for one in (SHOP, SECOND)]
    assert [row.generation == row.shared_generation for row in rows] == [True, True]
