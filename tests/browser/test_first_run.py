"""The first run in a real browser: from a fresh database to the first live order, by the checklist's own links."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from playwright.sync_api import Locator, Page, expect

from kedai.staff.models import StaffSession
from tests.browser.conftest import Seat, Sit, overflow
from tests.browser.test_going_live import confirm_that_it_is_me
from tests.browser.test_without_script import connect, fill_credentials
from tests.support.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

SOON_MS = 20_000


def step(page: Page, name: str) -> Locator:
    """A step of the sandbox's half."""
    return page.locator(f'#sandbox li[data-step="{name}"]')


def expect_done(page: Page, *names: str) -> None:
    for name in names:
        expect(step(page, name)).to_have_attribute("data-done", "yes")


def shoot_all(seat: Seat, name: str) -> None:
    for theme, width in (("light", 1440), ("dark", 1440), ("light", 375), ("dark", 375)):
        seat.change_window(width, theme)
        assert overflow(seat.page) <= 0
        seat.shoot(f"{name}-{width}-{theme}")
    seat.change_window(1440, "light")


def test_the_sandbox_half_from_a_fresh_database(installation: Installation, sit: Sit) -> None:
    """Break: take `data-live-part` from the list in _setup.html, and the wait never ends by itself."""
    seat = sit()
    seat.sign_in()
    page = seat.page
    shoot_all(seat, "home-fresh")
    page.get_by_role("link", name="Get started").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Get started")
    expect(page.get_by_text("1 of 13 steps done")).to_be_visible()
    expect(page.locator("li[data-done=no]")).to_have_count(13)
    shoot_all(seat, "setup-fresh")

    step(page, "credentials").get_by_role("link", name="Enter them").click()
    expect(page.get_by_role("heading", name="Credentials")).to_be_in_viewport()
    fill_credentials(seat, installation, "sandbox")
    expect_done(seat.open("/setup"), "credentials")
    step(page, "shop").get_by_role("link", name="Connect a shop").click()
    connect(page)
    expect_done(seat.open("/setup"), "credentials", "shop")
    step(page, "push_url").get_by_role("link", name="Check and register").click()
    page.get_by_role("button", name="Run the checks").click()
    page.get_by_role("button", name="Register pushes at Shopee").click()
    expect(page.get_by_role("status")).to_contain_text("The pushes are registered.")
    with page.expect_navigation():
        page.get_by_role("button", name="Run the checks").click()
    expect_done(seat.open("/setup"), "push_url")


def test_the_wait_for_push_and_order_turns_green_without_a_reload(installation: Installation, sit: Sit) -> None:
    seat = sit()
    seat.sign_in()
    fill_credentials(seat, installation, "sandbox")
    connect(seat.page)
    page = seat.open("/setup")
    expect(step(page, "first_push")).to_contain_text("Waiting for the first push about an order…")
    expect(page.locator(".live")).to_have_attribute("data-state", "live")
    page.evaluate("window.neverLoadedAgain = true")
    page.locator("#sandbox [data-copy]").first.click()  # a focus in the section must not hold it still
    shoot_all(seat, "setup-waiting")

    installation.register_pushes("sandbox")
    order = {"shop_id": int(installation.shop_id("sandbox")), "status": "READY_TO_SHIP"}
    order_sn = installation.control("sandbox", "POST", "/control/orders", order)["order_sn"]
    for name in ("first_push", "push_url", "first_order"):
        expect(step(page, name)).to_have_attribute("data-done", "yes", timeout=SOON_MS)
    expect(step(page, "first_order")).to_contain_text(order_sn)
    expect(page.locator("[data-live-part=setup-count]")).to_contain_text("6 of 13 steps done")
    assert page.evaluate("window.neverLoadedAgain") is True
    shoot_all(seat, "setup-sandbox-done")
    step(page, "first_order").get_by_role("link", name=order_sn).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(order_sn)
    assert seat.complaints == []


def test_the_list_reads_without_script(installation: Installation, sit: Sit) -> None:
    seat = sit(script=False)
    seat.sign_in()
    fill_credentials(seat, installation, "sandbox")
    page = seat.open("/setup")
    expect_done(page, "credentials")
    expect(page.get_by_label("Push URL").first).to_have_value(f"{installation.url}/connectors/shopee/webhook/sandbox")


def test_the_live_half_ends_with_the_first_live_order(installation: Installation, sit: Sit) -> None:
    """From a sandbox that works to the first order of real money, by the checklist's own links.

    Break: let `is_finished` ask for orders of the sandbox, and all is done before the first live order is there.
    """
    seat = sit()
    seat.sign_in()
    page = sandbox_done(seat, installation)

    live_step(page, "credentials").get_by_role("link", name="Enter them").click()
    fill_credentials(seat, installation, "live")
    expect(live_step(seat.open("/setup"), "credentials")).to_have_attribute("data-done", "yes")
    live_step(page, "shop").get_by_role("link", name="Connect a shop").click()
    connect(page)
    expect(page.get_by_role("status")).to_contain_text("The shop is connected.")
    live_step(seat.open("/setup"), "push_url").get_by_role("link", name="Check and register").click()
    page.get_by_role("button", name="Run the checks").click()
    page.get_by_role("button", name="Register pushes at Shopee").click()
    expect(page.get_by_role("status")).to_contain_text("The pushes are registered.")
    with page.expect_navigation():
        page.get_by_role("button", name="Run the checks").click()
    expect(page.get_by_text("All checks passed")).to_be_visible()
    seat.open("/setup")
    for name in ("credentials", "shop", "push_url", "certificate"):
        expect(live_step(page, name)).to_have_attribute("data-done", "yes")
    expect(live_step(page, "switch")).to_have_attribute("data-done", "no")
    shoot_all(seat, "setup-before-live")

    go_live(page, installation, live_step(page, "switch").get_by_role("link", name="Switch to Live…"))
    page = seat.open("/setup")
    expect(live_step(page, "switch")).to_contain_text("Live is active, since")
    # the marketplace told of the authorisation as soon as pushes were registered: that is not what it waits for
    expect(live_step(page, "first_push")).to_contain_text("none was about an order yet", timeout=SOON_MS)
    expect(live_step(page, "first_push")).to_have_attribute("data-done", "no")
    expect(live_step(page, "first_order")).to_contain_text("Waiting for the first order…")
    expect(page.get_by_text("All done")).to_have_count(0)
    expect(page.locator(".live")).to_have_attribute("data-state", "live")
    page.evaluate("window.neverLoadedAgain = true")

    order_sn = make_order(installation, "live")
    for name in ("first_push", "first_order"):
        expect(live_step(page, name)).to_have_attribute("data-done", "yes", timeout=SOON_MS)
    expect(page.locator("[data-live-part=setup-count]")).to_contain_text("All done")
    assert page.evaluate("window.neverLoadedAgain") is True
    shoot_all(seat, "setup-all-done")
    live_step(page, "first_order").get_by_role("link", name=order_sn).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(order_sn)
    expect(page.locator("main .env-live").first).to_have_text("Live")
    assert "/e/live/orders/" in page.url
    assert page.title().startswith("[LIVE] ")
    assert seat.complaints == []


def sandbox_done(seat: Seat, installation: Installation) -> Page:
    """The checklist, its sandbox half finished."""
    fill_credentials(seat, installation, "sandbox")
    connect(seat.page)
    installation.register_pushes("sandbox")
    make_order(installation, "sandbox")
    page = seat.open("/setup")
    expect(step(page, "first_order")).to_have_attribute("data-done", "yes", timeout=SOON_MS)
    return page


def make_order(installation: Installation, environment: str) -> str:
    """Somebody buys: the marketplace pushes it."""
    order = {"shop_id": int(installation.shop_id(environment)), "status": "READY_TO_SHIP"}
    number: str = installation.control(environment, "POST", "/control/orders", order)["order_sn"]
    return number


def go_live(page: Page, installation: Installation, link: Locator) -> None:
    """Long after signing in: prove that it is you, then type the word."""
    with installation.database.write() as db:
        db.execute(sa.update(StaffSession).values(confirmed_at=datetime.now(UTC) - timedelta(minutes=6)))
    link.click()
    confirm_that_it_is_me(page)
    page.wait_for_url("**/switch?to=live")
    page.get_by_label("Type live to go live").fill("live")
    page.get_by_role("button", name="Switch to Live").click()
    expect(page.get_by_role("status")).to_contain_text("You are signed in here now.")


def live_step(page: Page, name: str) -> Locator:
    """A step of the live half."""
    return page.locator(f'#live li[data-step="{name}"]')
