"""Pace, pauses and circuit breaker, on a clock that moves only when told to (F20, F24, F25)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedai.connectors.base import HttpAnswer
from kedai.connectors.pacing.breaker import FAILURES, FIRST_REST, LONGEST_REST, PROBE_LASTS, Breaker
from kedai.connectors.pacing.limiter import Limiter
from kedai.connectors.pacing.pacer import Pacer
from kedai.connectors.shopee.client import ShopeeClient
from kedai.errors import (
    OutcomeUnknown,
    QuotaExhausted,
    RateLimited,
    RemoteRejected,
    RemoteUnavailable,
    StorageUnavailable,
)
from kedai.kit.deadline import within
from kedai.values.environment import ConnectorName, Environment
from kedai.values.pace import Block, BucketKey, Pace
from tests.connectors.fakes import FakeHttp
from tests.connectors.memory_buckets import Bucket, MemoryBuckets
from tests.connectors.shopee.calls import ok, said
from tests.connectors.shopee.suite import CREDENTIALS, ORDER, SHOP, TOKEN

NOW = datetime(2026, 8, 29, 10, 40, 11, tzinfo=UTC)
PACE = Pace(rate=10.0, burst=10)
KEY = BucketKey(ConnectorName("shopee"), Environment.SANDBOX, "2009876", f"shop:{SHOP}")
OTHER = KEY._replace(account="shop:7")


class Time:
    """Seconds that pass while somebody sleeps, and the naps that were taken."""

    def __init__(self) -> None:
        self.seconds, self.naps = 0.0, list[float]()

    def now(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)

    def limiter(self, store: Any, sleep: Callable[[float], Any] | None = None) -> Limiter:
        return Limiter(store, PACE, now=self.now, sleep=sleep or self.sleep, draw=lambda: 0.0)


steps = st.lists(
    st.tuples(st.sampled_from(["take", "slow", "rest"]), st.floats(-0.9, 30), st.integers(1, 30)), max_size=60
)
paces = st.builds(Pace, rate=st.floats(0.1, 1000), burst=st.integers(2, 1000))


@given(steps, paces)
def test_bucket_never_gives_more_than_its_pace(moves: list[tuple[str, float, int]], pace: Pace) -> None:
    """In every span at most what it saves up, and the rate for so long; so with blocks at most rate and burst."""
    now, bucket, given_at = NOW, Bucket.full(pace, NOW), []
    for move, seconds, count in moves:
        now += timedelta(seconds=seconds)
        if move == "take":
            bucket, block = bucket.take(count, now)
            assert 0 <= block.tokens <= count
            assert (block.wait_seconds > 0) == (block.tokens < count)
            given_at += [(max(now, bucket.at), block.tokens)]
        elif move == "slow":
            bucket = bucket.slowed(count, now)
        else:
            bucket = bucket.rested(count, now)
        assert pace.least_rate <= bucket.rate <= pace.rate
        assert 0 <= bucket.tokens <= pace.saved
    for first, (begins_at, _) in enumerate(given_at):
        total = 0
        for ends_at, count in given_at[first:]:
            total += count
            assert total <= pace.saved + pace.rate * (ends_at - begins_at).total_seconds() + 1e-6


@given(paces)
def test_what_is_saved_up_and_what_is_held_in_blocks_is_the_burst(pace: Pace) -> None:
    assert pace.saved >= 1
    assert pace.block_seconds > 0
    assert pace.saved + pace.block_seconds * pace.rate == pytest.approx(pace.burst)


@given(st.floats(1, 86_400), st.lists(st.floats(-10, 100_000), max_size=20))
def test_pause_gives_nothing_before_its_end(seconds: float, later: list[float]) -> None:
    bucket = Bucket.full(PACE, NOW).rested(seconds, NOW)
    assert bucket.paused_until is not None
    assert bucket.paused_until.microsecond == 0
    for offset in sorted(later):
        now = NOW + timedelta(seconds=offset)
        bucket, block = bucket.take(1, now)
        if now < bucket.paused_until:
            assert (block.tokens, block.is_day_used_up) == (0, True)
            assert now + timedelta(seconds=block.wait_seconds) >= bucket.paused_until - timedelta(microseconds=10)


def test_f24_pace_halves_once_and_recovers() -> None:
    first = Bucket.full(PACE, NOW).slowed(5.0, NOW)
    assert first.rate == 5.0
    assert first.slowed(1.0, NOW + timedelta(seconds=1)).rate == 5.0, "calls that were on their way teach nothing new"
    assert first.slowed(1.0, NOW).paused_until == NOW + timedelta(seconds=5), "a pause is never shortened"
    assert 5.9 < first.take(1, NOW + timedelta(seconds=15))[0].rate < 6.1, "slowly"
    assert first.take(1, NOW + timedelta(hours=1))[0].rate == PACE.rate
    assert first.rested(400 * 86_400, NOW).paused_until == NOW + timedelta(days=1)


def test_calls_wait_in_line() -> None:
    async def go() -> tuple[list[int], list[float], int]:
        time = Time()
        store = MemoryBuckets(time.now, PACE)
        limiter = time.limiter(store)
        order: list[int] = []

        async def call(number: int) -> None:
            await limiter.acquire(KEY)
            order.append(number)

        await asyncio.gather(*(call(number) for number in range(35)))
        return order, time.naps, store.asked

    order, naps, asked = asyncio.run(go())
    assert order == list(range(35))
    assert sum(naps) == pytest.approx(3.0, rel=0.1), "five at once, and thirty at ten a second"
    assert asked <= 35, "a crowd asks for several at a time"


def test_end_of_a_long_line_is_told_in_time() -> None:
    """Waiting in line counts too, or the last of a thousand would wait for minutes."""

    async def go() -> tuple[int, int, float]:
        time = Time()
        limiter = time.limiter(MemoryBuckets(time.now, PACE))
        ends = await asyncio.gather(
            *(limiter.acquire(KEY, longest_wait=30.0) for _ in range(1_000)), return_exceptions=True
        )
        limited = [end for end in ends if isinstance(end, RateLimited)]
        assert all(end is None for end in ends[: len(ends) - len(limited)]), "the first in line get theirs"
        return len(ends) - len(limited), len(limited), time.seconds

    passed, limited, seconds = asyncio.run(go())
    assert 28 * PACE.rate <= passed <= PACE.saved + seconds * PACE.rate
    assert passed + limited == 1_000
    assert 29.0 <= seconds <= 30.3, "each from when it asked"


def test_whoever_has_less_patience_than_those_in_front_is_told_so() -> None:
    """Neither behind somebody who may wait for long, nor where the line alone is longer: a call never hangs."""

    async def go() -> list[float]:
        time = Time()
        held = asyncio.Event()

        async def sleep(seconds: float) -> None:
            await held.wait()
            time.seconds += seconds

        limiter = time.limiter(MemoryBuckets(time.now, PACE), sleep)
        for _ in range(5):
            await limiter.acquire(KEY)
        patient = [asyncio.create_task(limiter.acquire(KEY, longest_wait=60.0)) for _ in range(20)]
        await asyncio.sleep(0)
        told = []
        for longest_wait in (0.0, 1.0, 2.1):
            with pytest.raises(RateLimited, match="not sent") as limited:
                await limiter.acquire(KEY, longest_wait=longest_wait)
            told.append(limited.value.retry_after)
        held.set()
        await asyncio.gather(*patient)
        return told

    assert asyncio.run(go()) == [2.0, 2.0, pytest.approx(2.1)]


def test_nobody_overtakes_those_who_wait() -> None:
    """Not even between two of them, while the rest of a block is there and the next in line has not woken up yet."""

    async def go() -> list[str]:
        time = Time()

        async def oversleep(seconds: float) -> None:
            await time.sleep(seconds + 0.5)

        limiter = time.limiter(MemoryBuckets(time.now, PACE), oversleep)
        for _ in range(5):
            await limiter.acquire(KEY)
        order: list[str] = []

        async def call(name: str, *then: str) -> None:
            await limiter.acquire(KEY)
            order.append(name)
            for newcomer in then:
                await call(newcomer)

        await asyncio.gather(call("first", "newcomer"), call("second"), call("third"))
        return order

    assert asyncio.run(go()) == ["first", "second", "third", "newcomer"]


def test_processes_share_one_bucket() -> None:
    async def go() -> int:
        time = Time()
        store = MemoryBuckets(time.now, PACE)
        limiters = [time.limiter(store) for _ in range(4)]
        count = 0
        for limiter in limiters * 10:
            try:
                await limiter.acquire(KEY, longest_wait=0.0)
            except RateLimited:
                continue
            count += 1
        return count

    assert asyncio.run(go()) == PACE.saved


def test_shops_do_not_wait_for_each_other() -> None:
    async def go() -> list[float]:
        time = Time()
        limiter = time.limiter(MemoryBuckets(time.now, PACE))
        for shop in range(20):
            await limiter.acquire(KEY._replace(account=f"shop:{shop}"))
        return time.naps

    assert asyncio.run(go()) == []


def test_blocks_are_as_large_as_they_are_of_use() -> None:
    """Whoever calls seldom leaves the others their tokens; whoever calls much does not ask for each."""

    class Sizes(MemoryBuckets):
        sizes: list[int]

        async def take(self, key: BucketKey, wanted: int) -> Block:
            self.sizes.append(wanted)
            return await super().take(key, wanted)

    async def go(pause: float) -> list[int]:
        time = Time()
        store = Sizes(time.now, PACE)
        store.sizes = []
        limiter = time.limiter(store)
        for _ in range(12):
            await limiter.acquire(KEY)
            time.seconds += pause
        return store.sizes

    assert asyncio.run(go(1.0)) == [1] * 12
    assert asyncio.run(go(0.12)) == [1, 2, 4, 5]


def test_old_rest_of_a_block_is_given_up() -> None:
    """It would come on top of what was saved up since, and another process may have been told to slow down."""

    async def asked_after(pause: float) -> int:
        time = Time()
        store = MemoryBuckets(time.now, PACE)
        limiter = time.limiter(store)
        await limiter.acquire(KEY)
        await limiter.acquire(KEY)  # of a block of two: one is left
        time.seconds += pause
        await limiter.acquire(KEY)
        return store.asked

    assert asyncio.run(asked_after(PACE.block_seconds)) == 2
    assert asyncio.run(asked_after(PACE.block_seconds + 0.01)) == 3


def test_long_pause_is_told_and_not_waited_for() -> None:
    async def go() -> float:
        time = Time()
        limiter = time.limiter(MemoryBuckets(time.now, PACE))
        await limiter.acquire(KEY)
        await limiter.rest_for_the_day(KEY, 3600.0)
        with pytest.raises(QuotaExhausted, match="used up") as limited:
            await limiter.acquire(KEY)
        assert time.naps == []
        time.seconds += 3600.2
        await limiter.acquire(KEY)
        return limited.value.retry_after

    assert asyncio.run(go()) == 3600.0


def test_waiting_call_can_be_cancelled_without_holding_up_the_line() -> None:
    async def go() -> None:
        time = Time()
        held = asyncio.Event()

        async def sleep(seconds: float) -> None:
            await held.wait()
            time.seconds += seconds

        limiter = time.limiter(MemoryBuckets(time.now, PACE), sleep)
        for _ in range(5):
            await limiter.acquire(KEY)
        first, second = (asyncio.create_task(limiter.acquire(KEY)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        held.set()
        await second
        assert first.cancelled()

    asyncio.run(go())


def test_event_loops_one_after_the_other_share_a_limiter() -> None:
    """As commands do: what somebody waited for in one loop must not stand in the way in the next."""
    time = Time()
    limiter = time.limiter(MemoryBuckets(time.now, PACE))

    async def crowd() -> None:
        await asyncio.gather(*(limiter.acquire(KEY) for _ in range(8)))

    for _ in range(3):
        asyncio.run(crowd())


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


def test_breaker_is_not_kept_closed_by_a_clock_that_was_set_back() -> None:
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker = breaker.failed(NOW)
    assert breaker.enter(NOW - timedelta(hours=1))[1] == 0.0


class Shop:
    """A client whose clock stands still, the marketplace's prepared answers, and what it sent."""

    def __init__(self, *answers: HttpAnswer | Exception) -> None:
        self.http = FakeHttp(list(answers))
        self.store = MemoryBuckets(self._seconds, PACE)
        limiter = Limiter(self.store, PACE, now=self._seconds, sleep=self._sleep, draw=lambda: 0.0)
        self.client = ShopeeClient(self.http, CREDENTIALS, Pacer(limiter, self.http.clock))

    def call(self, area: str = "order") -> Any:
        shop = self.client.for_shop(SHOP, TOKEN)
        return asyncio.run(shop.order.set_note(ORDER, "x") if area == "order" else shop.shop.get_profile())

    def wait(self, seconds: float) -> None:
        self.http.clock.advance(timedelta(seconds=seconds))

    def _seconds(self) -> float:
        return (self.http.clock.now() - NOW).total_seconds()

    async def _sleep(self, seconds: float) -> None:
        self.wait(seconds)


def test_f20_area_that_does_not_answer_is_left_alone_and_others_are_not() -> None:
    shop = Shop(*[RemoteUnavailable("down")] * FAILURES, ok({}))
    for _ in range(FAILURES):
        with pytest.raises(RemoteUnavailable, match="down"):
            shop.call()
    with pytest.raises(RemoteUnavailable, match="not answered lately") as closed:
        shop.call()
    assert closed.value.facts["retry_after"] == FIRST_REST.total_seconds()
    shop.call("shop")
    assert len(shop.http.sent) == FAILURES + 1


def test_f20_one_call_tries_after_the_rest_and_opens_the_way_for_all() -> None:
    shop = Shop(*[HttpAnswer(502, {}, b"<html>")] * FAILURES, ok(), ok())
    for _ in range(FAILURES):
        with pytest.raises(OutcomeUnknown):
            shop.call()
    shop.wait(FIRST_REST.total_seconds() + 0.01)
    shop.call()
    shop.call()
    assert len(shop.http.sent) == FAILURES + 2


def test_lost_answers_and_error_pages_count_as_no_answer() -> None:
    shop = Shop(OutcomeUnknown(), HttpAnswer(502, {}, b"<html>"), *[said("error_inner")] * (FAILURES - 2))
    for _ in range(FAILURES):
        with pytest.raises(OutcomeUnknown):
            shop.call()
    with pytest.raises(RemoteUnavailable, match="not answered lately"):
        shop.call()


def test_refusals_are_answers() -> None:
    shop = Shop(*[said("error_param", "no")] * 8)
    for _ in range(8):
        with pytest.raises(RemoteRejected):
            shop.call()
    assert len(shop.http.sent) == 8


def test_f24_limit_pauses_the_shop_and_halves_its_pace() -> None:
    shop = Shop(said("error_rate_limit", status=429, **{"retry-after": "30"}), ok())
    with pytest.raises(RateLimited):
        shop.call()
    with pytest.raises(RateLimited, match="not sent") as limited:
        shop.call()
    assert limited.value.retry_after == 30.0
    shop.wait(30.3)
    shop.call()
    assert len(shop.http.sent) == 2
    assert shop.store.buckets[KEY].rate == pytest.approx(5.0, abs=0.1)


def test_f25_daily_limit_pauses_until_midnight_at_shopee() -> None:
    shop = Shop(said("error_limit", "daily limit reached, try again after 00:00 (UTC+08:00)"), ok())
    with pytest.raises(QuotaExhausted):
        shop.call()
    shop.wait((datetime(2026, 8, 29, 15, 59, 40, tzinfo=UTC) - NOW).total_seconds())
    with pytest.raises(QuotaExhausted, match="not sent"):
        shop.call()
    shop.wait(20.2)
    shop.call()
    assert len(shop.http.sent) == 2
    assert shop.store.buckets[KEY].rate == PACE.rate, "a day's limit says nothing about the pace"


def test_daily_limit_in_the_last_minutes_of_the_day_is_no_reason_to_slow_down() -> None:
    shop = Shop(said("error_limit", "daily limit reached, try again after 00:00 (UTC+08:00)"), ok())
    shop.wait((datetime(2026, 8, 29, 15, 58, tzinfo=UTC) - NOW).total_seconds())
    with pytest.raises(QuotaExhausted):
        shop.call()
    shop.wait(121.0)
    shop.call()
    assert shop.store.buckets[KEY].rate == PACE.rate


def test_what_the_app_asks_in_its_own_name_does_not_wait_for_a_shops_turn() -> None:
    """A shop at its limit can still be connected, and its token renewed."""
    shop = Shop(said("error_rate_limit", status=429), ok({"ip_list": []}))
    with pytest.raises(RateLimited):
        shop.call()
    asyncio.run(shop.client.get_ip_ranges())
    assert {key.account for key in shop.store.buckets} == {f"shop:{SHOP}", "app"}


def test_work_that_has_little_time_left_does_not_wait_for_a_turn() -> None:
    """A call needs its ten seconds: what is left beyond them may be waited for."""
    shop = Shop(*[ok()] * 20)
    for _ in range(5):
        shop.call()
    with within(9.0), pytest.raises(RateLimited, match="not sent") as limited:
        shop.call()
    assert limited.value.retry_after == pytest.approx(0.1)
    with within(20.0):
        shop.call()
    assert len(shop.http.sent) == 6


def test_limit_that_cannot_be_noted_is_told_all_the_same() -> None:
    """The database may be away just then: what the marketplace said is what the caller must know."""

    class Away(MemoryBuckets):
        async def slow_down(self, key: BucketKey, seconds: float) -> None:
            raise StorageUnavailable

    time = Time()
    http = FakeHttp([said("error_rate_limit", status=429)])
    limiter = time.limiter(Away(time.now, PACE))
    client = ShopeeClient(http, CREDENTIALS, Pacer(limiter, http.clock))
    with pytest.raises(RateLimited, match="Too many"):
        asyncio.run(client.for_shop(SHOP, TOKEN).shop.get_profile())
