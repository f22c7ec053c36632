"""A form that is sent while the server is really dead: what was typed is kept, one is told, and it is done once."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from kedai.audit.models import AuditEntry
from kedai.connector_exceptions.models import ConnectorException
from tests.browser.conftest import Sit
from tests.browser.test_undo import state, trouble
from tests.support.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

NOTE = "Asked the courier.\nThey call back at noon."


def notes(installation: Installation) -> int:
    """How often the note was changed, by the trail."""
    count = sa.select(sa.func.count()).select_from(AuditEntry).where(AuditEntry.action == "exception.note")
    with installation.database.read() as db:
        return db.execute(count).scalar_one()


def test_a_form_sent_to_a_killed_server_is_kept_told_of_and_then_done_exactly_once(
    installation: Installation, sit: Sit
) -> None:
    here = trouble(installation)
    seat = sit()
    seat.sign_in()
    page = seat.open(here)
    bar, field = page.locator(".live"), page.get_by_label("Note for the next person")
    expect(bar).to_have_attribute("data-state", "live")
    field.fill(NOTE)
    send = page.get_by_role("button", name="Save the note")

    (server,) = [one for one in installation._processes if "Kedai is ready" in one.output()]
    server.kill9()
    expect(bar).to_have_attribute("data-state", "stale", timeout=15_000)
    for _ in range(2):  # pressing it again while nobody is there does no harm
        send.click()
        expect(page.get_by_role("alert")).to_contain_text("Kedai cannot be reached. What you typed is still here")
        expect(send).to_be_enabled()
        expect(field).to_have_value(NOTE)
    assert page.url.endswith(here)
    seat.shoot("form-while-away")
    assert notes(installation) == 0

    installation.start()
    expect(bar).to_have_attribute("data-state", "live", timeout=30_000)
    expect(field).to_have_value(NOTE)
    send.dblclick()  # in a hurry
    expect(page.get_by_role("status").filter(has_text="The note was saved.")).to_be_visible(timeout=15_000)
    expect(page.get_by_label("Note for the next person")).to_have_value(NOTE)
    assert state(installation, ConnectorException.note) == NOTE
    assert notes(installation) == 1
