"""D19: one box finds by exact name, names the environment in the address, and never crosses into the other silently."""

from __future__ import annotations

import pytest

from kedai.kit.ids import show_id
from kedai.staff.roles import Role
from tests.feature.dashboard.browser import Browser, store_orders
from tests.feature.dashboard.world import POLYGLOT, fill
from tests.support.factories import FAKE, LIVE, SANDBOX, SHOP, House, incoming, snapshot


@pytest.fixture
def filled(house: House) -> House:
    return fill(house)


def order_id(house: House, order_sn: str) -> str:
    return show_id("ord", next(one.id for one in house.orders() if one.order_sn == order_sn))


@pytest.mark.parametrize("typed", ["LIVE1", "  live1 "])
def test_an_order_number_leads_to_its_page_in_its_own_environment(filled: House, admin: Browser, typed: str) -> None:
    page = admin.get(f"/search?q={typed.replace(' ', '%20')}")
    assert (page.status, page.location) == (303, f"/e/live/orders/{order_id(filled, 'LIVE1')}")
    assert admin.follow(page).status == 200


@pytest.mark.parametrize("prefix", ["evt", "exc", "run", "rej", "ord"])
@pytest.mark.parametrize("environment", [SANDBOX, LIVE])
def test_an_id_as_it_is_shown_leads_to_its_page(filled: House, admin: Browser, prefix: str, environment: str) -> None:
    lists = {"evt": "events", "exc": "exceptions", "run": "runs", "ord": "orders", "rej": "events?state=rejected"}
    links = admin.get(f"/e/{environment}/{lists[prefix]}").links()
    there = next(one for one in links if one.rpartition("/")[2].startswith(f"{prefix}_")).partition("?")[0]
    page = admin.get(f"/search?q={there.rpartition('/')[2]}")
    assert (page.status, page.location) == (303, there)
    assert there.startswith(f"/e/{environment}/")
    assert admin.follow(page).status == 200


def test_an_event_is_found_by_what_makes_it_one(filled: House, admin: Browser) -> None:
    event = filled.events(LIVE)[0]
    page = admin.get(f"/search?q={event.event_id.hex()}")
    assert page.location == f"/e/live/events/{show_id('evt', event.id)}"
    assert admin.get(f"/search?q={'zz' * 32}").status == 200


def test_what_is_in_both_environments_is_a_list_that_says_which_is_which(filled: House, admin: Browser) -> None:
    store_orders(filled, snapshot("TWIN"), environment=SANDBOX)
    store_orders(filled, snapshot("TWIN"), environment=LIVE)
    for text in ("TWIN", SHOP):
        page = admin.get(f"/search?q={text}")
        rows = page.rows()
        assert (page.status, len(rows)) == (200, 2)
        assert ['class="env env-sandbox"' in row for row in rows] == [True, False]
        assert ['class="env env-live"' in row for row in rows] == [False, True]
    assert [one for one in page.links() if "/shops/" in one] == [
        f"/connectors/{FAKE}/shops/{SHOP}?env={environment}" for environment in ("sandbox", "live")
    ]
    for link in [one for one in page.links() if "/shops/" in one]:
        assert admin.get(link).status == 200


def test_a_hit_in_the_other_environment_is_shown_and_not_opened(filled: House, admin: Browser) -> None:
    page = admin.get("/search?q=LIVE1&from=sandbox")
    assert (page.status, len(page.rows())) == (200, 1)
    assert "but in the other one" in page.words
    assert f"/e/live/orders/{order_id(filled, 'LIVE1')}" in page.links()
    assert admin.get("/search?q=LIVE1&from=live").status == 303


def test_an_order_that_is_not_stored_is_found_by_its_pushes(filled: House, admin: Browser) -> None:
    filled.deliver(incoming("WAITS1", environment=LIVE))
    page = admin.get("/search?q=WAITS1")
    assert (page.status, page.location) == (303, "/e/live/events?order=WAITS1")


@pytest.mark.parametrize("text", ["NOWHERE", "evt_nonsense", "evt_" + "0" * 32, "%3Cscript%3E", "LIVE", "x" * 100])
def test_what_is_found_nowhere_teaches_where_to_look(filled: House, admin: Browser, text: str) -> None:
    page = admin.get(f"/search?q={text}")
    assert (page.status, page.rows(), "Nothing is called" in page.words) == (200, [], True)
    assert "<script>" not in page.markup


def test_nothing_typed_says_what_can_be(admin: Browser) -> None:
    page = admin.get("/search")
    assert (page.status, "Find one thing by its name" in page.words) == (200, True)
    assert admin.get(f"/search?q={'x' * 101}").status == 422
    assert admin.get("/search?q=a&from=nowhere").status == 404


def test_the_box_stands_on_every_page_of_whoever_is_signed_in_and_keeps_what_is_viewed(
    filled: House, browser: Browser
) -> None:
    assert 'action="/search"' not in browser.get("/login").text
    browser.sign_in(Role.VIEWER)
    page = browser.get("/e/live/home")
    form = page.text.partition('<form class="find"')[2].partition("</form>")[0]
    assert 'name="from" value="live"' in form
    assert POLYGLOT not in page.text
    everywhere = browser.get("/e/all/home").text.partition('<form class="find"')[2].partition("</form>")[0]
    assert 'name="from"' not in everywhere
