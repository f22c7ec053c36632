"""D40: the whole way from an empty installation to live, by forms and links alone: the browser runs no script."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Seat, Sit, prepare
from tests.support.installation import Installation
from tests.support.processes import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

LABELS = {
    "partner_id": "Partner ID",
    "partner_key": "Partner key",
    "push_partner_key": "Push partner key",
    "shop_id": "Shop ID",
}


def fill_credentials(seat: Seat, installation: Installation, environment: str) -> Page:
    """Type the simulator's app into the form and save it."""
    page = seat.open(f"/connectors/shopee?tab={environment}")
    given = installation.credentials(environment)
    for name in LABELS:
        page.locator(f"#f-{name}").fill(given[name])
    page.locator("#f-region").select_option("SG")
    page.locator("#f-host").select_option(f"test_{environment}")
    page.get_by_role("button", name=re.compile("Save .* credentials")).click()
    expect(page.get_by_role("status")).to_contain_text("Saved.")
    return page


def connect(page: Page, choice: str = "Approve") -> None:
    """Through the marketplace's own consent page and back."""
    page.get_by_role("button", name=re.compile("Connect a")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("asks for access to your shop")
    page.get_by_role("button", name=choice).click()
    page.wait_for_url("**/connectors/shopee?**")


def test_from_nothing_to_live_by_forms_alone(installation: Installation, sit: Sit) -> None:
    seat = sit(script=False)
    seat.sign_in()
    assert seat.page.title() == "[SANDBOX] Home · Kedai"
    seat.shoot("home-empty")
    page = seat.open("/connectors/shopee")
    expect(page.get_by_role("button", name="Connect a shop")).to_be_disabled()
    fill_credentials(seat, installation, "sandbox")
    connect(page)
    expect(page.get_by_role("status").filter(has_text="The shop is connected.")).to_be_visible()
    expect(page.get_by_role("cell", name="Connected", exact=True)).to_be_visible()
    seat.shoot("connection-sandbox")

    installation.register_pushes("sandbox")
    order = {"shop_id": int(installation.shop_id("sandbox")), "status": "READY_TO_SHIP"}
    order_sn = installation.control("sandbox", "POST", "/control/orders", order)["order_sn"]
    wait_until(lambda: seat.open("/e/sandbox/orders").get_by_text(order_sn).count() > 0, timeout=20, message="no order")
    page.get_by_role("link", name=order_sn).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(order_sn)
    expect(page.get_by_role("heading", name="Latest stored answer")).to_be_visible()
    seat.shoot("order")
    link = page.url

    fill_credentials(seat, installation, "live")
    connect(page)
    installation.register_pushes("live")
    page.get_by_role("link", name="Switch to Live…").click()
    page.get_by_role("button", name="Run the checks").click()
    expect(page.get_by_text("All checks passed")).to_be_visible()
    page.get_by_role("button", name="Switch to Live").click()
    assert "switch" in page.url, "the browser itself asks for the word"
    page.get_by_label("Type live to go live").fill("live")
    seat.shoot("switch")
    page.get_by_role("button", name="Switch to Live").click()
    expect(page.get_by_role("status")).to_contain_text("You are signed in here now.")
    expect(page).to_have_title("[LIVE] Shopee Live · Kedai")
    page.goto(link)
    expect(page).to_have_title(re.compile(r"^\[LIVE · viewing SANDBOX\] Order"))
    expect(page.get_by_role("region", name="Environment")).to_contain_text("You are viewing Sandbox")
    assert seat.complaints == []


def test_a_refusal_at_the_marketplace_is_explained(installation: Installation, sit: Sit) -> None:
    seat = sit(script=False)
    seat.sign_in()
    page = fill_credentials(seat, installation, "sandbox")
    connect(page, "Cancel")
    expect(page.get_by_role("status")).to_contain_text("Access was refused on the marketplace's page.")


def test_parked_events_are_replayed_after_the_switch(installation: Installation, sit: Sit) -> None:
    prepare(installation, "sandbox", "live")
    installation.register_pushes("live")
    order = {"shop_id": int(installation.shop_id("live")), "status": "READY_TO_SHIP"}
    order_sn = installation.control("live", "POST", "/control/orders", order)["order_sn"]
    wait_until(lambda: installation.count_events("parked", environment="live") > 0, message="nothing was parked")
    seat = sit(script=False)
    seat.sign_in()
    installation.certify()
    page = seat.open("/connectors/shopee/switch?to=live")
    expect(page.get_by_role("main")).to_contain_text("After the switch you are offered to replay")
    page.get_by_label("Type live to go live").fill("live")
    page.get_by_role("button", name="Switch to Live").click()
    page.get_by_role("button", name=re.compile("Replay .* parked")).click()
    expect(page.get_by_role("status")).to_contain_text("The replay has been queued.")
    wait_until(lambda: seat.open("/e/live/orders").get_by_text(order_sn).count() > 0, timeout=20, message="no order")
    replay = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=re.compile("Replay")))
    wait_until(
        lambda: seat.open("/e/live/runs") and replay.get_by_role("cell", name="Succeeded").count() == 1,
        message="the replay did not succeed",
    )
