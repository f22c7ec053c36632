"""D29: what holds for each page in a real browser: it fits, it is quiet, and nothing that strangers wrote ever runs."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Seat, Sit, overflow, prepare
from tests.support.installation import Installation, order_push
from tests.support.processes import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

POLYGLOT = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"
PAGES = (
    "/e/sandbox/rebuilds",
    "/e/sandbox/replays",
    "/",
    "/e/all/home",
    "/e/all/orders",
    "/e/live/orders?q=nothing",
    "/e/sandbox/orders/packing",
    "/e/all/orders/packing",
    "/e/all/events",
    "/e/all/events?state=parked",
    "/e/live/parked/discard",
    "/e/all/events?state=rejected",
    "/e/all/exceptions",
    "/e/all/runs",
    "/e/all/calls",
    "/e/sandbox/backfill",
    "/e/sandbox/coverage",
    "/e/all/notices",
    "/e/sandbox/sku-map?suggest=yes",
    "/e/sandbox/sku-map/import",
    "/e/live/sku-map/copy",
    "/connectors/shopee?tab=sandbox",
    "/connectors/shopee?tab=live&status=%3Cscript%3E",
    "/connectors/shopee/switch?to=live",
    "/connectors/shopee/certificates?env=live",
    "/account",
    "/account/password",
    "/confirm",
    "/staff",
    "/tokens",
    "/audit",
    "/doctor",
    "/search",
    "/e/sandbox/views/orders",
    "/search?q=nothing&from=live",
    "/connectors/shopee/parity",
    "/connectors/shopee/parity/copy?to=live",
    "/quarantine",
    "/settings/keys",
    "/settings/notifications",
    "/settings/notifications/new?kind=email",
    "/settings/components",
    "/setup",
    "/settings",
    "/settings/retention",
    "/help",
    "/help/http",
    "/help/cli",
    "/help/connect-a-shop",
    "/no/such/page",
)
LIGHT = "rgb(246, 247, 249)"
STRANGE = 'script:not([src^="/static/"]), style, [style]:not(.uplot, .uplot *), img'
"""What no page holds: scripts that are not our files, styles in the page (but for what a drawn chart sets itself)."""

WINDOWS = [
    *((1440, theme) for theme in ("light", "dark")),
    *((width, "light") for width in (1260, 1060, 720)),
    (375, "dark"),
    (320, "light"),
]
"""720 is also what somebody sees who enlarges a page of 1440 to 200 %."""


@pytest.fixture
def furnished(installation: Installation) -> Installation:
    """Connected, with orders, pushes that hold a polyglot, and a rejected delivery of the same kind."""
    prepare(installation, "sandbox", "live")
    key = installation.credentials("sandbox")["push_partner_key"]
    shop_id = installation.shop_id("sandbox")
    batch = {"shop_id": int(shop_id), "count": 3, "pushes": False}
    numbers = installation.control("sandbox", "POST", "/control/orders/batch", batch)["order_sns"]
    odd = {"code": 3, "shop_id": 999, "timestamp": 1_788_000_000, "data": {"ordersn": POLYGLOT, "status": POLYGLOT}}
    for body in (*(order_push(number, shop_id) for number in numbers), json.dumps(odd).encode(), POLYGLOT.encode()):
        assert installation.push("sandbox", body, key=key).status == 200
    assert installation.push("sandbox", POLYGLOT.encode(), key="another key").status == 401
    live_key, live_shop = installation.credentials("live")["push_partner_key"], installation.shop_id("live")
    assert installation.push("live", order_push(numbers[0], live_shop), key=live_key).status == 200  # parked
    wait_until(lambda: installation.count_events("applied") >= 3, timeout=20, message="the orders were not read")
    return installation


def test_every_page_fits_and_is_quiet(furnished: Installation, sit: Sit) -> None:
    seat = sit()
    seat.sign_in()
    for path in (*PAGES, *details(seat)):
        page = seat.open(path)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        assert page.locator("[data-env]").count() == 1, path
        assert page.locator(STRANGE).count() == 0, path
        for width, theme in WINDOWS:
            seat.change_window(width, theme)
            here = f"{path} at {width} {theme}"
            assert overflow(page) <= 0, here
            assert small_targets(page) == [], here
            seat.shoot(f"{re.sub(r'[^a-z]+', '-', path.lower()).strip('-')[:40]}-{width}-{theme}")
    assert seat.complaints == []


def test_a_keyboard_reaches_the_content_first(furnished: Installation, sit: Sit) -> None:
    seat = sit()
    seat.sign_in()
    page = seat.open("/e/sandbox/orders")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to content")
    expect(page.locator(":focus")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#content :focus")).to_have_css("outline-style", "solid")


def test_the_navigation_stays_beside_a_long_page_and_opens_over_a_narrow_one(furnished: Installation, sit: Sit) -> None:
    """Without script as well: it is a popover of HTML's own."""
    seat = sit(script=False)
    seat.sign_in()
    page = seat.open("/e/all/runs")
    navigation = page.get_by_role("navigation", name="Main")
    page.mouse.wheel(0, 2_000)
    expect(page.get_by_role("heading", name="Schedule")).not_to_be_in_viewport()
    expect(navigation.get_by_role("link", name="Home")).to_be_in_viewport(ratio=1)
    page.set_viewport_size({"width": 375, "height": 812})
    expect(navigation).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    navigation.get_by_role("link", name="Settings").click()
    expect(page.get_by_role("heading", name="Settings", level=1)).to_be_visible()


def test_a_chosen_theme_stays_and_needs_no_script(furnished: Installation, sit: Sit) -> None:
    seat = sit(theme="light", script=False)
    seat.sign_in()
    page = seat.open("/e/sandbox/orders?q=26")
    assert ground(page) == LIGHT
    page.get_by_role("button", name="Dark").click()
    expect(page.get_by_role("searchbox", name="Order number begins with")).to_have_value("26")
    assert ground(page) != LIGHT
    assert ground(seat.open("/staff")) != LIGHT
    page.get_by_role("button", name="As the system").click()
    expect(page.get_by_role("button", name="As the system")).to_have_attribute("aria-pressed", "true")
    assert ground(page) == LIGHT


def ground(page: Page) -> str:
    """The colour behind everything."""
    return str(page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor"))


def details(seat: Seat) -> list[str]:
    """One order, run, shop, exception and rejected delivery, and every event there is."""
    found: list[str] = []
    lists = (
        *("/e/all/exceptions", "/e/all/events?state=rejected", "/e/all/orders", "/e/all/runs"),
        "/connectors/shopee?tab=sandbox",
    )
    for path, most in (("/e/all/events", 9), *((one, 1) for one in lists)):
        links: list[Any] = seat.open(path).locator("main tbody th a").all()
        found += [str(link.get_attribute("href")) for link in links[:most]]
    assert len(found) >= 7
    return found


def small_targets(page: Page) -> list[str]:
    """Buttons and fields smaller than a finger needs at least (WCAG 2.5.8)."""
    small: list[str] = page.evaluate(
        """[...document.querySelectorAll('button, input:not([type=hidden]), select, nav a, .button')]
            .filter(one => one.checkVisibility())
            .filter(one => { const box = one.getBoundingClientRect(); return box.width < 24 || box.height < 24 })
            .map(one => one.outerHTML.slice(0, 120))"""
    )
    return small
