"""Bad inputs 65 to 71 and 73 at the doors of people and programs: nobody comes in by them, and nothing breaks."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote, urlencode

import pyotp
import pytest

from kedai.staff.passwords import hash_password
from kedai.staff.queries import IDLE_SPAN, find_staff_by_email
from kedai.staff.roles import Role
from kedai.staff.service import create_staff, start_session
from kedai.sync import second_factor
from kedai.values.actor import COMMAND_LINE
from tests.feature.web.site import ADMIN, Site
from tests.support.installation import Answer, raw_request, request

PASSWORD = "an honest long passphrase"
SANDBOX = f"{ADMIN}?env=sandbox"
COOKIE = "kedai-session"
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def password_hash() -> str:
    """Made once: hashing is slow by design."""
    return hash_password(PASSWORD)


def add(site: Site, email: str, password_hash: str, role: Role = Role.ADMIN) -> str:
    """A person, and the cookie's text of a session of theirs."""
    now = site.clock.now()
    with site.runtime.web_db.write() as db:
        staff = create_staff(db, email, role=role, password_hash=password_hash, actor=COMMAND_LINE, now=now)
        _session, token = start_session(db, staff, now=now, address="", user_agent="")
    return token.reveal()


def sign_in(site: Site, email: str, password: str, **more: str) -> Answer:
    form = urlencode({"email": email, "password": password, **more})
    return request("POST", f"{site.url}/login", headers=FORM, body=form.encode())


def is_open(site: Site, **headers: str) -> bool:
    """Whether a request gets in; it is refused in the way of pages and in the way of JSON alike."""
    page, told = site.get("/account", **headers), site.get(SANDBOX, **headers)
    assert (page.status, told.status) in {(200, 200), (303, 401), (400, 400)}, (page, told)
    return told.status == 200


def test_65_a_password_of_10_megabytes_is_cut_off_at_the_door(shared_site: Site) -> None:
    """Also in pieces without a length; and one that just fits the door is refused before it is hashed."""
    host = ("Host", f"127.0.0.1:{shared_site.port}")
    body = urlencode({"email": "a@example.com", "password": "x" * 10_000_000}).encode()
    announced = raw_request("POST", "/login", [host, *FORM.items(), ("Content-Length", str(len(body)))], body)
    chunked = raw_request("POST", "/login", [host, *FORM.items(), ("Transfer-Encoding", "chunked")])
    pieces = b"".join(b"10000\r\n" + b"x" * 0x10000 + b"\r\n" for _ in range(150))
    for written in (announced, chunked + pieces + b"0\r\n\r\n"):
        assert shared_site.exchange(written).status == 413
    assert sign_in(shared_site, "a@example.com", "x" * 60_000).status == 401
    json = {**shared_site.page(), "Content-Type": "application/json"}
    for size, status in ((60_000, 422), (100_000, 413)):
        told = shared_site.send("POST", "/admin/dashboard/confirmations", {"password": "x" * size}, **json)
        assert told.status == status
        assert b"xxxx" not in told.body


@pytest.mark.parametrize("password", ["\0", f"{PASSWORD}\0", f"\0{PASSWORD}", "half \ud800 a character"])
def test_66_a_password_that_holds_no_text_opens_nothing(shared_site: Site, password_hash: str, password: str) -> None:
    email = f"nul{len(password)}{password[:1] == chr(0)}@example.com"
    cookie = {"Cookie": f"{COOKIE}={add(shared_site, email, password_hash)}"}
    typed = quote(password.encode(errors="surrogatepass"))
    for path, form, refusal in (
        ("/login", f"email={email}&password={typed}", {401, 422}),
        ("/confirm", f"password={typed}", {422}),
        ("/account/password", f"new={typed}&again={typed}", {422}),
    ):
        answer = request("POST", shared_site.url + path, headers={**FORM, **cookie}, body=form.encode())
        assert answer.status in refusal, (path, answer)
    told = shared_site.send(
        "POST", "/admin/dashboard/confirmations", {"password": password}, **cookie, Sec_Fetch_Site="same-origin"
    )
    assert told.status in {400, 422}
    shared_site.clock.advance(timedelta(minutes=1))  # these were several wrong tries
    assert sign_in(shared_site, email, PASSWORD).status == 303


LOOK_ALIKES = (
    "ANNA67@example.com",
    "\uff41nna67@example.com",
    "anna67@\u24d4xample.com",
    " anna67@example.com\t",
    "ann\u1d4367@example.com",
)


def test_67_names_that_read_alike_are_one_person(site: Site, password_hash: str) -> None:
    """Whoever spells it otherwise signs in as that person, and nobody makes a second one who looks the same."""
    add(site, "anna67@example.com", password_hash)
    for email in LOOK_ALIKES:
        assert sign_in(site, email, PASSWORD).status == 303, email
        form = urlencode({"email": email, "role": "viewer"})
        made = request("POST", f"{site.url}/staff", headers={**FORM, **site.page()}, body=form.encode())
        assert made.status == 409, email
    for email in ("\u0430nna67@example.com", "anna67@example.com\u200b", "anna67@example.com\0"):  # Cyrillic, unseen
        assert sign_in(site, email, PASSWORD).status == 401, email


def test_68_a_cookie_of_8_kilobytes_is_no_session(shared_site: Site) -> None:
    token = shared_site.session()["Cookie"].partition("=")[2]
    for value in ("x" * 8192, token + "x" * 8192, f"{token}; other={'x' * 8192}; {COOKIE}={'x' * 8192}"):
        assert not is_open(shared_site, Cookie=f"{COOKIE}={value}")
    assert is_open(shared_site, Cookie=f"other={'x' * 8192}; {COOKIE}={token}"), (
        "another one's size is not ours to judge"
    )


def test_69_of_two_cookies_of_our_name_none_counts(shared_site: Site) -> None:
    """One of them was planted by a sibling host, and nobody can say which."""
    token = shared_site.session()["Cookie"].partition("=")[2]
    other = shared_site.session("viewer")["Cookie"].partition("=")[2]
    for pair in ((token, other), (token, token), ("planted", token), (token, "")):
        assert not is_open(shared_site, Cookie="; ".join(f"{COOKIE}={one}" for one in pair))
        host = ("Host", f"127.0.0.1:{shared_site.port}")
        headers = [host, *(("Cookie", f"{COOKIE}={one}") for one in pair)]
        assert shared_site.exchange(raw_request("GET", SANDBOX, headers)).status == 401
    assert is_open(shared_site, Cookie=f"{COOKIE}={token}")


def test_70_expired_forged_and_foreign_sessions_open_nothing(site: Site, password_hash: str) -> None:
    token = add(site, "anna@example.com", password_hash)
    flipped = ("A" if token[0] != "A" else "B") + token[1:]
    for forged in (flipped, token[:-1], f"{token}=", token.swapcase(), "A" * 43, "null", "%00", f'"{token}"'):
        assert not is_open(site, Cookie=f"{COOKIE}={forged}")
    assert not is_open(site, Cookie=f"__Host-{COOKIE}={token}"), "the name that https has"
    assert not is_open(site, Cookie=f"kedai-challenge={token}")
    assert not is_open(site, Authorization=f"Bearer {token}"), "a session's text is no program's token"
    assert is_open(site, Cookie=f"{COOKIE}={token}")
    site.clock.advance(IDLE_SPAN)
    assert not is_open(site, Cookie=f"{COOKIE}={token}")


def test_70_a_person_ends_no_session_of_somebody_else(site: Site, password_hash: str) -> None:
    """By its id, which administrators see."""
    token = add(site, "anna@example.com", password_hash)
    page = site.get("/staff", **site.page()).body.decode()
    person = page.partition("anna@example.com")[0].rpartition("/staff/")[2].partition('"')[0]
    shown = site.get(f"/staff/{person}", **site.page()).body.decode()
    session = shown.partition("session_")[2][:32]
    path = f"/account/sessions/session_{session}/end"
    assert request("POST", site.url + path, headers={**FORM, **site.session()}).status == 404
    assert is_open(site, Cookie=f"{COOKIE}={token}")


@pytest.mark.parametrize("tail", ["\\n", "%0A", "\n", "\x0b", "=", "\u00a0", " x", ",", ";", "\x00"])
def test_71_a_token_with_something_behind_it_is_none(shared_site: Site, tail: str) -> None:
    """The line break of a copied file is the line's own end: it makes the request malformed, or nothing at all."""
    token = shared_site.token()["Authorization"]
    headers = [("Host", f"127.0.0.1:{shared_site.port}"), ("Authorization", f"{token}{tail}"), ("X-Last", "1")]
    expected = {400, 401} if tail != "\n" else {200, 400}
    assert shared_site.exchange(raw_request("GET", SANDBOX, headers)).status in expected
    assert is_open_to_programs(shared_site, token)


def is_open_to_programs(site: Site, authorization: str) -> bool:
    return site.get(SANDBOX, Authorization=authorization).status == 200


def test_73_a_code_of_the_phone_counts_once(site: Site, password_hash: str) -> None:
    """Within its own half minute, by another sign-in, and by the confirmation of a dangerous act."""
    session = {"Cookie": f"{COOKIE}={add(site, 'anna@example.com', password_hash)}"}
    with site.runtime.web_db.write() as db:
        staff = find_staff_by_email(db, "anna@example.com")
        assert staff is not None
        second_factor.begin(site.runtime.parts, db, staff, actor=COMMAND_LINE, now=site.clock.now())
        secret = second_factor.find_waiting(site.runtime.parts, staff)
        assert secret is not None
        phone = pyotp.TOTP(secret.reveal())
        now = site.clock.now()
        second_factor.confirm(site.runtime.parts, db, staff, phone.at(now), actor=COMMAND_LINE, now=now)
    site.clock.advance(timedelta(seconds=30))
    code = phone.at(site.clock.now())
    assert [give_code(site, code).status for _ in range(2)] == [303, 401]
    form = urlencode({"password": PASSWORD, "code": code, "next": "/"})
    again = request("POST", f"{site.url}/confirm", headers={**FORM, **session}, body=form.encode())
    assert again.status == 422
    site.clock.advance(timedelta(seconds=30))
    form = urlencode({"password": PASSWORD, "code": phone.at(site.clock.now()), "next": "/"})
    assert request("POST", f"{site.url}/confirm", headers={**FORM, **session}, body=form.encode()).status == 303


def give_code(site: Site, code: str) -> Answer:
    """Password, then code."""
    challenge = sign_in(site, "anna@example.com", PASSWORD).headers["set-cookie"].partition(";")[0]
    body = urlencode({"code": code, "next": "/"}).encode()
    return request("POST", f"{site.url}/login/code", headers={**FORM, "Cookie": challenge}, body=body)
