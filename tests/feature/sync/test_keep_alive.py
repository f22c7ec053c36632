"""T22: tokens that nobody uses are renewed before they end, in both environments, by whichever process looks first."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from kedai.errors import NeedsReconnect, OutcomeUnknown, RemoteUnavailable, StorageUnavailable
from kedai.runs.models import Run
from kedai.sync import keep_alive, schedule
from kedai.sync.keep_alive import KeepAlive
from kedai.sync.runner import run_next
from kedai.sync.tokens import get_access_token
from kedai.values.actor import SYSTEM
from kedai.values.environment import Environment, Scope
from kedai.vault.accounts import set_state
from kedai.vault.models import AuthToken
from kedai.vault.queries import find_token, get_active_environment
from tests.support.factories import FAKE, LIVE, SANDBOX, SHOP, Call, House, run_threads

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
def shops(house: House) -> House:
    """A shop in each environment, freshly connected."""
    for environment in Environment:
        house.configure(environment)
        house.connect(environment)
    return house


def look(house: House, keeper: KeepAlive | None = None) -> int:
    return asyncio.run((keeper or KeepAlive(house.parts)).look())


def generations(house: House) -> dict[str, int]:
    with house.db.read() as db:
        found = db.execute(sa.select(AuthToken.environment, AuthToken.shop_id, AuthToken.generation)).all()
    return {f"{environment} {shop_id}": generation for environment, shop_id, generation in found}


def let_end_in(house: House, left: timedelta) -> None:
    house.execute(sa.update(AuthToken).values(refresh_expires_at=house.now + left))


def test_idle_tokens_of_both_environments_are_renewed_ten_days_before_they_end(shops: House) -> None:
    """Fails when `list_due` looks at the active environment only, or `EARLY` is nothing."""
    with shops.db.read() as db:
        assert get_active_environment(db, FAKE) is SANDBOX
    assert look(shops) == 0
    assert shops.market.calls == []
    shops.clock.advance(timedelta(days=20, hours=1))
    assert look(shops) == 2
    assert generations(shops) == {"sandbox 7001": 2, "live 7001": 2}
    with shops.db.read() as db:
        row = find_token(db, Scope(FAKE, LIVE, SHOP))
    assert row is not None
    assert row.refresh_expires_at == shops.now + timedelta(days=30)
    assert look(shops) == 0


def test_token_that_is_used_is_left_to_those_who_use_it(shops: House) -> None:
    """Its refresh token is as young as its access token."""
    shops.clock.advance(timedelta(hours=5))
    assert look(shops) == 0
    assert shops.market.calls == []


@pytest.mark.parametrize(
    ("state", "renewed"),
    [("connected", 1), ("paused", 1), ("pending", 0), ("needs_reauth", 0), ("disconnected", 0)],
)
def test_only_shops_that_are_ours_are_kept_alive(shops: House, state: str, renewed: int) -> None:
    let_end_in(shops, timedelta(days=9))
    with shops.db.write() as db:
        set_state(db, Scope(FAKE, SANDBOX, SHOP), state, reason="", actor=SYSTEM, now=shops.now)
        set_state(db, Scope(FAKE, LIVE, SHOP), "disconnected", reason="", actor=SYSTEM, now=shops.now)
    assert look(shops) == renewed
    assert shops.shop_state() == state
    assert shops.market.count("refresh") == renewed


def test_token_that_ended_unused_makes_its_shop_wait_for_a_person(shops: House) -> None:
    """The marketplace is asked once; the other environment's shop is renewed all the same."""
    let_end_in(shops, -timedelta(days=1))
    shops.market.revoke(SANDBOX, SHOP)
    keeper = KeepAlive(shops.parts)
    assert look(shops, keeper) == 1
    assert shops.shop_state() == "needs_reauth"
    assert shops.shop_state(LIVE) == "connected"
    assert look(shops, keeper) == 0
    assert look(shops) == 0
    assert shops.market.count("refresh") == 2


def test_two_processes_that_look_at_once_renew_each_token_once(shops: House) -> None:
    """Fails when a look asks by itself instead of through `get_access_token`."""
    let_end_in(shops, timedelta(days=9))
    keepers = [KeepAlive(shops.as_process()) for _ in range(4)]
    done = run_threads([lambda keeper=keeper: asyncio.run(keeper.look()) for keeper in keepers])
    assert [one for one in done if isinstance(one, Exception)] == []
    assert generations(shops) == {"sandbox 7001": 2, "live 7001": 2}
    assert shops.market.count("refresh") == 2


def test_failed_renewal_rests_and_keeps_no_other_from_its_turn(shops: House, monkeypatch: pytest.MonkeyPatch) -> None:
    let_end_in(shops, timedelta(days=9))

    async def fail(call: Call) -> None:
        if call.environment is SANDBOX:
            raise RemoteUnavailable

    shops.market.before = fail
    keeper = KeepAlive(shops.parts)
    assert look(shops, keeper) == 1
    assert generations(shops) == {"sandbox 7001": 1, "live 7001": 2}
    assert look(shops, keeper) == 0
    assert shops.market.count("refresh") == 2
    monkeypatch.setattr(keep_alive, "_REST_SECONDS", 0.0)
    assert look(shops) == 0
    assert shops.market.count("refresh") == 3


def test_renewal_that_was_never_finished_is_brought_to_an_end_though_nobody_asks(shops: House) -> None:
    """T22: the banner comes by itself. Fails when `list_due` leaves out open intents, or takes held leases."""

    async def be_lost(_call: Call) -> None:
        raise OutcomeUnknown

    shops.market.before = be_lost
    with pytest.raises(OutcomeUnknown):
        asyncio.run(get_access_token(shops.parts, Scope(FAKE, SANDBOX, SHOP), rejected=1))
    shops.market.revoke(SANDBOX, SHOP)

    async def answer(_call: Call) -> None:
        return

    shops.market.before = answer
    keeper = KeepAlive(shops.parts)
    assert look(shops, keeper) == 0
    assert shops.market.count("refresh") == 2, "the lease has not ended"
    shops.execute(sa.update(AuthToken).values(lease_until=LONG_AGO))
    assert asyncio.run(keeper.finish_begun(must_stop=lambda: False)) == 0
    assert shops.market.count("refresh") == 3
    assert shops.shop_state() == "needs_reauth"
    assert [one.code for one in shops.exceptions()] == ["needs_reconnect"]


def test_look_ends_early_where_the_process_is_told_to_stop(shops: House) -> None:
    let_end_in(shops, timedelta(days=9))
    assert asyncio.run(KeepAlive(shops.parts).look(must_stop=lambda: True)) == 0
    assert shops.market.calls == []


def test_absent_database_is_no_reason_to_rest(shops: House, monkeypatch: pytest.MonkeyPatch) -> None:
    let_end_in(shops, timedelta(days=9))

    async def away(*_args: object, **_kwargs: object) -> None:
        raise StorageUnavailable

    keeper = KeepAlive(shops.parts)
    with monkeypatch.context() as patch:
        patch.setattr(keep_alive, "get_access_token", away)
        with pytest.raises(StorageUnavailable):
            look(shops, keeper)
    assert look(shops, keeper) == 2


def test_shop_that_a_look_gave_up_is_not_asked_for_by_anybody(shops: House) -> None:
    let_end_in(shops, timedelta(days=1))
    shops.market.revoke(SANDBOX, SHOP)
    look(shops)
    with pytest.raises(NeedsReconnect):
        asyncio.run(get_access_token(shops.parts, Scope(FAKE, SANDBOX, SHOP)))
    assert shops.market.count("refresh") == 2


def take_run(house: House) -> Run:
    """What the schedule queues, and a worker's turn at it; the sandbox's run."""
    asyncio.run(schedule.tend(house.parts))
    for _ in Environment:
        asyncio.run(run_next(house.parts, kind=keep_alive.KIND))
    with house.db.read() as db:
        found = db.execute(sa.select(Run).where(Run.kind == keep_alive.KIND, Run.environment == SANDBOX))
        return found.scalars().all()[-1]


def test_schedule_keeps_the_tokens_of_both_environments_alive(shops: House) -> None:
    """T22: by a run in each, also in the one that is not active."""
    assert (take_run(shops).state, generations(shops)) == ("succeeded", {"sandbox 7001": 1, "live 7001": 1})
    shops.clock.advance(timedelta(days=20, hours=1))
    ended = take_run(shops)
    assert (ended.state, ended.done) == ("succeeded", 1)
    assert generations(shops) == {"sandbox 7001": 2, "live 7001": 2}


def test_run_that_could_not_renew_looks_again_after_a_rest(shops: House) -> None:
    """A run that fails is no end of it: there are ten days, and the same run goes on."""
    let_end_in(shops, timedelta(days=9))

    async def fail(call: Call) -> None:
        if call.environment is SANDBOX:
            raise RemoteUnavailable

    async def answer(_call: Call) -> None:
        return

    shops.market.before = fail
    waiting = take_run(shops)
    assert (waiting.state, waiting.attempts) == ("running", 0)
    assert waiting.due_at == shops.now + timedelta(minutes=10)
    assert "1 could not be renewed" in waiting.note
    shops.market.before = answer
    ended = take_run(shops)
    assert (ended.id, ended.state, ended.done) == (waiting.id, "succeeded", 1)
    assert generations(shops) == {"sandbox 7001": 2, "live 7001": 2}


def test_worker_itself_finishes_only_what_was_begun(shops: House) -> None:
    """What ends is the schedule's matter: one way to do a thing."""
    let_end_in(shops, timedelta(days=9))
    assert asyncio.run(KeepAlive(shops.parts).finish_begun(must_stop=lambda: False)) == 0
    assert shops.market.calls == []
