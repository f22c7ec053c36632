"""Catching up after a switch: every change since the last activity, in windows, once, whatever comes in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
import sqlalchemy as sa

from kedai import errors
from kedai.audit.models import AuditEntry
from kedai.db.database import refuse_open_transaction
from kedai.runs import service
from kedai.runs.models import Run
from kedai.sync import catch_up, runner, windows
from kedai.values.environment import Environment, Scope
from kedai.vault import accounts
from tests.feature.dashboard.browser import store_orders
from tests.support.factories import ANNA, FAKE, LIVE, SANDBOX, SHOP, Call, House, line, snapshot

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def shop(house: House) -> House:
    """Both environments complete, with a connected shop each; sandbox is active and live never was."""
    for environment in Environment:
        house.configure(environment)
        house.connect(environment)
    return house


def go_on(house: House, *, times: int = 1) -> None:
    for _ in range(times):
        asyncio.run(runner.run_next(house.parts))


def run_to_end(house: House, *, times: int = 200) -> None:
    """By the tests' clock every pause is over at once."""
    for _ in range(times):
        if not asyncio.run(runner.run_next(house.parts)):
            return
    raise AssertionError("the runs go round and round")


def runs(house: House) -> list[Run]:
    statement = sa.select(Run).where(Run.kind == catch_up.KIND).order_by(Run.id)
    with house.db.read() as db:
        return list(db.execute(statement).scalars())


def only(house: House) -> Run:
    (one,) = runs(house)
    return one


def since(run: Run) -> datetime:
    return datetime.fromisoformat(run.scope["since"])


def listed_windows(house: House) -> list[tuple[datetime, datetime]]:
    found = [call.window for call in house.market.calls if call.method == "list_orders"]
    return [one for one in found if one is not None]


def numbers(house: House, environment: Environment = LIVE) -> list[str]:
    return [row.order_sn for row in house.orders(environment)]


def put(house: House, *order_sns: str, ago: timedelta = DAY, shop_id: str = SHOP) -> None:
    """Orders of the live shop that changed some time ago."""
    changed = (snapshot(one, remote_updated_at=house.now - ago) for one in order_sns)
    house.market.put(LIVE, *changed, shop_id=shop_id)


def fail(house: House, error: Callable[[], BaseException], *, method: str = "get_orders", about: str = "") -> None:
    async def refuse(call: Call) -> None:
        if call.method == method and (not about or about in call.order_sns):
            raise error()

    house.market.before = refuse


def heal(house: House) -> None:
    fail(house, RuntimeError, method="nothing")


def test_what_changed_while_the_environment_was_not_active_is_read_after_the_switch(shop: House) -> None:
    put(shop, *(f"L{number:03}" for number in range(230)))
    shop.market.put(SANDBOX, snapshot("S1"))
    assert shop.switch(LIVE).catch_ups == 1
    run_to_end(shop)
    ended = only(shop)
    assert (ended.state, ended.done, ended.note, ended.environment) == (
        "succeeded",
        230,
        "230 orders were missing",
        LIVE,
    )
    assert numbers(shop) == [f"L{number:03}" for number in range(230)]
    assert numbers(shop, SANDBOX) == []
    assert {call.environment for call in shop.market.calls} == {LIVE}
    assert max(map(len, shop.market.asked())) == 50


def test_windows_follow_each_other_and_none_is_longer_than_fifteen_days(shop: House) -> None:
    store_orders(shop, snapshot("OLD", remote_updated_at=shop.now - timedelta(days=40)), environment=LIVE)
    shop.switch(LIVE)
    run_to_end(shop)
    listed = listed_windows(shop)
    assert listed[0][0] == shop.now - timedelta(days=40) - windows.OVERLAP
    assert listed[-1][1] == shop.now
    assert all(first[1] == second[0] for first, second in pairwise(listed))
    assert all(timedelta() < until - begin <= timedelta(days=15) for begin, until in listed)
    assert len(listed) == 3


def test_it_begins_where_the_environment_was_left_or_at_the_newest_known_change_if_that_is_earlier(shop: House) -> None:
    shop.switch(LIVE)
    run_to_end(shop)
    shop.clock.advance(DAY)
    left = shop.now
    shop.switch(SANDBOX)
    shop.clock.advance(2 * DAY)
    store_orders(shop, snapshot("LATER", remote_updated_at=shop.now), environment=LIVE)
    shop.switch(LIVE)
    assert since(runs(shop)[-1]) == left - windows.OVERLAP
    shop.switch(SANDBOX)
    shop.execute(sa.text("DELETE FROM order_timeline"))
    shop.execute(sa.text("DELETE FROM order_item"))
    shop.execute(sa.text("DELETE FROM order_sync"))
    store_orders(shop, snapshot("OLD", remote_updated_at=left - 5 * DAY), environment=LIVE)
    run_to_end(shop)
    shop.execute(sa.update(Run).values(state="succeeded"))
    shop.switch(LIVE)
    assert since(runs(shop)[-1]) == left - 5 * DAY - windows.OVERLAP


def test_an_environment_that_never_was_active_looks_back_fifteen_days_and_no_one_more_than_ninety(shop: House) -> None:
    shop.switch(LIVE)
    assert since(only(shop)) == shop.now - timedelta(days=15)
    run_to_end(shop)
    shop.switch(SANDBOX)
    shop.clock.advance(timedelta(days=400))
    shop.switch(LIVE)
    assert since(runs(shop)[-1]) == shop.now - timedelta(days=90)


def test_each_shop_that_could_go_on_gets_a_run_and_the_trail_says_who_began_it(shop: House) -> None:
    for shop_id, state in (("7002", "paused"), ("7003", "needs_reauth"), ("7004", "pending"), ("7005", "disconnected")):
        shop.connect(LIVE, shop_id, state=state)
    assert shop.switch(LIVE).catch_ups == 3
    assert sorted(run.scope["shop_id"] for run in runs(shop)) == [SHOP, "7002", "7003"]
    assert {run.created_by for run in runs(shop)} == {ANNA.name}
    with shop.db.read() as db:
        actions = db.execute(sa.select(AuditEntry.environment).where(AuditEntry.action == "run.catch_up")).scalars()
        assert list(actions) == [LIVE] * 3


def test_a_switch_to_where_one_is_catches_up_nothing(shop: House) -> None:
    assert shop.switch(SANDBOX).catch_ups == 0
    assert runs(shop) == []


def test_newer_data_is_never_written_over(shop: House) -> None:
    newer = snapshot("L1", status="SHIPPED", remote_updated_at=shop.now, total_amount=Decimal("99.00"))
    store_orders(shop, newer, environment=LIVE)
    put(shop, "L1", "L2", ago=timedelta(minutes=5))
    shop.switch(LIVE)
    run_to_end(shop)
    stands = shop.orders(LIVE)[0]
    assert (stands.order_sn, stands.status, stands.total_amount) == ("L1", "SHIPPED", Decimal("99.00"))
    assert numbers(shop) == ["L1", "L2"]


def test_no_transaction_is_open_while_the_marketplace_is_asked(shop: House) -> None:
    async def look(_call: Call) -> None:
        refuse_open_transaction()

    shop.market.before = look
    put(shop, "L1")
    shop.switch(LIVE)
    run_to_end(shop)
    assert only(shop).state == "succeeded"


def test_killed_between_two_steps_it_goes_on_there_and_lists_no_page_twice(shop: House) -> None:
    class Killed(BaseException):
        """The power went."""

    shop.market.orders_per_page = 60
    put(shop, *(f"L{number:03}" for number in range(150)))
    shop.switch(LIVE)

    async def die_at_the_second_page(call: Call) -> None:
        if shop.market.count("get_orders") == 3 and call.method == "get_orders":
            raise Killed

    shop.market.before = die_at_the_second_page
    with pytest.raises(Killed):
        go_on(shop)
    held = only(shop)
    assert (held.state, held.done, held.lease_by is None) == ("running", 60, False)
    heal(shop)
    shop.execute(sa.update(Run).values(lease_until=LONG_AGO))
    run_to_end(shop)
    assert (only(shop).state, only(shop).done) == ("succeeded", 150)
    assert shop.market.count("list_orders") == 3
    assert len(numbers(shop)) == 150


@pytest.mark.parametrize("method", ["list_orders", "get_orders"])
def test_a_marketplace_that_is_away_is_waited_for_as_long_as_it_takes(shop: House, method: str) -> None:
    put(shop, "L1")
    shop.switch(LIVE)
    fail(shop, errors.RemoteUnavailable, method=method)
    go_on(shop, times=service.MAX_ATTEMPTS + 5)
    waiting = only(shop)
    assert (waiting.state, waiting.attempts, waiting.lease_by) == ("running", 0, None)
    assert "cannot be reached" in waiting.note
    assert waiting.due_at > shop.now
    heal(shop)
    run_to_end(shop)
    assert (only(shop).state, numbers(shop)) == ("succeeded", ["L1"])


def test_one_order_that_cannot_be_read_is_left_out_alone_and_told(shop: House) -> None:
    put(shop, *(f"L{number:02}" for number in range(20)))
    shop.switch(LIVE)
    fail(shop, errors.RemoteUnreadable, about="L07")
    run_to_end(shop)
    assert (only(shop).state, only(shop).done) == ("succeeded", 20)
    assert numbers(shop) == [f"L{number:02}" for number in range(20) if number != 7]
    (trouble,) = shop.exceptions()
    assert (trouble.last_order_sn, trouble.environment, trouble.count) == ("L07", LIVE, 1)


def test_an_order_that_the_database_refuses_is_left_out_alone_and_told(shop: House) -> None:
    put(shop, "L1", "L3")
    shop.market.put(LIVE, snapshot("L2", remote_updated_at=shop.now - DAY, lines=(line(quantity=2**70),)))
    shop.switch(LIVE)
    run_to_end(shop)
    assert (only(shop).state, only(shop).attempts, numbers(shop)) == ("succeeded", 0, ["L1", "L3"])
    (trouble,) = shop.exceptions()
    assert (trouble.last_order_sn, trouble.environment) == ("L2", LIVE)


def test_where_every_order_is_refused_none_is_left_out_and_the_run_is_given_up_with_an_exception(shop: House) -> None:
    put(shop, "L1", "L2", "L3")
    shop.switch(LIVE)
    fail(shop, lambda: errors.RemoteRejected(remote_code="error_data"))
    run_to_end(shop)
    assert (only(shop).state, numbers(shop)) == ("failed", [])
    (trouble,) = shop.exceptions()
    assert (trouble.code, trouble.shop_id) == ("run_failed", SHOP)
    heal(shop)
    shop.switch(SANDBOX)
    shop.switch(LIVE)
    run_to_end(shop)
    assert numbers(shop) == ["L1", "L2", "L3"]


def test_a_list_that_never_ends_is_given_up(shop: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MOST_PAGES", 3)
    shop.market.orders_per_page = 1
    put(shop, "L1", "L2", "L3", "L4", "L5")
    shop.switch(LIVE)
    run_to_end(shop)
    assert (only(shop).state, only(shop).done) == ("failed", 3)
    assert "does not end" in only(shop).note


def test_switched_out_in_the_middle_it_ends_and_the_next_one_begins_where_it_stood(shop: House) -> None:
    begin = shop.now - timedelta(days=40)
    store_orders(shop, snapshot("OLD", remote_updated_at=begin), environment=LIVE)
    shop.switch(LIVE)

    async def leave_at_the_second_window(call: Call) -> None:
        if call.method == "list_orders" and shop.market.count("list_orders") == 2:
            await asyncio.to_thread(shop.switch, SANDBOX)

    shop.market.before = leave_at_the_second_window
    run_to_end(shop)
    ended = next(run for run in runs(shop) if run.environment is LIVE)
    assert ended.state == "cancelled"
    assert "not the active one" in ended.note
    listed = [call.window for call in shop.market.calls if call.environment is LIVE and call.window is not None]
    assert len(listed) == 2
    heal(shop)
    store_orders(shop, snapshot("NEW", remote_updated_at=shop.now), environment=LIVE)
    shop.clock.advance(DAY)
    shop.switch(LIVE)
    assert since(runs(shop)[-1]) == listed[1][1] - windows.OVERLAP
    run_to_end(shop)
    assert runs(shop)[-1].state == "succeeded"


def test_one_that_is_still_open_is_stopped_by_the_next_switch_which_takes_its_place(shop: House) -> None:
    shop.switch(LIVE)
    first = since(only(shop))
    shop.switch(SANDBOX)
    shop.clock.advance(DAY)
    shop.switch(LIVE)
    run_to_end(shop)
    _sandbox, *live = sorted(runs(shop), key=lambda run: (run.environment is LIVE, run.id))
    assert [run.state for run in live] == ["cancelled", "succeeded"]
    assert since(live[1]) == first - windows.OVERLAP


def test_a_paused_shop_is_caught_up_when_it_is_resumed(shop: House) -> None:
    put(shop, "L1")
    with shop.db.write() as db:
        accounts.set_state(db, Scope(FAKE, LIVE, SHOP), "paused", reason="", actor=ANNA, now=shop.now)
    shop.switch(LIVE)
    go_on(shop, times=3)
    assert (only(shop).state, only(shop).note, shop.market.calls) == ("running", "the shop is paused", [])
    with shop.db.write() as db:
        accounts.set_state(db, Scope(FAKE, LIVE, SHOP), "connected", reason="", actor=ANNA, now=shop.now)
    run_to_end(shop)
    assert (only(shop).state, numbers(shop)) == ("succeeded", ["L1"])


def test_a_shop_that_is_disconnected_is_not_asked_any_more(shop: House) -> None:
    shop.switch(LIVE)
    with shop.db.write() as db:
        accounts.disconnect_account(db, Scope(FAKE, LIVE, SHOP), reason="by the marketplace", actor=ANNA, now=shop.now)
    run_to_end(shop)
    assert (only(shop).state, shop.market.calls) == ("cancelled", [])


def test_a_lost_token_asks_a_person_and_the_run_waits_for_the_new_connection(shop: House) -> None:
    put(shop, "L1")
    shop.market.expire_access(LIVE, SHOP)
    shop.market.revoke(LIVE, SHOP)
    shop.switch(LIVE)
    go_on(shop, times=3)
    assert (shop.shop_state(LIVE), only(shop).state) == ("needs_reauth", "running")
    shop.connect(LIVE)
    run_to_end(shop)
    assert (only(shop).state, numbers(shop)) == ("succeeded", ["L1"])


def test_a_person_stops_it_even_while_it_waits_for_the_marketplace(shop: House) -> None:
    shop.switch(LIVE)
    fail(shop, errors.RemoteUnavailable, method="list_orders")
    go_on(shop)
    shop.execute(sa.update(Run).values(due_at=datetime(2999, 1, 1, tzinfo=UTC)))
    with shop.db.write() as db:
        service.request_cancel(db, only(shop).id, environment=LIVE, actor=ANNA, now=shop.now)
    run_to_end(shop)
    assert (only(shop).state, only(shop).note) == ("cancelled", "cancelled by a person")


def test_two_processes_share_the_runs_and_no_order_is_lost(shop: House) -> None:
    shop.connect(LIVE, "7002")
    put(shop, *(f"A{number}" for number in range(30)))
    put(shop, *(f"B{number}" for number in range(30)), shop_id="7002")
    shop.switch(LIVE)
    places = [shop.parts, shop.as_process()]

    async def both() -> Sequence[object]:
        async def work(number: int) -> None:
            while await runner.run_next(places[number]):
                pass

        return await asyncio.gather(work(0), work(1))

    asyncio.run(both())
    assert {run.state for run in runs(shop)} == {"succeeded"}
    assert len(numbers(shop)) == 60
