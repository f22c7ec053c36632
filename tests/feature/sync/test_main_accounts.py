"""A main account's grant: one pair kept for every shop and merchant, then a pair of its own for each of them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from kedai.audit.models import AuditEntry
from kedai.errors import Conflict, Invalid, NeedsReconnect, NotFound, RemoteUnavailable, StorageUnavailable
from kedai.runs.models import Run
from kedai.sync import accounts, connect, exchange, grants
from kedai.sync.connect import Callback, ConnectStart
from kedai.sync.connection import ConnectionView, MerchantView, ShopView, get_connection
from kedai.sync.keep_alive import KeepAlive
from kedai.sync.runner import run_next
from kedai.sync.spooled import recover
from kedai.sync.tokens import get_access_token
from kedai.values.environment import Environment, MerchantScope, Scope
from kedai.vault import refresh
from kedai.vault.accounts import find_pair, open_tokens
from kedai.vault.models import AuthToken, HeldToken, Merchant, MerchantToken, Shop
from kedai.vault.queries import find_token
from tests.support.factories import ANNA, FAKE, LIVE, SANDBOX, SHOP, Call, House

SESSION = "session-1"
ACCOUNT, SECOND, MERCHANT = "5001", "7002", SHOP
"""The merchant has the first shop's number on purpose: their ids are separate spaces."""

SHOPS = (SHOP, SECOND)


@pytest.fixture
def shop(house: House) -> House:
    """Both environments configured, nothing connected, and a main account of two shops and a merchant."""
    house.configure(SANDBOX)
    house.configure(LIVE)
    house.market.main_accounts[ACCOUNT] = (SHOPS, (MERCHANT,))
    return house


def start(house: House, *, shop_id: str | None = None, merchant_id: str | None = None) -> ConnectStart:
    expected = {"expected_shop_id": shop_id, "expected_merchant_id": merchant_id}
    with house.db.write() as db:
        return connect.start(
            house.parts, db, FAKE, SANDBOX, staff_id=ANNA.id, session_id=SESSION, **expected, now=house.now
        )


def come_back(house: House, begun: ConnectStart | None = None, **changes: Any) -> str:
    begun = begun or start(house)
    given = {"code": "a-code", "shop_id": "", "error": "", "main_account_id": ACCOUNT, **changes}
    callback = Callback(nonce=begun.cookie_value, **given)
    own = {"cookie_value": begun.cookie_value, "session_id": SESSION, "actor": ANNA}
    return asyncio.run(connect.finish(house.parts, FAKE, SANDBOX, callback, **own))


def set_up(house: House, *, turns: int = 20) -> None:
    """Let the worker take runs; one that was put off is due again at the next turn, since the tests' clock is past."""

    async def take_turns() -> None:
        for _turn in range(turns):
            if not await run_next(house.parts):
                return

    asyncio.run(take_turns())


def view(house: House, environment: Environment = SANDBOX) -> ConnectionView:
    with house.db.read() as db:
        return get_connection(house.parts, db, FAKE, environment)


def shop_view(house: House, shop_id: str = SHOP) -> ShopView:
    return next(one for one in view(house).shops if one.shop_id == shop_id)


def merchant_view(house: House) -> MerchantView:
    (one,) = view(house).merchants
    return one


def pair_of_shop(house: House, shop_id: str = SHOP) -> tuple[str, str]:
    with house.db.read() as db:
        row = find_token(db, Scope(FAKE, SANDBOX, shop_id))
        assert row is not None
        pair = open_tokens(house.parts.ring, row)
    return pair.access_token.reveal(), pair.refresh_token.reveal()


def pair_of_merchant(house: House) -> tuple[str, str]:
    with house.db.read() as db:
        row = find_pair(db, MerchantScope(FAKE, SANDBOX, MERCHANT))
        assert row is not None
        pair = open_tokens(house.parts.ring, row)
    return pair.access_token.reveal(), pair.refresh_token.reveal()


def pairs(house: House) -> set[tuple[str, str]]:
    return {*(pair_of_shop(house, one) for one in SHOPS), pair_of_merchant(house)}


def rows(house: House, *tables: type[Any]) -> list[tuple[Any, ...]]:
    """Every byte of these tables."""
    found = []
    with house.db.read() as db:
        for table in tables:
            found += [tuple(row) for row in db.execute(sa.select(*table.__table__.c).order_by(*table.__table__.c))]
    return found


def count(house: House, table: type[Any]) -> int:
    return int(house.scalar(sa.select(sa.func.count()).select_from(table)))


def run_of(house: House) -> Run:
    with house.db.read() as db:
        return db.execute(sa.select(Run).where(Run.kind == grants.KIND).order_by(Run.id.desc()).limit(1)).scalar_one()


def confirm_shop(house: House, shop_id: str, typed: str | None = None) -> None:
    with house.db.write() as db:
        given = typed if typed is not None else shop_id
        accounts.confirm(house.parts, db, Scope(FAKE, SANDBOX, shop_id), typed=given, actor=ANNA, now=house.now)


def confirm(house: House, merchant_id: str = MERCHANT, typed: str = MERCHANT) -> None:
    with house.db.write() as db:
        scope = MerchantScope(FAKE, SANDBOX, merchant_id)
        accounts.confirm(house.parts, db, scope, typed=typed, actor=ANNA, now=house.now)


def test_one_exchange_is_kept_for_everybody_before_anything_else_is_asked(shop: House) -> None:
    """Breaks where `grants.keep` stores the pair for some of them only, or asks for a profile first."""
    assert come_back(shop) == "connected"
    assert [call.method for call in shop.market.calls] == ["exchange_main_account_code"]
    assert (count(shop, AuthToken), count(shop, MerchantToken), len(pairs(shop))) == (2, 1, 1)
    assert (shop_view(shop).state, shop_view(shop, SECOND).state, merchant_view(shop).state) == (
        "connected",
        "pending",
        "pending",
    )
    tokens = [shop_view(shop).token, shop_view(shop, SECOND).token, merchant_view(shop).token]
    assert [one is not None and one.shared for one in tokens] == [True] * 3
    assert (view(shop, LIVE).shops, view(shop, LIVE).merchants) == ((), ())


def test_each_then_gets_a_pair_of_its_own_and_its_name(shop: House) -> None:
    come_back(shop)
    set_up(shop)
    assert len(pairs(shop)) == 3
    assert shop.market.count("refresh") == 3
    names = [one.name for one in view(shop).shops], merchant_view(shop).name
    assert names == ([f"Shop {SHOP}", f"Shop {SECOND}"], f"Merchant {MERCHANT}")
    tokens = [shop_view(shop).token, shop_view(shop, SECOND).token, merchant_view(shop).token]
    assert [one is not None and (one.shared, one.state) for one in tokens] == [(False, "valid")] * 3
    assert merchant_view(shop).shop_ids == SHOPS
    until = shop.now + timedelta(days=365)
    assert (shop_view(shop).authorized_until, merchant_view(shop).authorized_until) == (until, until)
    run = run_of(shop)
    assert (run.state, run.done, run.total, run.created_by) == ("succeeded", 3, 3, ANNA.name)


def test_kill_after_the_first_leaves_the_others_their_shared_pair_and_the_run_goes_on(shop: House) -> None:
    """Breaks where the run's cursor does not move with each of them."""

    async def die(call: Call) -> None:
        if call.method == "refresh" and call.shop_id == SECOND:
            raise KeyboardInterrupt

    come_back(shop)
    shared = pair_of_shop(shop, SECOND)
    shop.market.before = die
    with pytest.raises(KeyboardInterrupt):
        set_up(shop)
    assert pair_of_shop(shop) != shared
    assert (pair_of_shop(shop, SECOND), pair_of_merchant(shop)) == (shared, shared)

    shop.market.before = lambda _call: asyncio.sleep(0)
    for table in (Run, AuthToken, MerchantToken):
        shop.execute(sa.update(table).values(lease_by=None, lease_until=None))
    set_up(shop)
    assert len(pairs(shop)) == 3
    assert [call.shop_id for call in shop.market.calls if call.method == "refresh"].count(SHOP) == 1


def test_one_that_fails_stops_no_other_and_its_problem_is_shown(shop: House) -> None:
    """Breaks where a failure ends the run, or is not noted with the shop."""

    async def refuse(call: Call) -> None:
        if call.method == "refresh" and call.shop_id == SHOP:
            raise RemoteUnavailable("Too busy.")

    come_back(shop)
    shared = pair_of_shop(shop)
    shop.market.before = refuse
    set_up(shop, turns=1)
    assert (pair_of_shop(shop), len(pairs(shop))) == (shared, 3)
    problem = shop.scalar(sa.select(Shop.last_call_problem).where(Shop.shop_id == SHOP))
    assert (problem, shop.shop_state()) == ("Too busy.", "connected")
    assert (run_of(shop).state, run_of(shop).note) == ("running", f"once more: shop {SHOP}")

    shop.market.before = lambda _call: asyncio.sleep(0)
    set_up(shop)
    assert pair_of_shop(shop) != shared
    assert shop.scalar(sa.select(Shop.last_call_problem).where(Shop.shop_id == SHOP)) == ""
    assert run_of(shop).state == "succeeded"


def test_run_gives_up_after_some_rounds_and_the_pair_waits_for_its_next_use(shop: House) -> None:
    async def refuse(call: Call) -> None:
        if call.method == "refresh":
            raise RemoteUnavailable("Too busy.")

    come_back(shop)
    shop.market.before = refuse
    set_up(shop)
    assert (run_of(shop).state, run_of(shop).done) == ("failed", 0)
    shop.market.before = lambda _call: asyncio.sleep(0)
    shared = pair_of_shop(shop)
    held = asyncio.run(get_access_token(shop.parts, Scope(FAKE, SANDBOX, SHOP)))
    assert held.access_token.reveal() == shared[0]
    shop.clock.advance(timedelta(hours=4))
    asyncio.run(get_access_token(shop.parts, Scope(FAKE, SANDBOX, SHOP)))
    asyncio.run(get_access_token(shop.parts, MerchantScope(FAKE, SANDBOX, MERCHANT)))
    assert (pair_of_shop(shop) != shared, pair_of_merchant(shop) != shared) == (True, True)


def test_refused_refresh_is_final_for_that_one_alone(shop: House) -> None:
    come_back(shop)
    shop.market.revoke(SANDBOX, SHOP)
    shop.market.revoke(SANDBOX, f"merchant {MERCHANT}")
    set_up(shop)
    assert (shop.shop_state(), merchant_view(shop).state) == ("needs_reauth", "needs_reauth")
    assert shop.shop_state(SANDBOX, SECOND) == "pending"
    assert run_of(shop).state == "succeeded"


def test_database_that_is_away_for_a_moment_does_not_lose_the_pair(
    shop: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Breaks without the tries in `exchange._store`: the code is used up by then."""
    failures = iter([StorageUnavailable(), StorageUnavailable()])
    keep = grants.keep

    def stumble(*args: Any, **kwargs: Any) -> Any:
        for failure in failures:
            raise failure
        return keep(*args, **kwargs)

    monkeypatch.setattr(grants, "keep", stumble)
    monkeypatch.setattr(exchange, "_AWAY_SECONDS", 0.0)
    assert come_back(shop) == "connected"
    assert (shop.market.count("exchange_main_account_code"), len(pairs(shop))) == (1, 1)


REFUSED = [
    {"shop_id": SHOP},
    {"main_account_id": ""},
    {"main_account_id": "abc"},
    {"main_account_id": "-1"},
    {"main_account_id": "٥٠٠١"},
    {"main_account_id": "5001 "},
    {"main_account_id": "5" * 10_000},
    {"code": ""},
]


def test_53_a_return_that_names_both_or_neither_exchanges_nothing(shop: House) -> None:
    """53: breaks without `connect._names_one_account`."""
    for changes in REFUSED:
        assert come_back(shop, **changes) == "code_invalid", changes
    assert (shop.market.calls, count(shop, AuthToken), count(shop, MerchantToken)) == ([], 0, 0)


def test_app_changed_during_the_exchange_leaves_no_pair_of_the_app_before(shop: House) -> None:
    async def change_the_app(call: Call) -> None:
        if call.method == "exchange_main_account_code":
            await asyncio.to_thread(lambda: shop.configure(SANDBOX, partner_id="1009"))

    shop.market.before = change_the_app
    assert come_back(shop) == "remote_error"
    assert [count(shop, table) for table in (AuthToken, MerchantToken, HeldToken, Run)] == [0, 0, 0, 0]


def test_grant_that_names_nobody_connects_nobody(shop: House) -> None:
    shop.market.main_accounts[ACCOUNT] = ((), ())
    assert come_back(shop) == "remote_error"
    assert count(shop, AuthToken) == 0


MAIN_SHOP, SECOND_SHOP, ITS_MERCHANT = "shop", "second", "merchant"
ADD: dict[str, str] = {}
OF_SECOND, OF_MERCHANT = {"shop_id": SECOND}, {"merchant_id": MERCHANT}
ALL_STAND = {MAIN_SHOP: "connected", SECOND_SHOP: "paused", ITS_MERCHANT: "connected"}
LOST = {MAIN_SHOP: "needs_reauth", ITS_MERCHANT: "needs_reauth"}
STATUSES: list[tuple[dict[str, str], dict[str, str], str, tuple[str, str, str]]] = [
    (ADD, {}, "connected", ("connected", "pending", "pending")),
    (ADD, {MAIN_SHOP: "connected"}, "pending_confirmation", ("connected", "pending", "pending")),
    (ADD, ALL_STAND, "already_connected", ("connected", "paused", "connected")),
    (ADD, LOST, "connected", ("connected", "pending", "pending")),
    (OF_SECOND, {}, "connected", ("pending", "connected", "pending")),
    (OF_SECOND, {**ALL_STAND, SECOND_SHOP: "needs_reauth"}, "connected", ("connected", "connected", "connected")),
    ({"shop_id": "7999"}, {MAIN_SHOP: "connected"}, "pending_confirmation", ("connected", "pending", "pending")),
    (OF_MERCHANT, {ITS_MERCHANT: "connected"}, "connected", ("pending", "pending", "connected")),
    (OF_MERCHANT, {MAIN_SHOP: "connected"}, "connected", ("connected", "pending", "connected")),
    ({"merchant_id": "9"}, {MAIN_SHOP: "connected"}, "pending_confirmation", ("connected", "pending", "pending")),
]
"""Who was expected, what stood before, the word for the whole, and how shops and merchant stand afterwards."""


def test_the_guard_decides_about_each_and_one_word_tells_of_all(shop: House) -> None:
    """Breaks where `guard.sum_up` takes another order, or a shop's expectation for a merchant's."""
    for wish, stood, said, stands in STATUSES:
        for table in (AuthToken, MerchantToken, HeldToken, Shop, Merchant):
            shop.execute(sa.delete(table))
        for name, shop_id in ((MAIN_SHOP, SHOP), (SECOND_SHOP, SECOND)):
            if name in stood:
                shop.connect(SANDBOX, shop_id, state=stood[name])
        if ITS_MERCHANT in stood:
            connect_merchant(shop, state=stood[ITS_MERCHANT])
        assert come_back(shop, start(shop, **wish)) == said, wish
        now = (shop.shop_state(SANDBOX, SHOP), shop.shop_state(SANDBOX, SECOND), merchant_view(shop).state)
        assert now == stands, (wish, stood)


def connect_merchant(shop: House, *, state: str = "connected") -> None:
    """A merchant with a pair of its own, as a finished grant leaves it."""
    shop.market.main_accounts["of the merchant"] = ((), (MERCHANT,))
    begun = start(shop, merchant_id=MERCHANT)
    accounts = shop.market.main_accounts
    accounts["1"] = accounts.pop("of the merchant")
    assert come_back(shop, begun, main_account_id="1") == "connected"
    set_up(shop)
    shop.execute(sa.update(Merchant).values(state=state))


def test_t17_what_stands_is_left_byte_for_byte_and_the_newer_pair_is_kept_aside(shop: House) -> None:
    """T17: breaks where `guard.judge_shop` or `judge_merchant` lets one that stands be written to."""
    shop.connect(SANDBOX, SHOP)
    shop.connect(SANDBOX, SECOND, state="paused")
    connect_merchant(shop)
    before = rows(shop, Shop, AuthToken, Merchant, MerchantToken)
    shop.clock.advance(timedelta(minutes=1))
    assert come_back(shop) == "already_connected"
    assert rows(shop, Shop, AuthToken, Merchant, MerchantToken) == before
    assert count(shop, HeldToken) == 3
    assert [one.held_at for one in (*view(shop).shops, merchant_view(shop))] == [shop.now] * 3


def test_pair_that_is_kept_aside_is_taken_by_typing_the_id(shop: House) -> None:
    shop.connect(SANDBOX, SHOP)
    connect_merchant(shop)
    come_back(shop)
    for typed in ("", SECOND):
        with pytest.raises(Invalid):
            confirm_shop(shop, SHOP, typed)
        with pytest.raises(Invalid):
            confirm(shop, typed=typed)
    assert count(shop, HeldToken) == 2
    confirm_shop(shop, SHOP)
    confirm(shop, typed=f" {MERCHANT}\n")
    assert (count(shop, HeldToken), len(pairs(shop))) == (0, 1)
    shop.clock.advance(timedelta(hours=4))
    asyncio.run(get_access_token(shop.parts, Scope(FAKE, SANDBOX, SHOP)))
    asyncio.run(get_access_token(shop.parts, MerchantScope(FAKE, SANDBOX, MERCHANT)))
    assert len(pairs(shop)) == 3
    with pytest.raises(Conflict):
        confirm_shop(shop, SHOP)
    with pytest.raises(Conflict):
        confirm(shop)


def test_pair_kept_aside_outlives_its_time_unused_and_a_disconnect_forgets_it(shop: House) -> None:
    shop.connect(SANDBOX, SHOP)
    connect_merchant(shop)
    come_back(shop)
    with shop.db.write() as db:
        accounts.disconnect(shop.parts, db, Scope(FAKE, SANDBOX, SHOP), typed=SHOP, actor=ANNA, now=shop.now)
    assert [row[0] for row in rows(shop, HeldToken)] == ["fake"]
    shop.clock.advance(timedelta(days=31))
    assert merchant_view(shop).held_at is None
    with pytest.raises(Conflict):
        confirm(shop)


def test_pending_shop_of_a_main_account_is_accepted_by_typing_its_id(shop: House) -> None:
    come_back(shop)
    set_up(shop)
    confirm_shop(shop, SECOND)
    confirm(shop)
    assert (shop.shop_state(SANDBOX, SECOND), merchant_view(shop).state) == ("connected", "connected")
    with pytest.raises(NotFound):
        confirm(shop, "9999", "9999")


def test_person_disconnects_a_merchant_and_its_pair_is_gone(shop: House) -> None:
    connect_merchant(shop)
    scope = MerchantScope(FAKE, SANDBOX, MERCHANT)
    for typed, error in ((SECOND, Invalid), (MERCHANT, None), (MERCHANT, Conflict)):
        with shop.db.write() as db:
            given = {"typed": typed, "actor": ANNA, "now": shop.now}
            if error is None:
                accounts.disconnect(shop.parts, db, scope, **given)
                continue
            with pytest.raises(error):
                accounts.disconnect(shop.parts, db, scope, **given)
    assert (merchant_view(shop).state, merchant_view(shop).token) == ("disconnected", None)
    with pytest.raises(NeedsReconnect):
        asyncio.run(get_access_token(shop.parts, scope))
    entry = sa.select(AuditEntry.actor_name).where(AuditEntry.action == "merchant.disconnected")
    assert shop.scalar(entry) == ANNA.name


def test_merchants_token_is_renewed_when_it_is_refused_and_by_one_at_a_time(shop: House) -> None:
    connect_merchant(shop)
    scope, before = MerchantScope(FAKE, SANDBOX, MERCHANT), pair_of_merchant(shop)

    async def both() -> list[Any]:
        two = (get_access_token(shop.parts, scope, rejected=2) for _ in range(2))
        return await asyncio.gather(*two, return_exceptions=True)

    calls = shop.market.count("refresh")
    results = asyncio.run(both())
    assert [one for one in results if isinstance(one, Exception) and not isinstance(one, RemoteUnavailable)] == []
    assert shop.market.count("refresh") == calls + 1
    assert pair_of_merchant(shop) != before


def test_another_app_makes_merchants_connect_again_too(shop: House) -> None:
    connect_merchant(shop)
    shop.configure(SANDBOX, partner_id="1009")
    assert (merchant_view(shop).state, merchant_view(shop).state_reason) == (
        "needs_reauth",
        "the partner id was changed",
    )
    assert merchant_view(shop).token is not None
    with pytest.raises(NeedsReconnect):
        asyncio.run(get_access_token(shop.parts, MerchantScope(FAKE, SANDBOX, MERCHANT)))


def test_merchants_pair_that_nobody_uses_is_renewed_before_it_ends(shop: House) -> None:
    """Breaks where `vault.accounts.KINDS` leaves merchants out."""
    connect_merchant(shop)
    before = pair_of_merchant(shop)
    assert asyncio.run(KeepAlive(shop.parts).look()) == 0
    shop.clock.advance(timedelta(days=21))
    assert asyncio.run(KeepAlive(shop.parts).look()) == 1
    assert pair_of_merchant(shop) != before


def test_t22_merchants_renewed_pair_survives_a_stop_before_its_commit(
    shop: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T22: breaks where a saved answer of a merchant is not understood, or stored under a shop's number."""
    connect_merchant(shop)
    shop.connect(SANDBOX, SHOP)
    before, of_shop = pair_of_merchant(shop), pair_of_shop(shop)

    def stop(*_args: Any, **_kwargs: Any) -> bool:
        raise StorageUnavailable

    with monkeypatch.context() as stopped:
        stopped.setattr(refresh, "swap_tokens", stop)
        with pytest.raises(StorageUnavailable):
            asyncio.run(get_access_token(shop.parts, MerchantScope(FAKE, SANDBOX, MERCHANT), rejected=2))
    assert pair_of_merchant(shop) == before
    assert recover(shop.parts) == 1
    assert pair_of_merchant(shop) != before
    assert pair_of_shop(shop) == of_shop
