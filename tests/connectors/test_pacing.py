"""Pace, pauses and circuit breaker, on a clock that moves only when told to."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedai.connectors.base import HttpAnswer, Lane
from kedai.connectors.pacing.breaker import FAILURES, FIRST_REST, LONGEST_REST, PROBE_LASTS, Breaker
from kedai.connectors.pacing.bucket import Bucket, Pace
from kedai.connectors.pacing.limiter import BLOCK, Limiter, MemoryBuckets
from kedai.connectors.pacing.pacer import Pacer
from kedai.connectors.shopee.client import ShopeeClient
from kedai.errors import OutcomeUnknown, RateLimited, RemoteRejected, RemoteUnavailable
from kedai.kit.clock import ManualClock
from kedai.values.environment import Environment
from tests.connectors.fakes import FakeHttp
from tests.connectors.shopee.calls import ok, said
from tests.connectors.shopee.suite import CREDENTIALS, ORDER, SHOP, TOKEN

NOW = datetime(2026, 8, 29, 10, 40, 11, tzinfo=UTC)
PACE = Pace(start=10.0, least=0.5, most=20.0, burst=10)
SECOND = timedelta(seconds=1)
LANE = Lane(Environment.SANDBOX, "2009876", SHOP, "order")


class Time:
    """A clock that passes while somebody sleeps, and the naps that were taken."""

    def __init__(self) -> None:
        self.clock, self.naps = ManualClock(NOW), []

    async def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.clock.advance(timedelta(seconds=seconds))
        await asyncio.sleep(0)


steps = st.lists(
    st.tuples(st.sampled_from(["take", "slow", "pause"]), st.floats(-5, 30), st.integers(1, 30)), max_size=60
)


@given(steps)
def test_bucket_never_gives_more_than_its_pace(moves: list[tuple[str, float, int]]) -> None:
    """In every span: at most the burst, and the greatest pace for so long."""
    now, bucket, given_at = NOW, Bucket.full(PACE, NOW), []
    for move, seconds, count in moves:
        now += timedelta(seconds=seconds)
        if move == "take":
            bucket, given_now, wait = bucket.take(count, now)
            assert 0 <= given_now <= count
            assert (wait > 0) == (given_now == 0)
            given_at += [(max(now, bucket.at), given_now)]
        elif move == "slow":
            bucket = bucket.slowed(now)
        else:
            bucket = bucket.paused(now + timedelta(seconds=count), now)
        assert PACE.least <= bucket.rate <= PACE.most
        assert 0 <= bucket.tokens <= PACE.burst
    for first, (begins_at, _) in enumerate(given_at):
        total = 0
        for ends_at, count in given_at[first:]:
            total += count
            assert total <= PACE.burst + PACE.most * (ends_at - begins_at).total_seconds() + 1e-6


@given(st.floats(0.1, 86_400), st.lists(st.floats(-10, 100_000), max_size=20))
def test_pause_gives_nothing_before_its_end(seconds: float, later: list[float]) -> None:
    until = NOW + timedelta(seconds=seconds)
    bucket = Bucket.full(PACE, NOW).paused(until, NOW)
    for offset in sorted(later):
        now = NOW + timedelta(seconds=offset)
        after, tokens, wait = bucket.take(1, now)
        if now < until:
            assert tokens == 0
            assert max(now, NOW) + timedelta(seconds=wait) >= until - timedelta(microseconds=10)
        bucket = after


def test_pace_halves_once_and_recovers() -> None:
    bucket = Bucket.full(PACE, NOW)
    first = bucket.slowed(NOW).paused(NOW + 5 * SECOND, NOW)
    assert first.rate == 5.0
    assert first.slowed(NOW + SECOND).rate == 5.0, "answers of calls that were on their way teach nothing new"
    assert first.paused(NOW + SECOND, NOW).paused_until == NOW + 5 * SECOND, "a pause is never shortened"
    assert first.take(1, NOW + timedelta(hours=1))[0].rate == PACE.most
    assert first.paused(NOW + timedelta(days=400), NOW).paused_until == NOW + timedelta(days=1)


def test_wait_is_just_long_enough() -> None:
    bucket, _, _ = Bucket.full(PACE, NOW).take(10, NOW)
    bucket, given_now, wait = bucket.take(1, NOW)
    assert (given_now, wait) == (0, pytest.approx(0.1))
    assert bucket.take(1, NOW + timedelta(seconds=wait + 0.001))[1] == 1


def test_calls_wait_in_line() -> None:
    async def go() -> tuple[list[int], list[float]]:
        time = Time()
        limiter = Limiter(MemoryBuckets(time.clock, PACE), time.clock, sleep=time.sleep)
        order: list[int] = []

        async def call(number: int) -> None:
            await limiter.acquire("shop")
            order.append(number)

        await asyncio.gather(*(call(number) for number in range(30)))
        return order, time.naps

    order, naps = asyncio.run(go())
    assert order == list(range(30))
    assert sum(naps) == pytest.approx(2.0, rel=0.1), "ten at once, and twenty at ten to twelve a second"


def test_end_of_a_long_line_is_told_in_time() -> None:
    """Waiting in line counts too, or the last of a thousand would wait for minutes."""

    async def go() -> tuple[int, int, float]:
        time = Time()
        limiter = Limiter(MemoryBuckets(time.clock, PACE), time.clock, sleep=time.sleep, longest_wait_seconds=30.0)
        ends = await asyncio.gather(*(limiter.acquire("shop") for _ in range(1_000)), return_exceptions=True)
        limited = [end for end in ends if isinstance(end, RateLimited)]
        assert all(end is None for end in ends[: len(ends) - len(limited)]), "the first in line get theirs"
        return len(ends) - len(limited), len(limited), (time.clock.now() - NOW).total_seconds()

    passed, limited, seconds = asyncio.run(go())
    assert 10 + 30 * PACE.start <= passed <= 10 + 30 * PACE.most
    assert passed + limited == 1_000
    assert 29.0 <= seconds <= 30.2, "each from when it asked"


def test_nobody_overtakes_those_who_wait() -> None:
    """Not even between two of them, while the rest of a block is there and the next in line has not woken up yet."""

    async def go() -> list[str]:
        time = Time()

        async def oversleep(seconds: float) -> None:
            await time.sleep(seconds + 0.5)

        limiter = Limiter(MemoryBuckets(time.clock, PACE), time.clock, sleep=oversleep)
        for _ in range(PACE.burst):
            await limiter.acquire("shop")
        order: list[str] = []

        async def call(name: str, *then: str) -> None:
            await limiter.acquire("shop")
            order.append(name)
            for newcomer in then:
                await call(newcomer)

        await asyncio.gather(call("first", "newcomer"), call("second"), call("third"))
        return order

    assert asyncio.run(go()) == ["first", "second", "third", "newcomer"]


def test_processes_share_one_bucket() -> None:
    async def go() -> int:
        time = Time()
        store = MemoryBuckets(time.clock, PACE)
        limiters = [Limiter(store, time.clock, longest_wait_seconds=0.0) for _ in range(4)]
        count = 0
        for limiter in limiters * 10:
            try:
                await limiter.acquire("shop")
            except RateLimited:
                continue
            count += 1
        return count

    assert asyncio.run(go()) == PACE.burst


def test_shops_do_not_wait_for_each_other() -> None:
    async def go() -> list[float]:
        time = Time()
        limiter = Limiter(MemoryBuckets(time.clock, PACE), time.clock, sleep=time.sleep)
        for shop in range(20):
            await limiter.acquire(("app", shop))
        return time.naps

    assert asyncio.run(go()) == []


def test_old_rest_of_a_block_is_given_up() -> None:
    """Another process may have been told to slow down meanwhile."""

    class Counting(MemoryBuckets):
        asked = 0

        async def take(self, key: Any, wanted: int) -> Any:
            self.asked += 1
            return await super().take(key, wanted)

    async def go() -> list[int]:
        clock = ManualClock(NOW)
        store = Counting(clock, PACE)
        limiter, asked = Limiter(store, clock), []
        for pause in [*[0.0] * BLOCK, 0.0, 3.0]:
            clock.advance(timedelta(seconds=pause))
            await limiter.acquire("shop")
            asked.append(store.asked)
        return asked

    assert asyncio.run(go()) == [*[1] * BLOCK, 2, 3]


def test_long_pause_is_told_and_not_waited_for() -> None:
    async def go() -> float:
        time = Time()
        limiter = Limiter(MemoryBuckets(time.clock, PACE), time.clock, sleep=time.sleep)
        await limiter.acquire("shop")
        await limiter.pause("shop", 3600.0)
        with pytest.raises(RateLimited) as limited:
            await limiter.acquire("shop")
        assert time.naps == []
        time.clock.advance(timedelta(seconds=3600.2))
        await limiter.acquire("shop")
        return limited.value.retry_after

    assert asyncio.run(go()) == 3600.0


def test_waiting_call_can_be_cancelled_without_holding_up_the_line() -> None:
    async def go() -> None:
        clock = ManualClock(NOW)
        held = asyncio.Event()

        async def sleep(seconds: float) -> None:
            await held.wait()
            clock.advance(timedelta(seconds=seconds))

        limiter = Limiter(MemoryBuckets(clock, PACE), clock, sleep=sleep)
        for _ in range(PACE.burst):
            await limiter.acquire("shop")
        first, second = (asyncio.create_task(limiter.acquire("shop")) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        held.set()
        await second
        assert first.cancelled()

    asyncio.run(go())


@given(st.lists(st.tuples(st.sampled_from(["enter", "well", "ill"]), st.floats(0, 400)), max_size=80))
def test_breaker_rests_within_bounds_and_always_tries_again(moves: list[tuple[str, float]]) -> None:
    now, breaker, ill = NOW, Breaker(), 0
    for move, seconds in moves:
        now += timedelta(seconds=seconds)
        if move == "enter":
            breaker, wait = breaker.enter(now)
            assert 0 <= wait <= max(LONGEST_REST, PROBE_LASTS).total_seconds()
            if ill < FAILURES:
                assert wait == 0, "it never closes before so many failures in a row"
        elif move == "well":
            breaker, ill = breaker.succeeded(), 0
        else:
            breaker, ill = breaker.failed(now), ill + 1
    latest = now + max(LONGEST_REST, PROBE_LASTS)
    assert breaker.enter(latest)[1] == 0.0


def test_breaker_lets_one_probe_through() -> None:
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker = breaker.failed(NOW)
    assert breaker.enter(NOW)[1] == FIRST_REST.total_seconds()
    probing, wait = breaker.enter(NOW + FIRST_REST)
    assert wait == 0.0
    assert probing.enter(NOW + FIRST_REST)[1] > 0.0, "one only"
    assert probing.enter(NOW + FIRST_REST + PROBE_LASTS)[1] == 0.0, "unless it never told how it went"
    again = probing.failed(NOW + FIRST_REST)
    assert again.enter(NOW + FIRST_REST)[1] == 2 * FIRST_REST.total_seconds()
    assert probing.succeeded().enter(NOW + FIRST_REST) == (Breaker(), 0.0)


def paced(*answers: HttpAnswer | Exception) -> tuple[ShopeeClient, FakeHttp]:
    http = FakeHttp(list(answers))
    pacer = Pacer(Limiter(MemoryBuckets(http.clock, PACE), http.clock, longest_wait_seconds=1.0), http.clock)
    return ShopeeClient(http, CREDENTIALS, pacer), http


def call(client: ShopeeClient, area: str = "order") -> Any:
    shop = client.for_shop(SHOP, TOKEN)
    return asyncio.run(shop.order.set_note(ORDER, "x") if area == "order" else shop.shop.get_profile())


def test_area_that_does_not_answer_is_left_alone_and_others_are_not() -> None:
    client, http = paced(*[RemoteUnavailable("down")] * FAILURES, ok({}))
    for _ in range(FAILURES):
        with pytest.raises(RemoteUnavailable, match="down"):
            call(client)
    with pytest.raises(RemoteUnavailable, match="not answered lately") as closed:
        call(client)
    assert closed.value.facts["retry_after"] == FIRST_REST.total_seconds()
    call(client, "shop")
    assert len(http.sent) == FAILURES + 1


def test_lost_answers_and_error_pages_count_as_no_answer() -> None:
    client, _ = paced(OutcomeUnknown(), HttpAnswer(502, {}, b"<html>"), *[said("error_inner")] * (FAILURES - 2))
    for _ in range(FAILURES):
        with pytest.raises(OutcomeUnknown):
            call(client)
    with pytest.raises(RemoteUnavailable, match="not answered lately"):
        call(client)


def test_refusals_are_answers() -> None:
    client, http = paced(*[said("error_param", "no")] * 8)
    for _ in range(8):
        with pytest.raises(RemoteRejected):
            call(client)
    assert len(http.sent) == 8


def test_limit_pauses_the_shop_and_halves_its_pace() -> None:
    client, http = paced(said("error_rate_limit", status=429, **{"retry-after": "30"}), ok())
    with pytest.raises(RateLimited):
        call(client)
    with pytest.raises(RateLimited, match="not sent") as limited:
        call(client)
    assert limited.value.retry_after == 30.0
    http.clock.advance(timedelta(seconds=30.3))
    call(client)
    assert len(http.sent) == 2


def test_daily_limit_pauses_until_midnight_at_shopee() -> None:
    client, http = paced(said("error_limit", "daily limit reached, try again after 00:00 (UTC+08:00)"), ok())
    with pytest.raises(RateLimited):
        call(client)
    http.clock.advance(datetime(2026, 8, 29, 15, 59, 50, tzinfo=UTC) - http.clock.now())
    with pytest.raises(RateLimited, match="not sent"):
        call(client)
    http.clock.advance(timedelta(seconds=10.2))
    call(client)
    assert len(http.sent) == 2
