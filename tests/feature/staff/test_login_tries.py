"""T28: failed logins slow an account down, before any password is looked at, and never lock anybody out."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from kedai.db.database import Database
from kedai.staff import service
from kedai.staff.models import Staff
from kedai.staff.roles import Role
from kedai.values.actor import COMMAND_LINE

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def add_person(db: Database, email: str = "anna@example.com") -> Staff:
    with db.write() as session:
        return service.create_staff(
            session, email, role=Role.VIEWER, password_hash="a hash", actor=COMMAND_LINE, now=NOW
        )


def admit(db: Database, staff: Staff | None, now: datetime) -> bool:
    with db.write() as session:
        return service.admit_login(session, staff, now=now)


def test_delay_grows_and_never_becomes_a_lockout() -> None:
    delays = [service.delay_seconds(failed) for failed in range(11)]
    assert delays == [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60]
    assert service.delay_seconds(10**9) == 60


def test_fourth_try_has_to_wait_and_a_refused_try_does_not_lengthen_the_wait(db: Database) -> None:
    anna = add_person(db)
    assert [admit(db, anna, NOW) for _ in range(5)] == [True, True, True, False, False]
    assert not admit(db, anna, NOW + SECOND * 0.999)
    assert admit(db, anna, NOW + SECOND)
    assert not admit(db, anna, NOW + SECOND * 2.999)
    assert admit(db, anna, NOW + SECOND * 3)


def test_thousand_tries_in_a_minute_are_a_handful_of_guesses(db: Database) -> None:
    anna = add_person(db)
    with db.write() as session:
        admitted = sum(service.admit_login(session, anna, now=NOW + SECOND * number * 0.06) for number in range(1000))
    assert admitted == 8


def test_tries_at_the_same_moment_are_counted_before_any_password_is_looked_at(db: Database) -> None:
    anna = add_person(db)
    admitted: list[bool] = []
    threads = [threading.Thread(target=lambda: admitted.append(admit(db, anna, NOW))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(admitted) == [False] * 5 + [True] * 3


def test_however_many_failures_a_person_may_try_again_after_a_minute(db: Database) -> None:
    anna = add_person(db)
    with db.write() as session:
        for _ in range(200):
            service.note_failed_login(session, anna, now=NOW)
    assert not admit(db, anna, NOW + SECOND * 59)
    assert admit(db, anna, NOW + SECOND * 60)


def test_good_login_forgets_the_failures(db: Database) -> None:
    anna = add_person(db)
    for _ in range(3):
        admit(db, anna, NOW)
    with db.write() as session:
        service.note_good_login(session, anna)
    assert admit(db, anna, NOW)


def test_nobody_and_disabled_people_are_not_admitted(db: Database) -> None:
    anna = add_person(db)
    with db.write() as session:
        service.disable_staff(session, anna, actor=COMMAND_LINE, now=NOW)
    assert not admit(db, anna, NOW + MINUTE)
    assert not admit(db, None, NOW)


def test_one_persons_failures_slow_nobody_else(db: Database) -> None:
    anna, bob = add_person(db), add_person(db, "bob@example.com")
    for _ in range(4):
        admit(db, anna, NOW)
    assert admit(db, bob, NOW)
