"""T27 and T28 at the doors themselves: what a session is worth, and what somebody learns who guesses."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

import pytest

from kedai.staff import passwords, queries, service
from kedai.staff.models import Staff
from kedai.staff.roles import Role
from kedai.values.actor import COMMAND_LINE
from tests.feature.web.site import ADMIN, Site
from tests.support.installation import Answer, request

PASSWORD = "an honest long passphrase"
COOKIE = "kedai-session"
PLANTED = "p" * 43
"""In the form of a real one."""


class Hasher:
    """As quick as a test needs, and counted."""

    def __init__(self) -> None:
        self.calls = 0

    def hash(self, password: str) -> str:
        self.calls += 1
        return f"hash of {password}"

    def verify(self, password: str, password_hash: str) -> bool:
        self.calls += 1
        return password_hash == f"hash of {password}"


@pytest.fixture
def hasher(monkeypatch: pytest.MonkeyPatch) -> Hasher:
    counting = Hasher()
    monkeypatch.setattr(passwords, "_hasher", counting)
    return counting


def add(site: Site, email: str, role: Role = Role.ADMIN) -> Staff:
    with site.runtime.web_db.write() as db:
        return service.create_staff(
            db, email, role=role, password_hash=f"hash of {PASSWORD}", actor=COMMAND_LINE, now=site.clock.now()
        )


def post(site: Site, path: str, cookie: str = "", **fields: str) -> Answer:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    if cookie:
        headers["Cookie"] = f"{COOKIE}={cookie}"
    return request("POST", site.url + path, headers=headers, body=urlencode(fields).encode())


def sign_in(site: Site, email: str, cookie: str = "") -> str:
    """The new session's token."""
    answer = post(site, "/login", cookie, email=email, password=PASSWORD)
    assert answer.status == 303, answer
    return token_of(answer)


def token_of(answer: Answer) -> str:
    name, _, rest = answer.headers["set-cookie"].partition("=")
    assert name == COOKIE
    return rest.partition(";")[0]


def is_open(site: Site, token: str) -> bool:
    """Whether a session's text opens pages and JSON routes; it never opens one of them alone."""
    headers = {"Cookie": f"{COOKIE}={token}"}
    page, told = site.get("/account", **headers), site.get(f"{ADMIN}?env=sandbox", **headers)
    assert (page.status, told.status) in {(200, 200), (303, 401)}
    return page.status == 200


def test_t27_a_cookie_planted_before_signing_in_never_becomes_a_session(site: Site, hasher: Hasher) -> None:
    """Nor does the attacker's own session become the victim's."""
    add(site, "anna@example.com")
    add(site, "mallory@example.com")
    mallory = sign_in(site, "mallory@example.com")
    tokens = [sign_in(site, "anna@example.com", cookie) for cookie in (PLANTED, mallory, "")]
    assert len({PLANTED, mallory, *tokens}) == 5
    assert not is_open(site, PLANTED)
    pages = [site.get("/account", Cookie=f"{COOKIE}={token}").body for token in (mallory, *tokens)]
    assert [b"mallory@example.com" in page for page in pages] == [True, False, False, False]
    assert [b"anna@example.com" in page for page in pages] == [False, True, True, True]


def test_t27_after_signing_out_the_old_cookie_opens_nothing(site: Site, hasher: Hasher) -> None:
    add(site, "anna@example.com")
    one, other = sign_in(site, "anna@example.com"), sign_in(site, "anna@example.com")
    assert post(site, "/logout", one).status == 303
    assert not is_open(site, one)
    assert is_open(site, other)


def test_t27_every_proof_and_every_change_of_power_gives_another_token(site: Site, hasher: Hasher) -> None:
    staff = add(site, "anna@example.com")
    first, elsewhere = sign_in(site, "anna@example.com"), sign_in(site, "anna@example.com")
    confirmed = token_of(post(site, "/confirm", first, password=PASSWORD, next="/"))
    assert not is_open(site, first)
    new = "another long passphrase"
    changed = token_of(post(site, "/account/password", confirmed, new=new, again=new))
    assert [is_open(site, token) for token in (confirmed, elsewhere)] == [False, False]
    assert is_open(site, changed)
    add(site, "bob@example.com")
    with site.runtime.web_db.write() as db:
        one = queries.get_staff(db, staff.id)
        service.change_role(db, one, Role.VIEWER, actor=COMMAND_LINE, now=site.clock.now())
    assert not is_open(site, changed)
    again = token_of(post(site, "/login", email="anna@example.com", password=new))
    with site.runtime.web_db.write() as db:
        service.disable_staff(db, queries.get_staff(db, staff.id), actor=COMMAND_LINE, now=site.clock.now())
    assert not is_open(site, again)


def test_t28_whoever_is_asked_for_costs_one_hash_and_is_told_the_same(site: Site, hasher: Hasher) -> None:
    """Unknown, no address at all, disabled, wrong, and too soon: nothing tells them apart."""
    add(site, "anna@example.com")
    add(site, "slow@example.com")
    gone = add(site, "gone@example.com")
    with site.runtime.web_db.write() as db:
        service.disable_staff(db, queries.get_staff(db, gone.id), actor=COMMAND_LINE, now=site.clock.now())
        for _ in range(5):
            service.note_failed_login(db, queries.find_staff_by_email(db, "slow@example.com"), now=site.clock.now())  # type: ignore[arg-type]
    told = set()
    for email, password in (
        ("anna@example.com", "wrong"),
        ("nobody@example.com", PASSWORD),
        ("no address", PASSWORD),
        ("gone@example.com", PASSWORD),
        ("slow@example.com", PASSWORD),
    ):
        before = hasher.calls
        answer = post(site, "/login", email=email, password=password)
        assert (answer.status, hasher.calls - before) == (401, 1), email
        told.add(answer.body.replace(email.encode(), b"?"))
    assert len(told) == 1


def test_t28_one_account_slows_down_whoever_guesses_and_locks_nobody_out(site: Site, hasher: Hasher) -> None:
    """However many strangers guess, and from however many places: after a minute the person comes in."""
    add(site, "anna@example.com")
    for number in range(30):
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Sec-Fetch-Site": "same-origin",
            "X-Forwarded-For": f"198.51.100.{number}",
            "Forwarded": f"for=198.51.100.{number}",
            "X-Real-Ip": f"198.51.100.{number}",
        }
        body = urlencode({"email": "anna@example.com", "password": f"guess {number}"}).encode()
        assert request("POST", f"{site.url}/login", headers=headers, body=body).status == 401
    assert hasher.calls <= 25, "what is too soon is not even looked at from a place with many failures"
    assert post(site, "/login", email="anna@example.com", password=PASSWORD).status == 401
    site.clock.advance(timedelta(minutes=1))
    assert post(site, "/login", email="anna@example.com", password=PASSWORD).status == 303
