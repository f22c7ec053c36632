"""Working on pushes: one call for many orders, the one at fault found alone, and every failure with its own way on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai import errors
from kedai.db.database import Database, refuse_open_transaction
from kedai.errors import StorageUnavailable
from kedai.inbox.models import RawEvent
from kedai.kit.crypto import SecretPlace, seal_v2
from kedai.orders.models import OrderAnswer
from kedai.orders.service import prepare
from kedai.sync import judge, process
from kedai.sync.outcome import MAX_ATTEMPTS
from kedai.sync.process import process_next
from kedai.sync.store import store_orders
from kedai.values.environment import Environment, Scope
from kedai.values.event import ParkedReason, Topic
from kedai.vault.degraded import list_degraded
from kedai.vault.models import AuthToken, EnvironmentCredentials, Shop
from tests.support.factories import COMPLETE, LIVE, SANDBOX, SHOP, START, Call, House, incoming, run_threads, snapshot
from tests.support.statements import heard_statements

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
NEVER = datetime(2999, 1, 1, tzinfo=UTC)
Failing = Callable[[], BaseException]


@pytest.fixture
def shop(house: House) -> House:
    """A house with both environments configured and a connected sandbox shop."""
    house.configure(SANDBOX)
    house.configure(LIVE)
    house.connect(SANDBOX)
    return house


def fail_with(house: House, error: Failing, *, about: str | None = None) -> None:
    """Let the marketplace refuse calls for orders: all of them, or those that hold one order."""

    async def refuse(call: Call) -> None:
        if call.method == "get_orders" and (about is None or about in call.order_sns):
            raise error()

    house.market.before = refuse


def work_again(house: House, *, times: int) -> None:
    """Process so many batches; by the tests' clock every pause is over at once."""
    house.work(batches=times)


def lose_leases(house: House) -> None:
    house.execute(sa.update(RawEvent).where(RawEvent.lease_by.is_not(None)).values(lease_until=LONG_AGO))


def put_and_deliver(house: House, *order_sns: str, environment: Environment = SANDBOX) -> None:
    house.market.put(environment, *(snapshot(one) for one in order_sns))
    house.deliver(*(incoming(one, environment=environment) for one in order_sns))


class FallsAway:
    """A database that is away for some of its transactions; counted from 1, reading and writing apart."""

    def __init__(self, database: Database, *, reads: tuple[int, ...] = (), writes: tuple[int, ...] = ()) -> None:
        self._database = database
        self.is_sqlite = database.is_sqlite
        self._reads, self._writes = iter(range(1, 1000)), iter(range(1, 1000))
        self._away = {"read": reads, "write": writes}

    @contextmanager
    def read(self) -> Iterator[Session]:
        if next(self._reads) in self._away["read"]:
            raise StorageUnavailable
        with self._database.read() as db:
            yield db

    def is_shared_with_intake(self) -> bool:
        return self._database.is_shared_with_intake()

    def transact(self, work: Callable[[Session], Any]) -> Any:
        if next(self._writes) in self._away["write"]:
            raise StorageUnavailable
        return self._database.transact(work)


def test_f12_database_away_when_answers_are_written_is_waited_for(shop: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Break `process._write`: without its second try the events stay leased, and nobody writes for 45 seconds."""
    monkeypatch.setattr(process, "_AWAY_SECONDS", 0.01)
    put_and_deliver(shop, "O1", "O2")
    away: Any = FallsAway(shop.parts.database, writes=(2, 3))
    assert asyncio.run(process_next(replace(shop.parts, database=away)))
    assert shop.states() == ["applied", "applied"]
    assert len(shop.market.calls) == 1


def test_f12_database_away_before_the_marketplace_is_asked_gives_the_events_back(
    shop: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Break the release in `process_next`: the events stay leased, and their next claim counts as a stall."""
    monkeypatch.setattr(process, "_AWAY_SECONDS", 0.01)
    put_and_deliver(shop, "O1")
    away: Any = FallsAway(shop.parts.database, reads=(1,), writes=(2,))
    with pytest.raises(StorageUnavailable):
        asyncio.run(process_next(replace(shop.parts, database=away)))
    assert (shop.event().lease_by, shop.event().stalls) == (None, 0)
    shop.step()
    assert shop.states() == ["applied"]


def test_fifty_orders_are_read_in_one_call_and_applied(shop: House) -> None:
    names = [f"O{number:02}" for number in range(50)]
    put_and_deliver(shop, *names)
    shop.deliver(incoming("O07"))
    assert shop.work() == 1
    assert shop.market.asked() == [tuple(names)]
    assert set(shop.states()) == {"applied"}
    assert [row.order_sn for row in shop.orders()] == names
    assert shop.exceptions() == []


def test_a_batch_is_asked_by_as_few_calls_as_the_marketplace_allows_and_one_that_fails_costs_the_others_nothing(
    shop: House,
) -> None:
    """Break `_by_calls` in `sync.judge` (one call for all): the marketplace takes fifty orders and no more."""
    numbers = [f"O{number:03d}" for number in range(120)]
    put_and_deliver(shop, *numbers)
    fail_with(shop, errors.RemoteUnavailable, about="O060")

    assert asyncio.run(process_next(shop.parts))

    assert sorted(map(len, shop.market.asked())) == [20, 50, 50]
    assert sorted(order.order_sn for order in shop.orders()) == numbers[:50] + numbers[100:]
    assert sorted(shop.states()) == ["applied"] * 70 + ["received"] * 50
    with shop.db.read() as db:
        problems = db.execute(sa.select(Shop.last_call_problem).where(Shop.environment == SANDBOX)).scalars().all()
    assert all(problems), "the call that failed is not hidden by those that did not"


def test_all_calls_of_a_batch_share_one_look_at_the_token(shop: House) -> None:
    """Break `_ask` in `sync.judge` (`open_calls` anew for each portion): four calls look four times."""
    put_and_deliver(shop, "O000")
    with heard_statements() as of_one_call:
        assert asyncio.run(process_next(shop.parts))
    put_and_deliver(shop, *(f"O{number:03d}" for number in range(1, 201)))
    asked = len(shop.market.asked())

    with heard_statements() as of_four_calls:
        assert asyncio.run(process_next(shop.parts))

    assert len(shop.market.asked()) - asked == 4
    assert set(shop.states()) == {"applied"}
    assert of_tokens(of_one_call), "the look is seen"
    assert len(of_tokens(of_four_calls)) == len(of_tokens(of_one_call))


def of_tokens(statements: list[str]) -> list[str]:
    """Those that read tokens."""
    return [one for one in statements if "FROM auth_token" in one]


def test_nothing_due_is_no_work(shop: House) -> None:
    assert not shop.step()
    assert shop.market.calls == []


def test_no_transaction_is_open_while_the_marketplace_is_asked(shop: House) -> None:
    async def look(_call: Call) -> None:
        refuse_open_transaction()
        await asyncio.to_thread(shop.execute, sa.update(Shop).values(region="SG"))

    shop.market.before = look
    put_and_deliver(shop, "O1")
    shop.work()
    assert shop.states() == ["applied"]


@pytest.mark.parametrize("is_beside_intake", [False, True])
def test_many_orders_are_one_transaction_unless_the_intake_waits_for_the_same_writer(
    shop: House, is_beside_intake: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_and_deliver(shop, *(f"O{number:02}" for number in range(25)))
    written: list[int] = []

    def count(db: Session, scope: Scope, answers: Sequence[Any], **given: Any) -> None:
        written.append(len(answers))
        store_orders(db, scope, answers, **given)

    monkeypatch.setattr(process, "store_orders", count)
    if is_beside_intake:
        with shop.db.connect(first=True):
            pass
    assert shop.work() == 1
    assert sorted(written) == ([5, 10, 10] if is_beside_intake and shop.db.is_sqlite else [25])
    assert {event.state for event in shop.events()} == {"applied"}


def test_one_order_at_fault_is_found_by_halving_and_the_rest_is_applied(shop: House) -> None:
    names = [f"O{number:02}" for number in range(50)]
    put_and_deliver(shop, *names)
    fail_with(shop, lambda: errors.RemoteRejected(remote_code="error_data"), about="O33")
    shop.step()
    assert [event.order_sn for event in shop.events() if event.state != "applied"] == ["O33"]
    assert len(shop.orders()) == 49
    assert shop.market.count("get_orders") <= 1 + 2 * 6
    waiting = next(event for event in shop.events() if event.order_sn == "O33")
    assert (waiting.state, waiting.attempts) == ("received", 1)
    work_again(shop, times=MAX_ATTEMPTS)
    assert next(event for event in shop.events() if event.order_sn == "O33").state == "dead"
    (trouble,) = shop.exceptions()
    assert (trouble.code, trouble.count, trouble.last_order_sn) == ("error_data", 1, "O33")


def test_unreadable_answer_about_one_order_does_not_hold_up_its_neighbours(shop: House) -> None:
    put_and_deliver(shop, "O1", "O2", "O3")
    fail_with(shop, errors.RemoteUnreadable, about="O2")
    shop.step()
    assert shop.states() == ["applied", "received", "applied"]


@pytest.mark.parametrize("pending", [False, True], ids=["never seen", "not confirmed yet"])
def test_push_for_a_shop_that_is_not_connected_here_is_parked_with_one_grouped_exception(
    shop: House, pending: bool
) -> None:
    if pending:
        shop.connect(SANDBOX, "7999", state="pending")
    for number in range(3):
        shop.deliver(incoming(f"O{number}", shop_id="7999"))
        shop.work()
    assert [(event.state, event.parked_reason) for event in shop.events()] == [("parked", "unknown_shop")] * 3
    (trouble,) = shop.exceptions()
    assert (trouble.code, trouble.shop_id, trouble.count, trouble.state) == ("unknown_shop", "7999", 3, "ongoing")
    assert shop.market.calls == []


def test_shop_of_the_other_environment_is_unknown_here(shop: House) -> None:
    put_and_deliver(shop, "O1", environment=LIVE)
    shop.work()
    assert (shop.event().state, shop.event().parked_reason) == ("parked", "unknown_shop")
    assert shop.market.calls == []


def test_order_the_marketplace_does_not_know_yet_is_asked_for_again_and_applied(shop: House) -> None:
    """F37: it is tried again later."""
    shop.deliver(incoming("O1"))
    shop.step()
    waiting = shop.event()
    assert (waiting.state, waiting.attempts) == ("received", 1)
    assert waiting.due_at > shop.now
    shop.market.put(SANDBOX, snapshot("O1"))
    shop.work()
    assert shop.states() == ["applied"]
    assert shop.exceptions() == []


def test_order_the_marketplace_never_knows_is_parked_for_a_person(shop: House) -> None:
    """F37: and parked in the end."""
    put_and_deliver(shop, "O2")
    shop.deliver(incoming("O1"))
    work_again(shop, times=8)
    known, unknown = shop.events()
    assert known.state == "applied"
    assert (unknown.state, unknown.parked_reason) == ("parked", "order_not_found")
    assert 1 < unknown.attempts < MAX_ATTEMPTS
    (trouble,) = shop.exceptions()
    assert (trouble.code, trouble.last_order_sn) == ("order_not_found", "O1")


@pytest.mark.parametrize(
    "error",
    [
        errors.RemoteUnavailable,
        errors.OutcomeUnknown,
        lambda: errors.RateLimited(retry_after=30),
        lambda: errors.RemoteMisconfigured(remote_code="error_sign"),
    ],
    ids=["unavailable", "outcome unknown", "rate limited", "misconfigured"],
)
def test_what_is_the_marketplaces_fault_waits_for_as_long_as_it_takes(shop: House, error: Failing) -> None:
    put_and_deliver(shop, "O1", "O2")
    fail_with(shop, error)
    work_again(shop, times=MAX_ATTEMPTS + 5)
    assert shop.states() == ["received"] * 2
    assert shop.shop_state() == "connected"
    fail_with(shop, error, about="nothing")
    shop.work()
    assert shop.states() == ["applied"] * 2


def test_long_outage_leaves_an_event_all_its_tries(shop: House) -> None:
    put_and_deliver(shop, "O1")
    fail_with(shop, errors.RemoteUnavailable)
    work_again(shop, times=MAX_ATTEMPTS + 5)
    fail_with(shop, errors.RemoteUnreadable)
    work_again(shop, times=1)
    assert shop.states() == ["received"]


def test_refusal_of_our_app_waits_but_calls_a_person_once(shop: House) -> None:
    put_and_deliver(shop, "O1")
    fail_with(shop, lambda: errors.RemoteMisconfigured(remote_code="error_sign"))
    work_again(shop, times=3)
    (trouble,) = shop.exceptions()
    assert (trouble.code, trouble.shop_id, trouble.count) == ("error_sign", None, 3)


def test_pause_is_not_shorter_than_the_marketplace_asks(shop: House) -> None:
    put_and_deliver(shop, "O1")
    fail_with(shop, lambda: errors.RateLimited(retry_after=600))
    shop.step()
    assert shop.event().due_at >= shop.now + timedelta(seconds=600)


@pytest.mark.parametrize("error", [lambda: RuntimeError("boom"), errors.KedaiError], ids=["bug", "family root"])
def test_f11_handler_that_always_fails_gives_up_after_its_tries_with_one_grouped_exception(
    shop: House, error: Failing
) -> None:
    names = [f"O{number}" for number in range(3)]
    put_and_deliver(shop, *names)
    fail_with(shop, error)
    for tries in range(1, MAX_ATTEMPTS):
        work_again(shop, times=1)
        assert shop.states() == ["received"] * 3
        assert {event.attempts for event in shop.events()} == {tries}
        assert shop.exceptions() == []
    work_again(shop, times=1)
    assert shop.states() == ["dead"] * 3
    assert {event.attempts for event in shop.events()} == {MAX_ATTEMPTS}
    (trouble,) = shop.exceptions()
    assert trouble.count == 3
    assert shop.work() == 0


def test_message_of_an_unexpected_error_is_not_shown_as_it_is(shop: House) -> None:
    """It may hold anything; its kind is enough for the page, the log has the rest."""
    put_and_deliver(shop, "O1")
    fail_with(shop, lambda: RuntimeError("access_token=CANARY"))
    shop.step()
    assert "CANARY" not in shop.event().note
    assert "RuntimeError" in shop.event().note


def test_f11_back_off_grows_from_try_to_try(shop: House) -> None:
    put_and_deliver(shop, "O1")
    fail_with(shop, errors.RemoteUnreadable)
    pauses = []
    for _ in range(6):
        shop.step()
        pauses.append((shop.event().due_at - shop.now).total_seconds())
    assert pauses[0] < 3
    assert pauses[-1] > 8 * pauses[0]


def test_dead_authorisation_stops_this_shop_only_and_asks_for_a_person(shop: House) -> None:
    shop.connect(SANDBOX, "7002")
    shop.market.put(SANDBOX, snapshot("O2"), shop_id="7002")
    put_and_deliver(shop, "O1")
    shop.deliver(incoming("O2", shop_id="7002"))

    async def refuse(call: Call) -> None:
        if call.shop_id == SHOP:
            raise errors.NeedsReconnect("banned")

    shop.market.before = refuse
    work_again(shop, times=4)
    assert (shop.shop_state(), shop.shop_state(SANDBOX, "7002")) == ("needs_reauth", "connected")
    assert shop.states() == ["received", "applied"]
    (trouble,) = shop.exceptions()
    assert (trouble.code, trouble.shop_id) == ("needs_reconnect", SHOP)
    calls = len(shop.market.calls)
    work_again(shop, times=20)
    assert len(shop.market.calls) == calls
    assert shop.states() == ["received", "applied"]
    assert shop.exceptions()[0].count == 1


@pytest.mark.parametrize("state", ["paused", "needs_reauth", "disconnected"])
def test_pushes_of_a_shop_that_is_not_connected_wait_untried(shop: House, state: str) -> None:
    put_and_deliver(shop, "O1")
    shop.execute(sa.update(Shop).values(state=state))
    work_again(shop, times=MAX_ATTEMPTS + 2)
    assert (shop.event().state, shop.event().attempts) == ("received", 0)
    assert shop.market.calls == []


def test_shop_reconnected_while_a_call_was_on_its_way_stays_connected(shop: House) -> None:
    """The refusal belongs to the connection that was; a person has just made a new one."""
    put_and_deliver(shop, "O1")

    async def reconnect_then_refuse(call: Call) -> None:
        if call.method == "get_orders":
            shop.market.before = nothing
            shop.clock.advance(timedelta(seconds=5))
            await asyncio.to_thread(shop.connect, SANDBOX)
            raise errors.NeedsReconnect("the old authorisation is void")

    async def nothing(_call: Call) -> None:
        return

    shop.market.before = reconnect_then_refuse
    shop.step()
    assert shop.shop_state() == "connected"
    shop.work()
    assert shop.states() == ["applied"]


def test_access_token_refused_early_is_refreshed_once_and_the_call_repeated(shop: House) -> None:
    put_and_deliver(shop, "O1")
    shop.market.expire_access(SANDBOX, SHOP)
    shop.step()
    assert shop.states() == ["applied"]
    assert [call.method for call in shop.market.calls] == ["get_orders", "refresh", "get_orders"]


def test_marketplace_that_refuses_even_a_fresh_token_needs_a_person(shop: House) -> None:
    put_and_deliver(shop, "O1")
    fail_with(shop, errors.AuthExpired)
    shop.step()
    assert shop.shop_state() == "needs_reauth"
    assert shop.market.count("refresh") == 1


def test_malformed_push_is_dead_at_once_with_an_exception(shop: House) -> None:
    nothing = {"code": None, "pushed_at": None}
    shop.deliver(incoming(None, shop_id=None, topic=Topic.MALFORMED, **nothing))
    shop.deliver(incoming(None, topic=Topic.MALFORMED, **nothing))
    shop.work()
    assert shop.states() == ["dead"] * 2
    assert [trouble.code for trouble in shop.exceptions()] == ["malformed"] * 2
    assert shop.market.calls == []


@pytest.mark.parametrize("topic", [Topic.CONNECTION, Topic.OTHER])
def test_push_that_asks_for_nothing_is_skipped(shop: House, topic: Topic) -> None:
    shop.deliver(incoming(None, topic=topic), incoming(None, topic=Topic.ORDER))
    shop.work()
    assert shop.states() == ["skipped"] * 2
    assert shop.market.calls == []


def test_f10_push_that_kills_its_worker_every_time_is_given_up_after_three_deaths_and_the_queue_moves_on(
    shop: House,
) -> None:
    put_and_deliver(shop, "O1", "O2", "O3")

    class Killed(BaseException):
        """The kernel took the process."""

    fail_with(shop, Killed, about="O2")
    for _ in range(20):
        try:
            if not shop.step():
                break
        except Killed:
            lose_leases(shop)
    assert shop.states() == ["applied", "dead", "applied"]
    (trouble,) = shop.exceptions()
    assert (trouble.code, trouble.last_order_sn) == ("stalled", "O2")
    assert shop.events()[1].stalls == judge.MAX_STALLS


def test_orderly_stop_gives_the_rows_back_without_a_stall(shop: House) -> None:
    put_and_deliver(shop, "O1")
    asked = asyncio.Event()

    async def hang(_call: Call) -> None:
        asked.set()
        await asyncio.Event().wait()

    async def start_then_stop() -> None:
        shop.market.before = hang
        task = asyncio.create_task(process_next(shop.parts))
        await asked.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(start_then_stop())
    event = shop.event()
    assert (event.lease_by, event.stalls, event.attempts, event.state) == (None, 0, 0, "received")


def test_worker_that_comes_back_after_its_lease_writes_nothing_of_what_others_took_over(shop: House) -> None:
    put_and_deliver(shop, "O1")
    taken_over: list[str] = []

    async def lose_it(call: Call) -> None:
        if call.method == "get_orders" and not taken_over:
            taken_over.append("now")
            lose_leases(shop)
            shop.execute(sa.update(RawEvent).values(lease_by="another", lease_until=NEVER))
            raise errors.RemoteUnreadable

    shop.market.before = lose_it
    shop.step()
    event = shop.event()
    assert (event.state, event.attempts, event.lease_by, event.note) == ("received", 0, "another", "")


def test_late_worker_raises_no_exception_for_rows_it_lost(shop: House) -> None:
    put_and_deliver(shop, "O1")
    shop.execute(sa.update(RawEvent).values(attempts=MAX_ATTEMPTS - 1))

    async def lose_it(_call: Call) -> None:
        shop.execute(sa.update(RawEvent).values(lease_by="another", lease_until=NEVER))
        raise errors.RemoteUnreadable

    shop.market.before = lose_it
    shop.step()
    assert shop.exceptions() == []
    assert shop.states() == ["received"]


def test_event_and_order_stand_together_or_not_at_all(shop: House, monkeypatch: pytest.MonkeyPatch) -> None:
    put_and_deliver(shop, "O1")

    def power_cut(_name: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(
            process.crash, "point", lambda name: power_cut(name) if name == "worker.orders_written" else None
        )
        with pytest.raises(KeyboardInterrupt):
            shop.step()
    assert (shop.orders(), shop.states()) == ([], ["received"])
    lose_leases(shop)
    shop.work()
    assert ([row.order_sn for row in shop.orders()], shop.states()) == (["O1"], ["applied"])


def test_working_twice_on_the_same_push_changes_nothing(shop: House) -> None:
    put_and_deliver(shop, "O1")
    shop.work()
    before = shop.orders()[0]
    shop.execute(sa.update(RawEvent).values(state="received"))
    shop.work()
    after = shop.orders()[0]
    assert (after.id, after.answer_hash, after.status) == (before.id, before.answer_hash, before.status)
    assert shop.scalar(sa.select(sa.func.count()).select_from(OrderAnswer)) == 1


def test_pushes_in_any_order_end_in_the_present_state(shop: House) -> None:
    """F36: a push is a pointer: what counts is what the marketplace answers when it is asked."""
    history = ["UNPAID", "READY_TO_SHIP", "SHIPPED"]
    for order_sn, arrival in zip("ABCDEF", permutations(range(3)), strict=True):
        for step, number in enumerate(arrival):
            changed = START - timedelta(minutes=9 - step)
            shop.market.put(SANDBOX, snapshot(order_sn, status=history[step], remote_updated_at=changed))
            shop.deliver(incoming(order_sn, at=START - timedelta(minutes=9 - number)))
            shop.work()
    assert [(row.order_sn, row.status) for row in shop.orders()] == [(one, "SHIPPED") for one in "ABCDEF"]
    assert set(shop.states()) == {"applied"}


def test_answer_that_was_overtaken_on_its_way_does_not_come_back(shop: House) -> None:
    """Two workers read one order; the older answer arrives last."""
    put_and_deliver(shop, "O1")

    async def overtaken(call: Call) -> None:
        if call.method != "get_orders":
            return
        shop.market.after = nothing
        newer = snapshot("O1", status="SHIPPED", remote_updated_at=START, read_started_at=START + timedelta(minutes=1))
        with shop.db.write() as db:
            store_orders(db, process.Scope(shop.connector.name, SANDBOX, SHOP), prepare([newer]), now=shop.now)

    async def nothing(_call: Call) -> None:
        return

    shop.market.after = overtaken
    shop.step()
    assert shop.orders()[0].status == "SHIPPED"
    assert shop.states() == ["applied"]


def test_switch_while_a_call_is_on_its_way_leaves_the_work_in_its_own_environment(shop: House) -> None:
    """F41: the job keeps its own environment."""
    shop.connect(LIVE)
    shop.market.put(LIVE, snapshot("O1", status="LIVE_ANSWER"))
    put_and_deliver(shop, "O1")

    async def switch_midway(call: Call) -> None:
        if call.method == "get_orders":
            await asyncio.to_thread(shop.switch, LIVE)

    shop.market.before = switch_midway
    shop.work()
    assert [(row.environment, row.status) for row in shop.orders()] == [(SANDBOX, "READY_TO_SHIP")]
    assert {call.environment for call in shop.market.calls} == {SANDBOX}
    shop.deliver(incoming("O1"))
    shop.work()
    assert {call.environment for call in shop.market.calls} == {SANDBOX}
    assert shop.orders(LIVE) == []


def test_both_environments_at_once_write_each_its_own(shop: House) -> None:
    shop.connect(LIVE)
    for environment in (SANDBOX, LIVE):
        shop.market.put(environment, *(snapshot(f"O{n}", status=environment.value) for n in range(20)))
    for number in range(20):
        shop.deliver(incoming(f"O{number}"), incoming(f"O{number}", environment=LIVE))
    places = [shop.as_process() for _ in range(4)]
    done = run_threads([lambda place=place: shop.work(place) for place in places])
    assert [one for one in done if isinstance(one, Exception)] == []
    assert set(shop.states()) == {"applied"}
    assert len(shop.orders()) == 40
    assert {(row.environment.value, row.status) for row in shop.orders()} == {("sandbox", "sandbox"), ("live", "live")}


def test_credentials_that_are_missing_make_work_wait_and_call_a_person(shop: House) -> None:
    put_and_deliver(shop, "O1")
    key = EnvironmentCredentials.partner_key_encrypted
    stored = shop.scalar(sa.select(key).where(EnvironmentCredentials.environment == SANDBOX))
    shop.execute(sa.update(EnvironmentCredentials).values(partner_key_encrypted=None))
    work_again(shop, times=MAX_ATTEMPTS + 2)
    assert (shop.states(), [trouble.code for trouble in shop.exceptions()]) == (["received"], ["not_configured"])
    shop.execute(
        sa.update(EnvironmentCredentials)
        .where(EnvironmentCredentials.environment == SANDBOX)
        .values(partner_key_encrypted=stored)
    )
    shop.work()
    assert shop.states() == ["applied"]


def test_secret_that_cannot_be_read_makes_work_wait_and_calls_a_person(shop: House) -> None:
    put_and_deliver(shop, "O1")
    foreign = seal_v2(b"x" * 32, "k1", SecretPlace("", "", "", "", ""), "sealed by another installation")
    shop.execute(sa.update(AuthToken).values(access_token_encrypted=foreign))
    work_again(shop, times=MAX_ATTEMPTS + 2)
    assert (shop.states(), [trouble.code for trouble in shop.exceptions()]) == (["received"], ["secret_unreadable"])


def test_parked_pushes_are_not_worked_on(shop: House) -> None:
    shop.deliver(incoming("O1", parked=ParkedReason.INACTIVE_ENVIRONMENT))
    assert not shop.step()


def test_order_the_database_cannot_keep_does_not_hold_up_its_neighbours_for_good(shop: House) -> None:
    shop.market.put(SANDBOX, snapshot("O1"), snapshot("O2", total_amount=Decimal("0.00001")), snapshot("O3"))
    shop.deliver(*(incoming(f"O{number}") for number in (1, 2, 3)))
    shop.step()
    assert shop.states() == ["applied", "received", "applied"]
    for _ in range(12):
        if not shop.step():
            lose_leases(shop)
    assert shop.states() == ["applied", "dead", "applied"]
    assert len(shop.exceptions()) == 1
    assert COMPLETE["partner_key"] not in str(shop.events()[1].note)


def test_f26_f27_a_refusal_of_the_app_is_one_exception_for_all_its_shops_with_the_way_out(shop: House) -> None:
    """It is about the app, whichever shop was asked for; what to do is what the connector knows."""
    shop.connect(SANDBOX, "7002")
    way_out = "Add the address 203.0.113.7 in the console."
    fail_with(shop, lambda: errors.RemoteMisconfigured(remote_code="source_ip_undeclared", fix=way_out))
    put_and_deliver(shop, "O1")
    shop.deliver(incoming("O2", shop_id="7002"))
    work_again(shop, times=2)
    (trouble,) = shop.exceptions()
    assert (trouble.code, trouble.shop_id, trouble.count) == ("source_ip_undeclared", None, 2)
    assert trouble.next_step == way_out


def test_f28_a_suspended_shop_stops_and_the_person_is_told_whom_to_ask(shop: House) -> None:
    put_and_deliver(shop, "O1")
    fail_with(shop, lambda: errors.NeedsReconnect("The shop is suspended.", fix="Ask the support."))
    work_again(shop, times=3)
    assert (shop.shop_state(), shop.states()) == ("needs_reauth", ["received"])
    (trouble,) = shop.exceptions()
    assert (trouble.next_step, trouble.shop_id, trouble.count) == ("Ask the support.", SHOP, 1)


def test_f27_an_environment_whose_app_is_refused_is_degraded_until_a_call_goes_well(shop: House) -> None:
    """And the other environment is not; what merely cannot be reached says nothing of the app."""
    put_and_deliver(shop, "O1")
    fail_with(shop, lambda: errors.RemoteMisconfigured("The key expired.", remote_code="x", fix="Renew it."))
    work_again(shop, times=2)
    assert degraded(shop) == [(SANDBOX, "The key expired. To do: Renew it.")]
    fail_with(shop, errors.RemoteUnavailable)
    work_again(shop, times=1)
    assert degraded(shop) == [(SANDBOX, "The key expired. To do: Renew it.")]
    fail_with(shop, errors.RemoteUnavailable, about="nothing")
    work_again(shop, times=1)
    assert (degraded(shop), shop.states()) == ([], ["applied"])


def test_f27_new_credentials_are_not_refused_yet(shop: House) -> None:
    put_and_deliver(shop, "O1")
    fail_with(shop, lambda: errors.RemoteMisconfigured("The key expired.", remote_code="x"))
    work_again(shop, times=1)
    assert [one for one, _ in degraded(shop)] == [SANDBOX]
    shop.configure(SANDBOX, partner_key="another-partner-key-of-the-tests")
    assert degraded(shop) == []
    work_again(shop, times=1)
    assert [one for one, _ in degraded(shop)] == [SANDBOX], "refused with the new one too"


def degraded(house: House) -> list[tuple[Environment, str]]:
    with house.db.read() as db:
        return [(one.environment, one.problem) for one in list_degraded(db)]
