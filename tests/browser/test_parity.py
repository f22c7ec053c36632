"""Comparing both environments and copying a setting across, as a person does it at a desk and on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Sit, overflow, prepare
from tests.support.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_a_person_compares_previews_and_copies(installation: Installation, sit: Sit) -> None:
    prepare(installation, "sandbox")
    for width, theme in ((375, "dark"), (1440, "light")):
        seat = sit(width=width, theme=theme)
        seat.sign_in()
        page = seat.open("/connectors/shopee?tab=sandbox")
        page.get_by_role("link", name="Compare Sandbox and Live").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sandbox and Live compared")
        assert overflow(page) <= 0
        seat.shoot(f"parity-{width}-{theme}")
        page.get_by_role("link", name="Sandbox to Live").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Copy settings from Sandbox to Live?")
        assert overflow(page) <= 0
        expect(page.get_by_role("checkbox", name="Region")).to_be_checked()
        seat.shoot(f"parity-copy-{width}-{theme}")
        assert seat.complaints == []
    page.get_by_role("button", name="Copy to Live").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    expect(page.get_by_text("Sandbox has nothing to give to Live.")).to_be_visible()
    assert seat.complaints == []
