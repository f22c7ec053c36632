"""Mapping products to SKUs as a person does it, without script: fetch, type down the column, save, import, export."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Seat, Sit, overflow, prepare
from tests.support.installation import Installation
from tests.support.processes import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

WINDOWS = ((1440, "dark"), (375, "light"))


def open_map(seat: Seat, query: str = "") -> Page:
    page = seat.open(f"/e/sandbox/sku-map{query}")
    assert overflow(page) <= 0
    return page


def fields(page: Page) -> int:
    return page.get_by_role("textbox", name=re.compile("Your SKU for")).count()


def test_a_person_maps_thirty_products_and_a_file_does_the_rest(
    installation: Installation, sit: Sit, tmp_path: Path
) -> None:
    prepare(installation, "sandbox")
    seat = sit(script=False)
    seat.sign_in()
    page = open_map(seat)
    expect(page.get_by_role("heading", name="No products yet")).to_be_visible()
    seat.shoot("sku-map-empty")
    page.get_by_role("button", name="Fetch products").click()
    expect(page.get_by_role("status")).to_contain_text("The listings are being fetched.")
    wait_until(lambda: fields(open_map(seat)) >= 30, timeout=30, message="nothing was fetched")

    page.get_by_role("textbox", name=re.compile("Gift wrap")).fill("WRAP-1")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Saved.")
    expect(page.get_by_role("link", name=re.compile("^Mapped"))).to_contain_text("1")

    page.get_by_role("link", name="Suggest the marketplace's SKU for the empty ones").click()
    expect(page.get_by_text("Nothing is saved before")).to_have_count(0)
    expect(page.get_by_role("textbox", name=re.compile("Enamel mug, White"))).to_have_value(re.compile("KDI-"))
    seat.shoot("sku-map-suggested")
    page.get_by_role("textbox", name=re.compile("Enamel mug, White")).fill("x" * 5 + "\t")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Saved.")
    seat.shoot("sku-map-saved")

    with page.expect_download() as download:
        page.get_by_role("button", name="Export (CSV)").click()
    exported = download.value.path().read_text()
    assert "xxxxx" in exported
    (tmp_path / "map.csv").write_text(exported.replace("xxxxx", "MUG-WHITE").replace("WRAP-1", "WRAP-2"))
    page.get_by_role("link", name="Import a file…").click()
    seat.shoot("sku-import")
    page.get_by_label("CSV file").set_input_files(tmp_path / "map.csv")
    page.get_by_role("button", name="Look at it first").click()
    expect(page.get_by_role("main")).to_contain_text("2 changed")
    assert overflow(page) <= 0
    seat.shoot("sku-import-preview")
    page.get_by_role("button", name="Import 2 SKUs").click()
    expect(page.get_by_role("status")).to_contain_text("The file was imported.")
    open_map(seat, "?q=white")
    expect(page.get_by_role("textbox", name=re.compile("Enamel mug, White"))).to_have_value("MUG-WHITE")

    (tmp_path / "map.csv").write_text("item_id,sku\n1E+10,A\n")
    page.get_by_role("link", name="Import a file…").click()
    page.get_by_label("CSV file").set_input_files(tmp_path / "map.csv")
    page.get_by_role("button", name="Look at it first").click()
    expect(page.get_by_role("main")).to_contain_text("was rounded by a spreadsheet")
    seat.shoot("sku-import-problem")
    assert seat.complaints == []
    for width, theme in WINDOWS:
        window = sit(width=width, theme=theme)
        window.sign_in()
        open_map(window)
        window.shoot(f"sku-map-{width}-{theme}")
        assert window.complaints == []
