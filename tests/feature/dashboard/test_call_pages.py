"""D38: the page of outgoing calls: found by what an operator knows, and told so that a person understands it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kedai.calls.service import store
from kedai.staff.roles import Role
from kedai.values.call import CallRecord
from kedai.vault.degraded import note_app
from tests.feature.dashboard.browser import Browser
from tests.feature.dashboard.world import POLYGLOT, fill
from tests.support.factories import FAKE, LIVE, SANDBOX, SHOP, START, House

CALLS = "/e/sandbox/calls"
CALL = CallRecord(FAKE, SANDBOX, SHOP, "GET", "/api/v2/order/get_order_list", 200, "", "good-1", 12.4, START)


@pytest.fixture
def asked(house: House) -> House:
    """A good call, a refused one, one that nobody answered, and one of live."""
    ship = "/api/v2/logistics/ship_order"
    keep(
        house,
        CALL,
        replace(CALL, path=ship, code="logistics.error_busi", request_id="bad-1", started_at=START + timedelta(1)),
        replace(CALL, path=ship, status=None, code="certificate", request_id="", started_at=START + timedelta(2)),
        replace(CALL, environment=LIVE, request_id="live-1"),
    )
    return house


def keep(house: House, *records: CallRecord) -> None:
    with house.db.write() as db:
        store(db, records)


def test_each_row_says_what_was_asked_how_it_ended_and_under_which_id(asked: House, admin: Browser) -> None:
    page = admin.get(CALLS)
    newest, refused, good = page.rows()
    assert "The marketplace&#39;s certificate is not valid." in newest or "certificate is not valid" in newest
    assert "Failed" in refused
    assert "logistics.error_busi" in refused
    assert '<bdi class="pick">bad-1</bdi>' in refused, "one click selects the whole of it"
    assert all(text in good for text in ("OK", "GET", "/api/v2/order/get_order_list", "200", "12 ms", SHOP, "good-1"))
    assert "live-1" not in page.text
    assert "kept for 14 days, at most 100,000 per environment" in page.words


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("outcome=failed", 2),
        ("outcome=ok", 1),
        ("error=BUSI", 1),
        ("path=ship_order", 2),
        ("path=ship_order&outcome=ok", 0),
        ("request_id=good-1", 1),
        (f"shop={SHOP}", 3),
        ("shop=1", 0),
        ("since=2020-01-02&until=2020-01-02", 1),
        ("since=2020-01-02T12:00:00Z", 2),
    ],
)
def test_what_an_operator_knows_finds_it_and_stays_in_the_form(
    asked: House, admin: Browser, query: str, found: int
) -> None:
    page = admin.get(f"{CALLS}?{query}")
    assert len(page.rows()) == found
    for name, value in (one.split("=") for one in query.split("&")):
        assert page.value(name) == value
    if not found:
        assert "No call matches" in page.words


@pytest.mark.parametrize("query", ["outcome=good", "since=yesterday", "since=2020-01-02&until=2020-01-01", "path=%00"])
def test_what_cannot_be_asked_for_is_told_in_words(asked: House, admin: Browser, query: str) -> None:
    assert admin.get(f"{CALLS}?{query}").status == 422


def test_a_long_list_goes_on_with_its_filter(house: House, admin: Browser) -> None:
    keep(house, *(replace(CALL, started_at=START + timedelta(seconds=number)) for number in range(60)))
    first = admin.get(f"{CALLS}?outcome=ok")
    older = next(link for link in first.links() if "cursor=" in link)
    second = admin.get(older)
    assert (len(first.rows()), len(second.rows())) == (50, 10)
    assert f"{CALLS}?outcome=ok" in second.links()


def test_whoever_may_look_may_look_at_calls(house: House, browser: Browser) -> None:
    fill(house)
    assert browser.get(CALLS).status == 303
    browser.sign_in(Role.VIEWER)
    page: Any = browser.get("/e/all/calls")
    assert len(page.rows()) == 4
    assert 'href="/e/all/calls" aria-current="page"' in page.text


def test_f27_an_environment_whose_app_is_refused_says_so_on_every_page(house: House, browser: Browser) -> None:
    """To whoever is signed in; what strangers may have written into it is text."""
    house.configure(LIVE)
    with house.db.write() as db:
        note_app(db, FAKE, LIVE, problem=f"The key expired. Renew it. {POLYGLOT}")
    assert "degraded" not in browser.get("/login").text
    browser.sign_in(Role.VIEWER)
    for path in (CALLS, "/e/live/orders", "/e/all/home", "/account"):
        page = browser.get(path)
        assert "Live is degraded: the marketplace refuses our app. The key expired. Renew it." in page.words, path
        assert "<script>alert" not in page.text
