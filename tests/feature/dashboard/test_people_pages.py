"""D35, D36: staff, account, tokens: what administrators and people themselves do with forms."""

from __future__ import annotations

import re
from datetime import timedelta

import pyotp
import pytest

from kedai.kit.ids import show_id
from kedai.staff import queries
from kedai.staff.actors import show_session, show_staff
from kedai.staff.models import Staff
from kedai.staff.roles import Role
from kedai.staff.service import start_session
from tests.feature.dashboard.browser import PASSWORD, Browser, Page, make_staff
from tests.support.factories import House

NEW = "new@example.com"


def find(house: House, email: str) -> Staff:
    with house.db.read() as db:
        found = queries.find_staff_by_email(db, email)
    assert found is not None
    return found


def shown_once(page: Page) -> list[str]:
    listed = re.search(r'<ul class="once".*?</ul>', page.text, re.DOTALL)
    assert listed is not None, page.words
    return re.findall(r"<code>(.*?)</code>", listed.group(0))


def sign_in(house: House, email: str, password: str) -> Browser:
    browser = Browser(house)
    assert browser.post("/login", {"email": email, "password": password}).status == 303
    return browser


def test_a_new_person_signs_in_with_the_password_shown_once_and_must_choose_their_own(
    house: House, admin: Browser
) -> None:
    page = admin.post("/staff", {"email": " New@Example.com ", "role": "operator"})
    (first,) = shown_once(page)
    assert NEW in admin.get("/staff").words
    assert first not in admin.get("/staff").text
    person = sign_in(house, NEW, first)
    for path in ("/e/all/home", "/connectors/fake", "/"):
        assert person.get(path).location == "/account/password", path
    assert person.post("/e/sandbox/events/replay-parked", {"reason": "unknown_shop"}).location == "/account/password"
    mine = "a long one that is only mine"
    assert person.post("/account/password", {"new": mine, "again": mine}).status == 303
    assert person.get("/e/all/home").status == 200
    assert Browser(house).post("/login", {"email": NEW, "password": first}).status == 401


@pytest.mark.parametrize(
    ("values", "status", "told"),
    [
        ({"email": "admin@example.com", "role": "viewer"}, 409, "exists already"),
        ({"email": "no address", "role": "viewer"}, 422, "not an e-mail address"),
        ({"email": NEW, "role": "owner"}, 422, "Choose one of the roles"),
        ({"email": "\0@example.com", "role": "viewer"}, 422, "not an e-mail address"),
        ({}, 422, "Choose one of the roles"),
    ],
)
def test_what_is_wrong_with_a_new_person_is_told(
    house: House, admin: Browser, values: dict[str, str], status: int, told: str
) -> None:
    page = admin.post("/staff", values)
    assert page.status == status
    assert told in page.words
    with house.db.read() as db:
        assert queries.count_staff(db) == 1


def test_role_disabling_and_enabling_by_forms(house: House, admin: Browser) -> None:
    person = Browser(house)
    person.sign_in(Role.VIEWER)
    here = f"/staff/{show_staff(find(house, 'viewer@example.com'))}"
    assert here in admin.get("/staff").links()
    assert "The role was changed." in admin.follow(admin.post(f"{here}/role", {"role": "operator"})).words
    assert person.get("/e/all/home").status == 303, "signed out by the new role"
    assert admin.post(f"{here}/role", {"role": "owner"}).status == 422
    assert "The person was disabled." in admin.follow(admin.post(f"{here}/disable")).words
    assert Browser(house).post("/login", {"email": "viewer@example.com", "password": PASSWORD}).status == 401
    assert "can sign in again" in admin.follow(admin.post(f"{here}/enable")).words
    assert sign_in(house, "viewer@example.com", PASSWORD).get("/e/all/home").status == 200
    assert find(house, "viewer@example.com").role == "operator"


def test_the_last_administrator_is_told_and_stays(house: House, admin: Browser) -> None:
    here = f"/staff/{show_staff(find(house, 'admin@example.com'))}"
    for act, values in (("disable", {}), ("role", {"role": "viewer"})):
        page = admin.post(f"{here}/{act}", values)
        assert page.status == 409
        assert "This is the last administrator" in page.words
    assert admin.get("/staff").status == 200


def test_an_administrator_replaces_a_lost_password_and_second_factor(house: House, admin: Browser) -> None:
    make_staff(house, NEW, Role.VIEWER)
    old = sign_in(house, NEW, PASSWORD)
    old.post("/account/totp")
    here = f"/staff/{show_staff(find(house, NEW))}"
    (first,) = shown_once(admin.post(f"{here}/password"))
    assert old.get("/account").status == 303
    assert sign_in(house, NEW, first).get("/e/all/home").location == "/account/password"
    admin.post(f"{here}/totp/off")
    assert find(house, NEW).totp_secret_encrypted is None
    own = f"/staff/{show_staff(find(house, 'admin@example.com'))}"
    assert admin.post(f"{own}/password").location == "/account/password"


def test_sessions_of_others_are_seen_and_ended_by_administrators_only(house: House, admin: Browser) -> None:
    person = Browser(house)
    person.sign_in(Role.OPERATOR)
    staff = find(house, "operator@example.com")
    with house.db.write() as db:
        other, _ = start_session(db, staff, now=house.now, address="192.0.2.9", user_agent="<b>Phone</b>")
    here = f"/staff/{show_staff(staff)}"
    assert "192.0.2.9" in admin.get(here).words
    assert "<b>Phone" not in admin.get(here).text
    wrong = f"/staff/{show_staff(find(house, 'admin@example.com'))}/sessions/{show_session(other)}/end"
    assert admin.post(wrong).status == 404, "a session is ended below its own person"
    assert admin.post(f"{here}/sessions/{show_session(other)}/end").status == 303
    assert "192.0.2.9" not in admin.get(here).words
    assert person.get("/account").status == 200
    admin.post(f"{here}/sessions/end")
    assert person.get("/account").status == 303
    assert person.post(f"{here}/sessions/end").status == 401


def test_people_see_and_end_their_own_sessions_and_nobody_elses(house: House, browser: Browser) -> None:
    browser.sign_in(Role.VIEWER)
    staff, bob = find(house, "viewer@example.com"), make_staff(house, "bob@example.com", Role.ADMIN)
    with house.db.write() as db:
        mine, _ = start_session(db, staff, now=house.now, address="192.0.2.9", user_agent="Phone")
        bobs, token = start_session(db, bob, now=house.now, address="192.0.2.10", user_agent="")
    words = browser.get("/account").words
    assert "192.0.2.9" in words
    assert "192.0.2.10" not in words
    assert browser.post(f"/account/sessions/{show_session(bobs)}/end").status == 404
    for unknown in (show_id("session", staff.id), "session_x", "evt_1", "%00"):
        assert browser.post(f"/account/sessions/{unknown}/end").status == 404, unknown
    assert browser.post(f"/account/sessions/{show_session(mine)}/end").status == 303
    assert "192.0.2.9" not in browser.get("/account").words
    with house.db.read() as db:
        assert queries.find_session(db, token.reveal(), now=house.now) is not None
    with house.db.write() as db:
        start_session(db, staff, now=house.now, address="192.0.2.9", user_agent="Phone")
    browser.post("/account/sessions/end-others")
    with house.db.read() as db:
        assert len(queries.list_sessions(db, staff, now=house.now)) == 1
    assert browser.get("/account").status == 200


def test_changing_the_password_ends_the_other_sessions_and_renews_this_one(house: House, browser: Browser) -> None:
    make_staff(house, NEW, Role.VIEWER)
    here, there = sign_in(house, NEW, PASSWORD), sign_in(house, NEW, PASSWORD)
    old = dict(here.cookies)
    mine = "a long one that is only mine"
    for values, told in (
        ({"new": mine, "again": "another"}, "not the same"),
        ({"new": "short", "again": "short"}, "at least 12 characters"),
        ({"new": "password1234", "again": "password1234"}, "too easy"),
        ({"new": f"{mine}\0", "again": f"{mine}\0"}, "plain text"),
    ):
        page = here.post("/account/password", values)
        assert (page.status, told in page.words) == (422, True), told
    assert here.follow(here.post("/account/password", {"new": mine, "again": mine})).status == 200
    assert here.cookies != old
    assert there.get("/account").status == 303
    assert Browser(house).post("/login", {"email": NEW, "password": PASSWORD}).status == 401
    sign_in(house, NEW, mine)


def test_setting_up_a_second_factor_by_forms(house: House, browser: Browser) -> None:
    browser.sign_in(Role.VIEWER)
    assert "Off" in browser.get("/account").words
    page = browser.follow(browser.post("/account/totp"))
    key = re.search(r"Key: <code[^>]*>([A-Z2-7 ]+)</code>", page.text)
    assert key is not None
    assert 'class="qr"' in page.text
    app = pyotp.TOTP(key.group(1).replace(" ", ""))
    assert browser.post("/account/totp/confirm", {"code": "nothing"}).status == 422
    codes = shown_once(browser.post("/account/totp/confirm", {"code": app.at(house.now)}))
    assert len(codes) == 10
    words = browser.get("/account").words
    assert "10 recovery codes left" in words
    assert codes[0] not in browser.get("/account").text
    assert browser.get("/account/totp").location == "/account", "a secret in use is not shown again"
    assert len(set(shown_once(browser.post("/account/recovery-codes"))) - set(codes)) == 10
    house.clock.advance(timedelta(minutes=6))
    assert browser.post("/account/totp/off").location.startswith("/confirm")
    again = {"password": PASSWORD, "code": app.at(house.now)}
    assert browser.post("/confirm", again).status == 303
    assert "The second factor is off." in browser.follow(browser.post("/account/totp/off")).words


def test_tokens_are_made_shown_once_listed_and_revoked(house: House, admin: Browser) -> None:
    page = admin.post("/tokens", {"name": "till <b>", "role": "viewer", "environment": "live"})
    (text,) = shown_once(page)
    assert text.startswith("kedai_live_")
    listed = admin.get("/tokens")
    assert text not in listed.text
    assert "<b>" not in listed.text
    with house.db.read() as db:
        assert queries.find_api_token(db, text, now=house.now) is not None
    (revoke,) = re.findall(r'action="(/tokens/token_\w+/revoke)"', listed.text)
    assert "The token was revoked." in admin.follow(admin.post(revoke)).words
    with house.db.read() as db:
        assert queries.find_api_token(db, text, now=house.now) is None
    assert "Revoked" in admin.get("/tokens").words
    assert admin.post("/tokens/token_00000000000000000000000000000000/revoke").status == 404


@pytest.mark.parametrize(
    "values",
    [
        {"name": "", "role": "viewer", "environment": "live"},
        {"name": "x\ny", "role": "viewer", "environment": "live"},
        {"name": "x", "role": "owner", "environment": "live"},
        {"name": "x", "role": "viewer", "environment": "all"},
        {"name": "x", "role": "viewer"},
    ],
)
def test_a_token_without_all_it_needs_is_not_made(house: House, admin: Browser, values: dict[str, str]) -> None:
    assert admin.post("/tokens", values).status == 422
    with house.db.read() as db:
        assert queries.list_api_tokens(db) == []


def test_pages_for_administrators_are_not_offered_to_others(house: House, browser: Browser) -> None:
    browser.sign_in(Role.OPERATOR)
    links = browser.get("/e/all/home").links()
    assert not {"/staff", "/tokens", "/audit"} & set(links)
    assert "/account" in links
