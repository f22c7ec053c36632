"""Without script: a filter is kept under a name, a list is taken as a file, and the header's box finds an order."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Sit, prepare
from tests.support.installation import Installation, order_push
from tests.support.processes import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_an_operator_keeps_a_filter_takes_a_file_and_finds_an_order(installation: Installation, sit: Sit) -> None:
    prepare(installation, "sandbox")
    key, shop_id = installation.credentials("sandbox")["push_partner_key"], installation.shop_id("sandbox")
    batch = {"shop_id": int(shop_id), "count": 1, "pushes": False}
    (number,) = installation.control("sandbox", "POST", "/control/orders/batch", batch)["order_sns"]
    assert installation.push("sandbox", order_push(number, shop_id), key=key).status == 200
    wait_until(lambda: installation.count_events("applied") >= 1, timeout=20, message="the order was not read")
    seat = sit(script=False)
    seat.sign_in()
    page = seat.open("/e/sandbox/events?state=applied")
    page.get_by_text("Save as view").click()
    page.get_by_label("Name of a view").fill("Done")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("group", name="Views").get_by_role("link", name="Done")).to_be_visible()
    with page.expect_download() as taken:
        page.get_by_role("button", name="Export CSV").click()
    assert taken.value.suggested_filename.startswith("kedai-sandbox-events-")
    assert number in taken.value.path().read_text()
    page.get_by_role("search", name="Everywhere").get_by_role("searchbox").fill(number)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(number)
    assert "/e/sandbox/orders/ord_" in page.url
    page = seat.open("/doctor")
    page.get_by_role("button", name="Look through everything").click()
    expect(page.locator('[data-check="static_files"]')).to_have_attribute("data-state", "pass")
    expect(page.locator('[data-check="security_headers"]')).to_have_attribute("data-state", "pass")
    assert seat.complaints == []
