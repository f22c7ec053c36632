"""D32: what was done by mistake is taken back by one press, by keyboard alone, with and without script."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from kedai.connector_exceptions.models import ConnectorException
from kedai.connector_exceptions.service import Trouble, raise_exception
from kedai.kit.ids import show_id
from kedai.values.environment import ConnectorName, Environment
from tests.browser.conftest import Sit, overflow
from tests.support.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def trouble(installation: Installation) -> str:
    """An open exception; its page."""
    told = Trouble("error_x", "The order could not be read", "Look at it.")
    with installation.database.write() as db:
        raise_exception(db, ConnectorName("shopee"), Environment.SANDBOX, told, now=datetime.now(UTC))
    return f"/e/sandbox/exceptions/{show_id('exc', state(installation, ConnectorException.id))}"


def state(installation: Installation, column: sa.ColumnExpressionArgument[object]) -> object:
    with installation.database.read() as db:
        return db.execute(sa.select(column)).scalar_one()


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_undo_is_reached_by_keyboard_and_sets_everything_back(
    installation: Installation, sit: Sit, script: bool
) -> None:
    here = trouble(installation)
    seat = sit(script=script)
    seat.sign_in()
    page = seat.open(here)
    page.get_by_role("button", name="Resolve").press("Enter")
    told = page.get_by_role("status").filter(has_text="The exception is resolved.")
    expect(told).to_be_visible()
    undo = told.get_by_role("button", name="Undo The exception is resolved.")
    page.locator("#content").focus()
    for _ in range(3):  # the link back and the guide above it, then the button
        page.keyboard.press("Tab")
    expect(undo).to_be_focused()
    seat.shoot(f"undo-{'script' if script else 'plain'}")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Undone. It stands as it did before.")).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    expect(page.get_by_role("button", name="Resolve")).to_be_visible()
    expect(page.get_by_text("took back that it is resolved")).to_be_visible()
    assert state(installation, ConnectorException.state) == "new"
    assert seat.complaints == []


def test_undo_after_somebody_else_says_so_and_fits_every_window(installation: Installation, sit: Sit) -> None:
    here = trouble(installation)
    seat = sit()
    seat.sign_in()
    page = seat.open(here)
    page.get_by_role("button", name="Resolve").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    for width, theme in ((1440, "light"), (1440, "dark"), (375, "light"), (375, "dark"), (320, "light")):
        seat.change_window(width, theme)
        assert overflow(page) == 0, width
        seat.shoot(f"undo-{width}-{theme}")
    other = sit()
    other.sign_in()
    other.open(here).get_by_role("button", name="Open it again").click()
    expect(other.page.get_by_role("status")).to_contain_text("The exception is open again.")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status").filter(has_text="It was not undone.")).to_be_visible()
    assert state(installation, ConnectorException.state) == "ongoing"
    assert [*seat.complaints, *other.complaints] == []
