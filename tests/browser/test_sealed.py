"""A sealed copy in a real browser: the banner is seen on a phone as on a desk, and the way out is found and works."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from kedai.vault.models import Installation as InstallationRow
from tests.browser.conftest import EMAIL, PASSWORD, Sit, overflow
from tests.support.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
def installation(sqlite_template: Path, tmp_path: Path) -> Iterator[Installation]:
    """Kedai, woken where it has not been before."""
    with Installation(tmp_path, sqlite_template=sqlite_template, with_simulator=False) as opened:
        done = opened.run("staff", "create", EMAIL, "--role", "admin", "--password-stdin", given=PASSWORD + "\n")
        assert done.returncode == 0, done.stderr
        with opened.runtime() as runtime, runtime.web_db.write() as db:
            values = {"identity": "before", "identity_public_url": "https://before.example"}
            db.execute(sa.update(InstallationRow).values(values))
        opened.start()
        yield opened


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (1440, "dark"), (375, "light"), (320, "dark")])
def test_a_person_sees_the_seal_and_finds_the_way_out(
    installation: Installation, sit: Sit, width: int, theme: str
) -> None:
    seat = sit(width=width, theme=theme)
    seat.sign_in()
    page = seat.page
    seat.shoot(f"sealed-home-{width}-{theme}")
    seat.open("/connectors/shopee?tab=live")
    expect(page.get_by_role("group", name="Sealed")).to_be_visible()
    assert page.get_by_role("button", name="Connect a shop").is_disabled()
    assert overflow(page) <= 0
    seat.shoot(f"sealed-connection-{width}-{theme}")
    page.get_by_role("region", name="Sealed").get_by_role("link", name="What to do").click()
    assert overflow(page) <= 0
    seat.shoot(f"sealed-quarantine-{width}-{theme}")
    page.get_by_label("Type sandbox to confirm").fill("sandbox")
    page.get_by_role("button", name="Unseal Sandbox").click()
    expect(page.get_by_text("Confirmed.")).to_be_visible()
    assert page.get_by_role("button", name="Unseal Sandbox").count() == 0
    assert page.get_by_role("button", name="Unseal Live").count() == 1
    assert seat.complaints == []
