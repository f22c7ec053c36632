"""Work whose calls may not go out now waits, with words a person can read, and no try is counted (F20, F24, F25)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa

from kedai import errors
from kedai.calls.models import RateBucket
from kedai.connectors.base import Lane, Pacing
from kedai.connectors.pacing.breaker import FAILURES, FIRST_REST
from kedai.kit.deadline import seconds_left
from kedai.runs import service as runs
from kedai.runs.models import Run
from kedai.sync import catch_up
from kedai.sync.pacing import calling_seconds, open_pacing
from kedai.sync.parts import Parts
from kedai.sync.runner import run_next
from kedai.sync.tokens import get_access_token
from kedai.values.credentials import Credentials
from kedai.values.order import OrderListEntry, OrderSnapshot, Page
from kedai.values.pace import BucketKey
from kedai.values.secret import Secret
from tests.support.factories import (
    ANNA,
    FAKE,
    SANDBOX,
    SHOP,
    Call,
    FakeClient,
    FakeConnector,
    House,
    incoming,
    open_house,
    snapshot,
)

T = TypeVar("T")
OTHER_SHOP = "7"


class PacedClient(FakeClient):
    """Waits its turn for what shops' tokens allow, as a marketplace's client does."""

    pacing: Pacing

    async def list_orders(self, shop_id: str, access_token: Secret, **given: Any) -> Page[OrderListEntry]:
        return await self._in_turn(
            shop_id, lambda: super(PacedClient, self).list_orders(shop_id, access_token, **given)
        )

    async def get_orders(
        self, shop_id: str, access_token: Secret, order_sns: Sequence[str]
    ) -> tuple[OrderSnapshot, ...]:
        return await self._in_turn(
            shop_id, lambda: super(PacedClient, self).get_orders(shop_id, access_token, order_sns)
        )

    async def _in_turn(self, shop_id: str, call: Callable[[], Awaitable[T]]) -> T:
        app = self._credentials
        lane = Lane(BucketKey(FAKE, app.environment, app.partner_id, f"shop:{shop_id}"), "order")
        await self.pacing.enter(lane)
        try:
            answer = await call()
        except errors.KedaiError as error:
            await self.pacing.leave(lane, error)
            raise
        await self.pacing.leave(lane, None)
        return answer


class PacedConnector(FakeConnector):
    def client(self, http: Any, credentials: Credentials, pacing: Pacing) -> PacedClient:
        client = PacedClient(self._market, credentials, self._now)
        client.pacing = pacing
        return client


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Iterator[House]:
    """A house whose marketplace keeps to a pace: burst 4, of which two tokens are saved up; two shops are connected."""
    with open_house(database_url, tmp_path, connector=PacedConnector, calls_per_second=0.1, calls_burst=4) as house:
        house.configure(SANDBOX)
        house.connect(SANDBOX)
        house.connect(SANDBOX, OTHER_SHOP)
        yield house


def another_process(house: House) -> Parts:
    """With connections and a pacing of its own: what it knows of the others stands in the database."""
    parts = house.as_process()
    return replace(parts, pacing=open_pacing(parts.database, parts.settings.pace, parts.clock))


def answer_with(house: House, *failures: Exception | None) -> None:
    """The next calls fail so; those after them work."""
    waiting = list(failures)

    async def before(call: Call) -> None:
        failure = waiting.pop(0) if waiting and call.method.endswith("orders") else None
        if failure is not None:
            raise failure

    house.market.before = before


def deliver(house: House, *numbers: str, shop_id: str = SHOP) -> None:
    house.market.put(SANDBOX, *(snapshot(number) for number in numbers), shop_id=shop_id)
    house.deliver(*(incoming(number, shop_id=shop_id) for number in numbers))


def waits(house: House) -> list[tuple[str, int, timedelta]]:
    """State, attempts and pause of every event."""
    return [(one.state, one.attempts, one.due_at - house.now) for one in house.events()]


def asked(house: House) -> int:
    return len([call for call in house.market.calls if call.method.endswith("orders")])


def work(house: House, parts: Parts | None = None) -> None:
    """By the tests' clock every pause is over at once, so that a second look is always possible."""
    house.work(parts, batches=1)


def test_f25_used_up_day_is_known_to_the_next_process_and_to_whoever_starts_again(shop: House) -> None:
    answer_with(shop, errors.QuotaExhausted("The day's calls are used up until 00:00 UTC+8.", retry_after=7200.0))
    deliver(shop, "O1")
    work(shop)
    work(shop, another_process(shop))
    work(shop, another_process(shop))
    assert asked(shop) == 1, "one was enough to learn it"
    ((state, attempts, pause),) = waits(shop)
    assert (state, attempts) == ("received", 0)
    assert timedelta(seconds=7100) < pause <= timedelta(seconds=7230)
    assert shop.event().note == "The marketplace's calls of the day are used up; the call was not sent."
    deliver(shop, "O2", shop_id=OTHER_SHOP)
    shop.work(batches=2)
    assert shop.states() == ["received", "applied"], "another shop goes on"


def test_f25_runs_wait_too_and_say_why(shop: House) -> None:
    answer_with(shop, errors.QuotaExhausted(retry_after=7200.0))
    told = {"shop_id": SHOP, "since": (shop.now - timedelta(days=1)).isoformat(), "until": shop.now.isoformat()}
    with shop.db.write() as db:
        runs.create_run(db, catch_up.KIND, FAKE, SANDBOX, scope=told, total=None, actor=ANNA, now=shop.now)
    asyncio.run(run_next(shop.parts))
    asyncio.run(run_next(another_process(shop)))
    assert asked(shop) == 1
    with shop.db.read() as db:
        run = db.execute(sa.select(Run)).scalars().one()
    assert (run.state, run.attempts) == ("running", 0)
    assert run.note == "The marketplace's calls of the day are used up; the call was not sent."
    assert run.due_at - shop.now > timedelta(seconds=7100)


def test_f24_all_processes_wait_as_long_as_one_was_told_and_a_little_longer_each(shop: House) -> None:
    answer_with(shop, errors.RateLimited("Too many calls.", retry_after=300.0))
    deliver(shop, *(f"O{number}" for number in range(8)))
    work(shop)
    work(shop, another_process(shop))
    assert asked(shop) == 1
    told = waits(shop)
    assert {(state, attempts) for state, attempts, _ in told} == {("received", 0)}
    pauses = {pause for _, _, pause in told}
    assert min(pauses) >= timedelta(seconds=290)
    assert len(pauses) > 4, "they do not all come back in the same moment"
    with shop.db.read() as db:
        row = db.execute(sa.select(RateBucket)).scalars().one()
    assert (row.paused_by, row.rate) == ("rate", pytest.approx(0.05, rel=0.1))


def test_f20_marketplace_that_does_not_answer_is_left_alone_until_one_call_has_tried(shop: House) -> None:
    answer_with(shop, *[errors.RemoteUnavailable("Shopee's gateway answered HTTP 502.")] * FAILURES)
    parts = replace(shop.parts, pacing=open_pacing(shop.db, replace(shop.parts.settings.pace, rate=1e3), shop.clock))
    deliver(shop, "O1")
    for _ in range(FAILURES + 3):
        work(shop, parts)
    assert asked(shop) == FAILURES, "then it rests"
    ((state, attempts, pause),) = waits(shop)
    assert (state, attempts) == ("received", 0), "it waits and does not fail, however often"
    assert pause >= FIRST_REST
    assert shop.event().note == "The order calls were not answered lately; the next one may go in 5 s."
    shop.clock.advance(FIRST_REST)
    work(shop, parts)
    assert shop.states() == ["applied"]
    assert asked(shop) == FAILURES + 1


def test_call_that_would_wait_longer_than_its_work_may_take_is_put_off(shop: House) -> None:
    """Two tokens were saved up, the next comes in ten seconds: nobody sits there meanwhile."""
    parts = replace(shop.parts, settings=shop.parts.settings.model_copy(update={"lease_seconds": 12}))
    for number in ("O1", "O2", "O3"):
        deliver(shop, number)
        work(shop, parts)
    assert shop.states() == ["applied", "applied", "received"]
    last = shop.events()[-1]
    assert (last.attempts, last.note) == (0, "The marketplace's limit is reached; the call was not sent.")
    assert asked(shop) == 2


def test_work_says_by_when_it_must_be_done_and_a_renewal_has_its_own_time(shop: House) -> None:
    left: dict[str, float | None] = {}

    async def note(call: Call) -> None:
        left[call.method] = seconds_left()

    shop.market.before = note
    shop.connect(SANDBOX, expires_in=timedelta(seconds=1))
    parts = replace(shop.parts, settings=shop.parts.settings.model_copy(update={"lease_seconds": 600}))
    deliver(shop, "O1")
    work(shop, parts)
    assert shop.states() == ["applied"]
    assert left["get_orders"] is not None
    assert 12.0 < left["get_orders"] <= calling_seconds(parts) == 400.0
    assert left["refresh"] is not None
    assert left["refresh"] <= 12.0
    assert seconds_left() is None


def test_renewal_that_found_no_turn_leaves_nothing_open(shop: House) -> None:
    """The database can be away when a turn is asked for: nothing was sent, so the next one need not wait a minute."""
    scope = shop.connect(SANDBOX, expires_in=timedelta(seconds=1))
    failures: list[Exception] = [errors.StorageUnavailable(), errors.RateLimited()]

    async def before(call: Call) -> None:
        if failures:
            raise failures.pop(0)

    shop.market.before = before
    for family in (errors.StorageUnavailable, errors.RateLimited):
        with pytest.raises(family):
            asyncio.run(get_access_token(shop.parts, scope))
    assert asyncio.run(get_access_token(shop.parts, scope)).access_token
    assert shop.market.count("refresh") == 3
