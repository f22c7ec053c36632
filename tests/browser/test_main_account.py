"""A person connects a main account on the simulator's consent page, sees what it granted, and confirms it."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from kedai.vault.models import Merchant, Shop
from tests.browser.conftest import Sit, overflow
from tests.support.installation import Installation
from tests.support.processes import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

WINDOWS = [(width, theme) for width in (1440, 375) for theme in ("light", "dark")]


def has_names(installation: Installation) -> bool:
    names = installation.rows(sa.select(Shop.name)) + installation.rows(sa.select(Merchant.name))
    return len(names) == 3 and all(row[0] for row in names)


def test_a_main_account_with_two_shops_and_a_merchant_is_granted_and_seen(installation: Installation, sit: Sit) -> None:
    installation.configure("sandbox", token=installation.token("sandbox"))
    state: dict[str, Any] = installation.control("sandbox", "GET", "/control/state?orders=0&deliveries=0")
    account = state["main_accounts"][0]
    first, second = map(str, account["shop_ids"])
    merchant = str(account["merchant_ids"][0])
    seat = sit()
    seat.sign_in()
    page = seat.open("/connectors/shopee?tab=sandbox")
    page.get_by_role("button", name="Connect a shop").click()
    page.get_by_text("Approve with a main account instead").click()
    page.get_by_label("and to its merchant").check()
    page.get_by_role("button", name="Approve all").click()
    page.wait_for_url("**/connectors/shopee?tab=sandbox&env=sandbox&status=connected")
    expect(page.get_by_text("The shop is connected.")).to_be_visible()

    wait_until(lambda: has_names(installation), timeout=30, message="not everybody was set up")
    page = seat.open("/connectors/shopee?tab=sandbox")
    expect(page.locator("#merchants tbody").get_by_role("link")).to_have_text([first, second])
    for width, theme in WINDOWS:
        seat.change_window(width, theme)
        assert overflow(page) <= 0
        for number in (first, second):
            expect(page.locator("#shops tbody").get_by_text(number, exact=True)).to_be_visible()
        expect(page.locator("#merchants tbody").get_by_text(merchant, exact=True)).to_be_visible()
        seat.shoot(f"main-account-{width}-{theme}")
    assert seat.complaints == []

    seat.change_window(1440, "light")
    page.get_by_label("Type the shop ID to confirm").fill(second)
    page.get_by_role("button", name="Confirm this shop").click()
    expect(page.get_by_text("You confirmed it by its ID.")).to_be_visible()
    page.get_by_label("Type the merchant ID to confirm").fill(first)
    page.get_by_role("button", name="Confirm this merchant").click()
    expect(page.get_by_text("Type the merchant's id exactly as it is shown.")).to_be_visible()
    page.get_by_label("Type the merchant ID to confirm").fill(merchant)
    page.get_by_role("button", name="Confirm this merchant").click()
    expect(page.get_by_text("The merchant is connected.")).to_be_visible()
    expect(page.get_by_text("Waits for you")).to_have_count(0)
    seat.shoot("main-account-confirmed")
    page.get_by_text(f"Pause or disconnect merchant {merchant}").click()
    page.get_by_role("button", name=f"Pause merchant {merchant}").click()
    expect(page.get_by_role("status")).to_contain_text("The merchant is paused.")
    seat.shoot("main-account-paused")
    page.get_by_role("button", name=f"Resume merchant {merchant}").click()
    expect(page.get_by_role("status")).to_contain_text("The merchant goes on.")
    assert seat.complaints == []
