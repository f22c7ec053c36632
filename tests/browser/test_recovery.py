"""Finding a gap, mending it and proving that nothing is missing, in a browser without script."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Sit, overflow, prepare
from tests.support.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_an_operator_finds_a_gap_fills_it_and_proves_that_nothing_is_missing(
    installation: Installation, sit: Sit
) -> None:
    prepare(installation, "sandbox")
    batch = {"shop_id": int(installation.shop_id("sandbox")), "count": 12, "pushes": False}
    installation.control("sandbox", "POST", "/control/orders/batch", batch)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    seat = sit(width=375, theme="dark", script=False)
    seat.sign_in()

    page = seat.open("/e/sandbox/coverage")
    page.get_by_role("button", name="Compare now").click()
    expect(page.get_by_text("Not complete")).to_be_visible()
    expect(page.get_by_text("Missing here").first).to_be_visible()
    assert overflow(page) == 0
    seat.shoot("coverage-phone-dark")

    page = seat.open("/e/sandbox/backfill")
    page.get_by_label("Changed from").fill(today)
    page.get_by_label("Until, and that day too").fill(today)
    page.get_by_role("button", name="See how many there are").click()
    expect(page.get_by_text("12 orders")).to_be_visible()
    assert overflow(page) == 0
    seat.shoot("backfill-phone-dark")
    page.get_by_role("button", name="Start the back-fill").click()
    expect(page.get_by_text("The back-fill has been queued.")).to_be_visible()
    installation.wait_equal("sandbox")

    wide = sit(width=1280)
    wide.sign_in()
    page = wide.open("/e/sandbox/backfill")
    page.get_by_label("Changed from").fill("2026-02-01")
    page.get_by_label("Until, and that day too").fill("2026-01-01")
    page.get_by_role("button", name="See how many there are").click()
    expect(page.get_by_text("The period ends before it begins.")).to_be_visible()
    wide.shoot("backfill-desktop-light")
    page = wide.open("/e/sandbox/coverage")
    page.get_by_role("button", name="Compare now").click()
    expect(page.get_by_text("Complete", exact=True)).to_be_visible()
    wide.shoot("coverage-desktop-light")
    assert (seat.complaints, wide.complaints) == ([], [])
