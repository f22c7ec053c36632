"""D44: the guides in a browser: each fits the smallest window, wide tables move within themselves, links lead there."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from kedai.web.dashboard.guides import Guide, read_document
from tests.browser.conftest import Sit, overflow
from tests.support.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_every_guide_fits_the_smallest_window(installation: Installation, sit: Sit) -> None:
    seat = sit(width=320)
    seat.sign_in()
    for guide in Guide:
        page = seat.open(guide.href)
        assert overflow(page) <= 0, guide
        cut = "[...document.querySelectorAll('.guide .across')].filter(one => one.scrollHeight > one.clientHeight + 1)"
        assert page.evaluate(f"{cut}.length") == 0, f"{guide} hides rows of a table"
    assert seat.complaints == []


def test_a_wide_table_is_moved_by_the_keyboard_within_itself(installation: Installation, sit: Sit) -> None:
    seat = sit(width=320)
    seat.sign_in()
    page = seat.open(Guide.HTTP.href)
    table = page.get_by_role("group", name="Table").nth(4)
    table.focus()
    expect(table).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(table).not_to_have_js_property("scrollLeft", 0)
    assert page.evaluate("document.documentElement.scrollLeft") == 0


def test_a_link_of_a_page_leads_to_the_section_below_the_bar(installation: Installation, sit: Sit) -> None:
    seat = sit()
    seat.sign_in()
    page = seat.open("/settings/retention")
    page.get_by_role("link", name="How this works").click()
    heading = page.get_by_role("heading", name="What is forgotten")
    expect(heading).to_be_in_viewport(ratio=1)
    bar = page.locator(".bar").bounding_box()
    box = heading.bounding_box()
    assert bar is not None
    assert box is not None
    assert box["y"] >= bar["y"] + bar["height"], "nothing stands over it"
    expect(page.get_by_role("link", name="Help", exact=True).first).to_have_attribute("aria-current", "page")


def test_sections_are_listed_and_lead_there_without_script(installation: Installation, sit: Sit) -> None:
    seat = sit(width=375, script=False)
    seat.sign_in()
    page = seat.open(Guide.COMMANDS.href)
    assert not page.locator(".copy-button").first.is_visible(), "it could do nothing"
    page.get_by_text("On this page").click()
    anchor, text = read_document(Guide.COMMANDS).sections[-1]
    page.get_by_role("navigation", name="On this page").get_by_role("link", name=text).click()
    assert page.url.endswith(f"#{anchor}")
    expect(page.get_by_role("heading", name=text)).to_be_in_viewport()


def test_lines_are_copied_whole_and_told_by_the_first(installation: Installation, sit: Sit) -> None:
    seat = sit()
    seat.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    seat.sign_in()
    page = seat.open(Guide.ASK_THE_DOCTOR.href)
    lines = page.locator(".lines").first
    lines.get_by_role("button", name="Copy these lines").click()
    shown = lines.locator("pre").inner_text()
    assert shown.count("\n") > 1
    expect(page.get_by_text(f"Copied {shown.splitlines()[0]} …")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == shown
