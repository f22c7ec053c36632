"""The second factor: sealed with the key ring, each code used once, recovery codes for when the phone is gone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
import sqlalchemy as sa

from kedai.errors import Conflict, Invalid, NotFound, SecretUnreadable
from kedai.staff import queries, second_factor
from kedai.staff.actors import actor_of_staff
from kedai.staff.models import RecoveryCode, Staff, StaffChallenge
from kedai.staff.roles import Role
from kedai.staff.service import create_staff, disable_staff, set_password
from kedai.sync import second_factor as verbs
from kedai.values.actor import COMMAND_LINE
from tests.support.factories import START, House, open_house, run_threads

STEP = timedelta(seconds=30)


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Iterator[House]:
    with open_house(database_url, tmp_path) as opened:
        yield opened


def add(house: House, email: str = "anna@example.com") -> Staff:
    with house.db.write() as db:
        return create_staff(db, email, role=Role.VIEWER, password_hash="h", actor=COMMAND_LINE, now=house.now)


def stored(house: House, staff: Staff) -> Staff:
    with house.db.read() as db:
        return queries.get_staff(db, staff.id)


def begin(house: House, staff: Staff) -> pyotp.TOTP:
    """What the person's app would hold."""
    with house.db.write() as db:
        verbs.begin(house.parts, db, staff, actor=actor_of_staff(staff), now=house.now)
    secret = verbs.find_waiting(house.parts, stored(house, staff))
    assert secret is not None
    return pyotp.TOTP(secret.reveal())


def confirm(house: House, staff: Staff, code: str) -> list[str]:
    with house.db.write() as db:
        codes = verbs.confirm(house.parts, db, staff, code, actor=actor_of_staff(staff), now=house.now)
    return [one.reveal() for one in codes]


def set_up(house: House, staff: Staff) -> tuple[pyotp.TOTP, list[str]]:
    app = begin(house, staff)
    codes = confirm(house, staff, app.at(house.now))
    house.clock.advance(STEP)
    return app, codes


def use(house: House, staff: Staff, text: str) -> bool:
    with house.db.write() as db:
        return verbs.use_code(house.parts, db, staff, text, now=house.now)


def test_it_counts_only_after_its_first_code(house: House) -> None:
    anna = add(house)
    app = begin(house, anna)
    assert stored(house, anna).totp_confirmed_at is None
    assert not use(house, anna, app.at(house.now))
    with pytest.raises(Invalid):
        confirm(house, anna, "000000" if app.at(house.now) != "000000" else "111111")
    assert stored(house, anna).totp_confirmed_at is None
    assert len(confirm(house, anna, app.at(house.now))) == 10
    assert stored(house, anna).totp_confirmed_at == START
    assert verbs.find_waiting(house.parts, stored(house, anna)) is None, "never shown again"


def test_its_secret_is_stored_sealed_and_opens_in_its_own_row_only(house: House) -> None:
    anna, bob = add(house), add(house, "bob@example.com")
    app, codes = set_up(house, anna)
    set_up(house, bob)
    sealed = stored(house, anna).totp_secret_encrypted
    assert sealed is not None
    assert sealed.startswith("v2:k1:")
    house.execute(sa.update(Staff).where(Staff.id == bob.id).values(totp_secret_encrypted=sealed))
    with pytest.raises(SecretUnreadable):
        use(house, bob, app.at(house.now))
    with house.db.read() as db:
        hashes = [bytes(one) for one in db.scalars(sa.select(RecoveryCode.code_hash))]
    texts = (*codes, *(code.replace("-", "") for code in codes))
    assert not any(text.encode() in one for one in hashes for text in texts)


def test_a_code_is_used_once(house: House) -> None:
    """Bad input 73: reused in the same step."""
    anna = add(house)
    app, _ = set_up(house, anna)
    code = app.at(house.now)
    assert use(house, anna, code)
    assert not use(house, anna, code)
    house.clock.advance(STEP)
    assert not use(house, anna, code)
    assert use(house, anna, app.at(house.now))


def test_the_code_that_set_it_up_does_not_sign_in(house: House) -> None:
    anna = add(house)
    app = begin(house, anna)
    code = app.at(house.now)
    confirm(house, anna, code)
    assert not use(house, anna, code)


def test_one_code_at_the_same_moment_is_taken_once(house: House) -> None:
    """Bad input 73, by two at once."""
    anna = add(house)
    app, codes = set_up(house, anna)
    code = app.at(house.now)
    assert sorted(run_threads([lambda: use(house, anna, code)] * 6)) == [False] * 5 + [True]  # type: ignore[type-var]
    assert sorted(run_threads([lambda: use(house, anna, codes[0])] * 6)) == [False] * 5 + [True]  # type: ignore[type-var]


def test_each_recovery_code_works_once_and_only_for_its_person(house: House) -> None:
    anna, bob = add(house), add(house, "bob@example.com")
    _, codes = set_up(house, anna)
    set_up(house, bob)
    assert not use(house, bob, codes[0])
    assert use(house, anna, codes[0].upper())
    assert not use(house, anna, codes[0])
    with house.db.write() as db:
        assert second_factor.count_recovery_codes(db, anna) == 9
        second_factor.replace_recovery_codes(db, anna, actor=COMMAND_LINE, now=house.now)
    assert not use(house, anna, codes[1]), "older ones are void"


def test_a_second_one_replaces_nothing_that_is_in_use(house: House) -> None:
    anna = add(house)
    app, _ = set_up(house, anna)
    with pytest.raises(Conflict):
        begin(house, anna)
    assert use(house, anna, app.at(house.now))


def test_turned_off_neither_code_counts(house: House) -> None:
    anna = add(house)
    app, codes = set_up(house, anna)
    with house.db.write() as db:
        assert second_factor.end_totp(db, anna, actor=COMMAND_LINE, now=house.now)
        assert not second_factor.end_totp(db, anna, actor=COMMAND_LINE, now=house.now)
    assert not use(house, anna, app.at(house.now))
    assert not use(house, anna, codes[0])
    assert stored(house, anna).totp_secret_encrypted is None


def test_without_the_key_recovery_codes_still_work(house: House) -> None:
    anna = add(house)
    app, codes = set_up(house, anna)
    sealed = (stored(house, anna).totp_secret_encrypted or "").replace("v2:k1:", "v2:k9:")
    house.execute(sa.update(Staff).where(Staff.id == anna.id).values(totp_secret_encrypted=sealed))
    with pytest.raises(SecretUnreadable):
        use(house, anna, app.at(house.now))
    assert use(house, anna, codes[0])


def start_challenge(house: House, staff: Staff) -> str:
    with house.db.write() as db:
        return second_factor.start_challenge(db, staff, now=house.now).reveal()


def try_challenge(house: House, text: str) -> bool:
    try:
        with house.db.write() as db:
            second_factor.count_challenge_try(db, text, now=house.now)
    except NotFound:
        return False
    return True


def test_a_waiting_sign_in_is_no_session_and_ends_after_five_minutes_or_tries(house: House) -> None:
    anna = add(house)
    set_up(house, anna)
    text = start_challenge(house, anna)
    with house.db.read() as db:
        assert queries.find_session(db, text, now=house.now) is None
    assert [try_challenge(house, text) for _ in range(7)] == [True] * 5 + [False] * 2
    late = start_challenge(house, anna)
    house.clock.advance(second_factor.CHALLENGE_SPAN)
    assert not try_challenge(house, late)
    start_challenge(house, anna)
    assert house.scalar(sa.select(sa.func.count()).select_from(StaffChallenge)) == 1, "old ones are removed"


def test_a_waiting_sign_in_ends_with_the_person_and_with_the_password(house: House) -> None:
    anna = add(house)
    set_up(house, anna)
    first = start_challenge(house, anna)
    with house.db.write() as db:
        set_password(db, anna, "new", must_change=False, keep_session=None, actor=COMMAND_LINE, now=house.now)
    assert not try_challenge(house, first)
    second = start_challenge(house, anna)
    with house.db.write() as db:
        disable_staff(db, anna, actor=COMMAND_LINE, now=house.now)
    assert not try_challenge(house, second)


@pytest.mark.parametrize("text", ["", "x", "\0", "a" * 43, "a" * 9000])
def test_a_forged_challenge_is_none(house: House, text: str) -> None:
    assert not try_challenge(house, text)
