"""The buckets that processes share: the statement does what the model does, and nobody gets what another has (F24)."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from kedai.calls import rates
from kedai.calls.models import RateBucket
from kedai.db.database import Database
from kedai.values.environment import ConnectorName, Environment
from kedai.values.pace import Block, BucketKey, Pace
from tests.connectors.memory_buckets import Bucket
from tests.support.factories import run_threads

NOW = datetime(2026, 8, 29, 10, 40, 11, 250_000, tzinfo=UTC)
PACE = Pace(rate=10.0, burst=10)
SHOPEE = ConnectorName("shopee")
KEY = BucketKey(SHOPEE, Environment.SANDBOX, "2009876", "shop:226001122")


def take(db: Database, wanted: int, now: datetime | None = None, *, key: BucketKey = KEY, pace: Pace = PACE) -> Block:
    with db.connect() as connection:
        return rates.take(connection, key, wanted, pace, now=now)


def slow_down(db: Database, seconds: float, now: datetime) -> None:
    db.transact(lambda session: rates.slow_down(session, KEY, seconds, PACE, now=now))


def rest(db: Database, seconds: float, now: datetime, *, key: BucketKey = KEY) -> None:
    db.transact(lambda session: rates.rest_for_the_day(session, key, seconds, PACE, now=now))


def paused(
    db: Database, now: datetime, *, environment: Environment = Environment.SANDBOX
) -> list[tuple[str, datetime]]:
    with db.read() as session:
        found = rates.list_paused_for_the_day(
            session, SHOPEE, environment=environment, partner_id=KEY.partner_id, now=now
        )
    return [(one.account, one.until) for one in found]


@pytest.mark.parametrize("pace", [PACE, Pace(rate=0.5, burst=2), Pace(rate=750.0, burst=333)], ids=str)
def test_statement_does_what_the_model_does(db: Database, pace: Pace) -> None:
    """Over a long walk of takes, refusals and pauses, with a clock that is now and then set back."""
    chance = random.Random(4)
    now, model = NOW, Bucket.full(pace, NOW)
    for step in range(150):
        now += timedelta(seconds=chance.choice([0.0, 0.001, 0.3, 1.0, 4.0, 70.0, -2.0, -90.0]))
        move, seconds = chance.choice(["take"] * 8 + ["slow", "rest"]), chance.choice([0.5, 5.0, 60.0])
        if move == "take":
            wanted = chance.choice([1, 2, 5, 50])
            model, expected = model.take(wanted, now)
            given = take(db, wanted, now, pace=pace)
            assert (given.tokens, given.is_day_used_up) == (expected.tokens, expected.is_day_used_up), step
            assert given.rate == pytest.approx(expected.rate), step
            assert given.wait_seconds == pytest.approx(expected.wait_seconds, abs=1e-4), step
        elif move == "slow":
            model = model.slowed(seconds, now)
            db.transact(lambda session, s=seconds, n=now: rates.slow_down(session, KEY, s, pace, now=n))  # type: ignore[misc]
        else:
            model = model.rested(seconds, now)
            db.transact(lambda session, s=seconds, n=now: rates.rest_for_the_day(session, KEY, s, pace, now=n))  # type: ignore[misc]


def test_many_at_once_get_no_token_twice(db: Database) -> None:
    """On their own connections: all of them together get what is saved up and what has come since, not one more."""

    def ask() -> int:
        return sum(take(db, 3).tokens for _ in range(6))

    began = datetime.now(UTC)
    given = run_threads([ask] * 8)
    passed = (datetime.now(UTC) - began).total_seconds()
    assert all(isinstance(one, int) for one in given), given
    assert PACE.saved <= sum(one for one in given if isinstance(one, int)) <= PACE.saved + PACE.rate * passed


def test_shops_apps_and_environments_have_buckets_of_their_own(db: Database) -> None:
    others = [
        KEY._replace(account="shop:7"),
        KEY._replace(account="merchant:226001122"),
        KEY._replace(partner_id="1"),
        KEY._replace(environment=Environment.LIVE),
        KEY._replace(connector=ConnectorName("lazada")),
    ]
    assert take(db, 50, NOW).tokens == take(db, 50, NOW).tokens + 5
    rest(db, 3600.0, NOW)
    assert [take(db, 5, NOW, key=one).tokens for one in others] == [5] * len(others)


def test_f24_what_one_process_was_told_slows_the_others(db: Database, open_database: Callable[[], Database]) -> None:
    take(db, 1, NOW)
    slow_down(db, 5.0, NOW)
    other = open_database()
    told = take(other, 1, NOW + timedelta(seconds=1))
    assert (told.tokens, told.wait_seconds, told.is_day_used_up) == (0, pytest.approx(4.0), False)
    after = take(other, 5, NOW + timedelta(seconds=6))
    assert (after.tokens, after.rate) == (5, pytest.approx(5.1))
    assert take(other, 5, NOW + timedelta(seconds=60)).rate == PACE.rate, "after a minute it is what it was"
    assert paused(db, NOW) == [], "it is nothing that a person need know"


def test_f25_used_up_day_is_known_to_all_and_ends_by_itself(
    db: Database, open_database: Callable[[], Database]
) -> None:
    midnight = datetime(2026, 8, 29, 16, 0, tzinfo=UTC)
    rest(db, (midnight - NOW).total_seconds() + 0.012, NOW)
    slow_down(db, 5.0, NOW + timedelta(seconds=1))
    other = open_database()
    told = take(other, 1, midnight - timedelta(seconds=60))
    assert (told.tokens, told.wait_seconds, told.is_day_used_up) == (0, 60.0, True)
    assert paused(other, NOW) == [(KEY.account, midnight)], "on the very second, so that a person is told a clear time"
    assert paused(other, NOW, environment=Environment.LIVE) == []
    assert paused(other, midnight) == []
    assert take(other, 5, midnight + timedelta(seconds=0.5)).tokens == 5


def test_pause_of_more_than_a_day_is_cut(db: Database) -> None:
    """Whatever a marketplace, or a clock that is off, makes of it."""
    rest(db, 400 * 86_400.0, NOW)
    assert paused(db, NOW) == [(KEY.account, NOW + timedelta(days=1))]


def test_taking_is_one_statement(db: Database) -> None:
    """All processes stand in line for this row: it is held for one statement, not for a conversation."""
    seen: list[str] = []
    sa.event.listen(db.write_engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    take(db, 1)
    take(db, 1)
    assert len(seen) == 2
    assert all(text.split()[:3] == ["INSERT", "INTO", "rate_bucket"] for text in seen)


def test_bucket_says_what_it_gave_last(db: Database) -> None:
    take(db, 3, NOW)
    with db.read() as session:
        row = session.scalars(sa.select(RateBucket)).one()
    assert (row.given, row.tokens, row.rate, row.filled_at, row.paused_by) == (3, 2.0, 10.0, NOW, "")
