"""Signing in with a second factor, and what slows a guesser down; by forms alone."""

from __future__ import annotations

from datetime import timedelta

import pyotp
import pytest

from kedai.audit.queries import list_entries
from kedai.staff.queries import get_staff
from kedai.staff.roles import Role
from kedai.staff.second_factor import CHALLENGE_SPAN
from kedai.sync import second_factor
from kedai.values.actor import COMMAND_LINE
from tests.feature.dashboard.browser import PASSWORD, Browser, Page, make_staff
from tests.support.factories import House

EMAIL = "siti@example.com"
STEP = timedelta(seconds=30)


@pytest.fixture
def app(house: House) -> pyotp.TOTP:
    """A person with a second factor, and what their phone holds."""
    return set_up(house, EMAIL)[0]


def set_up(house: House, email: str) -> tuple[pyotp.TOTP, list[str]]:
    made = make_staff(house, email, Role.ADMIN)
    with house.db.write() as db:
        staff = get_staff(db, made.id)
        second_factor.begin(house.parts, db, staff, actor=COMMAND_LINE, now=house.now)
        secret = second_factor.find_waiting(house.parts, staff)
        assert secret is not None
        found = pyotp.TOTP(secret.reveal())
        codes = second_factor.confirm(house.parts, db, staff, found.at(house.now), actor=COMMAND_LINE, now=house.now)
    house.clock.advance(STEP)
    return found, [code.reveal() for code in codes]


def give_password(browser: Browser, email: str = EMAIL, password: str = PASSWORD) -> Page:
    return browser.post("/login", {"email": email, "password": password, "next": "/e/live/orders"})


def give_code(browser: Browser, code: str) -> Page:
    return browser.post("/login/code", {"code": code, "next": "/e/live/orders"})


def test_the_password_alone_opens_nothing(house: House, app: pyotp.TOTP, browser: Browser) -> None:
    page = give_password(browser)
    assert page.location == "/login/code?next=%2Fe%2Flive%2Forders"
    assert list(browser.cookies) == ["__Host-kedai-challenge"]
    assert browser.get("/e/live/orders").status == 303
    browser.cookies["__Host-kedai-session"] = browser.cookies["__Host-kedai-challenge"]
    assert browser.get("/e/live/orders").location.startswith("/login")


def test_password_and_code_lead_to_where_one_wanted_to_go(house: House, app: pyotp.TOTP, browser: Browser) -> None:
    form = browser.follow(give_password(browser))
    assert "Enter your code" in form.words
    page = give_code(browser, app.at(house.now))
    assert page.location == "/e/live/orders"
    assert list(browser.cookies) == ["__Host-kedai-session"]
    assert browser.follow(page).status == 200


def test_a_wrong_code_and_a_used_one_are_refused_alike(house: House, app: pyotp.TOTP, browser: Browser) -> None:
    give_password(browser)
    code = app.at(house.now)
    wrong = give_code(browser, "123456" if code != "123456" else "654321")
    assert wrong.status == 401
    assert give_code(browser, code).status == 303
    browser.post("/logout")
    give_password(browser)
    used = give_code(browser, code)
    assert used.status == 401
    assert used.words == wrong.words
    assert code not in used.text


def test_a_recovery_code_stands_in_once(house: House, browser: Browser) -> None:
    _, codes = set_up(house, "lost@example.com")
    for expected in (303, 401):
        give_password(browser, "lost@example.com")
        assert give_code(browser, codes[0]).status == expected
        browser.post("/logout")


def test_too_late_or_too_often_starts_again(house: House, app: pyotp.TOTP, browser: Browser) -> None:
    give_password(browser)
    house.clock.advance(CHALLENGE_SPAN)
    late = give_code(browser, app.at(house.now))
    assert late.location == "/login?status=challenge_ended"
    assert browser.cookies == {}
    give_password(browser)
    assert [give_code(browser, "nothing").status for _ in range(6)] == [401] * 5 + [303]
    assert browser.get("/login/code").location == "/login"


def test_guessing_codes_slows_down_however_often_the_password_is_given(
    house: House, app: pyotp.TOTP, browser: Browser
) -> None:
    """Five free guesses of a person's codes, then the delay; not five for each sign-in."""
    for _ in range(5):
        give_password(browser)
        give_code(browser, "no code")
    give_password(browser)
    assert give_code(browser, app.at(house.now)).status == 401
    house.clock.advance(timedelta(seconds=1))
    assert give_code(browser, app.at(house.now)).status == 303


def test_without_a_second_factor_nothing_more_is_asked(house: House, browser: Browser) -> None:
    make_staff(house, "plain@example.com", Role.VIEWER)
    assert give_password(browser, "plain@example.com").location == "/e/live/orders"
    assert browser.get("/login/code").location == "/login"
    assert give_code(browser, "123456").location == "/login?status=challenge_ended"


def test_t28_one_address_tries_many_people_in_vain(house: House, browser: Browser) -> None:
    """After twenty failures an address waits, whoever it is about; take the first `tries.admit` away to see it fail."""
    make_staff(house, EMAIL, Role.VIEWER)
    for number in range(20):
        assert give_password(browser, f"nobody{number}@example.com", "wrong").status == 401
    assert give_password(browser).status == 401
    house.clock.advance(timedelta(seconds=1))
    assert give_password(browser).status == 303


def test_t28_what_a_stranger_says_of_a_proxy_changes_nothing(house: House, browser: Browser) -> None:
    make_staff(house, EMAIL, Role.VIEWER)
    values = {"email": "nobody@example.com", "password": "wrong"}
    for number in range(20):
        browser.post("/login", values, x_forwarded_for=f"198.51.100.{number}")
    assert browser.post("/login", {"email": EMAIL, "password": PASSWORD}, x_forwarded_for="203.0.113.9").status == 401


def test_signing_in_is_recorded_without_any_secret(house: House, app: pyotp.TOTP, browser: Browser) -> None:
    give_password(browser)
    code = app.at(house.now)
    give_code(browser, code)
    with house.db.read() as db:
        entries = list_entries(db, environment=None, before_sequence=None, limit=50)
    assert entries[0].action == "session.started"
    told = " ".join(f"{entry.action} {entry.subject} {entry.details}" for entry in entries)
    assert not any(secret in told for secret in (code, PASSWORD, app.secret))
