"""D42: on a telephone the page begins soon, and nothing of what the bar held is lost."""

from __future__ import annotations

import pytest

from tests.browser.conftest import EMAIL, Sit, overflow, prepare
from tests.support.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_the_page_begins_in_the_upper_quarter_and_the_environment_stands_over_it(
    installation: Installation, sit: Sit
) -> None:
    prepare(installation, "sandbox", "live")
    seat = sit(width=375)
    seat.sign_in()
    for path in ("/e/sandbox/home", "/e/live/orders", "/e/all/events", "/connectors/shopee?tab=live"):
        page = seat.open(path)
        page.set_viewport_size({"width": 375, "height": 812})
        page.get_by_role("button", name="Pause").wait_for()
        box = page.locator("main").bounding_box()
        assert box is not None
        assert box["y"] <= 812 / 4, path
        banner = page.get_by_role("region", name="Environment")
        assert "SANDBOX is active" in banner.inner_text()
        assert banner.locator("svg").first.is_visible()
        assert overflow(page) <= 0
    assert "You are viewing LIVE" in banner.inner_text()
    assert seat.complaints == []


@pytest.mark.parametrize("script", [True, False])
def test_who_is_signed_in_and_the_way_out_are_in_the_menu(installation: Installation, sit: Sit, script: bool) -> None:
    seat = sit(width=375, script=script)
    seat.sign_in()
    page = seat.page
    assert not page.get_by_role("button", name="Sign out").is_visible()
    page.get_by_role("navigation", name="Quick").get_by_role("button", name="Menu").click()
    menu = page.get_by_role("navigation", name="Main")
    assert menu.get_by_role("link", name=EMAIL).is_visible()
    menu.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login**")


def test_d42_rows_become_cards_and_the_menu_is_at_the_thumb(installation: Installation, sit: Sit) -> None:
    """Each value of a card names itself, since the heads of the columns are gone from sight."""
    prepare(installation, "sandbox")
    seat = sit(width=375)
    seat.sign_in()
    page = seat.open("/connectors/shopee?tab=sandbox")
    assert overflow(page) <= 0
    row = page.locator("table.shops tbody tr")
    assert row.evaluate("one => getComputedStyle(one).display") == "grid"
    label = row.locator("td[data-label=Token]").evaluate("one => getComputedStyle(one, '::before').content")
    assert label == '"Token"'
    quick = page.get_by_role("navigation", name="Quick").bounding_box()
    assert quick is not None
    assert quick["y"] + quick["height"] >= 899, "at the lower edge of the window"
    page.set_viewport_size({"width": 1440, "height": 900})
    assert row.evaluate("one => getComputedStyle(one).display") == "table-row"


def test_the_shops_fit_beside_the_navigation(installation: Installation, sit: Sit) -> None:
    """At 1200 pixels a shop is a row of a table: no id, state or button is broken over lines."""
    prepare(installation, "sandbox")
    seat = sit(width=1200)
    seat.sign_in()
    page = seat.open("/connectors/shopee?tab=sandbox")
    row = page.locator("table.shops tbody tr")
    for part in (row.locator(".id"), row.locator(".badge").first, row.get_by_role("button", name="Reconnect")):
        box = part.bounding_box()
        assert box is not None
        assert box["height"] < 40
    table, card = page.locator("table.shops").bounding_box(), page.locator("#shops").bounding_box()
    assert table is not None
    assert card is not None
    assert table["x"] + table["width"] <= card["x"] + card["width"]
