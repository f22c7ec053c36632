"""D36: passkeys: added, used to sign in and to confirm, removed; and everything that must not be taken for one.

Lines to break, and what then fails: `expected_origin` in `staff/ceremony.py` (72: another origin), the DELETE in
`take_challenge` (a replay), `staff_id not in` in `web/passkeys.py` (another person's), `require_user_verification`
(a passkey without a verified person), `goes_on` in `use_passkey` (a copied key).
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from kedai.audit.models import AuditEntry
from kedai.staff import passkeys, queries
from kedai.staff.models import Passkey, PasskeyChallenge, SignInTries, Staff
from kedai.staff.roles import Role
from kedai.staff.service import disable_staff, enable_staff
from kedai.values.actor import COMMAND_LINE
from kedai.web.security import CONFIRMED_SPAN
from tests.feature.dashboard.browser import PASSWORD, Browser, Page
from tests.support.authenticator import Authenticator, decoded, encoded
from tests.support.factories import PUBLIC_URL, House

HOST = "kedai.example"
MINUTE = timedelta(minutes=1)
NOT_RIGHT = "The passkey's answer is not right."


def device(**more: Any) -> Authenticator:
    return Authenticator(PUBLIC_URL, HOST, **more)


def options(browser: Browser, path: str) -> dict[str, Any]:
    page = browser.post(f"{path}/options")
    assert page.status == 200, page.words
    found: dict[str, Any] = json.loads(page.text)
    return found


def add(browser: Browser, held: Authenticator, name: str = "my phone") -> Page:
    credential = held.create(options(browser, "/account/passkeys"))
    return browser.post("/account/passkeys", {"name": name, "credential": credential})


def sign_in(browser: Browser, held: Authenticator, **changes: Any) -> Page:
    credential = held.get(options(browser, "/login/passkey"), **changes)
    return browser.post("/login/passkey", {"credential": credential, "next": "/account"})


def confirm(browser: Browser, held: Authenticator) -> Page:
    credential = held.get(options(browser, "/confirm/passkey"))
    return browser.post("/confirm/passkey", {"credential": credential, "next": "/account/password"})


def is_in(browser: Browser) -> bool:
    return browser.get("/account").status == 200


def deeds(house: House, action: str) -> list[dict[str, Any]]:
    with house.db.read() as db:
        return list(db.scalars(sa.select(AuditEntry.details).where(AuditEntry.action == action)))


def person(house: House, email: str = "admin@example.com") -> Staff:
    with house.db.read() as db:
        staff = queries.find_staff_by_email(db, email)
    assert staff is not None
    return staff


@pytest.fixture
def held(admin: Browser) -> Authenticator:
    """The administrator's device."""
    made = device()
    assert add(admin, made).location == "/account?status=passkey_added"
    return made


def test_a_passkey_is_added_listed_and_signs_in(house: House, admin: Browser, held: Authenticator) -> None:
    page = admin.get("/account")
    assert "my phone" in page.words
    assert "never" in page.words
    other = Browser(house)
    signed_in = sign_in(other, held)
    assert (signed_in.status, signed_in.location) == (303, "/account")
    assert is_in(other)
    assert other.get("/account/password").status == 200, "it counts as both factors, and as fresh"
    assert "never" not in other.get("/account").words
    assert deeds(house, "passkey.added") == [
        {"email": "admin@example.com", "passkey": deeds(house, "passkey.added")[0]["passkey"], "name": "my phone"}
    ]
    assert [one["for"] for one in deeds(house, "passkey.used")] == ["sign_in"]


def test_what_the_browser_is_asked_names_nobody_and_demands_a_verified_person(admin: Browser) -> None:
    made = options(admin, "/account/passkeys")
    assert made["rp"] == {"name": "Kedai", "id": HOST}
    assert made["authenticatorSelection"]["userVerification"] == "required"
    assert made["authenticatorSelection"]["residentKey"] == "required"
    used = options(admin, "/login/passkey")
    assert (used["rpId"], used["userVerification"], used["allowCredentials"]) == (HOST, "required", [])


def test_whom_it_is_made_for_comes_from_the_public_url_and_never_from_the_request(house: House) -> None:
    browser = Browser(house)
    page = browser.post("/login/passkey/options", host="evil.example", x_forwarded_host="evil.example")
    assert json.loads(page.text)["rpId"] == HOST


def test_a_passkey_stands_for_password_and_code_in_a_confirmation(
    house: House, admin: Browser, held: Authenticator
) -> None:
    house.clock.advance(CONFIRMED_SPAN)
    assert admin.get("/account/password").status == 303
    assert "Confirm with a passkey" in admin.get("/confirm").words
    old = dict(admin.cookies)
    page = confirm(admin, held)
    assert (page.status, page.location) == (303, "/account/password")
    assert admin.follow(page).status == 200
    admin.cookies = old
    assert not is_in(admin), "the session got a new token"
    assert [one["for"] for one in deeds(house, "passkey.used")] == ["confirm"]


def test_adding_and_removing_ask_for_a_fresh_proof(house: House, admin: Browser, held: Authenticator) -> None:
    name = admin.get("/account").text.split("/account/passkeys/")[1].split("/")[0]
    house.clock.advance(CONFIRMED_SPAN)
    for path in ("/account/passkeys/options", "/account/passkeys", f"/account/passkeys/{name}/remove"):
        assert admin.post(path, {"credential": "{}"}).location.startswith("/confirm"), path
    assert sign_in(Browser(house), held).status == 303


def test_a_removed_passkey_signs_nobody_in(house: House, admin: Browser, held: Authenticator) -> None:
    second = device()
    add(admin, second, "key in the drawer")
    first, other = (part.split("/")[0] for part in admin.get("/account").text.split("/account/passkeys/")[1:3])
    assert admin.post(f"/account/passkeys/{first}/remove").location == "/account?status=passkey_removed"
    assert sign_in(Browser(house), held).status == 401
    assert sign_in(Browser(house), second).status == 303
    assert admin.post(f"/account/passkeys/{other}/remove").location == "/account?status=last_passkey_removed"
    assert "a password alone" in admin.get("/account?status=last_passkey_removed").words
    assert len(deeds(house, "passkey.removed")) == 2
    assert admin.post(f"/account/passkeys/{other}/remove").status == 404


def test_bad_input_72_a_passkey_that_answered_another_origin(house: House, held: Authenticator) -> None:
    browser = Browser(house)
    for origin in ("https://evil.example", "http://kedai.example", f"{PUBLIC_URL}:444", f"{PUBLIC_URL}.evil.example"):
        page = sign_in(browser, held, origin=origin)
        assert page.status == 401, origin
        assert "answered for another address" in page.words, origin
    assert sign_in(browser, replace(held, cross_origin=True)).status == 401, "inside another site's frame"
    assert sign_in(browser, replace(held, host="evil.example")).status == 401, "made for another host"
    assert not is_in(browser)


def test_bad_input_72_neither_is_one_added_from_another_origin(house: House, admin: Browser) -> None:
    evil = replace(device(), origin="https://evil.example")
    page = add(admin, evil)
    assert (page.status, "answered for another address" in page.words) == (422, True)
    assert house.scalar(sa.select(sa.func.count()).select_from(Passkey)) == 0


def test_an_answer_is_taken_once(house: House, held: Authenticator) -> None:
    browser = Browser(house)
    credential = held.get(options(browser, "/login/passkey"))
    kept = dict(browser.cookies)
    assert browser.post("/login/passkey", {"credential": credential}).status == 303
    again = Browser(house, cookies=kept)
    page = again.post("/login/passkey", {"credential": credential})
    assert (page.status, "begun in another window" in page.words) == (401, True)


def test_a_wrong_answer_uses_the_challenge_up_too(house: House, held: Authenticator) -> None:
    browser = Browser(house)
    asked = options(browser, "/login/passkey")
    assert browser.post("/login/passkey", {"credential": held.get(asked, origin="https://evil.example")}).status == 401
    assert browser.post("/login/passkey", {"credential": held.get(asked)}).status == 401


def test_an_answer_counts_for_five_minutes_in_the_browser_that_asked(house: House, held: Authenticator) -> None:
    asking, stealing = Browser(house), Browser(house)
    asked = options(asking, "/login/passkey")
    options(stealing, "/login/passkey")
    assert stealing.post("/login/passkey", {"credential": held.get(asked)}).status == 401
    assert Browser(house).post("/login/passkey", {"credential": held.get(asked)}).status == 401
    asked = options(asking, "/login/passkey")
    house.clock.advance(passkeys.CHALLENGE_SPAN)
    assert asking.post("/login/passkey", {"credential": held.get(asked)}).status == 401
    assert sign_in(asking, held).status == 303


def test_a_challenge_is_good_for_what_it_was_given_out_for(house: House, admin: Browser, held: Authenticator) -> None:
    credential = held.get(options(admin, "/confirm/passkey"))
    browser = Browser(house, cookies=dict(admin.cookies))
    assert browser.post("/login/passkey", {"credential": credential}).status == 401
    credential = held.get(options(admin, "/login/passkey"))
    assert admin.post("/confirm/passkey", {"credential": credential}).status == 422
    credential = device().create({**options(admin, "/account/passkeys"), "challenge": encoded(b"one of my own")})
    assert admin.post("/account/passkeys", {"credential": credential}).status == 422


def test_somebody_elses_passkey_confirms_nothing(house: House, admin: Browser, held: Authenticator) -> None:
    other = Browser(house)
    other.sign_in(Role.OPERATOR)
    house.clock.advance(CONFIRMED_SPAN)
    page = confirm(other, held)
    assert (page.status, NOT_RIGHT in page.words) == (422, True)
    assert other.get("/account/password").status == 303
    assert confirm(admin, held).status == 303


def test_a_device_that_takes_itself_for_somebody_elses_is_refused(house: House, held: Authenticator) -> None:
    """Its answer names another person than the one its key is known for."""
    assert sign_in(Browser(house), replace(held, user_handle=b"somebody else")).status == 401
    assert sign_in(Browser(house), replace(held, user_handle=None)).status == 303, "saying nothing is allowed"


def test_without_a_verified_person_it_is_one_factor_and_not_enough(
    house: House, admin: Browser, held: Authenticator
) -> None:
    assert sign_in(Browser(house), replace(held, verifies=False)).status == 401
    assert add(admin, device(verifies=False)).status == 422


def test_another_key_under_a_known_id_is_refused(house: House, held: Authenticator) -> None:
    assert sign_in(Browser(house), replace(held, key=device().key)).status == 401


def test_a_count_that_goes_back_is_refused_and_told(house: House, admin: Browser) -> None:
    counting = device(count=7)
    add(admin, counting)
    copy = replace(counting)
    assert sign_in(Browser(house), counting).status == 303
    assert sign_in(Browser(house), copy).status == 401, "the same count again"
    assert sign_in(Browser(house), replace(copy, count=0)).status == 401
    assert [one["count"] for one in deeds(house, "passkey.count_went_back")] == [8, 0]
    assert sign_in(Browser(house), counting).status == 303


def test_a_passkey_that_is_removed_while_it_signs_is_refused_without_a_false_alarm(
    house: House, held: Authenticator
) -> None:
    with house.db.read() as db:
        owned = passkeys.find_passkey(db, held.credential_id)
    assert owned is not None
    with house.db.write() as db:
        passkeys.remove_passkey(db, owned.staff, owned.passkey.id, actor=COMMAND_LINE, now=house.now)
    with house.db.write() as db:
        used = passkeys.use_passkey(db, owned, 0, passkeys.Purpose.SIGN_IN, actor=COMMAND_LINE, now=house.now)
    assert (used, deeds(house, "passkey.count_went_back")) == (False, [])


def test_a_disabled_person_does_not_come_in_by_passkey(house: House, admin: Browser) -> None:
    bob, phone = Browser(house), device()
    bob.sign_in(Role.VIEWER)
    add(bob, phone)
    with house.db.write() as db:
        disable_staff(db, person(house, "viewer@example.com"), actor=COMMAND_LINE, now=house.now)
    page = sign_in(Browser(house), phone)
    assert (page.status, NOT_RIGHT in page.words) == (401, True)
    with house.db.write() as db:
        enable_staff(db, person(house, "viewer@example.com"), actor=COMMAND_LINE, now=house.now)
    assert sign_in(Browser(house), phone).status == 303


@pytest.mark.parametrize("deed", ["passkeys/remove", "password"])
def test_an_administrator_removes_them_and_a_new_first_password_does_too(
    house: House, admin: Browser, deed: str
) -> None:
    """Whoever had the account for a while may have added a passkey of their own."""
    bob, phone = Browser(house), device()
    bob.sign_in(Role.VIEWER)
    add(bob, phone)
    here = f"/staff/staff_{person(house, 'viewer@example.com').id.hex}"
    assert "Passkeys 1" in admin.get(here).words
    assert admin.post(f"{here}/{deed}").status in {200, 303}
    assert sign_in(Browser(house), phone).status == 401
    assert "Passkeys none" in admin.get(here).words
    assert len(deeds(house, "passkey.removed")) == 1


def test_failed_tries_count_in_the_growing_delays(house: House, held: Authenticator) -> None:
    browser = Browser(house)
    for _try in range(3):
        assert sign_in(browser, held, origin="https://evil.example").status == 401
    assert person(house).failed_logins == 3
    page = browser.post("/login", {"email": "admin@example.com", "password": PASSWORD})
    assert page.status == 401, "the password waits, since three tries at this account failed"
    for _try in range(16):
        sign_in(browser, held, origin="https://evil.example")
    limited = browser.post("/login/passkey/options")
    assert (limited.status, limited.headers["retry-after"]) == (429, "60")
    house.clock.advance(MINUTE)
    assert sign_in(browser, held).status == 303, "a stranger's tries never keep a passkey out for long"
    assert person(house).failed_logins == 0


def test_wrong_passwords_of_strangers_do_not_keep_a_passkey_out(house: House, held: Authenticator) -> None:
    with house.db.write() as db:
        db.execute(sa.update(Staff).values(failed_logins=50, last_failed_at=house.now))
    assert sign_in(Browser(house), held).status == 303


def test_a_good_try_is_taken_back(house: House, held: Authenticator) -> None:
    for _time in range(25):
        assert sign_in(Browser(house), held).status == 303
    assert house.scalar(sa.select(sa.func.max(SignInTries.failed))) == 0


def test_one_key_is_known_once_and_a_person_has_so_many(
    house: House, admin: Browser, held: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = add(admin, held)
    assert (page.status, "known here already" in page.words) == (409, True)
    assert decoded(options(admin, "/account/passkeys")["excludeCredentials"][0]["id"]) == held.credential_id
    monkeypatch.setattr(passkeys, "MAX_PASSKEYS", 1)
    page = add(admin, device())
    assert (page.status, "at most 1" in page.words) == (409, True)


def test_names_are_shown_as_they_are_and_bad_ones_refused(admin: Browser) -> None:
    add(admin, device(), "<b>bold</b>")
    assert "&lt;b&gt;bold" in admin.get("/account").text
    add(admin, device(), "  ")
    assert 'aria-label="Remove the passkey Passkey"' in admin.get("/account").text
    assert add(admin, device(), "two\nlines").status == 422
    assert add(admin, device(), "x" * 101).status == 422


def test_challenges_are_swept_and_bounded(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    count = sa.select(sa.func.count()).select_from(PasskeyChallenge)
    for _time in range(3):
        options(Browser(house), "/login/passkey")
    house.clock.advance(passkeys.CHALLENGE_SPAN)
    options(Browser(house), "/login/passkey")
    assert house.scalar(count) == 1
    monkeypatch.setattr(passkeys, "MAX_CHALLENGES", 2)
    for _time in range(3):
        options(Browser(house), "/login/passkey")
    assert house.scalar(count) == 2


GARBAGE = (
    "",
    "x",
    "null",
    "[]",
    "5",
    "{}",
    '{"rawId":5}',
    '{"rawId":"AA"}',
    '{"rawId":"AA","response":null}',
    '{"rawId":"AA","response":{}}',
    '{"rawId":"","response":{}}',
    '{"rawId":"AA","id":"AA","type":"public-key","response":{"clientDataJSON":"e30","userHandle":7}}',
    '{"rawId":"%s","response":{}}' % ("A" * 2000),
    "[" * 20_000,
    '{"a":' * 5_000,
    "\0",
    "\ud7ff" * 5_000,
    "x" * 40_000,
    '{"rawId":"AA","id":"AA","type":"public-key","response":{"clientDataJSON":"' + encoded(b"[" * 9000) + '"}}',
)


@pytest.mark.parametrize("text", GARBAGE, ids=[str(number) for number in range(len(GARBAGE))])
def test_garbage_is_told_and_never_an_error_of_ours(house: House, admin: Browser, text: str) -> None:
    for path, wanted in (("/login/passkey", 401), ("/confirm/passkey", 422), ("/account/passkeys", 422)):
        options(admin, path)
        page = admin.post(path, {"credential": text})
        assert page.status == wanted, (path, page.status)
        assert "answer" in page.words, path


def test_what_is_too_large_is_refused(admin: Browser) -> None:
    assert admin.post("/account/passkeys", {"credential": "x" * 70_000}).status == 413


@pytest.mark.parametrize("name", ["clientDataJSON", "authenticatorData", "signature"])
def test_each_part_of_an_answer_may_be_spoilt(house: House, held: Authenticator, name: str) -> None:
    for spoilt in (None, 5, "", "!", encoded(b"\xa1"), encoded(b"\xff" * 400)):
        browser = Browser(house)
        answer = json.loads(held.get(options(browser, "/login/passkey")))
        answer["response"][name] = spoilt
        assert browser.post("/login/passkey", {"credential": json.dumps(answer)}).status == 401, spoilt


@pytest.mark.parametrize("data", [b"", b"\xa0", b"\x00", b"\xff" * 500, b"\xbf" * 500, b"\x9f" * 5_000])
def test_a_spoilt_attestation_is_refused(admin: Browser, data: bytes) -> None:
    answer = json.loads(device().create(options(admin, "/account/passkeys")))
    answer["response"]["attestationObject"] = encoded(data)
    assert admin.post("/account/passkeys", {"credential": json.dumps(answer)}).status == 422


def test_without_a_host_name_passkeys_are_not_offered(
    house: House, admin: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        house.runtime, "settings", house.runtime.settings.model_copy(update={"public_url": "https://127.0.0.1"})
    )
    assert "Passkeys are not possible here" in admin.get("/account").words
    assert "passkey" not in admin.get("/login").text
    assert admin.post("/account/passkeys/options").status == 409
