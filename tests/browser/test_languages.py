"""The pages in Bahasa Indonesia in a real browser: longer words break nothing, and the scripts speak it too."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Sit, overflow
from tests.browser.test_every_page import PAGES, furnished, small_targets  # noqa: F401 - a fixture
from tests.support.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_every_page_fits_in_indonesian_as_well(furnished: Installation, sit: Sit) -> None:  # noqa: F811
    seat = sit()
    seat.sign_in()
    page = seat.open("/account")
    page.get_by_label("Language of the pages").select_option("id")
    page.locator("form[action='/account/language']").get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Akun Anda")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "id")
    expect(page.get_by_role("button", name="Jeda", exact=True)).to_be_visible()  # made by a script
    expect(page.locator("[data-live-text]")).to_have_text(re.compile("Terkini|Menyambung lagi"))
    for path in PAGES:
        page = seat.open(path)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        for width in (1440, 720, 375, 320):
            seat.change_window(width, "light")
            here = f"{path} at {width}"
            assert overflow(page) <= 0, here
            assert small_targets(page) == [], here
            seat.shoot(f"id-{re.sub(r'[^a-z]+', '-', path.lower()).strip('-')[:40]}-{width}")
