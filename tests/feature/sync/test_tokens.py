"""T21: a shop's token is refreshed by exactly one, whoever else asks, and no race loses or condemns it.

Break the lease (``free_at`` in both `is_refresh_free` and `begin_refresh` of `vault.refresh`), the fence (`_is` there),
or who may condemn (`give_refresh_up` in `lose_account`).
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from kedai.db.database import refuse_open_transaction
from kedai.errors import (
    NeedsReconnect,
    NotConfigured,
    OutcomeUnknown,
    RemoteUnavailable,
    RemoteUnreadable,
    SecretUnreadable,
)
from kedai.sync import renewal, tokens
from kedai.sync.tokens import HeldToken, get_access_token
from kedai.values.actor import SYSTEM
from kedai.values.environment import Scope
from kedai.vault import rotation
from kedai.vault.accounts import lose_account, open_tokens, set_state
from kedai.vault.models import AuthToken, EnvironmentCredentials
from kedai.vault.queries import find_token
from kedai.vault.refresh import has_open_intent
from tests.support.factories import FAKE, LIVE, SANDBOX, SHOP, Call, House, on_postgresql, run_threads
from tests.support.processes import wait_until

WAITING = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted").columns(sa.column("count", sa.Integer))

SCOPE = Scope(FAKE, SANDBOX, SHOP)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
SOON = timedelta(minutes=4)
"""Less than the early-refresh span: such a token is refreshed before it is used."""


@pytest.fixture
def shop(house: House) -> House:
    """A house whose sandbox shop holds a token that is about to expire."""
    house.configure(SANDBOX)
    house.configure(LIVE)
    house.connect(SANDBOX, expires_in=SOON)
    return house


def get(house: House, *, rejected: int | None = None) -> HeldToken:
    return asyncio.run(get_access_token(house.parts, SCOPE, rejected=rejected))


def row(house: House, scope: Scope = SCOPE) -> AuthToken:
    with house.db.read() as db:
        found = find_token(db, scope)
    assert found is not None
    return found


def lose_lease(house: House) -> None:
    """As if the holder had been away for longer than its lease."""
    house.execute(sa.update(AuthToken).values(lease_until=LONG_AGO))


def on_refresh(house: House, *answers: Callable[[Call], Awaitable[None]]) -> None:
    """What happens before the first, second, … refresh is answered."""
    waiting = list(answers)

    async def before(call: Call) -> None:
        if call.method == "refresh" and waiting:
            await waiting.pop(0)(call)

    house.market.before = before


def fail_with(error: Exception) -> Callable[[Call], Awaitable[None]]:
    async def fail(_call: Call) -> None:
        raise error

    return fail


def test_token_with_time_left_is_used_as_it_is(house: House) -> None:
    house.configure()
    house.connect(expires_in=timedelta(minutes=6))
    held = get(house)
    assert (held.access_token.reveal(), held.generation) == ("access-token-number-0001", 1)
    assert house.market.calls == []


def test_token_that_expires_soon_is_refreshed_and_stored_sealed(shop: House) -> None:
    held = get(shop)
    assert (held.access_token.reveal(), held.generation) == ("access-token-number-0002", 2)
    stored = row(shop)
    assert (stored.generation, stored.lease_by, stored.lease_until) == (2, None, None)
    assert stored.access_token_encrypted.startswith("v2:k1:")
    assert stored.access_expires_at == shop.now + timedelta(hours=4)
    opened = open_tokens(shop.parts.ring, stored)
    assert opened.refresh_token.reveal() == "refresh-token-number-0002"
    assert get(shop).generation == 2
    assert shop.market.count("refresh") == 1


def test_no_transaction_is_open_while_the_marketplace_is_asked(shop: House) -> None:
    async def look(_call: Call) -> None:
        refuse_open_transaction()
        await asyncio.to_thread(shop.execute, sa.update(EnvironmentCredentials).values(region="SG"))

    on_refresh(shop, look)
    assert get(shop).generation == 2


def test_fifty_tasks_in_four_loops_at_expiry_make_one_refresh(shop: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The marketplace revokes a refresh token at its first use: a second call would cut the shop off."""
    monkeypatch.setattr(tokens, "_WAIT_SECONDS", 60.0)  # however slow the machine, all are to see the one new pair
    places = [shop.as_process() for _ in range(4)]

    def loop(number: int) -> list[HeldToken]:
        async def ask_at_once() -> list[HeldToken]:
            return await asyncio.gather(*(get_access_token(places[number], SCOPE) for _ in range(50)))

        return asyncio.run(ask_at_once())

    done = run_threads([lambda number=number: loop(number) for number in range(4)])
    assert [one for one in done if isinstance(one, Exception)] == []
    held = [one for some in done for one in some]
    assert len(held) == 200
    assert {(one.access_token.reveal(), one.generation) for one in held} == {("access-token-number-0002", 2)}
    assert shop.market.count("refresh") == 1
    assert shop.shop_state() == "connected"


def test_tasks_that_are_refused_one_generation_make_one_refresh(shop: House) -> None:
    get(shop)

    async def all_are_refused() -> list[HeldToken]:
        return await asyncio.gather(*(get_access_token(shop.parts, SCOPE, rejected=2) for _ in range(20)))

    assert {one.generation for one in asyncio.run(all_are_refused())} == {3}
    assert shop.market.count("refresh") == 2


def test_generation_that_was_refused_but_is_replaced_already_needs_no_refresh(shop: House) -> None:
    get(shop)
    assert get(shop, rejected=1).generation == 2
    assert shop.market.count("refresh") == 1


def test_late_holder_may_still_store_its_pair_while_nobody_stored_a_newer_one(shop: House) -> None:
    async def be_away(_call: Call) -> None:
        await asyncio.to_thread(lose_lease, shop)

    on_refresh(shop, be_away)
    assert get(shop).generation == 2
    assert (row(shop).generation, row(shop).lease_by) == (2, None)


def test_late_holder_takes_the_newer_pair_where_somebody_stored_one(shop: House) -> None:
    shop.market.rotates = False  # inside its grace the old refresh token gives the same pair once more

    async def be_overtaken(_call: Call) -> None:
        await asyncio.to_thread(lose_lease, shop)
        held = await get_access_token(shop.parts, SCOPE)
        assert held.generation == 2

    on_refresh(shop, be_overtaken)
    assert get(shop).generation == 2
    assert row(shop).generation == 2
    assert shop.market.count("refresh") == 2


def test_pair_that_arrives_after_a_person_connected_the_shop_anew_is_not_stored(shop: House) -> None:
    async def connect_anew(_call: Call) -> None:
        await asyncio.to_thread(shop.connect, SANDBOX)

    shop.market.after = connect_anew
    held = get(shop)
    assert (held.access_token.reveal(), held.generation) == ("access-token-number-0003", 2)
    assert open_tokens(shop.parts.ring, row(shop)).access_token.reveal() == "access-token-number-0003"


def test_lost_answer_is_asked_for_once_more(shop: House) -> None:
    on_refresh(shop, fail_with(OutcomeUnknown()))
    assert get(shop).generation == 2
    assert [call.token for call in shop.market.calls] == ["refresh-token-number-0001"] * 2


def test_answer_lost_twice_lets_nobody_ask_for_a_minute_and_then_one_call_be_made(
    shop: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T22: no storm of retries. Fails when `leave_refresh_open` gives the lease back, or a replay asks twice."""
    monkeypatch.setattr(tokens, "_WAIT_SECONDS", 0.1)
    on_refresh(shop, *[fail_with(OutcomeUnknown())] * 3)
    with pytest.raises(OutcomeUnknown):
        get(shop)
    assert shop.market.count("refresh") == 2
    stored = row(shop)
    assert (stored.generation, stored.lease_by, shop.shop_state()) == (1, None, "connected")
    assert stored.lease_until is not None
    assert stored.refresh_intent_at is not None
    assert stored.lease_until - stored.refresh_intent_at == timedelta(seconds=60)
    with pytest.raises(RemoteUnavailable):
        get(shop)
    assert shop.market.count("refresh") == 2

    lose_lease(shop)
    with pytest.raises(OutcomeUnknown):
        get(shop)
    assert shop.market.count("refresh") == 3
    lose_lease(shop)
    assert get(shop).generation == 2


def test_intent_says_who_began_and_when_before_anything_is_asked(shop: House) -> None:
    """T22: fails when `begin_refresh` notes no intent."""
    seen: list[AuthToken] = []

    async def look(_call: Call) -> None:
        seen.append(await asyncio.to_thread(row, shop))

    on_refresh(shop, look)
    get(shop)
    (begun,) = seen
    assert begun.refresh_intent_generation == begun.generation == 1
    assert begun.refresh_intent_by == f"{socket.gethostname()}/{os.getpid()}"
    assert begun.refresh_intent_at is not None
    assert not has_open_intent(row(shop))


def test_call_that_surely_had_no_effect_gives_the_lease_back_at_once(shop: House) -> None:
    on_refresh(shop, fail_with(RemoteUnavailable()))
    with pytest.raises(RemoteUnavailable):
        get(shop)
    assert (row(shop).lease_by, row(shop).lease_until, has_open_intent(row(shop))) == (None, None, False)
    assert get(shop).generation == 2


@pytest.mark.parametrize("error", [RemoteUnreadable(), RuntimeError("a bug")], ids=["unreadable", "bug"])
def test_call_of_which_nobody_knows_how_it_ended_leaves_the_intent_open(shop: House, error: Exception) -> None:
    on_refresh(shop, fail_with(error), fail_with(error))
    with pytest.raises(type(error)):
        get(shop)
    stored = row(shop)
    assert (stored.lease_by, has_open_intent(stored), shop.shop_state()) == (None, True, "connected")
    assert stored.lease_until is not None


def test_call_that_hangs_counts_as_lost(shop: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails without the deadline in `renewal._call`: the lease would end under a call that still runs."""
    monkeypatch.setattr(renewal, "_CALL_SECONDS", 0.02)

    async def hang(_call: Call) -> None:
        await asyncio.Event().wait()

    on_refresh(shop, hang)
    assert get(shop).generation == 2
    assert shop.market.count("refresh") == 2


def test_answer_is_stored_though_whoever_asked_was_told_to_stop(shop: House) -> None:
    """Fails when `tokens._to_its_end` does not shield the call: the pair in the answer would be gone."""

    async def stop_in_the_middle() -> None:
        asked, may_answer = asyncio.Event(), asyncio.Event()

        async def wait(_call: Call) -> None:
            asked.set()
            await may_answer.wait()

        on_refresh(shop, wait)
        task = asyncio.create_task(get_access_token(shop.parts, SCOPE))
        await asked.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        may_answer.set()
        await asyncio.gather(*tokens._going_on)

    asyncio.run(stop_in_the_middle())
    assert (row(shop).generation, row(shop).lease_by) == (2, None)
    assert shop.market.count("refresh") == 1


def test_call_that_ends_with_its_process_leaves_the_intent_open(shop: House) -> None:
    async def start_then_end() -> None:
        asked = asyncio.Event()

        async def hang(_call: Call) -> None:
            asked.set()
            await asyncio.Event().wait()

        on_refresh(shop, hang)
        task = asyncio.create_task(get_access_token(shop.parts, SCOPE))
        await asked.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(start_then_end())
    stored = row(shop)
    assert (stored.lease_by, has_open_intent(stored)) == (None, True)
    lose_lease(shop)
    assert get(shop).generation == 2


def test_who_waits_too_long_for_another_ones_refresh_comes_again_later(
    shop: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "_WAIT_SECONDS", 0.05)
    shop.execute(sa.update(AuthToken).values(lease_by="another", lease_until=datetime(2999, 1, 1, tzinfo=UTC)))
    written: list[object] = []
    waiting: Any = SimpleNamespace(read=shop.parts.database.read, transact=written.append)
    with pytest.raises(RemoteUnavailable):
        asyncio.run(get_access_token(replace(shop.parts, database=waiting), SCOPE))
    assert shop.market.calls == []
    assert row(shop).lease_by == "another"
    assert written == [], "who waits only reads, and never queues to write"


def test_holder_that_is_refused_condemns_the_shop(shop: House) -> None:
    """And tells a person so; other shops go on."""
    other = shop.connect(SANDBOX, "7002", expires_in=SOON)
    shop.market.revoke(SANDBOX, SHOP)
    with pytest.raises(NeedsReconnect):
        get(shop)
    assert shop.shop_state() == "needs_reauth"
    assert (row(shop).generation, row(shop).lease_by, has_open_intent(row(shop))) == (1, None, False)
    assert [(one.code, one.shop_id, one.count) for one in shop.exceptions()] == [("needs_reconnect", SHOP, 1)]
    with pytest.raises(NeedsReconnect):
        get(shop)
    assert asyncio.run(get_access_token(shop.parts, other)).generation == 2
    assert shop.market.count("refresh") == 2


def test_late_holder_that_is_refused_takes_the_newer_pair_and_condemns_nobody(shop: House) -> None:
    async def be_overtaken(_call: Call) -> None:
        await asyncio.to_thread(lose_lease, shop)
        held = await get_access_token(shop.parts, SCOPE)
        assert held.generation == 2

    on_refresh(shop, be_overtaken)
    assert get(shop).generation == 2
    assert shop.shop_state() == "connected"
    assert shop.exceptions() == []


def test_late_holder_that_is_refused_condemns_nobody_where_another_holds_the_lease(
    shop: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "_WAIT_SECONDS", 0.1)

    async def be_replaced(_call: Call) -> None:
        await asyncio.to_thread(shop.execute, sa.update(AuthToken).values(lease_by="another"))
        raise NeedsReconnect

    on_refresh(shop, be_replaced)
    with pytest.raises(RemoteUnavailable):
        get(shop)
    assert (shop.shop_state(), row(shop).lease_by) == ("connected", "another")


def test_shop_that_waits_for_a_person_is_not_refreshed_by_itself(shop: House) -> None:
    """T22: no storm. Fails when `tokens._usable` lets `needs_reauth` pass."""
    with shop.db.write() as db:
        set_state(db, SCOPE, "needs_reauth", reason="refused", actor=SYSTEM, now=shop.now)
    with pytest.raises(NeedsReconnect):
        get(shop)
    with pytest.raises(NeedsReconnect):
        get(shop, rejected=1)
    assert shop.market.calls == []


@on_postgresql
def test_t21_shop_that_was_given_up_while_another_process_looked_is_not_asked_for_again(shop: House) -> None:
    """Fails where `tokens._begin` does not look again once it holds the lease, which was freed by whoever gave up."""
    other, holds = shop.as_process(), threading.Event()

    def give_up() -> None:
        with other.database.write() as db:
            rotation.lock_ring(db)  # whoever has looked and begins a renewal waits here
            holds.set()
            wait_until(lambda: shop.scalar(WAITING) > 0, message="nobody begins a renewal")
            lose_account(db, SCOPE, reason="refused", now=shop.now)

    def ask() -> None:
        holds.wait(10)
        with pytest.raises(NeedsReconnect):
            get(shop)

    assert run_threads([give_up, ask]) == [None, None]
    assert shop.market.calls == []


def test_late_success_clears_the_mark(shop: House) -> None:
    """T21: somebody replayed the old token meanwhile and was refused, since the holder's call had used it up."""

    async def be_condemned(_call: Call) -> None:
        shop.market.after = nothing
        await asyncio.to_thread(lose_lease, shop)
        with pytest.raises(NeedsReconnect):
            await get_access_token(shop.parts, SCOPE)
        assert shop.shop_state() == "needs_reauth"

    async def nothing(_call: Call) -> None:
        return

    shop.market.after = be_condemned
    assert get(shop).generation == 2
    assert shop.shop_state() == "connected"


def test_late_success_does_not_clear_the_mark_of_a_pair_of_another_app(shop: House) -> None:
    """Fails without `_is_of_our_app`: the shop would look connected with a token that is of no use."""

    async def change_app(_call: Call) -> None:
        await asyncio.to_thread(shop.configure, SANDBOX, partner_id="1009")

    shop.market.after = change_app
    assert get(shop).generation == 2
    assert shop.shop_state() == "needs_reauth"


def test_success_leaves_a_paused_shop_paused(shop: House) -> None:
    with shop.db.write() as db:
        set_state(db, SCOPE, "paused", reason="by a person", actor=SYSTEM, now=shop.now)
    get(shop)
    assert shop.shop_state() == "paused"


def test_refresh_touches_its_own_environment_and_shop_only(shop: House) -> None:
    live, second = shop.connect(LIVE, expires_in=SOON), shop.connect(SANDBOX, "7002", expires_in=SOON)
    before = [row(shop, one).access_token_encrypted for one in (live, second)]
    get(shop)
    assert [row(shop, one).access_token_encrypted for one in (live, second)] == before
    assert [row(shop, one).generation for one in (live, second)] == [1, 1]
    assert {(call.environment, call.shop_id) for call in shop.market.calls} == {(SANDBOX, SHOP)}


def test_token_moved_to_another_shop_or_environment_is_unreadable(shop: House) -> None:
    for scope in (shop.connect(LIVE), shop.connect(SANDBOX, "7002")):
        shop.execute(
            sa.update(AuthToken)
            .where(AuthToken.environment == scope.environment, AuthToken.shop_id == scope.shop_id)
            .values(access_token_encrypted=row(shop).access_token_encrypted)
        )
        with pytest.raises(SecretUnreadable):
            asyncio.run(get_access_token(shop.parts, scope))


def test_shop_without_a_token_needs_a_person(shop: House) -> None:
    with pytest.raises(NeedsReconnect):
        asyncio.run(get_access_token(shop.parts, replace(SCOPE, shop_id="7999")))


def test_what_cannot_call_takes_no_lease(shop: House) -> None:
    shop.execute(sa.update(EnvironmentCredentials).values(partner_key_encrypted=None))
    with pytest.raises(NotConfigured):
        get(shop)
    assert row(shop).lease_by is None
    assert shop.shop_state() == "connected"
