"""D46: on paper an order says what it is, also without colours, and nothing covers it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Sit, overflow, prepare
from tests.browser.test_axe import violations
from tests.support.installation import Installation, order_push
from tests.support.processes import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

A4 = (794, 1123)
"""A sheet in the pixels of a browser."""


@pytest.fixture
def waiting(installation: Installation) -> Installation:
    """Connected, with five orders that wait to be shipped."""
    prepare(installation, "sandbox")
    key, shop_id = installation.credentials("sandbox")["push_partner_key"], installation.shop_id("sandbox")
    batch = {"shop_id": int(shop_id), "count": 5, "pushes": False, "status": "READY_TO_SHIP"}
    for number in installation.control("sandbox", "POST", "/control/orders/batch", batch)["order_sns"]:
        assert installation.push("sandbox", order_push(number, shop_id), key=key).status == 200
    wait_until(lambda: installation.count_events("applied") == 5, timeout=20, message="the orders were not read")
    return installation


def test_chosen_orders_become_a_list_on_paper(waiting: Installation, sit: Sit) -> None:
    seat = sit(theme="dark")
    seat.sign_in()
    page = seat.open("/e/sandbox/orders?tab=to_ship")
    numbers = page.locator("main tbody th a").all_inner_texts()
    assert len(numbers) == 5
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.get_by_role("checkbox", name=f"Choose order {numbers[2]}").check()
    page.get_by_role("button", name="Packing list").click()
    page.wait_for_url("**/e/sandbox/orders/packing?*")
    assert sorted(page.locator(".slip h2 bdi").all_inner_texts()) == sorted([numbers[0], numbers[2]])
    for width, theme in ((1440, "light"), (1440, "dark"), (375, "dark"), (320, "light")):
        seat.change_window(width, theme)
        assert overflow(page) <= 0
        assert violations(page) == []
        sticking_out = "all => all.filter(one => one.scrollWidth > one.clientWidth).length"
        assert page.locator(".slip").evaluate_all(sticking_out) == 0
        seat.shoot(f"packing-{width}-{theme}")
    page.evaluate("window.print = () => { document.title = 'printed'; }")
    seat.change_window(1440, "light")
    page.get_by_role("button", name="Print").click()
    expect(page).to_have_title("printed")
    page.get_by_role("navigation", name="You are here").get_by_role("link", name="Orders").click()
    page.wait_for_url("**/e/sandbox/orders?tab=to_ship")
    assert seat.complaints == []


def test_on_paper_stands_the_list_and_nothing_else(waiting: Installation, sit: Sit) -> None:
    seat = sit(theme="dark")
    seat.sign_in()
    page = seat.open("/e/sandbox/orders/packing")
    page.get_by_role("button", name="Dark").click()
    page.wait_for_load_state()
    page.set_viewport_size({"width": A4[0], "height": A4[1]})
    page.emulate_media(media="print")
    for gone in (".skip", ".top", ".side", ".bar", ".thumb", ".crumbs", ".btn", ".announcer", ".news"):
        for one in page.locator(gone).all():
            expect(one).to_be_hidden()
    slip = page.locator(".slip").first
    expect(slip).to_contain_text("Test order: do not ship")
    expect(slip).to_have_css("border-style", "dashed")
    expect(slip).to_have_css("break-inside", "avoid")
    expect(slip).to_have_css("color", "rgb(27, 33, 41)")  # dark on white, whatever was chosen for the screen
    seat.shoot("packing-paper")
    sheets = page.pdf(prefer_css_page_size=True)
    assert re.search(rb"/MediaBox ?\[0 0 594\.9\d* 841\.9\d*\]", sheets), "A4"
    found = re.search(rb"/Count (\d+)", sheets)
    assert found is not None
    assert 1 <= int(found[1]) <= 3
    assert seat.complaints == []


def test_without_script_the_list_is_made_and_read_all_the_same(waiting: Installation, sit: Sit) -> None:
    seat = sit(script=False)
    seat.sign_in()
    page = seat.open("/e/sandbox/orders?tab=to_ship")
    page.get_by_role("button", name="Packing list").click()
    expect(page.locator(".slip")).to_have_count(5)
    expect(page.get_by_role("button", name="Print")).to_be_hidden()
    seat.open("/e/all/orders/packing?tab=to_ship")
    page.get_by_role("link", name="Sandbox", exact=True).last.click()
    page.wait_for_url("**/e/sandbox/orders/packing?tab=to_ship")
