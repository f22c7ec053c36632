"""D21: the palette opens by Ctrl K or its button, is walked through by keys, and gives the focus back."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Sit, overflow, prepare
from tests.browser.test_axe import violations
from tests.support.installation import Installation, order_push
from tests.support.processes import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
def connected(installation: Installation) -> Installation:
    prepare(installation, "sandbox")
    return installation


def active(page: Page) -> str:
    """What the next Enter opens, as a screen reader is told it: the field names it, and it is marked as chosen."""
    named = page.get_by_role("combobox", name="A page, an order number").get_attribute("aria-activedescendant")
    chosen = page.locator("#palette [aria-selected=true]")
    assert chosen.get_attribute("id") == named
    return chosen.inner_text().strip()


def test_a_page_is_opened_by_keys_alone_in_the_environment_that_is_viewed(connected: Installation, sit: Sit) -> None:
    seat = sit()
    seat.sign_in()
    page = seat.open("/e/live/orders")
    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="Search or go to…")
    expect(palette.get_by_role("combobox")).to_be_focused()
    assert active(page) == "Home"
    page.keyboard.press("ArrowDown")
    assert active(page) == "Orders"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert active(page) == "Components", "round the end; the search waits for a text"
    page.keyboard.type("ORDERS reb")
    assert active(page) == "Rebuild orders"
    expect(palette.get_by_role("option")).to_have_text(["Rebuild orders", "Search for “ORDERS reb”"])
    page.keyboard.press("Enter")
    page.wait_for_url("**/e/live/rebuilds")
    assert seat.complaints == []


def test_an_order_number_leads_to_its_page(connected: Installation, sit: Sit) -> None:
    key, shop_id = connected.credentials("sandbox")["push_partner_key"], connected.shop_id("sandbox")
    batch = {"shop_id": int(shop_id), "count": 1, "pushes": False}
    number = connected.control("sandbox", "POST", "/control/orders/batch", batch)["order_sns"][0]
    assert connected.push("sandbox", order_push(number, shop_id), key=key).status == 200
    wait_until(lambda: connected.count_events("applied") == 1, timeout=20, message="the order was not read")
    seat = sit()
    seat.sign_in()
    page = seat.open("/e/sandbox/home")
    page.get_by_role("button", name="Search or go to…").click()
    page.keyboard.type(f" {number} ")
    assert active(page) == f"Search for “{number}”"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(number)
    assert "/e/sandbox/orders/" in page.url
    seat.open("/e/live/home")
    page.keyboard.press("Control+k")
    page.keyboard.type("<b>&q=x")
    assert active(page) == "Search for “<b>&q=x”"
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?from=live&q=%3Cb%3E%26q%3Dx")
    assert seat.complaints == []


def test_escape_closes_it_and_the_focus_is_where_it_was(connected: Installation, sit: Sit) -> None:
    seat = sit()
    seat.sign_in()
    page = seat.open("/e/sandbox/orders")
    palette = page.get_by_role(
        "combobox", name="A page, an order number"
    )  # what is seen: the dialog itself has no size
    for opener in (page.get_by_role("button", name="Search or go to…"), page.locator("#q")):
        opener.focus()
        page.keyboard.press("Control+k")
        expect(palette).to_be_visible()
        page.keyboard.type("audit")
        page.keyboard.press("Escape")
        expect(palette).to_be_hidden()
        expect(opener).to_be_focused()
    page.keyboard.press("Control+k")
    expect(palette).to_have_value("")
    page.keyboard.press("Control+k")
    expect(palette).to_be_hidden()
    page.keyboard.press("Control+k")
    page.mouse.click(20, 700)
    expect(palette).to_be_hidden()
    assert page.url.endswith("/e/sandbox/orders"), "what lies under it was not clicked"
    page.locator("h1").click()
    page.keyboard.press("Control+k")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_contain_text("also with the other keys off")
    page.keyboard.press("Control+k")
    expect(palette).to_be_hidden()
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.get_by_label("Use these keys in this browser").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    expect(palette).to_be_visible()
    assert seat.complaints == []


def test_it_fits_is_legible_and_keeps_out_of_the_way(connected: Installation, sit: Sit) -> None:
    """Its button is where the navigation always stands; a telephone has the search box. No rule of axe is broken."""
    seat = sit()
    seat.sign_in()
    page = seat.open("/e/all/home")
    button = page.get_by_role("button", name="Search or go to…")
    for width, theme in ((1440, "light"), (1440, "dark"), (375, "dark"), (320, "light")):
        page.reload()
        seat.change_window(width, theme)
        expect(button).to_be_visible(visible=width > 1000)
        expect(page.get_by_role("searchbox", name="Order number, event ID or shop ID")).to_be_visible()
        page.keyboard.press("Control+k")
        expect(page.get_by_role("combobox", name="A page, an order number")).to_be_visible()
        page.keyboard.type("s")
        wait_until(
            lambda: page.locator("#palette").evaluate("one => one.getAnimations({ subtree: true }).length") == 0,
            message="it never came to rest",
        )
        assert overflow(page) <= 0
        assert violations(page) == []
        seat.shoot(f"palette-{width}-{theme}")
        page.keyboard.press("Escape")
    assert seat.complaints == []


def test_without_script_nothing_of_it_is_there(connected: Installation, sit: Sit) -> None:
    seat = sit(script=False)
    seat.sign_in()
    page = seat.open("/e/sandbox/home")
    expect(page.get_by_role("button", name="Search or go to…")).to_be_hidden()
    expect(page.locator("#palette")).to_be_hidden()
    expect(page.get_by_role("searchbox", name="Order number, event ID or shop ID")).to_be_visible()
