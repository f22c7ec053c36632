"""What holds for each page in a real browser: it fits, it is quiet, and nothing that strangers wrote ever runs."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page

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
    "/e/all/events",
    "/e/all/events?state=parked",
    "/e/live/parked/discard",
    "/e/all/events?state=rejected",
    "/e/all/exceptions",
    "/e/all/runs",
    "/e/all/calls",
    "/e/sandbox/backfill",
    "/e/sandbox/coverage",
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
    "/connectors/shopee/parity",
    "/connectors/shopee/parity/copy?to=live",
    "/quarantine",
    "/settings/keys",
    "/no/such/page",
)
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
    for width, theme in WINDOWS:
        seat = sit(width=width, theme=theme)
        seat.sign_in()
        for path in (*PAGES, *details(seat)):
            page = seat.open(path)
            here = f"{path} at {width} {theme}"
            page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
            assert overflow(page) <= 0, here
            assert page.locator("[data-env]").count() == 1, here
            assert page.locator("script, style, [style], img").count() == 0, here
            assert small_targets(page) == [], here
            seat.shoot(f"{re.sub(r'[^a-z]+', '-', path.lower()).strip('-')[:40]}-{width}-{theme}")
        assert seat.complaints == []


def test_a_keyboard_reaches_the_content_first(furnished: Installation, sit: Sit) -> None:
    seat = sit()
    seat.sign_in()
    page = seat.open("/e/sandbox/orders")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    box = page.locator(":focus").bounding_box()
    assert box is not None
    assert box["y"] >= 0, "the link is to be seen while it has the focus"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def details(seat: Seat) -> list[str]:
    """One order, one run, one shop and every event there is."""
    found: list[str] = []
    for path, most in (
        ("/e/all/orders", 1),
        ("/e/all/events", 9),
        ("/e/all/runs", 1),
        ("/connectors/shopee?tab=sandbox", 1),
    ):
        links: list[Any] = seat.open(path).locator("main tbody th a").all()
        found += [str(link.get_attribute("href")) for link in links[:most]]
    assert len(found) >= 5
    return found


def small_targets(page: Page) -> list[str]:
    """Buttons and fields smaller than a finger needs at least (WCAG 2.5.8)."""
    small: list[str] = page.evaluate(
        """[...document.querySelectorAll('button, input:not([type=hidden]), select, nav a, .button')]
            .filter(one => { const box = one.getBoundingClientRect(); return box.width < 24 || box.height < 24 })
            .map(one => one.outerHTML.slice(0, 120))"""
    )
    return small
