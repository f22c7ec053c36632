"""D26: signing in and out, and where that may lead."""

from __future__ import annotations

import pytest

from kedai.staff.roles import Role
from tests.feature.dashboard.browser import PASSWORD, Browser, make_staff
from tests.support.factories import House

EMAIL = "admin@example.com"


@pytest.fixture
def person(house: House, browser: Browser) -> Browser:
    """Somebody who could sign in."""
    make_staff(house, EMAIL, Role.ADMIN)
    return browser


def test_a_stranger_is_led_to_the_login_and_back(person: Browser) -> None:
    asked = person.get("/e/live/orders?tab=unpaid")
    assert asked.status == 303
    login = person.follow(asked)
    assert login.value("next") == "/e/live/orders?tab=unpaid"
    answer = person.post("/login", {"email": EMAIL, "password": PASSWORD, "next": login.value("next")})
    assert answer.location == "/e/live/orders?tab=unpaid"
    assert person.follow(answer).status == 200
    assert person.get("/login").location == "/"


@pytest.mark.parametrize(("email", "password"), [(EMAIL, "another one"), ("nobody@example.com", PASSWORD), ("", "")])
def test_whatever_is_wrong_the_words_are_the_same(person: Browser, email: str, password: str) -> None:
    """T28: nobody learns whether there is such a person."""
    page = person.post("/login", {"email": email, "password": password, "next": "/e/live/home"})
    assert page.status == 401
    assert "That e-mail address and password do not fit." in page.words
    assert page.value("email") == email
    assert page.value("next") == "/e/live/home"
    assert password not in page.text or not password
    assert person.cookies == {}


@pytest.mark.parametrize(
    "target", ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/%2f/evil.example"]
)
def test_a_login_never_leads_elsewhere(person: Browser, target: str) -> None:
    assert person.get("/login").value("next") == "/"
    answer = person.post("/login", {"email": EMAIL, "password": PASSWORD, "next": target})
    assert answer.location == "/"


def test_signing_out_ends_the_session_for_good(person: Browser) -> None:
    person.post("/login", {"email": EMAIL, "password": PASSWORD})
    old = dict(person.cookies)
    page = person.follow(person.post("/logout"))
    assert "You are signed out." in page.words
    assert person.cookies == {}
    person.cookies = old
    assert person.get("/e/live/orders").status == 303
    assert person.post("/logout").status == 303


def test_a_form_from_elsewhere_is_refused(person: Browser) -> None:
    values = {"email": EMAIL, "password": PASSWORD}
    assert person.post("/login", values, sec_fetch_site="cross-site").status == 403
    assert person.post("/login", values, content_type="text/plain").status == 422
    assert person.post("/login", [*values.items(), ("email", "twice@example.com")]).status == 422
    assert person.post("/login", {"email": "a" * 70_000}).status == 413


def test_the_name_typed_at_a_failed_login_is_no_markup(person: Browser) -> None:
    page = person.post("/login", {"email": '"><script>alert(1)</script>', "password": "x"})
    assert "<script" not in page.markup
