"""D45: the page of notifications: channels, their forms, a test, and the log. A secret is in a page once, or never."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from kedai.audit.models import AuditEntry
from kedai.notifications.models import NotificationChannel
from kedai.notifications.telling import tell
from kedai.staff.roles import Role
from kedai.values.notification import Change, Kind, News
from tests.feature.dashboard.browser import Browser, Page
from tests.feature.notifications.desk import EVERYTHING
from tests.support.factories import LIVE, House, open_house
from tests.support.receivers import WebReceiver, receive_posts

HERE = "/settings/notifications"
MAIL = {
    "kind": "email",
    "name": "everybody",
    "host": "smtp.example.com",
    "port": "465",
    "tls": "tls",
    "user": "kedai",
    "password": "mail-password-of-the-tests",
    "sender": "kedai@shop.example",
    "recipients": "anna@shop.example, ben@shop.example",
}


@pytest.fixture
def web() -> Iterator[WebReceiver]:
    with receive_posts() as receiver:
        yield receiver


@pytest.fixture
def house(database_url: str, tmp_path: Path, web: WebReceiver) -> Iterator[House]:
    with open_house(database_url, tmp_path, extra_hosts=f"web={web.url}|{web.url}|sandbox") as opened:
        yield opened


@pytest.fixture
def hook(admin: Browser, web: WebReceiver) -> str:
    """A webhook's page."""
    made = admin.post(HERE, {"kind": "webhook", "name": "ops", "url": f"{web.url}/hook", **EVERYTHING})
    assert made.status == 200
    return page_of(admin)


def page_of(admin: Browser) -> str:
    found = re.search(rf'href="({HERE}/chn_[0-9a-f]{{32}})"', admin.get(HERE).text)
    assert found is not None
    return found[1]


def assert_sent_to(page: Page, status: str) -> None:
    assert (page.status, page.location) == (303, f"{HERE}?status={status}")


def test_a_webhooks_secret_is_shown_once_and_never_again(admin: Browser, house: House, web: WebReceiver) -> None:
    made = admin.post(HERE, {"kind": "webhook", "name": "ops", "url": f"{web.url}/hook", **EVERYTHING})
    secret = re.search(r"whsec_[A-Za-z0-9+/=]{44}", made.text)
    assert secret is not None
    pages = [admin.get(path).text for path in (HERE, page_of(admin), "/audit", f"{HERE}/new?kind=webhook")]
    assert all("whsec_" not in one for one in pages)
    stored = house.scalar(sa.select(NotificationChannel.secret_encrypted))
    assert stored.startswith("v2:")
    assert "Standard Webhooks" in made.words


def test_what_was_typed_into_a_secret_field_never_comes_back(admin: Browser, house: House) -> None:
    """Neither after a mistake, nor on the form of what was saved; left blank it stays."""
    refused = admin.post(HERE, {**MAIL, **EVERYTHING, "recipients": "nobody"})
    assert refused.status == 422
    assert MAIL["password"] not in refused.text
    assert refused.value("host") == "smtp.example.com", "the rest does"
    assert 'aria-invalid="true"' in refused.text
    assert_sent_to(admin.post(HERE, {**MAIL, **EVERYTHING}), "channel_added")
    page = admin.get(page_of(admin))
    assert MAIL["password"] not in page.text
    assert page.value("recipients") == MAIL["recipients"]
    before = house.scalar(sa.select(NotificationChannel.secret_encrypted))
    changed = {**MAIL, **EVERYTHING, "password": "", "recipients": "carl@shop.example"}
    assert_sent_to(admin.post(page_of(admin), changed), "channel_saved")
    assert house.scalar(sa.select(NotificationChannel.secret_encrypted)) == before
    assert_sent_to(admin.post(page_of(admin), changed), "unchanged")


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "webhook", "name": "x", "url": "https://169.254.169.254/latest"},
        {"kind": "webhook", "name": "x", "url": "http://hooks.example.com/"},
        {"kind": "webhook", "name": "x", "url": "http://127.0.0.1:1/"},
        {"kind": "webhook", "name": "", "url": "https://hooks.example.com/"},
        {"kind": "chat", "name": "x", "address": ""},
        {"kind": "chat", "name": "x", "address": "https://[::1]/services"},
        {"kind": "telegram", "name": "x", "chat_id": "12", "token": "../x"},
        {"kind": "telegram", "name": "x", "chat_id": "a b", "token": f"123456:{'t' * 35}"},
        {**MAIL, "host": "10.0.0.5"},
        {**MAIL, "tls": "none"},
        {**MAIL, "port": "0"},
        {**MAIL, "sender": "kedai@shop.example\r\nBcc: x@evil.example"},
        {**MAIL, "recipients": ", ".join(f"{number}@shop.example" for number in range(21))},
    ],
)
def test_a_field_that_may_not_be_is_refused_with_a_word(admin: Browser, house: House, given: dict[str, str]) -> None:
    refused = admin.post(HERE, {**EVERYTHING, **given})
    assert refused.status == 422
    assert "Nothing was saved." in refused.words
    assert refused.text.count('aria-invalid="true"') == 1, "the field that it is about is marked"
    assert house.scalar(sa.select(sa.func.count()).select_from(NotificationChannel)) == 0


def test_a_name_is_taken_once_and_some_environment_and_topic_are_chosen(admin: Browser, hook: str) -> None:
    form = {"kind": "webhook", "name": "ops", "url": "https://hooks.example.com/"}
    assert "Another channel has this name." in admin.post(HERE, {**form, **EVERYTHING}).words
    assert "at least one environment" in admin.post(HERE, {**form, "topic_sealed": "on"}).words
    assert "at least one thing" in admin.post(HERE, {**form, "environment_live": "on"}).words


def test_a_test_goes_out_at_once_and_the_log_tells_how_it_went(admin: Browser, hook: str, web: WebReceiver) -> None:
    assert_sent_to(admin.post(f"{hook}/tests", {}), "test_sent")
    assert len(web.posted) == 1
    web.status = 500
    assert_sent_to(admin.post(f"{hook}/tests", {}), "test_failed")
    page = admin.get(HERE)
    assert "Given up The answer was 500." in page.words
    assert "A test of the channel “ops”, sent by" in page.words


def test_pause_resume_and_remove(admin: Browser, house: House, hook: str) -> None:
    assert_sent_to(admin.post(f"{hook}/pause", {}), "channel_paused")
    assert "Paused" in admin.get(HERE).words
    assert admin.post(f"{hook}/pause", {}).status == 409
    assert admin.post(f"{hook}/tests", {}).status == 409
    assert_sent_to(admin.post(f"{hook}/resume", {}), "channel_resumed")
    admin.post(f"{hook}/tests", {})
    assert_sent_to(admin.post(f"{hook}/remove", {}), "channel_removed")
    assert "Nobody is told yet" in admin.get(HERE).words
    assert admin.get(hook).status == 404
    with house.db.read() as db:
        deeds = (
            db.execute(sa.select(AuditEntry.action).where(AuditEntry.action.like("notifications.%"))).scalars().all()
        )
    assert sorted(deeds) == [f"notifications.{one}" for one in ("added", "paused", "removed", "resumed")]


def test_every_row_says_its_environment_and_what_strangers_wrote_is_text(
    admin: Browser, house: House, hook: str
) -> None:
    title = "<script>alert(1)</script>"
    one = News(Kind.EXCEPTION, LIVE, Change.BEGAN, title, "", "/e/live/home", house.now)
    with house.db.write() as db:
        tell(db, [one], now=house.now)
    for path in (HERE, hook):
        page = admin.get(path)
        assert title in page.words
        assert title not in page.text
        assert all('class="env env-' in row for row in page.rows())


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_only_administrators_see_it(house: House, browser: Browser, role: Role) -> None:
    browser.sign_in(role=role)
    assert browser.get(HERE).status == 403
    assert HERE not in browser.get("/e/sandbox/home").text


def test_whoever_signed_in_long_ago_proves_who_they_are_first(house: House, admin: Browser, hook: str) -> None:
    house.clock.advance(timedelta(minutes=6))
    for deed in ("pause", "tests", "remove"):
        answer = admin.post(f"{hook}/{deed}", {})
        assert (answer.status, answer.location.partition("?")[0]) == (303, "/confirm"), deed
    assert "Confirm that it is you" in admin.get(HERE).words
