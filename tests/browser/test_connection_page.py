"""The connection page by hand: tabs by keyboard (D3), the word of the switch (D4), a secret while it is typed (D5)."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Sit, overflow, prepare
from tests.browser.test_axe import violations
from tests.browser.test_going_live import fill_credentials
from tests.support.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

HERE = "/connectors/shopee?tab=sandbox"


def focused(page: Page) -> str:
    """The text of what has the focus."""
    text: str = page.evaluate("document.activeElement.textContent.trim()")
    return text


def test_d3_the_tabs_are_one_stop_and_open_by_enter_and_not_by_an_arrow(installation: Installation, sit: Sit) -> None:
    seat = sit()
    seat.sign_in()
    page = seat.open(HERE)
    sandbox, live = page.get_by_role("tab", name="Sandbox"), page.get_by_role("tab", name="Live")
    expect(page.get_by_role("tablist", name="Environment")).to_be_visible()
    expect(sandbox).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("tabpanel", name="Sandbox")).to_contain_text("Credentials")
    sandbox.focus()
    for key, wanted in (("ArrowRight", live), ("ArrowRight", sandbox), ("End", live), ("Home", sandbox)):
        page.keyboard.press(key)
        expect(wanted).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(live).to_be_focused()
    assert page.url.endswith("tab=sandbox"), "an arrow alone opens nothing"
    page.keyboard.press("Tab")
    assert page.locator("[role=tab]:focus").count() == 0, "the list is one stop"
    page.keyboard.press("Shift+Tab")
    expect(sandbox).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_url("**/connectors/shopee?tab=live")
    expect(live).to_be_focused()
    expect(live).to_have_attribute("aria-selected", "true")
    page.go_back()
    expect(sandbox).to_have_attribute("aria-selected", "true")
    assert page.url.endswith("tab=sandbox")
    assert violations(page) == []
    assert seat.complaints == []


def test_d4_the_button_waits_for_the_exact_word(installation: Installation, sit: Sit) -> None:
    """Without script it does not wait, and the server says what is wrong."""
    prepare(installation, "live")
    installation.certify("live")
    seat = sit(width=375)
    seat.sign_in()
    page = seat.open("/connectors/shopee/switch?to=live")
    button, word = page.get_by_role("button", name="Switch to Live"), page.get_by_label("Type live to go live")
    for typed in ("", "LIVE", "liv", "live!"):
        word.fill(typed)
        expect(button).to_be_disabled()
        word.press("Enter")
    assert page.url.endswith("to=live")
    word.fill(" live ")
    expect(button).to_be_enabled()
    assert overflow(page) <= 0
    plain = sit(script=False)
    plain.sign_in()
    page = plain.open("/connectors/shopee/switch?to=live")
    page.get_by_label("Type live to go live").fill("LIVE")
    page.get_by_role("button", name="Switch to Live").click()
    expect(page.get_by_text("Type the word live to go live.")).to_be_visible()
    assert seat.complaints == []


def test_d5_a_secret_can_be_looked_at_while_it_is_typed_and_never_after(installation: Installation, sit: Sit) -> None:
    seat = sit(width=320)
    seat.sign_in()
    fill_credentials(seat, installation, "sandbox")
    page = seat.open(HERE)
    field = page.locator("#f-partner_key")
    show = page.get_by_role("button", name="Show what is typed")
    expect(show).to_have_count(0)
    expect(field).to_have_value("")
    assert installation.app("sandbox")["partner_key"] not in page.content()
    field.fill("a-key-that-is-being-typed-0001")
    expect(field).to_have_attribute("type", "password")
    show.click()
    expect(field).to_have_attribute("type", "text")
    expect(show).to_have_attribute("aria-pressed", "true")
    assert overflow(page) <= 0
    seat.shoot("secret-while-typed")
    field.fill("")
    expect(field).to_have_attribute("type", "password")
    expect(show).to_have_count(0)
    assert seat.complaints == []
