"""A sealed copy in a real browser: the banner is seen on a phone as on a desk, and the way out is found and works."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from kedai.vault.models import Installation as InstallationRow
from tests.browser.conftest import EMAIL, PASSWORD, Seat, Sit, overflow
from tests.support.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
def installation(sqlite_template: Path, tmp_path: Path) -> Iterator[Installation]:
    """Kedai, woken where it has not been before."""
    with Installation(tmp_path, sqlite_template=sqlite_template, with_simulator=False) as opened:
        opened.add_person(EMAIL, PASSWORD)
        with opened.runtime() as runtime, runtime.web_db.write() as db:
            values = {"identity": "before", "identity_public_url": "https://before.example"}
            db.execute(sa.update(InstallationRow).values(values))
        opened.start()
        yield opened


WINDOWS = ((1440, "light"), (1440, "dark"), (375, "light"), (320, "dark"))


def test_a_person_sees_the_seal_and_finds_the_way_out(installation: Installation, sit: Sit) -> None:
    seat = sit()
    seat.sign_in()
    page = seat.page
    look(seat, "home")
    seat.open("/connectors/shopee?tab=live")
    expect(page.get_by_role("group", name="Sealed")).to_be_visible()
    assert page.get_by_role("button", name="Connect a shop").is_disabled()
    look(seat, "connection")
    page.get_by_role("region", name="Sealed").get_by_role("link", name="What to do").click()
    expect(page.get_by_role("button", name="Unseal Sandbox")).to_be_visible()
    look(seat, "quarantine")
    unseal(page, "Sandbox")
    expect(page.get_by_role("button", name="Unseal Live")).to_be_visible()
    seat.change_window(1440, "light")
    unseal(page, "Live")
    assert seat.complaints == []


def look(seat: Seat, name: str) -> None:
    """In every window; the last of them, which is the narrowest, is the one that stays."""
    for width, theme in WINDOWS:
        seat.change_window(width, theme)
        assert overflow(seat.page) <= 0, (name, width, theme)
        seat.shoot(f"sealed-{name}-{width}-{theme}")


def unseal(page: Page, environment: str) -> None:
    page.get_by_label(f"Type {environment.lower()} to confirm").fill(environment.lower())
    page.get_by_role("button", name=f"Unseal {environment}").click()
    expect(page.get_by_text("Confirmed.")).to_be_visible()
    expect(page.get_by_role("button", name=f"Unseal {environment}")).to_have_count(0)
