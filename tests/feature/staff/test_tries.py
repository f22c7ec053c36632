"""T28: failed tries from one address, or of one person's codes, slow down; few rows, kept over a restart."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from kedai.db.database import Database
from kedai.staff import tries
from kedai.staff.models import SignInTries
from kedai.staff.tries import TryKind, address_subject, growing_delay
from tests.support.factories import run_threads

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HERE = "192.0.2.7"


def admit(db: Database, kind: TryKind = TryKind.ADDRESS, subject: str = HERE, now: datetime = NOW) -> bool:
    with db.write() as session:
        return tries.admit(session, kind, subject, now=now)


def count(db: Database) -> int:
    with db.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(SignInTries)) or 0


def test_delay_grows_to_a_minute_and_no_further() -> None:
    assert [growing_delay(failed, free=3) for failed in range(12)] == [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]


@pytest.mark.parametrize(("kind", "free"), [(TryKind.ADDRESS, 20), (TryKind.CODE, 5)])
def test_after_the_free_tries_the_next_ones_wait_longer_and_longer(db: Database, kind: TryKind, free: int) -> None:
    assert [admit(db, kind) for _ in range(free + 2)] == [True] * free + [False, False]
    assert admit(db, kind, now=NOW + SECOND)
    assert not admit(db, kind, now=NOW + SECOND * 2.9)
    assert admit(db, kind, now=NOW + SECOND * 3)


def test_thousand_tries_in_a_minute_from_one_address_are_a_few_guesses(db: Database) -> None:
    with db.write() as session:
        moments = [NOW + SECOND * number * 0.06 for number in range(1000)]
        admitted = sum(tries.admit(session, TryKind.ADDRESS, HERE, now=moment) for moment in moments)
    assert admitted == 25


def test_a_good_try_is_taken_back_and_the_failures_before_it_still_count(db: Database) -> None:
    """Who has an account of their own cannot clear an address by signing in to it now and then."""
    for _ in range(20):
        admit(db)
    with db.write() as session:
        tries.take_back(session, TryKind.ADDRESS, HERE)
    assert [admit(db), admit(db)] == [True, False]


def test_forgetting_starts_from_nothing(db: Database) -> None:
    for _ in range(5):
        admit(db, TryKind.CODE)
    with db.write() as session:
        tries.forget(session, TryKind.CODE, HERE)
    assert [admit(db, TryKind.CODE) for _ in range(6)] == [True] * 5 + [False]


def test_one_address_slows_no_other_and_codes_are_counted_apart(db: Database) -> None:
    for _ in range(21):
        admit(db)
    assert not admit(db)
    assert admit(db, subject="192.0.2.8")
    assert admit(db, TryKind.CODE)


def test_failures_outlive_a_restart(db: Database, open_database: Callable[[], Database]) -> None:
    for _ in range(20):
        admit(db)
    assert not admit(open_database())


def test_failures_are_forgotten_in_time(db: Database) -> None:
    for _ in range(20):
        admit(db)
    assert [admit(db, now=NOW + timedelta(minutes=15)) for _ in range(21)] == [True] * 20 + [False]


def test_tries_at_the_same_moment_are_each_counted(db: Database) -> None:
    results = run_threads([lambda: admit(db, TryKind.CODE)] * 12)
    assert sorted(results) == [False] * 7 + [True] * 5  # type: ignore[type-var]


def test_what_is_old_is_removed_when_somebody_new_comes(db: Database) -> None:
    for number in range(30):
        admit(db, subject=f"192.0.2.{number}")
    admit(db, subject="198.51.100.1", now=NOW + timedelta(hours=1))
    assert count(db) == 1


def test_there_are_never_many_rows_and_the_oldest_go_first(db: Database) -> None:
    many = [
        {"kind": "address", "subject": f"a{number}", "failed": 1, "last_failed_at": NOW + SECOND * number / 100}
        for number in range(tries.MAX_ROWS)
    ]
    with db.write() as session:
        session.execute(sa.insert(SignInTries), many)
    for number in range(5):
        admit(db, subject=f"new{number}", now=NOW + timedelta(minutes=2))
    assert count(db) == tries.MAX_ROWS
    with db.read() as session:
        left = set(session.scalars(sa.select(SignInTries.subject)))
    assert not left & {f"a{number}" for number in range(5)}
    assert left >= {"a5", *(f"new{number}" for number in range(5))}


@pytest.mark.parametrize(
    ("address", "subject"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("", "unknown"),
        ("anything at all", "unknown"),
    ],
)
def test_one_place_is_an_address_or_a_network_that_one_user_has(address: str, subject: str) -> None:
    assert address_subject(address) == subject
